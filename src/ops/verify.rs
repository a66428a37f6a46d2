//! archive → does it run here?

use std::path::{Path, PathBuf};

use super::assemble::Assembly;
use super::place::Place;
use crate::archive::{self, AbsoluteLinks, Identity, OtherMode, Seal, UnpackOptions};
use crate::error::{Explain, Result};
use crate::prefix;
use crate::progress::{Progress, Step};
use crate::verify::{self, Area, Check, Outcome, Report, Trial, VerifyOptions};

/// An environment that wouldn't run as it ran before it was packed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {total} checks failed")]
pub struct Unfit {
    failed: usize,
    total: usize,
    told_apart: bool,
}

impl Explain for Unfit {
    fn hint(&self) -> Option<String> {
        (!self.told_apart).then(|| {
            "--original PREFIX tells apart what fails in the environment that was packed too".to_owned()
        })
    }
}

/// Fails if any check did.
///
/// # Errors
/// [`Unfit`].
pub fn require_fit(report: &Report, options: &VerifyOptions) -> Result<()> {
    let failed = report.with_outcome(Outcome::Failed).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Unfit { failed, total: report.checks.len(), told_apart: options.original.is_some() }.into())
}

/// The root of an environment that was packed, absolute.
///
/// # Errors
/// If there is none.
pub fn environment_at(path: &Path) -> Result<PathBuf> {
    Ok(prefix::open(path)?.root)
}

/// Tries an archive at a path or a URL, unpacked where nothing can be written to it, or an
/// unpacked environment where it lies.
///
/// # Errors
/// If it can't be read or unpacked, or nothing can be tried.
pub fn verify(path: &Path, options: &VerifyOptions, progress: &dyn Progress) -> Result<Report> {
    // It is read more than once.
    let place = Place::of(path, progress)?.fetched(progress)?;
    if let Some(folder) = place.folder() {
        prefix::recognise(folder)?;
        return verify::verify(&Trial::in_place(folder)?, options, progress);
    }
    progress.begin(Step::Check, place.size());
    let identity = place.read(|input| archive::identify(input, progress))?;
    progress.end();
    let mut trial = Trial::new()?;
    // Who gets an archive made elsewhere wants to know whether it runs here,
    // links to an interpreter of the node included.
    let unpack = UnpackOptions { absolute_links: AbsoluteLinks::Allow, threads: options.threads };
    // An engine finishes no placeholders.
    let unfinished: &archive::Place<'_> = &|_, listed, _| (Vec::new(), listed.to_vec());
    place.read(|input| archive::unpack(input, trial.root(), &unpack, unfinished, progress))?;
    trial.enter(&place.read(archive::inspect_archive)?.root);
    trial.make_read_only()?;
    let report = verify::verify(&trial, options, progress)?;
    Ok(report.with(as_packed(&identity)))
}

/// Tries what is about to be published.
///
/// # Errors
/// [`Unfit`] after a warning for each check that failed, and what [`verify`]
/// says.
pub(super) fn verify_assembly(
    assembly: &Assembly,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let trial = Trial::new()?;
    assembly.write_directory(trial.root(), options.threads, progress)?;
    trial.make_read_only()?;
    let report = verify::verify(&trial, options, progress)?;
    for check in report.with_outcome(Outcome::Failed) {
        progress.warn(&format!("{}: {}: {}", check.area.title(), check.name, check.reason));
    }
    require_fit(&report, options)
}

/// Whether the archive holds what was packed, and what it holds else as far as
/// that can be told.
fn as_packed(identity: &Identity) -> Vec<Check> {
    let mut checks = vec![seal(identity)];
    checks.extend(identity.added.iter().map(added));
    checks.extend(identity.modes.iter().map(mode));
    checks
}

fn seal(identity: &Identity) -> Check {
    let name = "the whole archive";
    match identity.seal {
        Seal::Intact => Check::passed(Area::Files, name),
        Seal::Broken if identity.added.is_empty() && identity.modes.is_empty() => {
            let reason = "its entries are not those that were packed; its digest doesn't tell which";
            Check::failed(Area::Files, name, reason)
        }
        Seal::Broken => Check::failed(Area::Files, name, "its entries are not those that were packed"),
        Seal::None => {
            Check::tolerated(Area::Files, name, "packed by another tool, so there is no digest to compare")
        }
    }
}

/// An entry that came to the archive after it was packed.
fn added(path: &String) -> Check {
    Check::failed(Area::Files, path, "it was added to the archive after that was packed")
}

/// An entry whose mode was changed after it was packed.
fn mode(OtherMode { path, mode }: &OtherMode) -> Check {
    Check::failed(Area::Files, path, format!("its mode in the archive is {mode}"))
}
