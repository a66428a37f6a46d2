//! archive, environment or URL → what is in it

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::place::Place;
use crate::archive::{self, Input, Seen};
use crate::artifact::Format;
use crate::baseline::System;
use crate::error::{Explain, Result};
use crate::inspect::{Inspection, Report, Unmet, unmet};
use crate::prefix::{self, FoundKind, PrefixKind, Python};
use crate::progress::{Progress, Step};

/// What is in an environment, and what a system lacks for it.
#[derive(Debug, Serialize)]
pub struct Inspected {
    #[serde(flatten)]
    pub report: Report,
    /// Nothing where no system was named.
    pub unmet: Vec<Unmet>,
}

/// An environment that won't load on the system that was named.
#[derive(Debug, thiserror::Error)]
#[error("`{system}` offers less than {} need", self.needy())]
pub struct TooNew {
    /// How many.
    packages: usize,
    /// Whether files of no package are among those in need.
    loose: bool,
    system: String,
}

impl TooNew {
    fn needy(&self) -> String {
        let packages =
            if self.packages == 1 { "1 package".into() } else { format!("{} packages", self.packages) };
        match (self.packages, self.loose) {
            (0, _) => "files of no package".to_owned(),
            (_, false) => packages,
            (_, true) => format!("{packages} and files of no package"),
        }
    }
}

impl Explain for TooNew {
    fn hint(&self) -> Option<String> {
        let quote = if self.system.contains(' ') { "'" } else { "" };
        let again = format!("pack the spec again with `--target-glibc {quote}{}{quote}`", self.system);
        let portable = "an interpreter and libraries that came from the packing machine ask for its glibc: take a \
                        portable Python, such as `--python conda:3.12`, or pack on a system as old as the target";
        Some(match (self.packages, self.loose) {
            (0, _) => portable.to_owned(),
            (_, false) => again,
            (_, true) => format!("{again}\n{portable}"),
        })
    }
}

/// Fails if the system, called `name`, lacks anything.
///
/// # Errors
/// [`TooNew`].
pub fn require_met(inspected: &Inspected, name: &str) -> Result<()> {
    if inspected.unmet.is_empty() {
        return Ok(());
    }
    let packages: BTreeSet<_> = inspected.unmet.iter().filter_map(|unmet| unmet.package.as_ref()).collect();
    let loose = inspected.unmet.iter().any(|unmet| unmet.package.is_none());
    Err(TooNew { packages: packages.len(), loose, system: name.to_owned() }.into())
}

/// Looks at an environment: a folder, an archive, or an archive at a URL, which
/// is read part by part and never kept where its server gives parts.
///
/// # Errors
/// If there is none, or it can't be read.
pub fn inspect(
    what: &Path,
    system: Option<&System>,
    longest: usize,
    progress: &dyn Progress,
) -> Result<Inspected> {
    let place = Place::of(what, progress)?;
    let report = if let Some(folder) = place.folder() {
        prefix::recognise(folder)?;
        let mut report = directory(folder, progress)?.report(longest);
        report.format = Some(Format::Directory);
        tell_base(&mut report, folder);
        report
    } else {
        place.read(|input| entries(input, longest, progress))?
    };
    let unmet = system.map(|system| unmet(&report, system)).unwrap_or_default();
    Ok(Inspected { report, unmet })
}

fn entries(input: &Input<'_>, longest: usize, progress: &dyn Progress) -> Result<Report> {
    let mut inspection = Inspection::default();
    let (mut paths, mut root) = (Vec::new(), None);
    progress.begin(Step::Check, None);
    let visited = archive::visit(input.clone(), progress, &mut |path, seen| {
        let path = path.strip_prefix("./").unwrap_or(path);
        // The manifest comes before all other files, and tells where the root is.
        let root = root.get_or_insert_with(String::new);
        if matches!(seen, Seen::File { .. }) && root.is_empty() && path.ends_with(crate::artifact::MANIFEST) {
            root.push_str(path.trim_end_matches(crate::artifact::MANIFEST));
        }
        let path = path.strip_prefix(root.as_str()).unwrap_or(path);
        paths.push(path.to_owned());
        match seen {
            Seen::Directory { .. } => {}
            Seen::Link { .. } => inspection.link(path),
            Seen::File { content, .. } => inspection.file(path, content)?,
        }
        Ok(())
    })?;
    progress.end();
    for (path, size) in paths.iter().zip(&visited.packed) {
        inspection.packed(path, *size);
    }
    let mut report = inspection.report(longest);
    (report.format, report.archive_size) = (Some(visited.format), Some(visited.size));
    Ok(report)
}

/// What lies in the folder of a virtual environment is not all that is packed.
fn tell_base(report: &mut Report, folder: &Path) {
    let Ok(prefix) = prefix::open(folder) else { return };
    let PrefixKind::Venv(base) = &prefix.kind else { return };
    if report.python.is_none() {
        report.python = prefix.python.as_ref().map(Python::info);
    }
    let home = base.home().display();
    report.remarks.push(format!("the interpreter and its library lie in {home}, and are not counted here"));
}

fn directory(root: &Path, progress: &dyn Progress) -> Result<Inspection> {
    let mut inspection = Inspection::default();
    let found = prefix::walk(root, |_| false)?;
    progress.begin(Step::Read, Some(found.len() as u64));
    for item in found {
        crate::interrupt::check()?;
        match item.kind {
            FoundKind::File { .. } => {
                inspection.file(&item.path, &mut fs_err::File::open(root.join(&*item.path))?)?;
            }
            FoundKind::Link(_) => inspection.link(&item.path),
            FoundKind::EmptyFolder | FoundKind::Special => {}
        }
        progress.advance(1);
    }
    progress.end();
    Ok(inspection)
}
