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

mod lines;
mod local;

pub(super) use lines::looks_like_requirements;
use lines::{Line, LogicalLine};

/// What pip or uv has to install, and from where.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PipSpec {
    pub requirements: Vec<Requirement>,
    /// Requirements that only narrow down versions.
    pub constraints: Vec<String>,
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

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The line, with an absolute path where it named a relative one, and
    /// without `-e`.
    pub text: String,
    pub origin: Origin,
}

/// Where the code of a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An index, an archive or a repository.
    Elsewhere,
    /// A project folder on this machine, whose files may change under the same
    /// version.
    LocalProject,
}

impl PipSpec {
    /// Reads the lines of a `pip:` section; `file` is the one that holds it.
    pub(super) fn of_lines(lines: &[String], file: &Path) -> Result<PipSpec, SpecError> {
        PipSpec::read(&lines.join("\n"), file, format!("the `pip:` section of `{}`", file.display()))
    }

    /// Reads a requirements file and what it includes. Paths are relative to
    /// its folder.
    pub(super) fn of_text(text: &str, file: &Path) -> Result<PipSpec, SpecError> {
        PipSpec::read(text, file, format!("`{}`", file.display()))
    }

    fn read(text: &str, file: &Path, place: String) -> Result<PipSpec, SpecError> {
        let mut reader = Reader { spec: PipSpec::default(), open: vec![file.to_owned()], place };
        reader.read(text, file, Purpose::Requirements)?;
        Ok(reader.spec)
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
    /// The innermost of them, as messages name it.
    place: String,
}

impl Reader {
    fn read(&mut self, text: &str, file: &Path, purpose: Purpose) -> Result<(), SpecError> {
        for LogicalLine { number, text } in lines::logical(text) {
            let wrong = |problem| SpecError::PipLine { place: self.place.clone(), line: number, problem };
            let text = lines::expand(&text, |name| std::env::var(name).ok());
            for line in lines::parse(&text).map_err(wrong)? {
                self.take(line, file, number, purpose)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, line: Line, file: &Path, number: usize, purpose: Purpose) -> Result<(), SpecError> {
        let folder = folder_of(file);
        let place = self.place.clone();
        let missing = |missing: PathBuf| SpecError::PipPath { place, line: number, missing };
        let spec = &mut self.spec;
        match line {
            Line::Requirement(text) => {
                let requirement = local::absolute(&text, &folder).map_err(missing)?;
                match purpose {
                    Purpose::Requirements => spec.requirements.push(requirement),
                    Purpose::Constraints => spec.constraints.push(requirement.text),
                }
            }
            Line::Include(place) => self.include(&place, file, number, purpose)?,
            Line::Constrain(place) => self.include(&place, file, number, Purpose::Constraints)?,
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

    fn include(&mut self, place: &str, file: &Path, line: usize, purpose: Purpose) -> Result<(), SpecError> {
        if place.contains("://") && !place.starts_with("file:") {
            let flag = if purpose == Purpose::Constraints { "-c" } else { "-r" };
            self.spec.included.push(format!("{flag} {place}"));
            return Ok(());
        }
        let path = PathBuf::from(local::place(place, &folder_of(file)));
        if self.open.iter().any(|open| std::path::absolute(open).is_ok_and(|open| open == path)) {
            return Err(SpecError::PipCycle { path });
        }
        let text = fs_err::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                SpecError::PipPath { place: self.place.clone(), line, missing: path.clone() }
            }
            _ => SpecError::Unreadable { path: path.clone(), source: error },
        })?;
        let outer = std::mem::replace(&mut self.place, format!("`{}`", path.display()));
        self.open.push(path.clone());
        self.read(&text, &path, purpose)?;
        self.open.pop();
        self.place = outer;
        Ok(())
    }
}
