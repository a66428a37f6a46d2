//! The dynamic section of an ELF file, read without reading the file: some
//! libraries are gigabytes long, and every library is looked at.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What the loader needs to know of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dynamic {
    /// `EM_X86_64` and its like.
    pub(crate) machine: u16,
    pub(crate) little_endian: bool,
    pub(crate) soname: Option<String>,
    /// In the order of the file.
    pub(crate) needed: Vec<String>,
    /// `DT_RUNPATH`, or `DT_RPATH` where there is none, cut at the colons.
    pub(crate) run_path: Vec<String>,
    pub(crate) run_path_kind: RunPathKind,
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

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;
const VER_FLG_WEAK: u64 = 2;
/// The notes of x86-64's psABI.
const PT_GNU_PROPERTY: u64 = 0x6474_e553;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u64 = 0xc000_8002;

/// No dynamic section or string table is longer; a broken file may say so.
const LONGEST: u64 = 256 << 20;

impl Dynamic {
    /// Reads a 64-bit ELF file; `None` if it isn't one or is broken. A static
    /// file has nothing but its machine.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = fs_err::File::open(path)?.into_parts().0;
        Ok(Reader::new(&file).and_then(|reader| reader.dynamic()))
    }
}

/// The file and the byte order of its numbers.
struct Reader<'a> {
    file: &'a File,
    header: [u8; 64],
    little_endian: bool,
}

impl<'a> Reader<'a> {
    fn new(file: &'a File) -> Option<Self> {
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0).ok()?;
        let class64 = header[4] == 2;
        (header.starts_with(b"\x7fELF") && class64).then(|| Reader {
            file,
            header,
            little_endian: header[5] == 1,
        })
    }

    fn number(&self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let field = bytes.get(at..at + length)?;
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little_endian { field.iter().rev().fold(0, join) } else { field.iter().fold(0, join) })
    }

    fn bytes(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length.min(LONGEST)).ok()?];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    fn dynamic(&self) -> Option<Dynamic> {
        let header = &self.header;
        let machine = u16::try_from(self.number(header, 18, 2)?).ok()?;
        let mut found = Dynamic { machine, little_endian: self.little_endian, ..Dynamic::default() };
        let (offset, size, count) =
            (self.number(header, 32, 8)?, self.number(header, 54, 2)?, self.number(header, 56, 2)?);
        let table = self.bytes(offset, size * count)?;
        let segments: Vec<Segment> = table
            .chunks_exact(usize::try_from(size).ok()?.max(56))
            .filter_map(|row| self.segment(row))
            .collect();
        found.level = segments
            .iter()
            .find(|segment| segment.kind == PT_GNU_PROPERTY)
            .and_then(|segment| self.level(&self.bytes(segment.offset, segment.size)?));
        found.is_program = segments.iter().any(|segment| segment.kind == PT_INTERP);
        let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else {
            return Some(found);
        };
        let rows = self.bytes(dynamic.offset, dynamic.size)?;
        let tags: Vec<(u64, u64)> = rows
            .chunks_exact(16)
            .map_while(|row| Some((self.number(row, 0, 8)?, self.number(row, 8, 8)?)))
            .take_while(|(tag, _)| *tag != 0)
            .collect();
        let value = |wanted: u64| tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let Some(address) = value(DT_STRTAB) else { return Some(found) };
        let strings = self.bytes(offset_of(&segments, address)?, value(DT_STRSZ)?)?;
        if let (Some(address), Some(count)) = (value(DT_VERNEED), value(DT_VERNEEDNUM)) {
            found.versions = self.versions(offset_of(&segments, address)?, count, &strings)?;
        }
        let string = |wanted: u64| text(&strings, value(wanted)?);
        found.soname = string(DT_SONAME);
        let needed = tags.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        found.needed = needed.filter_map(|(_, at)| text(&strings, *at)).collect();
        if let Some(path) = string(DT_RUNPATH).or_else(|| string(DT_RPATH)) {
            found.run_path = path.split(':').map(str::to_owned).collect();
            let row = tags.iter().position(|(tag, _)| *tag == DT_RUNPATH);
            let tag = |row: usize| value(DT_RPATH).is_none().then_some(dynamic.offset + 16 * row as u64);
            found.run_path_kind =
                row.map_or(RunPathKind::Rpath, |row| RunPathKind::Runpath { tag: tag(row) });
        }
        Some(found)
    }

    /// The needed versions, from a list of lists: one for each library.
    fn versions(&self, mut offset: u64, count: u64, strings: &[u8]) -> Option<Vec<String>> {
        let mut versions = Vec::new();
        for _ in 0..count {
            let library = self.bytes(offset, 16)?;
            let mut at = offset + self.number(&library, 8, 4)?;
            for _ in 0..self.number(&library, 2, 2)? {
                let version = self.bytes(at, 16)?;
                if self.number(&version, 4, 2)? & VER_FLG_WEAK == 0 {
                    versions.extend(text(strings, self.number(&version, 8, 4)?));
                }
                at += self.number(&version, 12, 4)?;
            }
            offset += self.number(&library, 12, 4)?;
        }
        Some(versions)
    }

    /// The highest bit of the instruction sets that are needed, from a note
    /// that lists properties.
    fn level(&self, note: &[u8]) -> Option<u8> {
        let mut at = 16;
        loop {
            let (kind, size) = (self.number(note, at, 4)?, self.number(note, at + 4, 4)?);
            if kind == GNU_PROPERTY_X86_ISA_1_NEEDED {
                let bits = self.number(note, at + 8, 4)?;
                return (bits != 0).then(|| u8::try_from(64 - bits.leading_zeros()).unwrap_or(u8::MAX));
            }
            at += 8 + usize::try_from(size).ok()?.next_multiple_of(8);
        }
    }

    fn segment(&self, row: &[u8]) -> Option<Segment> {
        Some(Segment {
            kind: self.number(row, 0, 4)?,
            offset: self.number(row, 8, 8)?,
            address: self.number(row, 16, 8)?,
            size: self.number(row, 32, 8)?,
        })
    }
}

struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

/// Where in the file an address is.
fn offset_of(segments: &[Segment], address: u64) -> Option<u64> {
    let holds = |segment: &&Segment| {
        segment.kind == PT_LOAD && address >= segment.address && address - segment.address < segment.size
    };
    let segment = segments.iter().find(holds)?;
    segment.offset.checked_add(address - segment.address)
}

fn text(strings: &[u8], at: u64) -> Option<String> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    String::from_utf8(rest[..end].to_vec()).ok()
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
        for bytes in [&b""[..], b"#!/bin/sh", b"\x7fELF\x02\x01\x01", &[0x7f; 4096]] {
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(Dynamic::read(&path).unwrap(), None);
        }
    }

    #[test]
    fn a_cut_elf_file_does_no_harm() {
        let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for length in [64, 100, 1000, 5000] {
            fs_err::write(&path, &bytes[..length]).unwrap();
            Dynamic::read(&path).unwrap();
        }
    }
}
