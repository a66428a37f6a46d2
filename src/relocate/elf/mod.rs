//! Run paths of ELF files that find the environment's libraries.
//!
//! `DT_RUNPATH` and `DT_RPATH` entries below the original prefix become relative
//! to the file: `$ORIGIN/../lib`. A run path goes into the old one's place where
//! it fits; else the file is rebuilt with a longer string table.
//!
//! A `DT_RUNPATH` that changes becomes a `DT_RPATH`: the former comes after
//! `LD_LIBRARY_PATH`, with which Hadoop and others name folders of the node, and
//! a libpython or OpenSSL from there ends the interpreter (ld.so(8)).
//!
//! `$ORIGIN` is where the dynamic linker opened the file. For a program the
//! kernel has resolved links (`/proc/self/exe`); for a library they stay, so a
//! link to it in a directory of another depth would look elsewhere. Links beside
//! the file, and links to its directory at the same depth (`lib64`), are fine.

mod dynamic;

use std::ops::Range;

use super::prefixes::Prefixes;
use dynamic::{Dynamic, RunPath};

/// What an ELF file's run paths need.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// None of them names the prefix.
    Nothing,
    /// New values for these ranges, of the same length each.
    InPlace(Vec<(Range<usize>, Vec<u8>)>),
    /// The whole file anew.
    Rebuilt(Vec<u8>),
    /// A run path names the prefix and can't be changed.
    Stays,
}

/// Whether bytes begin like an ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Decides about the ELF file at `path`.
pub(super) fn plan(path: &str, bytes: &[u8], prefixes: &Prefixes) -> Plan {
    let Some(dynamic) = Dynamic::parse(bytes) else {
        return Plan::Nothing;
    };
    let wanted: Vec<(&RunPath, Vec<u8>)> = dynamic
        .run_paths
        .iter()
        .filter_map(|old| Some((old, relative(&bytes[old.range.clone()], path, prefixes)?)))
        .collect();
    if wanted.is_empty() {
        return Plan::Nothing;
    }
    wanted
        .iter()
        .map(|(old, new)| in_place(bytes, &dynamic, old, new))
        .collect::<Option<Vec<_>>>()
        .map(|run_paths| Plan::InPlace(with_rpath(run_paths, &dynamic)))
        .or_else(|| rebuilt(bytes, &dynamic, &wanted).map(Plan::Rebuilt))
        .unwrap_or(Plan::Stays)
}

/// A run path with the entries below the prefix made relative to the file at
/// `path`; `None` where there are none. Entries that lead out of the prefix by
/// `..` are dropped.
fn relative(run_path: &[u8], path: &str, prefixes: &Prefixes) -> Option<Vec<u8>> {
    let directory: Vec<&[u8]> = path
        .rsplit_once('/')
        .map_or(vec![], |(directory, _)| directory.split('/').map(str::as_bytes).collect());
    let mut changed = false;
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for entry in run_path.split(|&byte| byte == b':') {
        let entry = match prefixes.strip(entry) {
            None => Some(entry.to_vec()),
            Some(below) => {
                changed = true;
                components(below).map(|target| from_origin(&directory, &target))
            }
        };
        entries.extend(entry.filter(|entry| !entries.contains(entry)));
    }
    changed.then(|| entries.join(&b':'))
}

/// The components of a path below the prefix; `None` where it leads out of it.
fn components(path: &[u8]) -> Option<Vec<&[u8]>> {
    let mut components = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop()?;
            }
            name => components.push(name),
        }
    }
    Some(components)
}

fn from_origin(directory: &[&[u8]], target: &[&[u8]]) -> Vec<u8> {
    let shared = directory.iter().zip(target).take_while(|(one, other)| one == other).count();
    let mut path = b"$ORIGIN".to_vec();
    path.extend(b"/..".repeat(directory.len() - shared));
    for name in &target[shared..] {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    path
}

/// The old string's bytes with the new one in them, where there is room and
/// nothing else refers to them: linkers let strings share their tails.
fn in_place(bytes: &[u8], dynamic: &Dynamic, old: &RunPath, new: &[u8]) -> Option<(Range<usize>, Vec<u8>)> {
    let start = old.range.start;
    let spare = bytes[old.range.end..dynamic.strings.end].iter().take_while(|&&byte| byte == 0).count();
    let end = old.range.end.max(start + new.len());
    let fits = end < old.range.end + spare;
    let alone = bytes[..start].last() == Some(&0)
        && !dynamic.references.iter().any(|&other| start < other && (other < old.range.end || other < end));
    (fits && alone && !old.shared).then(|| {
        let mut value = new.to_vec();
        value.resize(end - start, 0);
        (start..end, value)
    })
}

/// With the edit that makes a `DT_RPATH` of a `DT_RUNPATH`.
fn with_rpath(mut edits: Vec<(Range<usize>, Vec<u8>)>, dynamic: &Dynamic) -> Vec<(Range<usize>, Vec<u8>)> {
    const DT_RPATH: u8 = 15;
    edits.extend(dynamic.runpath_tag.map(|at| (at..at + 1, vec![DT_RPATH])));
    edits
}

/// The file with longer strings, if what comes out says what it should.
fn rebuilt(bytes: &[u8], dynamic: &Dynamic, wanted: &[(&RunPath, Vec<u8>)]) -> Option<Vec<u8>> {
    let (_, new) = wanted.first()?;
    // The editor gives all run paths of a file one value, and drops what
    // somebody appended to it.
    if wanted.len() < dynamic.run_paths.len()
        || wanted.iter().any(|(_, other)| other != new)
        || bytes[dynamic.end?..].iter().any(|&byte| byte != 0)
    {
        return None;
    }
    // It asserts what it expects of a file, and damaged ones get this far.
    let output = std::panic::catch_unwind(|| edited(bytes, new)).ok()??;
    let result = Dynamic::parse(&output)?;
    let right = result.run_paths.iter().all(|run_path| output[run_path.range.clone()] == **new)
        && result.run_paths.len() == dynamic.run_paths.len()
        && result.runpath_tag.is_none()
        && result.symbols == dynamic.symbols
        && result.needed == dynamic.needed;
    right.then_some(output)
}

fn edited(bytes: &[u8], run_path: &[u8]) -> Option<Vec<u8>> {
    /// What a file may grow by: what is added lies on pages of its own.
    const GROWTH: usize = 8 * 1024 * 1024;
    let mut file = arwen::elf::ElfContainer::parse(bytes).ok()?;
    file.set_runpath(run_path).ok()?;
    file.force_rpath().ok()?;
    let mut output = vec![0; bytes.len() + GROWTH];
    let mut room = &mut output[..];
    file.write(&mut room).ok()?;
    let unused = room.len();
    output.truncate(output.len() - unused);
    Some(output)
}

#[cfg(test)]
mod tests;
