//! pip's requirement lines, flattened: files that include each other become
//! one list of requirements, one of constraints and the options of both.
//!
//! The format is pip's ("Requirements File Format" in its reference). Only as
//! much is understood as is needed to make paths absolute, to follow `-r` and
//! `-c`, and to hand options on in the way that each installer listens to:
//! uv ignores some of them in files.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::SpecError;
use super::file::folder_of;
use super::place::Place;

mod lines;
mod local;
mod requirement;
mod section;

pub(super) use lines::looks_like_requirements;
use lines::{Line, LogicalLine};
pub use requirement::{Origin, Requirement, project_of};

/// What pip or uv has to install, and from where.
#[derive(Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of pip, independent of the others")]
pub struct PipSpec {
    pub requirements: Vec<Requirement>,
    /// Requirements that only narrow down versions.
    pub constraints: Vec<Requirement>,
    /// `-r` and `-c` of files that lie on a server, as whole lines.
    pub included: Vec<String>,
    pub index_url: Option<String>,
    pub extra_index_urls: Vec<String>,
    /// URLs or absolute paths.
    pub find_links: Vec<String>,
    pub trusted_hosts: Vec<String>,
    pub no_index: bool,
    pub pre: bool,
    pub prefer_binary: bool,
    pub require_hashes: bool,
    pub no_binary: Vec<String>,
    pub only_binary: Vec<String>,
    /// pip's `--use-feature`.
    pub features: Vec<String>,
}

impl PipSpec {
    /// Reads the items of a `pip:` section of a file and what they include.
    pub(super) fn of_section(items: &[String], file: &Path, yaml: &str) -> Result<PipSpec, SpecError> {
        let of_items = section::lines_of(yaml, items);
        let lines = items.iter().zip(of_items).flat_map(|(item, line)| item.lines().map(move |_| line));
        PipSpec::read(&items.join("\n"), file, Some(lines.collect()))
    }

    /// Reads a requirements file and what it includes. Paths are relative to
    /// its folder.
    pub(super) fn of_text(text: &str, file: &Path) -> Result<PipSpec, SpecError> {
        PipSpec::read(text, file, None)
    }

    fn read(text: &str, file: &Path, section: Option<Vec<Option<usize>>>) -> Result<PipSpec, SpecError> {
        let mut reader = Reader { spec: PipSpec::default(), open: vec![file.to_owned()], section };
        reader.read(text, file, Purpose::Requirements)?;
        Ok(reader.spec)
    }

    fn take(&mut self, requirement: Requirement, purpose: Purpose) {
        match purpose {
            Purpose::Requirements => self.requirements.push(requirement),
            Purpose::Constraints => self.constraints.push(requirement),
        }
    }

    /// Whether a project folder has to be built, whose result must not come
    /// from a cache.
    #[must_use]
    pub fn has_local_projects(&self) -> bool {
        self.requirements.iter().any(|requirement| requirement.origin == Origin::LocalProject)
    }

    /// Whether pip would check all hashes: on request, or since one is given.
    #[must_use]
    pub fn checks_hashes(&self) -> bool {
        self.require_hashes
            || self.requirements.iter().any(|requirement| requirement.text.contains(" --hash"))
    }

    /// As a requirements file that pip and uv read alike: the places to search,
    /// then the requirements. It may hold secrets.
    #[must_use]
    pub fn to_requirements_txt(&self) -> String {
        let mut text = String::new();
        let mut option = |flag: &str, value: &str| {
            let _ = writeln!(text, "{flag} {value}");
        };
        if let Some(url) = &self.index_url {
            option("--index-url", url);
        }
        if self.no_index {
            option("--no-index", "");
        }
        self.extra_index_urls.iter().for_each(|url| option("--extra-index-url", url));
        self.find_links.iter().for_each(|place| option("--find-links", place));
        self.no_binary.iter().for_each(|names| option("--no-binary", names));
        self.only_binary.iter().for_each(|names| option("--only-binary", names));
        for line in self.included.iter().chain(self.requirements.iter().map(|requirement| &requirement.text))
        {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// How many lines stand before the first requirement in
    /// [`PipSpec::to_requirements_txt`].
    #[must_use]
    pub fn lines_before_requirements(&self) -> usize {
        self.to_requirements_txt().lines().count() - self.requirements.len()
    }
}

/// Index URLs hold passwords, and debug output ends up in logs.
impl fmt::Debug for PipSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::net::redact(&self.to_requirements_txt()))
    }
}

/// What the lines of a file are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Requirements,
    Constraints,
}

/// Collects a file and all that it includes.
struct Reader {
    spec: PipSpec,
    /// The files being read, outermost first.
    open: Vec<PathBuf>,
    /// The lines of the outermost, if it is a section of another file.
    section: Option<Vec<Option<usize>>>,
}

impl Reader {
    fn read(&mut self, text: &str, file: &Path, purpose: Purpose) -> Result<(), SpecError> {
        for LogicalLine { number, text } in lines::logical(text) {
            let place = self.place(number);
            let wrong = |problem| SpecError::PipLine { place: place.clone(), problem };
            let text = lines::expand(&text, |name| std::env::var(name).ok());
            for line in lines::parse(&text).map_err(wrong)? {
                self.take(line, file, &place, purpose)?;
            }
        }
        Ok(())
    }

    /// A line of the innermost file.
    fn place(&self, number: usize) -> Place {
        let innermost = self.open.last().cloned().unwrap_or_default();
        match &self.section {
            Some(lines) if self.open.len() == 1 => {
                Place { file: innermost, line: lines.get(number - 1).copied().flatten() }
            }
            _ => Place { file: innermost, line: Some(number) },
        }
    }

    fn take(&mut self, line: Line, file: &Path, place: &Place, purpose: Purpose) -> Result<(), SpecError> {
        let folder = folder_of(file);
        let missing = |missing: PathBuf| SpecError::PipPath { place: place.clone(), missing };
        let requirement = |(text, origin)| Requirement { text, origin, place: place.clone() };
        let spec = &mut self.spec;
        match line {
            Line::Requirement(text) => {
                spec.take(requirement(local::absolute(&text, &folder).map_err(missing)?), purpose);
            }
            Line::Editable(text) => {
                spec.take(requirement(local::project(&text, &folder).map_err(missing)?), purpose);
            }
            Line::Include(other) => self.include(&other, file, place, purpose)?,
            Line::Constrain(other) => self.include(&other, file, place, Purpose::Constraints)?,
            Line::IndexUrl(url) => spec.index_url = Some(url),
            Line::ExtraIndexUrl(url) => spec.extra_index_urls.push(url),
            Line::FindLinks(place) => spec.find_links.push(local::place(&place, &folder)),
            Line::TrustedHost(host) => spec.trusted_hosts.push(host),
            Line::NoIndex => spec.no_index = true,
            Line::Pre => spec.pre = true,
            Line::PreferBinary => spec.prefer_binary = true,
            Line::RequireHashes => spec.require_hashes = true,
            Line::NoBinary(names) => spec.no_binary.push(names),
            Line::OnlyBinary(names) => spec.only_binary.push(names),
            Line::UseFeature(name) => spec.features.push(name),
        }
        Ok(())
    }

    fn include(
        &mut self,
        other: &str,
        file: &Path,
        place: &Place,
        purpose: Purpose,
    ) -> Result<(), SpecError> {
        if other.contains("://") && !other.starts_with("file:") {
            let flag = if purpose == Purpose::Constraints { "-c" } else { "-r" };
            self.spec.included.push(format!("{flag} {other}"));
            return Ok(());
        }
        let path = PathBuf::from(local::place(other, &folder_of(file)));
        if self.open.iter().any(|open| std::path::absolute(open).is_ok_and(|open| open == path)) {
            return Err(SpecError::PipCycle { path });
        }
        let text = fs_err::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                SpecError::PipPath { place: place.clone(), missing: path.clone() }
            }
            _ => SpecError::Unreadable { path: path.clone(), source: error },
        })?;
        self.open.push(path.clone());
        self.read(&text, &path, purpose)?;
        self.open.pop();
        Ok(())
    }
}
