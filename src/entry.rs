//! What goes into an archive: one file, link or directory each.
//!
//! An inventory is a list of [`Entry`]. `prefix` makes it, `complete` adds to
//! it, `archive` measures and writes it. Relocation never copies a file: it
//! yields [`Edit`]s, which are spliced in as the bytes stream by.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One file, link or directory of an environment. There may be a million, so
/// what is long in it is shared by its copies.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Below the root of the environment, `/`-separated, with no leading or
    /// trailing slash, no empty, `.` or `..` component; UTF-8.
    pub path: Arc<str>,
    /// The part of the archive that it is written in.
    pub group: Group,
    /// What it is.
    pub node: Node,
}

impl Entry {
    /// By which entries are ordered in an archive.
    #[must_use]
    pub fn position(&self) -> (&Group, &str) {
        (&self.group, &self.path)
    }
}

/// The folders above `path`, outer ones first, that `previous` doesn't lie in. Of
/// paths in order, each with the one before it, these are all folders, once.
pub fn folders_above<'p>(path: &'p str, previous: &str) -> impl Iterator<Item = &'p str> + use<'p> {
    let shared = path.bytes().zip(previous.bytes()).take_while(|(one, other)| one == other).count();
    path.match_indices('/')
        .map(|(slash, _)| slash)
        .skip_while(move |slash| *slash < shared)
        .map(|slash| &path[..slash])
}

/// The parts of an archive, in the order in which they are written, so that an
/// unchanged package gives unchanged bytes. Inside a part, entries are ordered
/// by path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All directories, parents before children.
    Directory,
    /// `share/envship/manifest.json`.
    Manifest,
    /// The interpreter and its standard library.
    Interpreter,
    /// The files of a package, by its name.
    Package(Arc<str>),
    /// Files that belong to no package.
    Loose,
    /// What lists the files of a package, with their hashes: `RECORD` (PEP 376)
    /// and conda's records. Only these are not known before all others were read.
    Lists,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory; mode 0755 in the archive.
    Directory,
    /// A symbolic link, with its target: relative, and inside the environment.
    Link(String),
    /// A regular file.
    File(File),
}

/// A regular file.
#[derive(Clone, Debug)]
pub struct File {
    /// Mode 0755 in the archive, else 0644.
    pub executable: bool,
    /// Where its bytes come from.
    pub content: Content,
    /// How the original prefix is found in it and what replaces it.
    pub rewrite: Rewrite,
}

/// Where the bytes of a file come from.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file on disk and its size in bytes.
    Disk { path: DiskPath, size: u64 },
    /// Bytes that envship made itself: few and small.
    Memory(Arc<[u8]>),
}

impl Content {
    /// All of it.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn read(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Content::Disk { path, .. } => fs_err::read(path.to_path()),
            Content::Memory(bytes) => Ok(bytes.to_vec()),
        }
    }
}

/// Where a file lies on disk: below a folder that many share, at a path that
/// mostly is its entry's.
#[derive(Clone, Debug)]
pub struct DiskPath {
    folder: Arc<Path>,
    below: Arc<str>,
}

impl DiskPath {
    #[must_use]
    pub fn new(folder: &Arc<Path>, below: &Arc<str>) -> Self {
        DiskPath { folder: Arc::clone(folder), below: Arc::clone(below) }
    }

    /// The whole path.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        if self.below.is_empty() { self.folder.to_path_buf() } else { self.folder.join(&*self.below) }
    }
}

impl<P: Into<Arc<Path>>> From<P> for DiskPath {
    fn from(path: P) -> Self {
        DiskPath { folder: path.into(), below: "".into() }
    }
}

/// What relocation has to do to a file. The file kind itself (script, ELF,
/// bytecode, text) is decided from its path and bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Rewrite {
    /// Made by envship, or known to hold no prefix: left as it is.
    Keep,
    /// Of unknown origin: searched for the original prefixes.
    Search,
    /// A conda package says that this text file holds its prefix.
    Text,
    /// A conda package says that this binary holds its prefix, which at build
    /// time was `placeholder` bytes long; what the real one left over is
    /// NUL-padded at the end of each string.
    Binary { placeholder: usize },
    /// A `.pyc` file that is valid for a source with this PEP 552 hash.
    Bytecode { source_hash: [u8; 8], check: SourceCheck },
}

/// Whether Python compares a `.pyc` with its source before it uses it, as PEP
/// 552 names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SourceCheck {
    #[default]
    Unchecked,
    Checked,
}

/// Where a cached `.pyc` says that it comes from, by PEP 3147 and PEP 488:
/// `pkg/__pycache__/module.cpython-311.opt-1.pyc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedBytecode<'a> {
    /// `pkg/`
    pub folder: &'a str,
    /// `module`; it may have dots in its name, which tags have not.
    pub module: &'a str,
    /// `cpython-311`
    pub tag: &'a str,
    /// Compiled with `-O` or `-OO`.
    pub optimized: bool,
}

impl<'a> CachedBytecode<'a> {
    /// Reads the path of an entry.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        let (folder, name) = path.rsplit_once("__pycache__/")?;
        let stem = name.strip_suffix(".pyc")?;
        let (stem, optimized) = stem.split_once(".opt-").map_or((stem, false), |(stem, _)| (stem, true));
        let (module, tag) = stem.rsplit_once('.').unwrap_or((stem, ""));
        Some(CachedBytecode { folder, module, tag, optimized })
    }

    /// Where the source is: `pkg/module.py`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("{}{}.py", self.folder, self.module)
    }

    /// Where the bytecode is that `tag` compiles from the source at `path`.
    #[must_use]
    pub fn path_for(source: &str, tag: &str) -> Option<String> {
        let stem = source.strip_suffix(".py")?;
        let (folder, module) = stem.rsplit_once('/').map_or(("", stem), |(folder, module)| (folder, module));
        let slash = if folder.is_empty() { "" } else { "/" };
        Some(format!("{folder}{slash}__pycache__/{module}.{tag}.pyc"))
    }
}

/// Replaces `length` bytes of the original at `offset` by `bytes`.
/// The edits of a file are ordered by offset and don't overlap.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Edit {
    pub offset: u64,
    pub length: u64,
    pub bytes: Vec<u8>,
}

impl Edit {
    /// The same, further behind: of a stretch that begins there in its file.
    #[must_use]
    pub fn moved(self, by: u64) -> Self {
        Edit { offset: self.offset + by, ..self }
    }

    /// Whether nothing behind it moves.
    #[must_use]
    pub fn keeps_length(&self) -> bool {
        self.length == self.bytes.len() as u64
    }
}

/// A place where the path of the environment had to stay, and holds
/// [`PLACEHOLDER`] until somebody who knows the destination writes it there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Placeholder {
    /// Of the entry.
    pub path: String,
    /// Of the placeholder in the archived file, in bytes.
    pub offset: u64,
    /// Of what may be overwritten, in bytes: for [`PlaceholderKind::Text`] the
    /// placeholder, for [`PlaceholderKind::Padded`] the longest prefix that
    /// fits, for [`PlaceholderKind::Fixed`] the placeholder with its padding;
    /// for [`PlaceholderKind::Marshalled`] the placeholder.
    pub length: u64,
    pub kind: PlaceholderKind,
}

impl Placeholder {
    /// The same, further behind: of a stretch that begins there in its file.
    #[must_use]
    pub fn moved(self, by: u64) -> Self {
        Placeholder { offset: self.offset + by, ..self }
    }
}

/// How a placeholder is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceholderKind {
    /// Spliced: the file may change its length.
    Text,
    /// A NUL-terminated string with room behind it: the rest of the string
    /// moves and the end is filled with NULs.
    Padded,
    /// In place, filled up with slashes: `/env///` names the same directory
    /// as `/env`, and neither the length nor what follows changes.
    Fixed,
    /// Inside a string of a `.pyc`, which says how long it is: the whole file
    /// is marshalled anew.
    Marshalled,
}

/// What stands where the path of the environment had to stay: a path that only
/// root can create, so that nobody else can put files there.
pub const PLACEHOLDER: &str = "/.envship";

/// How much room behind a NUL-terminated string of a binary is never used, in
/// bytes. So where as many NULs follow each other, what stands before them can
/// be relocated without what follows.
pub const MOST_ROOM: usize = 1 << 19;

/// What every launcher begins with: to a shell, it sets `envship_script` to the
/// real path of the script that runs.
///
/// `readlink -f` follows links to it (`realpath` is younger in GNU's coreutils,
/// and busybox's takes `--` for a file name); the caller's search path may lack
/// it. Where there is none, the folder's real path does for a script that was
/// not called through a link. If both fail nothing may be run: no path is ever
/// completed from an empty one.
pub const FIND_SCRIPT: &str = "{ \
    envship_script=$(PATH=/usr/bin:/bin${PATH:+:$PATH} readlink -f -- \"$0\" 2>&-) || \
    envship_script=$(CDPATH= cd -P -- \"${0%/*}\" 2>&- && pwd -P)/${0##*/}; }";

/// A file as it will be archived.
#[derive(Clone, Debug)]
pub struct Measured {
    pub entry: Arc<Entry>,
    /// Of the relocated content, in bytes; 0 for links and directories.
    pub size: u64,
    /// SHA-256 of the relocated content; zeros for links and directories.
    pub sha256: [u8; 32],
    /// CRC-32 of the relocated content, which tells that a file is still the
    /// one that was measured; 0 for links and directories.
    pub crc: u32,
    pub change: Change,
}

impl Measured {
    /// A link, a directory, or a file that is still empty.
    #[must_use]
    pub fn empty(entry: impl Into<Arc<Entry>>) -> Self {
        Measured { entry: entry.into(), size: 0, sha256: [0; 32], crc: 0, change: Change::default() }
    }
}

/// What relocation changes in a file.
#[derive(Clone, Debug)]
pub enum Change {
    /// These parts of it.
    Edits(Vec<Edit>),
    /// These parts of it, whose length is kept: nothing behind them moves.
    InPlace(Vec<Edit>),
    /// All of it. It is made again when it is written, since all the bytecode
    /// of an environment would fill the memory meanwhile.
    Remade(Arc<dyn Remake>),
}

impl Default for Change {
    fn default() -> Self {
        Change::InPlace(Vec::new())
    }
}

impl From<Vec<Edit>> for Change {
    fn from(edits: Vec<Edit>) -> Self {
        if edits.iter().all(Edit::keeps_length) { Change::InPlace(edits) } else { Change::Edits(edits) }
    }
}

impl Change {
    /// The parts that change, unless all of it does.
    #[must_use]
    pub fn edits(&self) -> Option<&[Edit]> {
        match self {
            Change::Edits(edits) | Change::InPlace(edits) => Some(edits),
            Change::Remade(_) => None,
        }
    }
}

/// Makes the bytes of files. One is shared by all, since there may be a million.
pub trait Remake: std::fmt::Debug + Send + Sync {
    /// The file at `path` as it is archived: a pure function of how it is
    /// rewritten and of the original bytes.
    fn remake(&self, path: &str, rewrite: &Rewrite, original: &[u8]) -> Vec<u8>;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::folders_above;

    proptest! {
        #[test]
        fn paths_in_order_give_each_folder_above_them_once(
            paths in prop::collection::btree_set("[ab.-]{1,2}(/[ab.é-]{1,2}){0,4}", 0..20),
        ) {
            let mut previous = "";
            let mut found = Vec::new();
            for path in &paths {
                found.extend(folders_above(path, previous));
                previous = path;
            }
            let folders = paths.iter().flat_map(|path| path.match_indices('/').map(|(slash, _)| &path[..slash]));
            let folders: BTreeSet<&str> = folders.collect();
            prop_assert_eq!(found.len(), folders.len());
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), folders);
        }
    }
}
