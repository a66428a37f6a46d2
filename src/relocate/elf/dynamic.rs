//! The dynamic section of an ELF file and the strings that it refers to.

use std::collections::BTreeSet;
use std::ops::Range;

use goblin::elf::dynamic::{DT_AUDIT, DT_CONFIG, DT_DEPAUDIT, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME};
use goblin::elf::program_header::PT_DYNAMIC;
use goblin::elf::{Dynamic as Section, Elf, VerdefSection, VerneedSection};

/// Filters name a library too.
const DT_AUXILIARY: u64 = 0x7fff_fffd;
const DT_FILTER: u64 = 0x7fff_ffff;

/// What the dynamic linker reads of a file, by position in it.
#[derive(Debug)]
pub(super) struct Dynamic {
    /// The dynamic string table.
    pub(super) strings: Range<usize>,
    /// In the order in which they lie.
    pub(super) run_paths: Vec<RunPath>,
    /// Where a byte says that a run path is a `DT_RUNPATH`, unless there is a
    /// `DT_RPATH` too.
    pub(super) runpath_tag: Option<usize>,
    /// Where the strings begin that anything refers to.
    pub(super) references: BTreeSet<usize>,
    /// The number of dynamic symbols.
    pub(super) symbols: usize,
    /// The libraries it needs.
    pub(super) needed: Vec<String>,
    /// Where the last thing ends that its headers know of, if they make sense.
    pub(super) end: Option<usize>,
}

/// A `DT_RUNPATH` or `DT_RPATH`.
#[derive(Debug)]
pub(super) struct RunPath {
    /// Of its value, without the terminator.
    pub(super) range: Range<usize>,
    /// Whether something that is no run path refers to the same string.
    pub(super) shared: bool,
}

impl Dynamic {
    /// `None` for static files, object files, and what can't be parsed.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let elf = Elf::parse(bytes).ok()?;
        let dynamic = elf.dynamic.as_ref()?;
        let start = dynamic.info.strtab;
        let strings = start..start.checked_add(dynamic.info.strsz)?;
        bytes.get(strings.clone())?;
        let place = |offset: usize| start.checked_add(offset).filter(|at| strings.contains(at));

        let mut others: BTreeSet<usize> = elf.dynsyms.iter().map(|symbol| symbol.st_name).collect();
        others.extend(version_names(&elf));
        let mut values = BTreeSet::new();
        for entry in &dynamic.dyns {
            let offset = usize::try_from(entry.d_val).ok()?;
            match entry.d_tag {
                DT_RPATH | DT_RUNPATH => {
                    values.insert(offset);
                }
                DT_NEEDED | DT_SONAME | DT_AUXILIARY | DT_FILTER | DT_CONFIG | DT_AUDIT | DT_DEPAUDIT => {
                    others.insert(offset);
                }
                _ => {}
            }
        }
        let run_paths = values
            .iter()
            .map(|&offset| {
                let at = place(offset)?;
                let length = memchr::memchr(0, &bytes[at..strings.end])?;
                Some(RunPath { range: at..at + length, shared: others.contains(&offset) })
            })
            .collect::<Option<Vec<_>>>()?;
        let references = others.iter().chain(&values).filter_map(|&offset| place(offset)).collect();
        Some(Dynamic {
            strings: strings.clone(),
            run_paths,
            // In a damaged file anything may lie anywhere.
            runpath_tag: runpath_tag(&elf, dynamic, bytes).filter(|at| !strings.contains(at)),
            references,
            symbols: elf.dynsyms.len(),
            needed: elf.libraries.iter().map(ToString::to_string).collect(),
            end: end(&elf, bytes.len()),
        })
    }
}

/// Where the least byte of the tag `DT_RUNPATH` lies.
fn runpath_tag(elf: &Elf, dynamic: &Section, bytes: &[u8]) -> Option<usize> {
    let tags = || dynamic.dyns.iter().map(|entry| entry.d_tag);
    if tags().any(|tag| tag == DT_RPATH) {
        return None;
    }
    let row = tags().position(|tag| tag == DT_RUNPATH)?;
    let segment = elf.program_headers.iter().find(|segment| segment.p_type == PT_DYNAMIC)?;
    let word = if elf.is_64 { 8 } else { 4 };
    let start = usize::try_from(segment.p_offset).ok()?.checked_add(row * 2 * word)?;
    let least = if elf.little_endian { start } else { start.checked_add(word - 1)? };
    (u64::from(*bytes.get(least)?) == DT_RUNPATH).then_some(least)
}

/// The string offsets of symbol versions, defined and needed.
fn version_names(elf: &Elf) -> Vec<usize> {
    let mut names = Vec::new();
    for file in elf.verneed.iter().flat_map(VerneedSection::iter) {
        names.push(file.vn_file);
        names.extend(file.iter().map(|version| version.vna_name));
    }
    for version in elf.verdef.iter().flat_map(VerdefSection::iter) {
        names.extend(version.iter().map(|name| name.vda_name));
    }
    names
}

/// The end of the last segment, section or table of headers; `None` where one
/// of them lies outside of the file, or is aligned as no linker does it.
fn end(elf: &Elf, size: usize) -> Option<usize> {
    use goblin::elf::section_header::SHT_NOBITS;
    /// The largest pages that files are linked for.
    const LARGEST_ALIGNMENT: u64 = 2 * 1024 * 1024;
    let headers = u64::from(elf.header.e_shnum) * u64::from(elf.header.e_shentsize);
    let segments = elf.program_headers.iter();
    let sections = elf.section_headers.iter();
    let mut alignments = segments
        .clone()
        .map(|segment| segment.p_align)
        .chain(sections.clone().map(|section| section.sh_addralign));
    if !alignments.all(|one| one == 0 || one.is_power_of_two() && one <= LARGEST_ALIGNMENT) {
        return None;
    }
    sections
        .filter(|section| section.sh_type != SHT_NOBITS)
        .map(|section| (section.sh_offset, section.sh_size))
        .chain(segments.map(|segment| (segment.p_offset, segment.p_filesz)))
        .chain([(elf.header.e_shoff, headers)])
        .map(|(offset, size)| usize::try_from(offset.checked_add(size)?).ok())
        .try_fold(0, |last, end| Some(last.max(end?)))
        .filter(|&end| end <= size)
}
