//! Bytecode that stays valid whatever the time of its source.
//!
//! An archive has fixed times, so the usual header of a `.pyc` (time and size
//! of the source) would make Python compile everything anew, in each process
//! on a read-only node. Here each `.pyc` is judged against its source once;
//! relocation then gives the valid ones a header that no Python checks
//! (PEP 552, unchecked hash), and the others are left out.

use std::hash::Hasher;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;
use siphasher::sip::{SipHasher13, SipHasher24};

use super::Error;
use crate::entry::{Content, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::prefix::{Inventory, Python};
use crate::progress::Progress;

/// The magic numbers of the releases of CPython, by minor version
/// (`importlib._bootstrap_external`).
const MAGIC: [(u16, u16); 8] =
    [(7, 3394), (8, 3413), (9, 3425), (10, 3439), (11, 3495), (12, 3531), (13, 3571), (14, 3627)];

/// What is said of an archive with bytecode in it.
const REMARK: &str =
    "bytecode is not checked against its source: edits to .py files in an unpacked environment don't count";

/// A `.pyc` of the inventory, and its source if that is there.
struct Candidate {
    path: String,
    bytecode: PathBuf,
    source: Option<PathBuf>,
    /// Made by the interpreter of the environment.
    own_tag: bool,
}

enum Verdict {
    Valid([u8; 8]),
    Stale,
}

/// Marks the bytecode that is valid and takes out what isn't.
pub(super) fn judge(inventory: &mut Inventory, progress: &dyn Progress) -> Result<()> {
    let Some(python) = inventory.prefix.python.clone() else { return Ok(()) };
    let candidates = candidates(inventory, &python);
    if candidates.is_empty() {
        return Ok(());
    }
    let compiler = Compiler::of(&python)?;
    let failed = Mutex::new(None);
    let verdicts: Vec<Verdict> = candidates
        .par_iter()
        .map(|candidate| {
            let verdict =
                interrupt::check().map_err(Into::into).and_then(|()| Ok(compiler.judge(candidate)?));
            verdict.unwrap_or_else(|error: crate::error::Error| {
                failed.lock().expect("no thread panics with it").get_or_insert(error);
                Verdict::Stale
            })
        })
        .collect();
    if let Some(error) = failed.into_inner().expect("no thread panicked with it") {
        return Err(error);
    }

    let mut stale = 0;
    let mut valid = std::collections::HashMap::new();
    for (candidate, verdict) in candidates.iter().zip(verdicts) {
        match verdict {
            Verdict::Valid(hash) => {
                valid.insert(candidate.path.clone(), hash);
            }
            Verdict::Stale => {
                inventory.remove(&candidate.path);
                stale += 1;
            }
        }
    }
    for (path, file) in inventory.files_mut() {
        if let Some(hash) = valid.get(path) {
            file.rewrite =
                Rewrite::Bytecode { source_hash: *hash, check: crate::entry::SourceCheck::Unchecked };
        }
    }
    inventory.remarks.push(REMARK.to_owned());
    if stale > 0 {
        let what = if stale == 1 {
            "1 bytecode file that doesn't"
        } else {
            &format!("{stale} bytecode files that don't")
        };
        progress.note(&format!("left out: {what} match a source, or another Python made"));
    }
    Ok(())
}

fn candidates(inventory: &Inventory, python: &Python) -> Vec<Candidate> {
    let tag = python.cache_tag();
    inventory
        .iter()
        .filter_map(|entry| {
            let (folder, name) = entry.path.rsplit_once("__pycache__/")?;
            let stem = name.strip_suffix(".pyc")?;
            let bytecode = disk(inventory, &entry.path)?;
            // Modules may have dots in their names, tags have not.
            let stem = stem.split_once(".opt-").map_or(stem, |(stem, _)| stem);
            let (module, found) = stem.rsplit_once('.').unwrap_or((stem, ""));
            Some(Candidate {
                source: disk(inventory, &format!("{folder}{module}.py")),
                own_tag: found == tag,
                path: entry.path.clone(),
                bytecode,
            })
        })
        .collect()
}

fn disk(inventory: &Inventory, path: &str) -> Option<PathBuf> {
    match &inventory.file(path)?.content {
        Content::Disk { path, .. } => Some(path.clone()),
        Content::Memory(_) => None,
    }
}

/// What a version of CPython writes into its bytecode.
struct Compiler {
    magic: [u8; 4],
    minor: u16,
}

impl Compiler {
    fn of(python: &Python) -> Result<Self> {
        let (_, minor) = python.minor();
        let known = MAGIC.iter().find(|(version, _)| *version == minor).map(|(_, magic)| *magic);
        let magic = match known {
            Some(magic) => {
                let [low, high] = magic.to_le_bytes();
                [low, high, b'\r', b'\n']
            }
            None => magic_of_library(python)
                .ok_or_else(|| Error::UnknownMagic { version: format!("Python {}", python.version) })?,
        };
        Ok(Compiler { magic, minor })
    }

    fn judge(&self, candidate: &Candidate) -> std::io::Result<Verdict> {
        let Some(source) = candidate.source.as_ref().filter(|_| candidate.own_tag) else {
            return Ok(Verdict::Stale);
        };
        let mut header = [0; 16];
        let read = fs_err::File::open(&candidate.bytecode)?.read_exact(&mut header);
        if read.is_err() || header[..4] != self.magic {
            return Ok(Verdict::Stale);
        }
        let [flags, first, second] = [4, 8, 12].map(|at| header[at..at + 4].try_into().expect("four bytes"));
        let stated: [u8; 8] = header[8..].try_into().expect("eight bytes");
        Ok(match u32::from_le_bytes(flags) {
            0 => {
                let (time, size) = time_and_size(source)?;
                if time == u32::from_le_bytes(first) && size == u32::from_le_bytes(second) {
                    Verdict::Valid(self.source_hash(&fs_err::read(source)?))
                } else {
                    Verdict::Stale
                }
            }
            // Unchecked: Python uses it whatever the source is, and so do we.
            0b01 => Verdict::Valid(stated),
            0b11 if self.source_hash(&fs_err::read(source)?) == stated => Verdict::Valid(stated),
            _ => Verdict::Stale,
        })
    }

    /// `importlib.util.source_hash`: `SipHash` of the source with the magic
    /// number as its key; the rounds changed from 2-4 to 1-3 in CPython 3.11.
    fn source_hash(&self, source: &[u8]) -> [u8; 8] {
        let key = u64::from(u32::from_le_bytes(self.magic));
        let hash = if self.minor < 11 {
            let mut hasher = SipHasher24::new_with_keys(key, 0);
            hasher.write(source);
            hasher.finish()
        } else {
            let mut hasher = SipHasher13::new_with_keys(key, 0);
            hasher.write(source);
            hasher.finish()
        };
        hash.to_le_bytes()
    }
}

/// Both as CPython writes them: cut to 32 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn time_and_size(source: &Path) -> std::io::Result<(u32, u32)> {
    let metadata = fs_err::metadata(source)?;
    Ok((metadata.mtime() as u32, metadata.size() as u32))
}

/// The magic number of a Python that came after this list: that of its own
/// library's bytecode.
fn magic_of_library(python: &Python) -> Option<[u8; 4]> {
    let name = format!("__pycache__/os.{}.pyc", python.cache_tag());
    let mut magic = [0; 4];
    let mut file = fs_err::File::open(python.home.join(python.stdlib()).join(name)).ok()?;
    file.read_exact(&mut magic).ok()?;
    magic.ends_with(b"\r\n").then_some(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `python -c 'import importlib.util as u; print(u.source_hash(b"hello").hex())'`
    /// of the real interpreters.
    #[test]
    fn source_hashes_are_those_of_the_interpreters() {
        let expected = [
            (8, "608550514225d8bf"),
            (9, "b70feb3c359861fa"),
            (10, "3c80f1191ea979cb"),
            (11, "7c360be58bb7a2aa"),
            (12, "9bca4702dbaedbed"),
            (13, "aa4d9968b297cf0d"),
        ];
        for (minor, hash) in expected {
            let compiler = compiler(minor);
            assert_eq!(hex::encode(compiler.source_hash(b"hello")), hash, "3.{minor}");
        }
    }

    fn compiler(minor: u16) -> Compiler {
        let python = Python {
            version: format!("3.{minor}.0"),
            executable: "/p/bin/python".into(),
            home: "/p".into(),
            name: format!("python3.{minor}"),
            platlib: "lib",
        };
        Compiler::of(&python).unwrap()
    }

    struct Module {
        folder: tempfile::TempDir,
    }

    impl Module {
        fn new(source: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs_err::write(folder.path().join("m.py"), source).unwrap();
            Module { folder }
        }

        fn judge(&self, flags: u32, rest: [u8; 8]) -> Option<[u8; 8]> {
            let compiler = compiler(11);
            let bytecode = self.folder.path().join("m.cpython-311.pyc");
            let header = [&compiler.magic[..], &flags.to_le_bytes(), &rest, b"code"].concat();
            fs_err::write(&bytecode, header).unwrap();
            let source = self.folder.path().join("m.py");
            let candidate = Candidate { path: "m".into(), bytecode, source: Some(source), own_tag: true };
            match compiler.judge(&candidate).unwrap() {
                Verdict::Valid(hash) => Some(hash),
                Verdict::Stale => None,
            }
        }

        fn times(&self) -> [u8; 8] {
            let (time, size) = time_and_size(&self.folder.path().join("m.py")).unwrap();
            [time.to_le_bytes(), size.to_le_bytes()].concat().try_into().unwrap()
        }
    }

    #[test]
    fn bytecode_of_another_time_is_stale() {
        let module = Module::new(b"x = 1");
        let mut times = module.times();
        assert_eq!(module.judge(0, times), Some(compiler(11).source_hash(b"x = 1")));
        times[0] ^= 1;
        assert_eq!(module.judge(0, times), None);
    }

    #[test]
    fn a_checked_hash_must_match_and_an_unchecked_one_need_not() {
        let module = Module::new(b"x = 1");
        let hash = compiler(11).source_hash(b"x = 1");
        assert_eq!(module.judge(3, hash), Some(hash));
        assert_eq!(module.judge(3, [7; 8]), None);
        assert_eq!(module.judge(1, [7; 8]), Some([7; 8]));
    }
}
