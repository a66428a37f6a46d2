//! From the bytes of a file to what the loader needs to know of it.

use std::io;
use std::os::unix::fs::FileExt;

use super::machine::{Machine, Width};
use super::{Dynamic, Elf, Flaw, RunPathKind};

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

/// No file needs more libraries, or more versions of their symbols; a broken
/// one may say so, or list them in a circle.
const MOST: usize = 1 << 14;

/// No library has a longer name (`PATH_MAX`), nor a version of its symbols.
const LONGEST_NAME: usize = 1 << 12;

/// No run path is longer.
const LONGEST_RUN_PATH: usize = 1 << 20;

/// The length of the header, and of a row of the program headers.
const HEADER: usize = 64;
const ROW: u64 = 56;

/// What is read here and there.
pub(super) trait Bytes {
    fn length(&self) -> io::Result<u64>;

    /// Fills `part` from `offset` on.
    fn fill(&self, part: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Bytes for fs_err::File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn fill(&self, part: &mut [u8], offset: u64) -> io::Result<()> {
        self.file().read_exact_at(part, offset)
    }
}

impl Bytes for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn fill(&self, part: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let whole = start.and_then(|start| self.get(start..start.checked_add(part.len())?));
        part.copy_from_slice(whole.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// What a file of this content is to the loader.
pub(super) fn read(file: &(impl Bytes + ?Sized)) -> io::Result<Elf> {
    let mut header = [0; HEADER];
    let length = file.length()?;
    let known = usize::try_from(length).unwrap_or(HEADER).min(HEADER);
    file.fill(&mut header[..known], 0)?;
    if !header.starts_with(b"\x7fELF") {
        return Ok(Elf::Other);
    }
    if known < HEADER {
        return Ok(Elf::Broken(Flaw::CutShort));
    }
    let found = Reader::new(file, length, header).and_then(|reader| reader.dynamic());
    Ok(found.map_or_else(Elf::Broken, Elf::Sound))
}

/// The file and the byte order of its numbers.
struct Reader<'a, B: ?Sized> {
    file: &'a B,
    length: u64,
    header: [u8; HEADER],
    width: Width,
    little_endian: bool,
}

impl<'a, B: Bytes + ?Sized> Reader<'a, B> {
    fn new(file: &'a B, length: u64, header: [u8; HEADER]) -> Result<Self, Flaw> {
        let width = match header[4] {
            1 => Width::Bits32,
            2 => Width::Bits64,
            _ => return Err(Flaw::Headers),
        };
        let little_endian = match header[5] {
            1 => true,
            2 => false,
            _ => return Err(Flaw::Headers),
        };
        Ok(Reader { file, length, header, width, little_endian })
    }

    fn number(&self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little_endian { field.iter().rev().fold(0, join) } else { field.iter().fold(0, join) })
    }

    fn bytes(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let length = length.min(LONGEST);
        // Nothing is allocated for what isn't there.
        if offset.checked_add(length)? > self.length {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.fill(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    fn machine(&self) -> Option<Machine> {
        let number = u16::try_from(self.number(&self.header, 18, 2)?).ok()?;
        Some(Machine { number, width: self.width, little_endian: self.little_endian })
    }

    fn dynamic(&self) -> Result<Dynamic, Flaw> {
        let machine = self.machine().ok_or(Flaw::Headers)?;
        let mut found = Dynamic { machine, ..Dynamic::default() };
        if self.width == Width::Bits32 {
            return Ok(found);
        }
        let segments = self.segments()?;
        found.level = segments
            .iter()
            .find(|segment| segment.kind == PT_GNU_PROPERTY)
            .and_then(|segment| self.level(&self.bytes(segment.offset, segment.size)?));
        found.is_program = segments.iter().any(|segment| segment.kind == PT_INTERP);
        let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else {
            return Ok(found);
        };
        let rows = self.bytes(dynamic.offset, dynamic.size).ok_or(Flaw::Dynamic)?;
        let tags: Vec<(u64, u64)> = rows
            .chunks_exact(16)
            .map_while(|row| Some((self.number(row, 0, 8)?, self.number(row, 8, 8)?)))
            .take_while(|(tag, _)| *tag != 0)
            .collect();
        // The loader takes the last of several.
        let last = |wanted: u64| tags.iter().rposition(|(tag, _)| *tag == wanted);
        let value = |wanted: u64| last(wanted).map(|row| tags[row].1);
        found.run_paths = tags.iter().filter(|(tag, _)| [DT_RUNPATH, DT_RPATH].contains(tag)).count();
        let Some(address) = value(DT_STRTAB) else { return Ok(found) };
        let place = |address| offset_of(&segments, address);
        let strings = || self.bytes(place(address)?, value(DT_STRSZ)?);
        let strings = strings().ok_or(Flaw::Dynamic)?;
        if let (Some(address), Some(count)) = (value(DT_VERNEED), value(DT_VERNEEDNUM)) {
            let versions = place(address).and_then(|offset| self.versions(offset, count, &strings));
            found.versions = versions.ok_or(Flaw::Dynamic)?;
        }
        found.soname = value(DT_SONAME).and_then(|at| text(&strings, at, LONGEST_NAME));
        let needed = tags.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        if needed.clone().count() > MOST {
            return Err(Flaw::Dynamic);
        }
        let needed = needed.map(|(_, at)| text(&strings, *at, LONGEST_NAME).filter(|name| is_proper(name)));
        found.needed = needed.collect::<Option<_>>().ok_or(Flaw::Names)?;
        let run_path = |tag| text(&strings, value(tag)?, LONGEST_RUN_PATH);
        if let Some(path) = run_path(DT_RUNPATH).or_else(|| run_path(DT_RPATH)) {
            found.run_path = path.split(':').map(str::to_owned).collect();
            let tag = |row: usize| value(DT_RPATH).is_none().then_some(dynamic.offset + 16 * row as u64);
            found.run_path_kind =
                last(DT_RUNPATH).map_or(RunPathKind::Rpath, |row| RunPathKind::Runpath { tag: tag(row) });
        }
        Ok(found)
    }

    /// The program headers, all of whose segments lie within the file.
    fn segments(&self) -> Result<Vec<Segment>, Flaw> {
        let field = |at, length| self.number(&self.header, at, length).ok_or(Flaw::Headers);
        let (offset, size, count) = (field(32, 8)?, field(54, 2)?, field(56, 2)?);
        // As the loader has it.
        if count > 0 && size != ROW {
            return Err(Flaw::Headers);
        }
        let table = self.bytes(offset, size * count).ok_or(Flaw::CutShort)?;
        let rows = table.chunks_exact(usize::try_from(ROW).map_err(|_| Flaw::Headers)?);
        let segments: Option<Vec<Segment>> = rows.map(|row| self.segment(row)).collect();
        let segments = segments.ok_or(Flaw::Headers)?;
        let inside = |segment: &Segment| {
            let end = segment.offset.checked_add(segment.size);
            segment.size == 0 || end.is_some_and(|end| end <= self.length)
        };
        if segments.iter().all(inside) { Ok(segments) } else { Err(Flaw::CutShort) }
    }

    /// The needed versions, from a list of lists: one for each library.
    fn versions(&self, mut offset: u64, count: u64, strings: &[u8]) -> Option<Vec<String>> {
        let (mut versions, mut left) = (Vec::new(), MOST);
        for _ in 0..count {
            let library = self.bytes(offset, 16)?;
            let mut at = offset.checked_add(self.number(&library, 8, 4)?)?;
            for _ in 0..self.number(&library, 2, 2)? {
                left = left.checked_sub(1)?;
                let version = self.bytes(at, 16)?;
                if self.number(&version, 4, 2)? & VER_FLG_WEAK == 0 {
                    versions.extend(text(strings, self.number(&version, 8, 4)?, LONGEST_NAME));
                }
                at = at.checked_add(self.number(&version, 12, 4)?)?;
            }
            left = left.checked_sub(1)?;
            offset = offset.checked_add(self.number(&library, 12, 4)?)?;
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

/// A string of no more than `longest` bytes.
fn text(strings: &[u8], at: u64, longest: usize) -> Option<String> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let end = memchr::memchr(0, &rest[..rest.len().min(longest + 1)])?;
    String::from_utf8(rest[..end].to_vec()).ok()
}

/// Whether a library can be called so: file names may hold more, but those of
/// libraries don't.
fn is_proper(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}
