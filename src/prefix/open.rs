//! Which kind of environment a directory is.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::python::{self, Python};
use super::pyvenv::PyvenvCfg;
use super::{Error, Prefix, PrefixKind, base, conda_meta};
use crate::artifact::MANIFEST;
use crate::error::Result;
use crate::fs;

/// Opens the environment at `path`, without running anything in it.
///
/// # Errors
/// If there is no environment, or its interpreter or its base is missing.
pub fn open(path: &Path) -> Result<Prefix> {
    let root = find_folder(path)?;
    if conda_meta::is_conda(&root) {
        let python = conda_python(&root)?;
        return Ok(Prefix { root, kind: PrefixKind::Conda, python });
    }
    let Ok(cfg) = fs_err::read_to_string(root.join("pyvenv.cfg")) else {
        return Err(not_an_environment(root).into());
    };
    let cfg = PyvenvCfg::parse(&cfg);
    if cfg.get("home").is_none() {
        let python =
            own_python(&root)?.ok_or_else(|| Error::NoInterpreter { path: root.join("bin/python") })?;
        return Ok(Prefix { root, kind: PrefixKind::Standalone, python: Some(python) });
    }
    let (base, python) = base::locate(&root, &cfg)?;
    Ok(Prefix { root, kind: PrefixKind::Venv(base), python: Some(python) })
}

/// Makes sure that there is an environment at `path`, or what is left of one:
/// to look at it its interpreter isn't needed.
///
/// # Errors
/// If there is none.
pub fn recognise(path: &Path) -> Result<()> {
    let root = find_folder(path)?;
    let known =
        conda_meta::is_conda(&root) || ["pyvenv.cfg", MANIFEST].iter().any(|it| root.join(it).exists());
    if known { Ok(()) } else { Err(not_an_environment(root).into()) }
}

fn find_folder(path: &Path) -> Result<PathBuf> {
    let root = fs::absolute(path)?.components().collect::<PathBuf>();
    let found = fs_err::metadata(&root).map_err(|_| Error::Missing { path: root.clone() })?;
    if found.is_dir() {
        return Ok(root);
    }
    Err(Error::NotAnEnvironment { path: root, seen: "a file".into() }.into())
}

impl Prefix {
    /// The root under every name by which files may hold it: as given and
    /// resolved, where it was made if it was moved since, and its base.
    /// Longest first, so that a longer one is found before its parent.
    #[must_use]
    pub fn spellings(&self) -> Vec<PathBuf> {
        let mut spellings = vec![self.root.clone()];
        spellings.extend(fs_err::canonicalize(&self.root));
        spellings.extend(recorded_root(&self.root));
        if let PrefixKind::Venv(base) = &self.kind {
            spellings.extend(base.rewritten().cloned());
        }
        dedup(&mut spellings);
        spellings.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
        spellings
    }

    /// What made the environment, as it says itself.
    pub(super) fn maker(&self) -> Option<(&'static str, Option<String>)> {
        let cfg = fs_err::read_to_string(self.root.join("pyvenv.cfg")).ok()?;
        matches!(self.kind, PrefixKind::Venv(_)).then(|| PyvenvCfg::parse(&cfg).maker())
    }
}

/// Keeps the first of equal paths.
pub(super) fn dedup(paths: &mut Vec<PathBuf>) {
    let mut seen = std::collections::HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
}

/// The regular file behind an interpreter's link.
pub(super) fn resolve_interpreter(link: &Path) -> Result<PathBuf, Error> {
    let target = || fs_err::read_link(link).unwrap_or_default();
    fs_err::canonicalize(link).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => unreachable(link, target(), error),
        _ => Error::DanglingInterpreter { link: link.to_owned(), target: target() },
    })
}

/// An interpreter that may be there.
pub(super) fn unreachable(link: &Path, target: PathBuf, source: std::io::Error) -> Error {
    let environment = link.parent().and_then(Path::parent).unwrap_or(link).to_owned();
    Error::UnreachableInterpreter { environment, target, source }
}

fn conda_python(root: &Path) -> Result<Option<Python>> {
    match own_python(root)? {
        Some(python) => Ok(Some(python)),
        None if conda_meta::python_version(root).is_some() => {
            Err(Error::NoInterpreter { path: root.join("bin/python") }.into())
        }
        None => Ok(None),
    }
}

/// The interpreter and the standard library that lie in `root` itself.
fn own_python(root: &Path) -> Result<Option<Python>> {
    let link = root.join("bin/python");
    if fs_err::symlink_metadata(&link).is_err() {
        return Ok(None);
    }
    let executable = resolve_interpreter(&link)?;
    let stated = executable.file_name().and_then(OsStr::to_str).map(str::to_owned);
    let version = conda_meta::python_version(root);
    let of_version = |name: &String| {
        let minor = name.trim_end_matches('t').trim_start_matches("python");
        version.as_ref().is_some_and(|version| version.starts_with(&format!("{minor}.")))
    };
    let libraries = python::standard_libraries(root);
    let Some((platlib, name)) = libraries
        .iter()
        .find(|(_, name)| stated.as_ref() == Some(name))
        .or_else(|| libraries.iter().find(|(_, name)| of_version(name)))
        .or(libraries.last())
        .cloned()
    else {
        return Err(Error::NoStandardLibrary { executable, name: "python3".into() }.into());
    };
    let version = version
        .or_else(|| python::version_from_headers(root, &name))
        .or_else(|| python::version_from_interpreter(&executable))
        .ok_or_else(|| Error::UnknownVersion { path: root.to_owned() })?;
    Ok(Some(Python { version, executable, home: root.to_owned(), name, platlib }))
}

/// Where a virtual environment was made, as its activation script says.
fn recorded_root(root: &Path) -> Option<PathBuf> {
    let script = fs_err::read_to_string(root.join("bin/activate")).ok()?;
    let value = script.lines().find_map(|line| {
        let line = line.trim().trim_start_matches("export ");
        line.strip_prefix("VIRTUAL_ENV=")
    })?;
    let path = PathBuf::from(value.trim_matches(['"', '\'']));
    // Some compute it; those hold no path.
    (path.is_absolute() && path.components().count() > 2 && !value.contains('$')).then_some(path)
}

fn not_an_environment(root: PathBuf) -> Error {
    let mut names: Vec<String> = fs_err::read_dir(&root)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let has_orig_prefix = |name: &String| root.join("lib").join(name).join("orig-prefix.txt").exists();
    if python::library_names(&root.join("lib")).iter().any(has_orig_prefix) {
        return Error::OldVirtualenv { path: root };
    }
    let seen = match names.len() {
        _ if !python::standard_libraries(&root).is_empty() => "a Python installation".to_owned(),
        0 => "an empty folder".to_owned(),
        1..=5 => format!("a folder with {}", names.join(", ")),
        count => format!("a folder with {} and {} more", names[..4].join(", "), count - 4),
    };
    Error::NotAnEnvironment { path: root, seen }
}
