//! An opened prefix → its inventory.

mod flaws;
mod installers;
mod owners;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::conda_meta::Record;
use super::dist_info::Distribution;
use super::editable::Editables;
use super::links::{self, Link};
use super::walk::{self, Found, Kind};
use super::{Error, Filters, Inventory, Prefix, PrefixKind, omit, platform};
use crate::artifact::SourceKind;
use crate::entry::{Content, DiskPath, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::progress::{Progress, Step};
use installers::installers;
use owners::{Owners, roots};

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
        // What has no name can't be listed first and filtered then.
        let nameless = path.contains(char::REPLACEMENT_CHARACTER);
        !owners.conda.contains_key(path) && omit::reason(&prefix.kind, path).is_some()
            || nameless && !options.filters.keeps(path)
    })?;
    progress.begin(Step::Scan, Some(found.len() as u64));
    let source =
        if matches!(prefix.kind, PrefixKind::Conda) { SourceKind::CondaPrefix } else { SourceKind::Venv };
    let platform = platform::of(&owners.records, prefix.python.as_ref());
    let inventory = Inventory::new(prefix.clone(), source, platform, options.filters.clone());
    let root = prefix.root.as_path().into();
    let mut scan =
        Scan { owners: &owners, editables: &editables, root, inventory, outside: Vec::new(), progress };
    scan.take(&found)?;
    progress.end();
    for (name, place) in &editables.projects {
        progress.warn(&format!("left out: `{name}`, which is installed as editable from `{place}`"));
    }
    for (file, folder) in &editables.folders {
        progress.warn(&format!("left out: `{folder}`, which `{file}` puts on Python's search path"));
    }
    scan.tell_outside_links();
    scan.judge_packages(&found, options.missing)?;
    scan.drop_links_to_nothing();
    scan.list_packages();
    Ok(scan.inventory)
}

/// What a path in the prefix is to an archive.
enum Seen {
    Entry(Node, Group),
    /// A link to a file elsewhere, whose contents take its place.
    Outside {
        file: PathBuf,
        node: Node,
        group: Group,
    },
    /// Takes the place of what is in the file.
    Text(String, Group),
    /// With the rest of a sentence that begins with the path.
    Unpackable(String),
    /// Not asked for, or made anew.
    Unwanted,
}

/// A scan under way.
struct Scan<'a> {
    owners: &'a Owners,
    editables: &'a Editables,
    root: Arc<Path>,
    inventory: Inventory,
    /// Links that no package owns and the files elsewhere whose contents take
    /// their places.
    outside: Vec<(String, PathBuf)>,
    progress: &'a dyn Progress,
}

impl Scan<'_> {
    /// Takes what was found into the inventory.
    fn take(&mut self, found: &[Found]) -> Result<()> {
        let look = |item: &Found| {
            interrupt::check()?;
            let seen = self.look(item)?;
            self.progress.advance(1);
            Ok::<_, crate::error::Error>(seen)
        };
        let seen: Vec<Result<Seen>> = found.par_iter().with_max_len(AT_ONCE).map(look).collect();
        for (item, seen) in found.iter().zip(seen) {
            let path = &item.path;
            match seen? {
                Seen::Entry(node, group) => {
                    self.inventory.put(Entry { path: Arc::clone(path), group, node });
                }
                Seen::Outside { file, node, group } => {
                    if group == Group::Loose {
                        self.outside.push((path.to_string(), file));
                    }
                    self.inventory.put(Entry { path: Arc::clone(path), group, node });
                }
                Seen::Text(text, group) => self.inventory.put_text(path, group, text),
                Seen::Unpackable(why) => self.progress.warn(&format!("left out: `{path}` {why}")),
                Seen::Unwanted => {}
            }
        }
        Ok(())
    }

    /// What a path becomes.
    fn look(&self, item: &Found) -> Result<Seen> {
        let path = &item.path;
        let prefix = &self.inventory.prefix;
        let venv = matches!(prefix.kind, PrefixKind::Venv(_));
        if self.editables.cover(path)
            || !self.inventory.filters.keeps(path)
            || (venv && omit::is_interpreter_name(path))
        {
            return Ok(Seen::Unwanted);
        }
        let group = || self.owners.group(prefix, path);
        if let Some(text) = self.editables.pth.get(&**path) {
            return Ok(Seen::Text(text.clone(), group()));
        }
        match &item.kind {
            Kind::EmptyFolder => Ok(Seen::Entry(Node::Directory, Group::Directory)),
            Kind::File { size, executable } => {
                readable(&prefix.root.join(&**path))?;
                let content = Content::Disk { path: DiskPath::new(&self.root, path), size: *size };
                let rewrite = self.owners.rewrite(path);
                Ok(Seen::Entry(Node::File(File { executable: *executable, content, rewrite }), group()))
            }
            Kind::Link(target) => self.link(path, target),
            Kind::Special => Ok(Seen::Unpackable("is a socket, a pipe or a device".to_owned())),
        }
    }

    fn link(&self, path: &str, target: &Path) -> Result<Seen> {
        let prefix = &self.inventory.prefix;
        let group = || self.owners.group(prefix, path);
        match links::judge(&roots(prefix), path, target) {
            Link::Inside(target) => Ok(Seen::Entry(Node::Link(target), group())),
            Link::OutsideFile(file) => {
                let metadata = fs_err::metadata(&file)?;
                if !metadata.is_file() {
                    return Ok(Seen::Unpackable("links to a socket, a pipe or a device".to_owned()));
                }
                readable(&file)?;
                let executable = metadata.permissions().mode() & 0o111 != 0;
                let content = Content::Disk { path: file.clone().into(), size: metadata.len() };
                let node = Node::File(File { executable, content, rewrite: Rewrite::Search });
                Ok(Seen::Outside { file, node, group: group() })
            }
            Link::OutsideFolder(target) => Err(Error::OutsideFolder { link: path.to_owned(), target }.into()),
            Link::Dangling(target) => {
                Ok(Seen::Unpackable(format!("links to `{}`, which is not there", target.display())))
            }
        }
    }

    /// Who links to a file elsewhere may not mean to give it away.
    fn tell_outside_links(&self) {
        let Some((link, target)) = self.outside.first() else { return };
        let which = match self.outside.len() {
            1 => format!("`{link}` links to `{}`", target.display()),
            count => format!(
                "{count} links lead outside the environment, `{link}` to `{}` first",
                target.display()
            ),
        };
        self.progress.warn(&format!("{which}: the file itself is packed; --exclude leaves it out"));
    }

    /// Tells what is wrong with conda packages, or refuses it.
    fn judge_packages(&mut self, found: &[Found], missing: MissingFiles) -> Result<()> {
        let lines = flaws::of_packages(self.owners, &self.inventory, found);
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

fn links_of(count: usize) -> String {
    if count == 1 { "1 link".to_owned() } else { format!("{count} links") }
}

/// Fails before anything is packed if a file can't be read.
fn readable(path: &Path) -> Result<(), Error> {
    rustix::fs::access(path, rustix::fs::Access::READ_OK)
        .map_err(|source| Error::Unreadable { path: path.to_owned(), source: source.into() })
}
