//! What a version of CPython writes at the beginning of its bytecode.

use std::hash::Hasher;
use std::io::Read;

use siphasher::sip::{SipHasher13, SipHasher24};

use crate::complete::Error;
use crate::error::Result;
use crate::prefix::Python;

/// The magic numbers of the releases of CPython, by minor version
/// (`importlib._bootstrap_external`).
const NUMBERS: [(u16, u16); 8] =
    [(7, 3394), (8, 3413), (9, 3425), (10, 3439), (11, 3495), (12, 3531), (13, 3571), (14, 3627)];

/// The magic number of an interpreter, and how it hashes sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Magic {
    pub bytes: [u8; 4],
    minor: u16,
}

impl Magic {
    pub(super) fn of(python: &Python) -> Result<Self> {
        let (_, minor) = python.minor();
        let known = NUMBERS.iter().find(|(version, _)| *version == minor).map(|(_, magic)| *magic);
        let bytes = match known {
            Some(magic) => {
                let [low, high] = magic.to_le_bytes();
                [low, high, b'\r', b'\n']
            }
            None => of_library(python)
                .ok_or_else(|| Error::UnknownMagic { version: format!("Python {}", python.version) })?,
        };
        Ok(Magic { bytes, minor })
    }

    /// `importlib.util.source_hash`: `SipHash` of the source with the magic
    /// number as its key; the rounds changed from 2-4 to 1-3 in CPython 3.11.
    pub(super) fn source_hash(self, source: &[u8]) -> [u8; 8] {
        let key = u64::from(u32::from_le_bytes(self.bytes));
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

/// The magic number of a Python that came after this list: that of its own
/// library's bytecode.
fn of_library(python: &Python) -> Option<[u8; 4]> {
    let name = format!("__pycache__/os.{}.pyc", python.cache_tag());
    let mut magic = [0; 4];
    let mut file = fs_err::File::open(python.home.join(python.stdlib()).join(name)).ok()?;
    file.read_exact(&mut magic).ok()?;
    magic.ends_with(b"\r\n").then_some(magic)
}

#[cfg(test)]
pub(super) mod tests {
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
            assert_eq!(hex::encode(magic(minor).source_hash(b"hello")), hash, "3.{minor}");
        }
    }

    pub(in crate::complete::bytecode) fn magic(minor: u16) -> Magic {
        let python = Python {
            version: format!("3.{minor}.0"),
            executable: "/p/bin/python".into(),
            home: "/p".into(),
            name: format!("python3.{minor}"),
            platlib: "lib",
        };
        Magic::of(&python).unwrap()
    }
}
