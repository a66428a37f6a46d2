//! `/etc/ld.so.cache`: where this machine's loader finds libraries.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::prefix::elf::Dynamic;

/// The format of glibc 2.2 and later, which may follow an older one.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ROW: usize = 24;

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

    /// The file that a program for `machine` gets.
    pub(super) fn find(&self, name: &str, machine: u16) -> Option<PathBuf> {
        let fits =
            |path: &&PathBuf| matches!(Dynamic::read(path), Ok(Some(found)) if found.machine == machine);
        let found = self.0.get(name)?.iter().find(fits)?;
        fs_err::canonicalize(found).ok().filter(|path| Path::is_file(path))
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
        assert!(cache.find("libc.so.6", own.machine).is_some());
        assert_eq!(cache.find("libc.so.6", 0xffff), None);
    }

    #[test]
    fn a_cut_cache_is_no_cache() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(9u32.to_ne_bytes());
        assert!(LoaderCache::parse(&bytes).is_none());
        assert!(LoaderCache::parse(b"").is_none());
    }
}
