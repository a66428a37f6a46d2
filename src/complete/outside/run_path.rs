//! Run paths that lead to the archive's `lib`.
//!
//! They are `DT_RPATH`: a node whose `LD_LIBRARY_PATH` names a system folder
//! (Hadoop sets it) would otherwise give the interpreter its own libpython or
//! OpenSSL, and a `DT_RPATH` of the interpreter also holds for what it loads.
//! conda-build does the same.

use std::path::{Path, PathBuf};

use crate::prefix::elf::{Dynamic, RunPathKind};
use crate::prefix::{Inventory, relative};

use super::super::Error;

/// A file's run path, as the archive has it.
pub(super) struct RunPath<'a> {
    inventory: &'a Inventory,
    folder: &'a Path,
    dynamic: &'a Dynamic,
}

impl<'a> RunPath<'a> {
    /// Of the file at `path`.
    pub(super) fn new(inventory: &'a Inventory, path: &'a str, dynamic: &'a Dynamic) -> Self {
        RunPath { inventory, folder: parent(path), dynamic }
    }

    /// The folders of the archive that it names, now or once relocation has
    /// made it relative.
    pub(super) fn folders(&self) -> impl Iterator<Item = String> + '_ {
        self.dynamic.run_path.iter().filter_map(|entry| self.folder(entry))
    }

    fn folder(&self, entry: &str) -> Option<String> {
        let below = |rest: &Path, folder: &Path| normal(&folder.join(rest.strip_prefix("/").unwrap_or(rest)));
        if let Some(rest) = from_origin(entry) {
            return below(Path::new(rest), self.folder);
        }
        let prefixes = self.inventory.prefixes.iter();
        prefixes
            .filter_map(|prefix| Path::new(entry).strip_prefix(prefix).ok())
            .find_map(|rest| below(rest, Path::new("")))
    }

    /// What a needed name with a slash in it means.
    pub(super) fn place_of(&self, name: &str) -> Option<String> {
        self.folder(name)
    }

    /// Whether it leads to `lib`.
    pub(super) fn reaches_lib(&self) -> bool {
        self.folders().any(|folder| folder == "lib")
    }

    /// With `lib` behind what it has below the environment. What else it has
    /// names places of this machine, where a node may have anything.
    pub(super) fn with_lib(&self) -> String {
        let own = self.dynamic.run_path.iter().filter(|entry| self.folder(entry).is_some());
        let mut entries: Vec<String> = own.cloned().collect();
        if !self.reaches_lib() {
            entries.push(lib_from(self.folder));
        }
        entries.join(":")
    }

    /// Whether it leads nowhere but into the environment.
    pub(super) fn stays_inside(&self) -> bool {
        self.dynamic.run_path.iter().all(|entry| self.folder(entry).is_some())
    }

    /// Whether relocation will rewrite it.
    pub(super) fn names_prefix(&self) -> bool {
        let mut entries = self.dynamic.run_path.iter();
        entries.any(|entry| self.inventory.prefixes.iter().any(|prefix| Path::new(entry).starts_with(prefix)))
    }

    /// The folders outside of the environment that it names, for a file that
    /// lies at `disk`.
    pub(super) fn outside(&self, disk: &Path) -> Vec<PathBuf> {
        let inside = |path: &Path| self.inventory.prefixes.iter().any(|prefix| path.starts_with(prefix));
        let folder = disk.parent().unwrap_or(Path::new("/"));
        let entries = self.dynamic.run_path.iter();
        entries
            .map(|entry| match from_origin(entry) {
                Some(rest) => folder.join(rest.trim_start_matches('/')),
                None => PathBuf::from(entry),
            })
            .filter(|path| path.is_absolute() && !inside(path))
            .collect()
    }
}

/// What follows `$ORIGIN`.
fn from_origin(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("$ORIGIN").or_else(|| entry.strip_prefix("${ORIGIN}"))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// A path below the root of the archive without `.` and `..`; `None` if it
/// leads out of it.
pub(super) fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str()?.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn parent(path: &str) -> &Path {
    Path::new(path).parent().unwrap_or(Path::new(""))
}

/// The archive's `lib` as the loader sees it from a file in `folder`.
fn lib_from(folder: &Path) -> String {
    match relative(folder, Path::new("lib")).as_str() {
        "." => "$ORIGIN".to_owned(),
        climbed => format!("$ORIGIN/{climbed}"),
    }
}

/// The file at `disk` with another run path.
pub(super) fn set(disk: &Path, run_path: &str) -> Result<Vec<u8>, Error> {
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::RunPath { path: disk.to_owned(), source };
    let bytes = fs_err::read(disk).map_err(|error| failed(error.into()))?;
    if has_payload(&bytes) {
        return Err(failed("something is appended to it".into()));
    }
    // The editor asserts what it expects of a file.
    let edited = std::panic::catch_unwind(|| edited(&bytes, run_path))
        .map_err(|_| failed("the editor of ELF files doesn't understand it".into()))?
        .map_err(|error| failed(error.into()))?;
    let [old, new] = [&bytes, &edited].map(|bytes| goblin::elf::Elf::parse(bytes));
    let (old, new) = (old.map_err(|e| failed(e.into()))?, new.map_err(|e| failed(e.into()))?);
    let right = new.rpaths == [run_path]
        && new.runpaths.is_empty()
        && new.libraries == old.libraries
        && new.soname == old.soname
        && new.dynsyms.len() == old.dynsyms.len();
    if right { Ok(edited) } else { Err(failed("the editor of ELF files lost a part of it".into())) }
}

/// Whether more follows than the headers know of, which the editor would drop:
/// some programs carry an archive.
fn has_payload(bytes: &[u8]) -> bool {
    use goblin::elf::section_header::SHT_NOBITS;
    let Ok(elf) = goblin::elf::Elf::parse(bytes) else { return false };
    let sections = elf.section_headers.iter().filter(|section| section.sh_type != SHT_NOBITS);
    let headers = u64::from(elf.header.e_shnum) * u64::from(elf.header.e_shentsize);
    let end = sections
        .map(|section| section.sh_offset.saturating_add(section.sh_size))
        .chain(elf.program_headers.iter().map(|segment| segment.p_offset.saturating_add(segment.p_filesz)))
        .chain([elf.header.e_shoff.saturating_add(headers)])
        .max();
    let end = usize::try_from(end.unwrap_or(0)).unwrap_or(usize::MAX);
    bytes.get(end..).is_some_and(|rest| rest.iter().any(|&byte| byte != 0))
}

fn edited(bytes: &[u8], run_path: &str) -> Result<Vec<u8>, arwen::elf::ElfError> {
    let mut elf = arwen::elf::ElfContainer::parse(bytes)?;
    elf.set_runpath(run_path)?;
    elf.force_rpath()?;
    let mut written = Vec::with_capacity(bytes.len() + 65536);
    elf.write(&mut written)?;
    Ok(written)
}

/// The file at `disk` with its `DT_RUNPATH` as a `DT_RPATH`; `None` if it has
/// none.
pub(super) fn inherited(disk: &Path, dynamic: &Dynamic) -> Result<Option<Vec<u8>>, std::io::Error> {
    const DT_RPATH: u8 = 15;
    let RunPathKind::Runpath { tag: Some(tag) } = dynamic.run_path_kind else { return Ok(None) };
    let mut bytes = fs_err::read(disk)?;
    let at = usize::try_from(tag).unwrap_or(usize::MAX);
    let least = if dynamic.machine.is_little_endian() { at } else { at.saturating_add(7) };
    Ok(bytes.get_mut(least).map(|byte| *byte = DT_RPATH).map(|()| bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::empty_inventory;

    fn dynamic(run_path: &str) -> Dynamic {
        Dynamic { run_path: run_path.split(':').map(str::to_owned).collect(), ..Dynamic::default() }
    }

    #[test]
    fn lib_is_seen_from_everywhere() {
        for (folder, expected) in
            [("bin", "$ORIGIN/../lib"), ("lib", "$ORIGIN"), ("lib/python3.11/lib-dynload", "$ORIGIN/../..")]
        {
            assert_eq!(lib_from(Path::new(folder)), expected);
        }
    }

    #[test]
    fn a_run_path_of_the_original_prefix_will_reach_lib() {
        let inventory = empty_inventory();
        let reaches =
            |run_path: &str| RunPath::new(&inventory, "bin/python", &dynamic(run_path)).reaches_lib();
        assert!(reaches("/env/lib") && reaches("$ORIGIN/../lib") && reaches("${ORIGIN}/../lib/"));
        assert!(!reaches("/env2/lib") && !reaches("$ORIGIN") && !reaches("/usr/lib"));
    }

    #[test]
    fn what_leads_out_of_the_environment_is_dropped_and_lib_added() {
        let inventory = empty_inventory();
        let mended = |run_path: &str| RunPath::new(&inventory, "lib/a/x.so", &dynamic(run_path)).with_lib();
        assert_eq!(mended("/usr/lib:$ORIGIN/b:/env/c"), "$ORIGIN/b:/env/c:$ORIGIN/..");
        assert_eq!(mended("$ORIGIN/../../../x:$ORIGIN/../"), "$ORIGIN/../");
    }

    fn runs(bytes: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        // Copied by another process, so that no descriptor of this one is left
        // open for writing while another thread starts a child (ETXTBSY).
        let staged = folder.path().join("staged");
        fs_err::write(&staged, bytes).unwrap();
        fs_err::set_permissions(&staged, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert!(std::process::Command::new("cp").arg(&staged).arg(&path).status().unwrap().success());
        std::process::Command::new(&path).status().unwrap().success()
    }

    fn read(bytes: &[u8]) -> Dynamic {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs_err::write(&path, bytes).unwrap();
        Dynamic::read(&path).unwrap().unwrap()
    }

    #[test]
    fn a_mended_program_still_runs() {
        let bytes = set(Path::new("/bin/true"), "$ORIGIN/../lib").unwrap();
        let mended = read(&bytes);
        assert_eq!(mended.run_path, ["$ORIGIN/../lib"]);
        assert_eq!(mended.run_path_kind, RunPathKind::Rpath);
        assert!(runs(&bytes));
    }

    #[test]
    fn a_program_with_something_appended_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let bytes = [&fs_err::read("/bin/true").unwrap()[..], b"payload"].concat();
        fs_err::write(&path, bytes).unwrap();
        assert!(set(&path, "$ORIGIN/../lib").is_err());
    }

    #[test]
    fn a_run_path_becomes_one_that_what_is_loaded_inherits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let source = folder.path().join("program.c");
        fs_err::write(&source, "int main(void) { return 0; }").unwrap();
        let mut cc = std::process::Command::new("cc");
        cc.arg(&source).arg("-o").arg(&path).args(["-Wl,--enable-new-dtags", "-Wl,-rpath,$ORIGIN/x"]);
        assert!(cc.status().unwrap().success());
        let before = Dynamic::read(&path).unwrap().unwrap();
        assert!(matches!(before.run_path_kind, RunPathKind::Runpath { tag: Some(_) }));
        let bytes = inherited(&path, &before).unwrap().unwrap();
        let after = read(&bytes);
        assert_eq!(Dynamic { run_path_kind: RunPathKind::Rpath, ..before }, after);
        assert!(runs(&bytes));
        fs_err::write(&path, &bytes).unwrap();
        assert_eq!(inherited(&path, &after).unwrap(), None);
    }
}
