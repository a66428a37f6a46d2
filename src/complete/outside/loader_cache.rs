//! Where this machine's loader finds libraries: `/etc/ld.so.cache`, the folders
//! that it always looks into, and `LD_LIBRARY_PATH` (ld.so(8)).
//!
//! The latter comes last here: what another shell would not find is taken only
//! if there is nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::prefix::elf::{Dynamic, Machine};

/// The format of glibc 2.2 and later, which may follow an older one.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ROW: usize = 24;

const FOLDERS: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Libraries by the name that programs ask for, in the loader's order.
#[derive(Debug, Default)]
pub(super) struct LoaderCache(HashMap<String, Vec<PathBuf>>);

impl LoaderCache {
    /// The cache of this machine; empty where there is none.
    pub(super) fn of_this_machine() -> Self {
        let bytes = fs_err::read("/etc/ld.so.cache").unwrap_or_default();
        LoaderCache::parse(&bytes).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let start = bytes.windows(MAGIC.len()).position(|window| window == MAGIC)?;
        let cache = &bytes[start..];
        let mut libraries: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for row in 0..number(cache, MAGIC.len())? {
            let at = HEADER + row * ROW;
            // Rows of processor levels name faster copies that some nodes can't run.
            if cache.get(at + 16..at + 24)? != [0; 8] {
                continue;
            }
            let name = text(cache, number(cache, at + 4)?)?;
            let path = text(cache, number(cache, at + 8)?)?;
            libraries.entry(name).or_default().push(path.into());
        }
        Some(LoaderCache(libraries))
    }

    /// The file that a program for `machine` gets, which looks into `first`
    /// before anything else.
    pub(super) fn find(&self, name: &str, machine: Machine, first: &[PathBuf]) -> Option<PathBuf> {
        let fits = |path: &PathBuf| {
            path.is_file() && matches!(Dynamic::read(path), Ok(Some(found)) if found.machine == machine)
        };
        let variable = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let last = std::env::split_paths(&variable).filter(|folder| folder.is_absolute());
        first
            .iter()
            .map(|folder| folder.join(name))
            .chain(self.0.get(name).into_iter().flatten().cloned())
            .chain(FOLDERS.iter().map(|folder| Path::new(folder).join(name)))
            .chain(last.map(|folder| folder.join(name)))
            .find(fits)
            .and_then(|found| fs_err::canonicalize(found).ok())
    }
}

/// The cache is in the byte order of the machine.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_ne_bytes(field)).ok()
}

fn text(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    String::from_utf8(rest[..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_of_this_machine_is_found() {
        let own = Dynamic::read(&std::env::current_exe().unwrap()).unwrap().unwrap();
        let cache = LoaderCache::of_this_machine();
        if cache.0.is_empty() {
            return;
        }
        let libc = cache.find("libc.so.6", own.machine, &[]).unwrap();
        assert_eq!(cache.find("libc.so.6", Machine::default(), &[]), None);
        // A folder that is asked first wins, and needs no cache.
        let folder = tempfile::tempdir().unwrap();
        let copy = fs_err::canonicalize(folder.path()).unwrap().join("libc.so.6");
        fs_err::copy(libc, &copy).unwrap();
        let first = [folder.path().to_owned()];
        assert_eq!(cache.find("libc.so.6", own.machine, &first), Some(copy.clone()));
        assert_eq!(LoaderCache::default().find("libc.so.6", own.machine, &first), Some(copy));
    }

    #[test]
    fn a_cut_cache_is_no_cache() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(9u32.to_ne_bytes());
        assert!(LoaderCache::parse(&bytes).is_none());
        assert!(LoaderCache::parse(b"").is_none());
    }
}
