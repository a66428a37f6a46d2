//! The base of a virtual environment: where its interpreter and its standard
//! library really are.

use std::path::{Path, PathBuf};

use super::python::{self, Python};
use super::pyvenv::PyvenvCfg;
use super::{Error, conda_meta, open};
use crate::error::Result;

/// What a virtual environment borrows from.
#[derive(Clone, Debug)]
pub struct Base {
    /// Every spelling under which the environment or its base names the base,
    /// the resolved one first.
    pub spellings: Vec<PathBuf>,
    /// Packages of the base are visible in the environment
    /// (`include-system-site-packages = true`).
    pub site_packages: SystemSite,
}

/// Whether a virtual environment sees the packages of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemSite {
    Hidden,
    Visible,
}

/// Whether a base's folder is the same on every machine, such as `/usr/local`
/// or the `/install` of python-build-standalone. It tells nothing, and
/// rewriting it would break what others mean by it.
fn is_common(path: &Path) -> bool {
    path == Path::new("/usr/local") || path.components().count() <= 2
}

impl Base {
    /// The resolved folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.spellings[0]
    }

    /// The base is the operating system's own Python, among whose files are
    /// those of everything else.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.home() == Path::new("/usr") || self.home() == Path::new("/")
    }

    /// The spellings that must not stay in an archive.
    pub(crate) fn rewritten(&self) -> impl Iterator<Item = &PathBuf> {
        self.spellings.iter().filter(|path| !is_common(path))
    }
}

/// Finds the base of the virtual environment at `root`.
pub(super) fn locate(root: &Path, cfg: &PyvenvCfg) -> Result<(Base, Python)> {
    let name = library_name(root, cfg).ok_or_else(|| Error::UnknownVersion { path: root.to_owned() })?;
    let executable = executable(root, cfg, &name)?;
    let homes = homes(root, cfg, &executable);
    let (home, platlib) = homes
        .iter()
        .find_map(|home| {
            let (platlib, _) =
                python::standard_libraries(home).into_iter().find(|(_, known)| *known == name)?;
            Some((fs_err::canonicalize(home).ok()?, platlib))
        })
        .ok_or_else(|| Error::NoStandardLibrary { executable: executable.clone(), name: name.clone() })?;
    let version = python::version_from_headers(&home, &name)
        .or_else(|| conda_meta::python_version(&home))
        .or_else(|| cfg.version().filter(|version| version.matches('.').count() == 2))
        .or_else(|| python::version_from_interpreter(&executable))
        .ok_or_else(|| Error::UnknownVersion { path: root.to_owned() })?;

    let mut spellings = vec![home.clone()];
    spellings.extend(homes);
    spellings.extend(build_prefix(&home, platlib, &name));
    open::dedup(&mut spellings);
    let site_packages =
        if cfg.sees_system_site_packages() { SystemSite::Visible } else { SystemSite::Hidden };
    Ok((Base { spellings, site_packages }, Python { version, executable, home, name, platlib }))
}

/// `python3.11`: the library folder of the environment, of several the one of
/// the version in its `pyvenv.cfg`.
fn library_name(root: &Path, cfg: &PyvenvCfg) -> Option<String> {
    let mut names = python::library_names(&root.join("lib"));
    names.sort();
    let stated = cfg.version().map(|version| version.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
    let matching = |name: &&String| {
        stated.as_ref().is_some_and(|version| {
            name.trim_end_matches('t').strip_prefix("python") == Some(version.as_str())
        })
    };
    names.iter().find(matching).or(names.last()).cloned()
}

/// The regular file behind `bin/python`. A copied interpreter (`venv --copies`)
/// finds its libraries only in the base, so the base's own is taken.
fn executable(root: &Path, cfg: &PyvenvCfg, name: &str) -> Result<PathBuf> {
    let link = root.join("bin/python");
    let found = fs_err::symlink_metadata(&link).map_err(|_| Error::NoInterpreter { path: link.clone() })?;
    if found.is_symlink() {
        return Ok(open::resolve_interpreter(&link)?);
    }
    let home = cfg.get("home").ok_or_else(|| Error::NoInterpreter { path: root.join("pyvenv.cfg") })?;
    let stated = ["base-executable", "executable"].iter().filter_map(|key| cfg.get(key)).map(PathBuf::from);
    let named = [name, "python3", "python"].into_iter().map(|name| Path::new(home).join(name));
    let candidates: Vec<PathBuf> = stated.chain(named).collect();
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    let refused = || {
        candidates.iter().find_map(|path| {
            let error = fs_err::metadata(path).err()?;
            let refused = error.kind() == std::io::ErrorKind::PermissionDenied;
            refused.then(|| open::unreachable(&link, path.clone(), error))
        })
    };
    found.map(|path| fs_err::canonicalize(&path).unwrap_or(path)).ok_or_else(|| {
        refused().unwrap_or_else(|| Error::MissingBase { path: root.to_owned(), home: home.into() }).into()
    })
}

/// Where the base may be, in the order of trust.
fn homes(root: &Path, cfg: &PyvenvCfg, executable: &Path) -> Vec<PathBuf> {
    let mut executables = vec![executable.to_owned()];
    executables.extend(fs_err::read_link(root.join("bin/python")).ok().filter(|target| target.is_absolute()));
    executables.extend(cfg.get("home").map(|home| Path::new(home).join("python")));
    executables
        .extend(["base-executable", "executable"].iter().filter_map(|key| cfg.get(key)).map(PathBuf::from));
    let mut homes: Vec<PathBuf> = executables
        .iter()
        .filter_map(|path| Some(path.parent()?.parent()?.to_owned()))
        .chain(["base-prefix", "base-exec-prefix"].iter().filter_map(|key| cfg.get(key)).map(PathBuf::from))
        .filter(|home| home.is_absolute() && !home.starts_with(root))
        .collect();
    open::dedup(&mut homes);
    homes
}

/// The prefix that the base was configured with, where it lies elsewhere now:
/// its sysconfig data still names that place.
fn build_prefix(home: &Path, platlib: &str, name: &str) -> Option<PathBuf> {
    let folder = home.join(platlib).join(name);
    let data = fs_err::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("_sysconfigdata") && path.extension().is_some_and(|extension| extension == "py")
    })?;
    let text = fs_err::read_to_string(data).ok()?;
    let line = text.lines().find_map(|line| line.trim_start_matches([' ', '{']).strip_prefix("'prefix':"))?;
    let prefix = PathBuf::from(line.split('\'').nth(1)?);
    prefix.is_absolute().then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_every_machine_has_is_not_rewritten() {
        let spellings =
            ["/usr/local", "/install", "/home/me/.pyenv/versions/3.11.7"].map(PathBuf::from).to_vec();
        let base = Base { spellings, site_packages: SystemSite::Hidden };
        let rewritten: Vec<_> = base.rewritten().collect();
        assert_eq!(rewritten, [Path::new("/home/me/.pyenv/versions/3.11.7")]);
    }

    #[test]
    fn the_library_folder_of_the_stated_version_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for name in ["python3.9", "python3.11"] {
            fs_err::create_dir_all(root.path().join("lib").join(name)).unwrap();
        }
        let cfg = PyvenvCfg::parse("version_info = 3.9.2.final.0");
        assert_eq!(library_name(root.path(), &cfg).as_deref(), Some("python3.9"));
    }
}
