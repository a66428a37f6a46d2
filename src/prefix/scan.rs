//! An opened prefix → its inventory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::conda_meta::{self, Record};
use super::dist_info::{self, Distribution};
use super::editable::{self, Editables};
use super::links::{self, Link};
use super::walk::{self, Found, Kind};
use super::{Error, Filters, Inventory, Prefix, PrefixKind, omit, platform};
use crate::artifact::{Installer, SourceKind};
use crate::entry::{Content, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::progress::{Progress, Step};

/// What the user wants of a scan.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    pub filters: Filters,
    pub editable: Editable,
    pub missing: MissingFiles,
}

/// What to do about projects that are installed as pointers to their sources,
/// and about other folders that `.pth` files lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Editable {
    /// Fail and name them.
    #[default]
    Refuse,
    /// Leave them out.
    LeaveOut,
}

/// What to do about files of conda packages that are missing or that another
/// installer replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingFiles {
    /// Take what is there and say so, a line per package.
    #[default]
    Tolerate,
    /// Fail and name them.
    Refuse,
}

/// Lists what is in an environment.
///
/// # Errors
/// If something can't be read or named, or the options refuse what is found.
pub fn scan(prefix: &Prefix, options: &ScanOptions, progress: &dyn Progress) -> Result<Inventory> {
    let owners = Owners::load(prefix)?;
    let editables = owners.editables(prefix);
    if options.editable == Editable::Refuse {
        editables.refuse()?;
    }
    let found = walk::walk(&prefix.root, |path| {
        !owners.conda.contains_key(path) && omit::reason(&prefix.kind, path).is_some()
    })?;
    progress.begin(Step::Scan, Some(found.len() as u64));
    let source =
        if matches!(prefix.kind, PrefixKind::Conda) { SourceKind::CondaPrefix } else { SourceKind::Venv };
    let platform = platform::of(&owners.records, prefix.python.as_ref());
    let inventory = Inventory::new(prefix.clone(), source, platform, options.filters.clone());
    let mut scan = Scan { owners: &owners, editables: &editables, inventory, progress };
    for item in &found {
        interrupt::check()?;
        scan.take(item)?;
        progress.advance(1);
    }
    progress.end();
    for (name, place) in &editables.projects {
        progress.warn(&format!("left out: `{name}`, which is installed as editable from `{place}`"));
    }
    for (file, folder) in &editables.folders {
        progress.warn(&format!("left out: `{folder}`, which `{file}` puts on Python's search path"));
    }
    scan.judge_packages(&found, options.missing)?;
    scan.drop_links_to_nothing();
    scan.list_packages();
    Ok(scan.inventory)
}

/// Who installed what.
struct Owners {
    records: Vec<Record>,
    /// Path → index of the record, and what the package says of the file.
    conda: HashMap<String, (usize, Rewrite)>,
    /// Of pip and others; what conda installed is not among them.
    distributions: Vec<Distribution>,
    /// Path → index of the distribution.
    pip: HashMap<String, usize>,
    site_packages: Vec<String>,
}

impl Owners {
    fn load(prefix: &Prefix) -> Result<Self> {
        let site_packages = site_packages(prefix);
        let records = conda_meta::load(&prefix.root)?;
        let mut conda = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            let files = record.files(site_packages.first().map(String::as_str));
            conda.extend(files.map(|(path, rewrite)| (path, (index, rewrite))));
        }
        let distributions: Vec<Distribution> = site_packages
            .iter()
            .flat_map(|folder| dist_info::distributions(&prefix.root, folder))
            .filter(|distribution| !conda.contains_key(&format!("{}/METADATA", distribution.path)))
            .collect();
        let mut pip = HashMap::new();
        for (index, distribution) in distributions.iter().enumerate() {
            pip.extend(distribution.files.iter().map(|path| (path.clone(), index)));
        }
        Ok(Owners { records, conda, distributions, pip, site_packages })
    }

    fn editables(&self, prefix: &Prefix) -> Editables {
        let roots = roots(prefix);
        let mut all = Editables::default();
        for folder in &self.site_packages {
            let mut found = editable::find(&roots, folder, &self.distributions);
            found.projects.retain(|project| !all.projects.contains(project));
            all.projects.append(&mut found.projects);
            all.folders.append(&mut found.folders);
            all.files.append(&mut found.files);
            all.pth.append(&mut found.pth);
        }
        all
    }

    /// The part of the archive in which a file is written: by who wrote it
    /// last, and bytecode with its source.
    fn group(&self, prefix: &Prefix, path: &str) -> Group {
        if let Some(index) = self.pip.get(path) {
            return Group::Package(self.distributions[*index].name.clone());
        }
        if let Some((index, _)) = self.conda.get(path) {
            return conda_group(&self.records[*index].name);
        }
        if path.starts_with("conda-meta/")
            && let Some(record) = self.records.iter().find(|record| record.path == path)
        {
            return conda_group(&record.name);
        }
        if let Some(source) = source_of(path) {
            return self.group(prefix, &source);
        }
        if is_standard_library(prefix, path) { Group::Interpreter } else { Group::Loose }
    }

    fn rewrite(&self, path: &str) -> Rewrite {
        match self.conda.get(path) {
            // What another installer wrote has nothing to do with the
            // placeholder of the package.
            Some((_, rewrite)) if !self.pip.contains_key(path) => rewrite.clone(),
            _ => Rewrite::Search,
        }
    }
}

/// A scan under way.
struct Scan<'a> {
    owners: &'a Owners,
    editables: &'a Editables,
    inventory: Inventory,
    progress: &'a dyn Progress,
}

impl Scan<'_> {
    /// Takes a path into the inventory, or not.
    fn take(&mut self, item: &Found) -> Result<()> {
        let path = &item.path;
        let prefix = &self.inventory.prefix;
        let venv = matches!(prefix.kind, PrefixKind::Venv(_));
        if self.editables.cover(path)
            || !self.inventory.filters.keeps(path)
            || (venv && omit::is_interpreter_name(path))
        {
            return Ok(());
        }
        if let Some(text) = self.editables.pth.get(path) {
            let group = self.owners.group(prefix, path);
            self.inventory.put_text(path, group, text.as_str());
            return Ok(());
        }
        let node = match &item.kind {
            Kind::EmptyFolder => Node::Directory,
            Kind::File { size, executable } => {
                let disk = prefix.root.join(path);
                readable(&disk)?;
                let content = Content::Disk { path: disk, size: *size };
                Node::File(File { executable: *executable, content, rewrite: self.owners.rewrite(path) })
            }
            Kind::Link(target) => match self.link(path, target)? {
                Some(node) => node,
                None => return Ok(()),
            },
            Kind::Special => {
                self.progress.warn(&format!("left out: `{path}` is a socket, a pipe or a device"));
                return Ok(());
            }
        };
        let group = match node {
            Node::Directory => Group::Directory,
            _ => self.owners.group(&self.inventory.prefix, path),
        };
        self.inventory.put(Entry { path: path.clone(), group, node });
        Ok(())
    }

    fn link(&self, path: &str, target: &std::path::Path) -> Result<Option<Node>> {
        match links::judge(&roots(&self.inventory.prefix), path, target) {
            Link::Inside(target) => Ok(Some(Node::Link(target))),
            Link::OutsideFile(resolved) => {
                let metadata = fs_err::metadata(&resolved)?;
                if !metadata.is_file() {
                    self.progress.warn(&format!("left out: `{path}` links to a socket, a pipe or a device"));
                    return Ok(None);
                }
                readable(&resolved)?;
                let executable =
                    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
                let content = Content::Disk { path: resolved, size: metadata.len() };
                Ok(Some(Node::File(File { executable, content, rewrite: Rewrite::Search })))
            }
            Link::OutsideFolder(target) => Err(Error::OutsideFolder { link: path.to_owned(), target }.into()),
            Link::Dangling(target) => {
                let target = target.display();
                self.progress.warn(&format!("left out: `{path}` links to `{target}`, which is not there"));
                Ok(None)
            }
        }
    }

    /// Says of each conda package what is missing of it and what another
    /// installer replaced.
    fn judge_packages(&mut self, found: &[Found], missing: MissingFiles) -> Result<()> {
        let present: HashSet<&str> = found.iter().map(|item| item.path.as_str()).collect();
        let root = &self.inventory.prefix.root;
        let mut flaws: BTreeMap<usize, Flaws> = BTreeMap::new();
        for (path, (index, _)) in &self.owners.conda {
            if !self.inventory.filters.keeps(path) {
                continue;
            }
            if let Some(distribution) = self.owners.pip.get(path) {
                flaws.entry(*index).or_default().replaced_by(&self.owners.distributions[*distribution], path);
            } else if !present.contains(path.as_str()) && !is_bytecode(path) && !root.join(path).is_dir() {
                flaws.entry(*index).or_default().missing.push(path.clone());
            }
        }
        let lines: Vec<String> =
            flaws.into_iter().map(|(index, flaws)| flaws.line(&self.owners.records[index])).collect();
        if missing == MissingFiles::Refuse && !lines.is_empty() {
            return Err(Error::Incomplete { packages: lines }.into());
        }
        for line in lines {
            self.progress.note(&line);
            self.inventory.remarks.push(line);
        }
        Ok(())
    }

    /// A filter may take away what a link leads to.
    fn drop_links_to_nothing(&mut self) {
        let dropped = self.inventory.remove_dangling_links();
        if !dropped.is_empty() {
            let first = &dropped[0];
            self.progress.note(&format!(
                "left out: {} to files that are left out, `{first}` first",
                links_of(dropped.len())
            ));
        }
    }

    fn list_packages(&mut self) {
        let left_out = |distribution: &&Distribution| !self.editables.files.contains(&distribution.path);
        let distributions: Vec<&Distribution> = self.owners.distributions.iter().filter(left_out).collect();
        let inventory = &mut self.inventory;
        inventory.packages = self.owners.records.iter().map(Record::package).collect();
        // conda's own metadata of a package without a record of its own.
        let of_conda = |distribution: &&&Distribution| distribution.installer.as_deref() == Some("conda");
        inventory.packages.extend(distributions.iter().filter(|d| !of_conda(d)).map(|d| d.package()));
        inventory.packages.sort_by(|a, b| (&a.name, a.kind, &a.version).cmp(&(&b.name, b.kind, &b.version)));
        inventory.packages.dedup();
        inventory.installers = installers(&inventory.prefix, &distributions);
    }
}

/// What is wrong with the files of a conda package.
#[derive(Default)]
struct Flaws {
    missing: Vec<String>,
    replaced: BTreeMap<String, Vec<String>>,
}

impl Flaws {
    fn replaced_by(&mut self, distribution: &Distribution, path: &str) {
        let installer = distribution.installer.as_deref().unwrap_or("another installer");
        let by = format!("{} {} of {installer}", distribution.name, distribution.version);
        self.replaced.entry(by).or_default().push(path.to_owned());
    }

    fn line(mut self, record: &Record) -> String {
        let mut parts = Vec::new();
        for (by, mut paths) in self.replaced {
            parts.push(format!("{} replaced by {by} and kept as replaced", files(&mut paths)));
        }
        if !self.missing.is_empty() {
            parts.push(format!("{} missing and left out", files(&mut self.missing)));
        }
        format!("{} {}: {}", record.name, record.version, parts.join("; "))
    }
}

/// `2 files (a, b)`, with at most three names.
fn files(paths: &mut [String]) -> String {
    paths.sort();
    let count = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
    let more = if paths.len() > 3 { ", …" } else { "" };
    format!("{count} ({}{more})", paths[..paths.len().min(3)].join(", "))
}

fn links_of(count: usize) -> String {
    if count == 1 { "1 link".to_owned() } else { format!("{count} links") }
}

/// The tools that installed packages, by name, with the versions that the
/// environment tells.
fn installers(prefix: &Prefix, distributions: &[&Distribution]) -> Vec<Installer> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let maker = prefix.maker();
    let pip = distributions.iter().find(|distribution| distribution.name == "pip");
    for name in distributions.iter().filter_map(|distribution| distribution.installer.as_ref()) {
        let version = match (name.as_str(), &maker) {
            ("uv", Some(("uv", version))) => version.clone(),
            ("pip", _) => pip.map(|pip| pip.version.clone()),
            _ => None,
        };
        if !name.is_empty() {
            found.insert(name.clone(), version);
        }
    }
    if matches!(prefix.kind, PrefixKind::Conda) {
        found.extend(conda_installer(prefix));
    }
    found.into_iter().map(|(name, version)| Installer { name, version }).collect()
}

/// `conda` with its version as the history has it, or pixi by its notes.
fn conda_installer(prefix: &Prefix) -> Option<(String, Option<String>)> {
    let meta = prefix.root.join("conda-meta");
    if meta.join("pixi").exists() {
        return Some(("pixi".to_owned(), None));
    }
    let history = fs_err::read_to_string(meta.join("history")).ok()?;
    let version = history.lines().rev().find_map(|line| line.strip_prefix("# conda version:"))?;
    Some(("conda".to_owned(), Some(version.trim().to_owned())))
}

fn roots(prefix: &Prefix) -> Vec<PathBuf> {
    let mut roots = vec![prefix.root.clone()];
    roots.extend(fs_err::canonicalize(&prefix.root));
    super::open::dedup(&mut roots);
    roots
}

fn site_packages(prefix: &Prefix) -> Vec<String> {
    let Some(python) = &prefix.python else { return Vec::new() };
    let mut folders = vec![python.site_packages()];
    if python.platlib != "lib" && !prefix.root.join(python.platlib).is_symlink() {
        folders.push(format!("{}/{}/site-packages", python.platlib, python.name));
    }
    folders
}

fn conda_group(package: &str) -> Group {
    if package == "python" { Group::Interpreter } else { Group::Package(package.to_owned()) }
}

/// Whether an environment that holds its own interpreter has it here.
fn is_standard_library(prefix: &Prefix, path: &str) -> bool {
    let (PrefixKind::Standalone, Some(python)) = (&prefix.kind, &prefix.python) else { return false };
    let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let library = below(&python.stdlib()) && !below(&python.site_packages());
    library
        || below(&format!("include/{}", python.name))
        || omit::is_interpreter_name(path)
        || path.starts_with("lib/libpython")
}

/// `a/b.py` of `a/__pycache__/b.cpython-311.opt-1.pyc`.
fn source_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once("__pycache__/")?;
    let stem = name.strip_suffix(".pyc")?.split('.').next()?;
    Some(format!("{folder}{stem}.py"))
}

fn is_bytecode(path: &str) -> bool {
    path.ends_with(".pyc")
}

/// Fails before anything is packed if a file can't be read.
fn readable(path: &std::path::Path) -> Result<(), Error> {
    rustix::fs::access(path, rustix::fs::Access::READ_OK)
        .map_err(|source| Error::Unreadable { path: path.to_owned(), source: source.into() })
}
