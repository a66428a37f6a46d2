//! The dynamic section of an ELF file, read without reading the file: some
//! libraries are gigabytes long, and every library is looked at.

mod machine;
mod read;

use std::io;
use std::path::Path;

pub(crate) use machine::Machine;

/// What a file is to the loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elf {
    /// No ELF file.
    Other,
    /// One that can't be loaded anywhere.
    Broken(Flaw),
    Sound(Dynamic),
}

/// Why a file can't be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("it is cut short")]
    CutShort,
    #[error("its headers make no sense")]
    Headers,
    #[error("its dynamic section makes no sense")]
    Dynamic,
    #[error("what it needs has no proper name")]
    Names,
}

/// What the loader needs to know of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dynamic {
    pub(crate) machine: Machine,
    pub(crate) soname: Option<String>,
    /// In the order of the file.
    pub(crate) needed: Vec<String>,
    /// `DT_RUNPATH`, or `DT_RPATH` where there is none, cut at the colons.
    pub(crate) run_path: Vec<String>,
    pub(crate) run_path_kind: RunPathKind,
    /// How many `DT_RUNPATH` and `DT_RPATH` there are: only one counts.
    pub(crate) run_paths: usize,
    /// It is started, not loaded: it names its loader.
    pub(crate) is_program: bool,
    /// The symbol versions that it needs of others: `GLIBC_2.17`. Weak ones
    /// are not among them.
    pub(crate) versions: Vec<String>,
    /// The level of x86-64 that it was compiled for, where it tells: 1 to 4.
    pub(crate) level: Option<u8>,
}

/// How a run path counts for the loader (ld.so(8)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunPathKind {
    #[default]
    None,
    /// Before `LD_LIBRARY_PATH`, and also for what is loaded from here.
    Rpath,
    /// After `LD_LIBRARY_PATH`, for this file alone, and so that the others'
    /// `DT_RPATH` don't count for it. `tag` is where it stands in the file,
    /// unless there is a `DT_RPATH` too.
    Runpath { tag: Option<u64> },
}

impl Elf {
    /// Looks at a file. Of one that is static or has 32 bits only the machine is
    /// told.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        read::read(&fs_err::File::open(path)?)
    }

    fn sound(self) -> Option<Dynamic> {
        match self {
            Elf::Sound(dynamic) => Some(dynamic),
            Elf::Other | Elf::Broken(_) => None,
        }
    }
}

impl Dynamic {
    /// Looks at a file; `None` if it is no ELF file, or a broken one.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        Ok(Elf::read(path)?.sound())
    }

    /// Looks at the content of a file.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        read::read(bytes).ok()?.sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_test_needs_the_c_library() {
        let found = Dynamic::read(&std::env::current_exe().unwrap()).unwrap().unwrap();
        assert!(found.needed.iter().any(|name| name.starts_with("libc.")), "{found:?}");
        assert_eq!(found.soname, None);
        assert!(found.is_program);
        assert!(found.versions.iter().any(|version| version.starts_with("GLIBC_2.")), "{found:?}");
    }

    #[test]
    fn what_is_no_elf_file_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for bytes in [&b""[..], b"#!/bin/sh", &[0x7f; 4096]] {
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(Elf::read(&path).unwrap(), Elf::Other);
        }
    }

    /// What is found where a change was made to the running test's file.
    fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Elf {
        let mut bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        change(&mut bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs_err::write(&path, bytes).unwrap();
        Elf::read(&path).unwrap()
    }

    #[test]
    fn a_cut_file_is_told_wherever_it_was_cut() {
        for length in [4, 16, 64, 100, 1000, 5000, 1 << 20] {
            let found = changed(|bytes| bytes.truncate(length));
            assert_eq!(found, Elf::Broken(Flaw::CutShort), "{length}");
        }
    }

    #[test]
    fn headers_that_make_no_sense_are_told() {
        let overwrite = |at: usize, with: &'static [u8]| {
            changed(move |bytes| bytes[at..at + with.len()].copy_from_slice(with))
        };
        assert_eq!(overwrite(4, &[7]), Elf::Broken(Flaw::Headers), "neither 32 nor 64 bits");
        assert_eq!(overwrite(5, &[9]), Elf::Broken(Flaw::Headers), "no order of bytes");
        assert_eq!(overwrite(54, &[1, 0]), Elf::Broken(Flaw::Headers), "rows of one byte");
        assert_eq!(overwrite(54, &[120, 0]), Elf::Broken(Flaw::Headers), "rows of other length");
        assert_eq!(overwrite(32, &[0xff; 8]), Elf::Broken(Flaw::CutShort), "rows beyond the end");
        let at = rows().start;
        let broken = changed(|bytes| bytes[at + 8..at + 16].copy_from_slice(&[0xff; 8]));
        assert!(matches!(broken, Elf::Broken(Flaw::Names | Flaw::Dynamic)), "{broken:?}");
    }

    /// Overwrites the value of the first row with this tag in the dynamic section.
    fn set(bytes: &mut [u8], tag: u64, value: u64) {
        let section = &mut bytes[rows()];
        let row = section.chunks_exact_mut(16).find(|row| row[..8] == tag.to_le_bytes());
        row.unwrap()[8..].copy_from_slice(&value.to_le_bytes());
    }

    #[test]
    fn more_versions_than_there_can_be_are_no_reason_to_look_for_them() {
        const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
        assert_eq!(changed(|bytes| set(bytes, DT_VERNEEDNUM, u64::MAX)), Elf::Broken(Flaw::Dynamic));
    }

    #[test]
    fn a_string_table_that_is_longer_than_the_file_is_not_looked_for() {
        const DT_STRSZ: u64 = 10;
        assert_eq!(changed(|bytes| set(bytes, DT_STRSZ, 200 << 20)), Elf::Broken(Flaw::Dynamic));
    }

    #[test]
    fn a_needed_library_without_a_proper_name_is_told() {
        let found = changed(|bytes| {
            let at = memchr::memmem::find(bytes, b"\0libc.so.6\0").unwrap();
            bytes[at + 2] = 0x07;
        });
        assert_eq!(found, Elf::Broken(Flaw::Names));
    }

    #[test]
    fn of_another_machine_at_least_that_is_told() {
        let Elf::Sound(found) = changed(|bytes| bytes[4] = 1) else { panic!() };
        assert_ne!(found.machine, Dynamic::read(&std::env::current_exe().unwrap()).unwrap().unwrap().machine);
        assert!(found.needed.is_empty());
        let Elf::Sound(found) = changed(|bytes| bytes[18..20].copy_from_slice(&[0xb7, 0])) else { panic!() };
        assert_eq!(found.machine.to_string(), "aarch64");
    }

    /// Where the rows of the dynamic section are in the running test's file.
    fn rows() -> std::ops::Range<usize> {
        let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let elf = goblin::elf::Elf::parse(&bytes).unwrap();
        let dynamic = goblin::elf::program_header::PT_DYNAMIC;
        let segment = elf.program_headers.iter().find(|segment| segment.p_type == dynamic).unwrap();
        segment.file_range()
    }
}
