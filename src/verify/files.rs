//! Files, links and modes: as they were packed?

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rayon::prelude::*;
use walkdir::WalkDir;

use super::report::{Area, Check};
use crate::artifact::{MANIFEST, Manifest};
use crate::entry::PLACEHOLDER;
use crate::error::Result;
use crate::fs::sha256_of_file;
use crate::prefix::{below, conda_records, is_record, parse_record_line};

/// What a record says of a file.
struct Claim {
    path: String,
    distribution: String,
    sha256: Option<Vec<u8>>,
}

/// Checks every file that a `RECORD` (PEP 376) or a record of conda lists, all
/// links, and that programs may be run.
pub(super) fn check(root: &Path, original: Option<&Path>) -> Result<Vec<Check>> {
    let (mut wheels, mut checks) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(root).into_iter().flatten() {
        let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) else { continue };
        if entry.file_type().is_symlink() && !entry.path().exists() {
            let target = fs_err::read_link(entry.path())?;
            let reason = format!("a link to `{}`, which is not there", target.display());
            checks.push(Check::failed(Area::Files, path, reason));
        }
        if is_record(path) {
            wheels.extend(of_distribution(path, &fs_err::read_to_string(entry.path())?));
        }
    }
    let mut claims = Vec::new();
    for record in conda_records(root)? {
        claims.extend(record.hashes().map(|(path, hash)| Claim {
            path: path.to_owned(),
            distribution: record.name.clone(),
            sha256: hash.and_then(|hash| hex::decode(hash).ok()),
        }));
    }
    let manifest = manifest(root)?;
    if manifest.is_none() {
        // Other packers rewrite files and leave their records as they were.
        for claim in &mut claims {
            claim.sha256 = None;
        }
    }
    let unplaced = manifest.iter().flat_map(|manifest| &manifest.placeholders);
    let unplaced: HashSet<&str> = unplaced.map(|placeholder| placeholder.path.as_str()).collect();
    // conda packages bring a `RECORD` too, of the wheel from which they were
    // built and changed: of two claims the first stays.
    claims.append(&mut wheels);
    claims.sort_by(|a, b| a.path.cmp(&b.path));
    claims.dedup_by(|a, b| a.path == b.path);
    let found: Vec<Option<Check>> = claims
        .par_iter()
        .map(|claim| examine(root, claim, &unplaced, original))
        .collect::<io::Result<_>>()?;
    checks.extend(found.into_iter().flatten());
    checks.extend(programs(root)?);
    if checks.is_empty() {
        let name =
            format!("{} files of {} records", claims.len(), if claims.is_empty() { "no" } else { "all" });
        checks.push(Check::passed(Area::Files, name));
    }
    Ok(checks)
}

/// The files of a distribution, below the root.
fn of_distribution(path: &str, text: &str) -> Vec<Claim> {
    let folder = path.trim_end_matches("/RECORD");
    let (site_packages, name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let distribution = name.split('-').next().unwrap_or(name);
    let claim = |line: &str| {
        let line = parse_record_line(line)?;
        let hash = line.hash.strip_prefix("sha256=");
        Some(Claim {
            path: below(Path::new("/"), site_packages, &line.path)?,
            distribution: distribution.to_owned(),
            sha256: hash.and_then(|hash| BASE64_URL_SAFE_NO_PAD.decode(hash).ok()),
        })
    };
    text.lines().filter_map(claim).collect()
}

fn examine(
    root: &Path,
    claim: &Claim,
    unplaced: &HashSet<&str>,
    original: Option<&Path>,
) -> io::Result<Option<Check>> {
    let path = root.join(&claim.path);
    let problem = match &claim.sha256 {
        // What was left out by a filter is missing on purpose; only what other
        // files can't do without is noticed, by importing it.
        _ if !path.is_file() => {
            let missing = claim.path.contains(".so") && fs_err::symlink_metadata(&path).is_err();
            missing.then_some("listed, but not there")
        }
        // What conda records of a link is the hash of the file behind it, as it
        // was before that was relocated.
        Some(expected) if !path.is_symlink() && sha256_of_file(&path)? != expected.as_slice() => {
            let placed = unplaced.contains(claim.path.as_str()) && is_placed(&path, root)?;
            (!placed).then_some("its content is not what its record lists")
        }
        _ => None,
    };
    let Some(problem) = problem else { return Ok(None) };
    let check = match original {
        Some(original) if is_same(&original.join(&claim.path), &path)? => {
            Check::tolerated(Area::Files, &claim.path, format!("as in the original environment: {problem}"))
        }
        _ => Check::failed(Area::Files, &claim.path, problem),
    };
    Ok(Some(check.of(Some(&claim.distribution))))
}

/// Nothing if another tool packed it, or wrote over what we did.
fn manifest(root: &Path) -> io::Result<Option<Manifest>> {
    match fs_err::read(root.join(MANIFEST)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether `envship unpack` has written the path of the environment into a file
/// that held a placeholder; records know the file with the placeholder. The path
/// that it wrote may lead here through a link.
fn is_placed(path: &Path, root: &Path) -> io::Result<bool> {
    let bytes = fs_err::read(path)?;
    let holds = |text: &[u8]| memchr::memmem::find(&bytes, text).is_some();
    Ok(holds(root.as_os_str().as_encoded_bytes()) || !holds(PLACEHOLDER.as_bytes()))
}

/// Whether two files hold the same, or are both missing.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    match (one.is_file(), other.is_file()) {
        (true, true) => Ok(sha256_of_file(one)? == sha256_of_file(other)?),
        (one, other) => Ok(one == other),
    }
}

/// Scripts in `bin` that may not be run.
fn programs(root: &Path) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for entry in WalkDir::new(root.join("bin")).max_depth(1).into_iter().flatten() {
        if !entry.file_type().is_file() {
            continue;
        }
        let mut head = [0; 2];
        let read = io::Read::read(&mut fs_err::File::open(entry.path())?, &mut head)?;
        let mode = fs_err::metadata(entry.path())?.permissions().mode();
        if &head[..read] == b"#!" && mode & 0o111 == 0 && !is_library(entry.path()) {
            let name = format!("bin/{}", entry.file_name().to_string_lossy());
            checks.push(Check::failed(Area::Files, name, "a script that may not be run"));
        }
    }
    Ok(checks)
}

/// `activate` and its like are sourced, and need no mode.
fn is_library(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("activate"))
}
