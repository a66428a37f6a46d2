//! The standard library of a virtual environment's base, without what no job
//! needs: tests, static libraries, other Pythons' bytecode and, unless the
//! environment sees them, the base's own packages.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::debian;
use crate::artifact::Package;
use crate::entry::{Content, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::prefix::{
    Distribution, Found, FoundKind, Inventory, PrefixKind, SystemSite, conda_records, distributions, walk,
};

/// What the base says of its own files, if it is a conda environment.
pub(super) struct BaseFiles {
    home: PathBuf,
    rewrites: HashMap<Arc<str>, Rewrite>,
}

impl BaseFiles {
    pub(super) fn load(home: &Path) -> Result<Self> {
        let records = conda_records(home)?;
        let rewrites = records.iter().flat_map(|record| record.files(None)).collect();
        Ok(BaseFiles { home: home.to_owned(), rewrites })
    }

    /// How the base's prefix is found in one of its files.
    pub(super) fn rewrite_of(&self, file: &Path) -> Rewrite {
        let below = file.strip_prefix(&self.home).ok().and_then(Path::to_str);
        below.and_then(|path| self.rewrites.get(path)).cloned().unwrap_or(Rewrite::Search)
    }

    /// A file of the base as it goes into the archive.
    pub(super) fn file(&self, path: PathBuf) -> Result<File> {
        let metadata = fs_err::metadata(&path)?;
        Ok(File {
            executable: metadata.permissions().mode() & 0o111 != 0,
            rewrite: self.rewrite_of(&path),
            content: Content::Disk { path: path.into(), size: metadata.len() },
        })
    }
}

/// Brings the standard library and the headers; what the environment has
/// itself stays.
pub(super) fn bring(inventory: &mut Inventory) -> Result<()> {
    let Some(python) = inventory.prefix.python.clone() else { return Ok(()) };
    let base = BaseFiles::load(&python.home)?;
    if python.platlib != "lib" {
        // The interpreter looks there, and a consumer that loses links would
        // leave it without its library.
        inventory.remove(python.platlib);
    }
    bring_folder(inventory, &base, &python.stdlib(), is_unneeded)?;
    bring_folder(inventory, &base, &format!("include/{}", python.name), |_| false)?;
    if let PrefixKind::Venv(seen) = &inventory.prefix.kind
        && seen.site_packages == SystemSite::Visible
    {
        let own = python.site_packages();
        let of_system = if seen.is_system() { debian::package_folders(&python).to_vec() } else { Vec::new() };
        for folder in of_system.iter().chain([&own]) {
            bring_site_packages(inventory, &base, folder, &own)?;
        }
    }
    Ok(())
}

/// What of a standard library stays behind; `path` is below it.
fn is_unneeded(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let top = path.split('/').next().unwrap_or(path);
    matches!(top, "site-packages" | "dist-packages")
        || top == "config"
        || top.starts_with("config-")
        || matches!(name, "test" | "tests" | "idle_test")
        || name.ends_with(".a")
        // It forbids pip to install into the operating system's Python.
        || (folder.is_empty() && name == "EXTERNALLY-MANAGED")
}

fn bring_folder(
    inventory: &mut Inventory,
    base: &BaseFiles,
    folder: &str,
    skip: impl Fn(&str) -> bool + Sync,
) -> Result<()> {
    let disk = base.home.join(folder);
    if !disk.is_dir() {
        return Ok(());
    }
    for found in walk(&disk, skip)? {
        let path = format!("{folder}/{}", found.path);
        add(inventory, base, Group::Interpreter, &path, &disk, &found)?;
    }
    Ok(())
}

/// Adds what was found in a folder of the base; links become what they lead
/// to, so that nothing leads back to the base.
fn add(
    inventory: &mut Inventory,
    base: &BaseFiles,
    group: Group,
    path: &str,
    folder: &Path,
    found: &Found,
) -> Result<()> {
    if inventory.get(path).is_some() || !inventory.filters.keeps(path) {
        return Ok(());
    }
    let disk = folder.join(&*found.path);
    let node = match &found.kind {
        FoundKind::File { .. } => Node::File(base.file(disk)?),
        FoundKind::Link(_) => match fs_err::canonicalize(disk) {
            Ok(target) if target.is_file() => Node::File(base.file(target)?),
            _ => return Ok(()),
        },
        FoundKind::EmptyFolder | FoundKind::Special => return Ok(()),
    };
    inventory.put(Entry { path: path.into(), group, node });
    Ok(())
}

/// Brings the packages in a folder of the base that the environment doesn't
/// have itself, so that no package is there in two versions.
fn bring_site_packages(
    inventory: &mut Inventory,
    base: &BaseFiles,
    site_packages: &str,
    own_folder: &str,
) -> Result<()> {
    let own: HashSet<String> = inventory.packages.iter().map(|package| package.name.clone()).collect();
    let (shadowed, visible): (Vec<_>, Vec<_>) = distributions(&base.home, site_packages)
        .into_iter()
        .partition(|distribution| own.contains(&distribution.name));
    let hidden: HashSet<Arc<str>> = shadowed
        .into_iter()
        .flat_map(|distribution| distribution.files.into_iter().chain([distribution.path.into()]))
        .collect();
    let owners: HashMap<&str, &str> = visible
        .iter()
        .flat_map(|owner| owner.files.iter().map(|path| (&**path, owner.name.as_str())))
        .collect();
    let disk = base.home.join(site_packages);
    if !disk.is_dir() {
        return Ok(());
    }
    for found in walk(&disk, |path| hidden.contains(format!("{site_packages}/{path}").as_str()))? {
        let path = format!("{site_packages}/{}", found.path);
        let group = owners.get(path.as_str()).map_or(Group::Loose, |name| Group::Package((*name).into()));
        let path = format!("{own_folder}/{}", found.path);
        add(inventory, base, group, &path, &disk, &found)?;
    }
    let brought: Vec<Package> = visible.iter().map(Distribution::package).collect();
    inventory.packages.extend(brought);
    inventory.packages.sort_by(|a, b| (&a.name, a.kind, &a.version).cmp(&(&b.name, b.kind, &b.version)));
    inventory.packages.dedup();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_static_libraries_and_foreign_packages_stay_behind() {
        for path in [
            "test",
            "unittest/test",
            "idlelib/idle_test",
            "config-3.11-x86_64-linux-gnu",
            "site-packages",
            "libpython3.11.a",
            "EXTERNALLY-MANAGED",
        ] {
            assert!(is_unneeded(path), "{path}");
        }
        for path in
            ["os.py", "unittest", "configparser.py", "ensurepip/_bundled", "lib-dynload", "testing.py"]
        {
            assert!(!is_unneeded(path), "{path}");
        }
    }
}
