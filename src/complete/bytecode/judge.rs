//! Which bytecode is valid for its source, by the rules of importlib.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::Bytecode;
use super::magic::Magic;
use crate::entry::{CachedBytecode, Content, DiskPath, Rewrite, SourceCheck};
use crate::error::Result;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::prefix::{Inventory, Python};
use crate::progress::Progress;

/// What is said of an archive with bytecode in it.
const REMARK: &str =
    "bytecode is not checked against its source: edits to .py files in an unpacked environment don't count";

/// A `.pyc` of the inventory, and its source if that is there.
struct Candidate {
    path: Arc<str>,
    bytecode: DiskPath,
    source: Option<DiskPath>,
    /// Made by the interpreter of the environment.
    own_tag: bool,
}

enum Verdict {
    Valid([u8; 8]),
    Stale,
}

/// Marks the bytecode that is valid and takes out what isn't, or all that has
/// a source.
pub(in crate::complete) fn judge(
    inventory: &mut Inventory,
    bytecode: Bytecode,
    progress: &dyn Progress,
) -> Result<()> {
    if bytecode == Bytecode::Strip {
        strip(inventory);
        return Ok(());
    }
    let Some(python) = inventory.prefix.python.clone() else { return Ok(()) };
    let candidates = candidates(inventory, &python);
    let compiler = Magic::of(&python)?;
    let failed = Mutex::new(None);
    let verdicts: Vec<Verdict> = candidates
        .par_iter()
        .with_max_len(AT_ONCE)
        .map(|candidate| {
            let verdict = interrupt::check()
                .map_err(Into::into)
                .and_then(|()| Ok(compiler.judge(candidate, bytecode.check())?));
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
                valid.insert(Arc::clone(&candidate.path), hash);
            }
            Verdict::Stale => {
                inventory.remove(&candidate.path);
                stale += 1;
            }
        }
    }
    for (path, file) in inventory.files_mut() {
        if let Some(hash) = valid.get(path) {
            file.rewrite = Rewrite::Bytecode { source_hash: *hash, check: bytecode.check() };
        }
    }
    if bytecode != Bytecode::Checked {
        inventory.remarks.push(REMARK.to_owned());
    }
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

/// Takes out bytecode of which more than the header had to be read to see that
/// Python can't use it.
pub fn discard(inventory: &mut Inventory, damaged: &BTreeSet<String>, progress: &dyn Progress) {
    // A zip without links has files at other paths, too.
    let damaged: Vec<&String> = damaged.iter().filter(|path| inventory.get(path).is_some()).collect();
    for path in &damaged {
        inventory.remove(path);
    }
    let what = match damaged.len() {
        1 => "1 bytecode file that is".to_owned(),
        number => format!("{number} bytecode files that are"),
    };
    progress.note(&format!("left out: {what} damaged"));
}

fn candidates(inventory: &Inventory, python: &Python) -> Vec<Candidate> {
    let tag = python.cache_tag();
    inventory
        .iter()
        .filter_map(|entry| {
            let cached = CachedBytecode::of(&entry.path)?;
            Some(Candidate {
                source: disk(inventory, &cached.source()),
                own_tag: cached.tag == tag,
                path: Arc::clone(&entry.path),
                bytecode: disk(inventory, &entry.path)?,
            })
        })
        .collect()
}

/// Takes out what Python can make again, and what it can't use: it imports a
/// module without a source only from `module.pyc` (PEP 3147).
fn strip(inventory: &mut Inventory) {
    let has_source = |path: &str| {
        let legacy = path.strip_suffix(".pyc").map(|stem| format!("{stem}.py"));
        CachedBytecode::of(path).is_some() || legacy.is_some_and(|source| inventory.get(&source).is_some())
    };
    let paths: Vec<String> =
        inventory.iter().map(|entry| entry.path.to_string()).filter(|path| has_source(path)).collect();
    for path in paths {
        inventory.remove(&path);
    }
}

fn disk(inventory: &Inventory, path: &str) -> Option<DiskPath> {
    match &inventory.file(path)?.content {
        Content::Disk { path, .. } => Some(path.clone()),
        Content::Memory(_) => None,
    }
}

impl Magic {
    fn judge(self, candidate: &Candidate, check: SourceCheck) -> std::io::Result<Verdict> {
        let Some(source) = candidate.source.as_ref().filter(|_| candidate.own_tag).map(DiskPath::to_path)
        else {
            return Ok(Verdict::Stale);
        };
        let mut header = [0; 16];
        let read = fs_err::File::open(candidate.bytecode.to_path())?.read_exact(&mut header);
        if read.is_err() || header[..4] != self.bytes {
            return Ok(Verdict::Stale);
        }
        let [flags, first, second] = [4, 8, 12].map(|at| header[at..at + 4].try_into().expect("four bytes"));
        let stated: [u8; 8] = header[8..].try_into().expect("eight bytes");
        Ok(match u32::from_le_bytes(flags) {
            0 => {
                let (time, size) = time_and_size(&source)?;
                if time == u32::from_le_bytes(first) && size == u32::from_le_bytes(second) {
                    Verdict::Valid(self.source_hash(&fs_err::read(&source)?))
                } else {
                    Verdict::Stale
                }
            }
            // Unchecked: Python uses it whatever the source is, and so do we
            // unless Python is to compare them from now on.
            0b01 if check == SourceCheck::Unchecked => Verdict::Valid(stated),
            0b01 | 0b11 if self.source_hash(&fs_err::read(&source)?) == stated => Verdict::Valid(stated),
            _ => Verdict::Stale,
        })
    }
}

/// Both as CPython writes them: cut to 32 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn time_and_size(source: &Path) -> std::io::Result<(u32, u32)> {
    let metadata = fs_err::metadata(source)?;
    Ok((metadata.mtime() as u32, metadata.size() as u32))
}

#[cfg(test)]
mod tests {
    use super::super::magic::tests::magic;
    use super::*;
    use crate::entry::Group;
    use crate::prefix::empty_inventory;

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
            self.judge_for(SourceCheck::Unchecked, flags, rest)
        }

        fn judge_for(&self, check: SourceCheck, flags: u32, rest: [u8; 8]) -> Option<[u8; 8]> {
            let compiler = magic(11);
            let bytecode = self.folder.path().join("m.cpython-311.pyc");
            let header = [&compiler.bytes[..], &flags.to_le_bytes(), &rest, b"code"].concat();
            fs_err::write(&bytecode, header).unwrap();
            let source = self.folder.path().join("m.py");
            let candidate = Candidate {
                path: "m".into(),
                bytecode: bytecode.into(),
                source: Some(source.into()),
                own_tag: true,
            };
            match compiler.judge(&candidate, check).unwrap() {
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
        assert_eq!(module.judge(0, times), Some(magic(11).source_hash(b"x = 1")));
        times[0] ^= 1;
        assert_eq!(module.judge(0, times), None);
    }

    #[test]
    fn a_checked_hash_must_match_and_an_unchecked_one_need_not() {
        let module = Module::new(b"x = 1");
        let hash = magic(11).source_hash(b"x = 1");
        assert_eq!(module.judge(3, hash), Some(hash));
        assert_eq!(module.judge(3, [7; 8]), None);
        assert_eq!(module.judge(1, [7; 8]), Some([7; 8]));
        assert_eq!(module.judge_for(SourceCheck::Checked, 1, [7; 8]), None);
        assert_eq!(module.judge_for(SourceCheck::Checked, 1, hash), Some(hash));
    }

    #[test]
    fn stripping_leaves_only_what_has_no_source() {
        let mut inventory = empty_inventory();
        let paths =
            ["a.py", "a.pyc", "b.pyc", "__pycache__/a.cpython-311.pyc", "__pycache__/gone.cpython-311.pyc"];
        for path in paths {
            inventory.put_text(&format!("lib/python3.11/{path}"), Group::Loose, "");
        }
        strip(&mut inventory);
        let left: Vec<_> = inventory.iter().map(|entry| &*entry.path).collect();
        assert_eq!(left, ["lib/python3.11/a.py", "lib/python3.11/b.pyc"]);
    }
}
