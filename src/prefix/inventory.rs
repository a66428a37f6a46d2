//! The list of what goes into an archive, while it is being made.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Filters, Prefix};
use crate::artifact::{Installer, Package, SourceKind};
use crate::entry::{Content, Entry, File, Group, Node, Rewrite, folders_above};

/// Everything that is known of an environment and of what is in it.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Where it was read.
    pub prefix: Prefix,
    /// What must not stay in files: every spelling of the environment's
    /// original place and of its base's. Longest first.
    pub prefixes: Vec<PathBuf>,
    /// Ordered by name, then kind.
    pub packages: Vec<Package>,
    /// What installed the packages, ordered by name.
    pub installers: Vec<Installer>,
    /// As conda names it.
    pub platform: String,
    pub source: SourceKind,
    /// The user's, which also hold for what `complete` brings.
    pub filters: Filters,
    /// Facts that a user of the archive should know.
    pub remarks: Vec<String>,
    entries: BTreeMap<Arc<str>, Arc<Entry>>,
}

impl Inventory {
    pub(super) fn new(prefix: Prefix, source: SourceKind, platform: String, filters: Filters) -> Self {
        Inventory {
            prefixes: prefix.spellings(),
            prefix,
            packages: Vec::new(),
            installers: Vec::new(),
            platform,
            source,
            filters,
            remarks: Vec::new(),
            entries: BTreeMap::new(),
        }
    }

    /// The entry at a path; folders are there only while they are empty.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path).map(Arc::as_ref)
    }

    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        match &self.get(path)?.node {
            Node::File(file) => Some(file),
            _ => None,
        }
    }

    /// Adds an entry, in the place of one with the same path.
    pub fn put(&mut self, entry: Entry) {
        self.entries.insert(Arc::clone(&entry.path), Arc::new(entry));
    }

    /// Adds a file that envship made, in the group of the one it replaces.
    pub fn put_text(&mut self, path: &str, group: Group, text: impl Into<Vec<u8>>) {
        let group = self.get(path).map_or(group, |entry| entry.group.clone());
        let file =
            File { executable: false, content: Content::Memory(text.into().into()), rewrite: Rewrite::Keep };
        self.put(Entry { path: path.into(), group, node: Node::File(file) });
    }

    /// Takes an entry out.
    pub fn remove(&mut self, path: &str) -> Option<Entry> {
        self.entries.remove(path).map(Arc::unwrap_or_clone)
    }

    /// Files, links and empty folders, by path.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(Arc::as_ref)
    }

    /// Those whose path starts with `prefix`, by path.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(_, entry)| &**entry)
            .take_while(move |e| e.path.starts_with(prefix))
    }

    /// Changes the files in place.
    pub fn files_mut(&mut self) -> impl Iterator<Item = (&str, &mut File)> {
        self.entries.iter_mut().filter_map(|(path, entry)| match &mut Arc::make_mut(entry).node {
            Node::File(file) => Some((&**path, file)),
            _ => None,
        })
    }

    /// Where the link at `path` leads in the end: the path of a file, an empty
    /// folder or a folder with entries. `None` if to nothing.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..40 {
            match self.get(&path).map(|entry| &entry.node) {
                Some(Node::Link(target)) => path = join(&path, target)?,
                Some(_) => return Some(path),
                None => return self.below(&format!("{path}/")).next().map(|_| path.clone()),
            }
        }
        None
    }

    /// Takes out the links that lead to nothing in the inventory and returns
    /// their paths.
    pub(crate) fn remove_dangling_links(&mut self) -> Vec<String> {
        let dangling: Vec<String> = self
            .iter()
            .filter(|entry| matches!(&entry.node, Node::Link(target) if !target.starts_with('/')))
            .filter(|entry| self.resolve_through_folders(&entry.path).is_none())
            .map(|entry| entry.path.to_string())
            .collect();
        for path in &dangling {
            self.remove(path);
        }
        dangling
    }

    /// As [`Inventory::resolve`], also where a folder on the way is a link.
    fn resolve_through_folders(&self, path: &str) -> Option<String> {
        let Some(Node::Link(target)) = self.get(path).map(|entry| &entry.node) else {
            return self.resolve(path);
        };
        let target = join(path, target)?;
        if target.is_empty() {
            return Some(target);
        }
        if let Some(found) = self.resolve(&target) {
            return Some(found);
        }
        let mut parts: Vec<&str> = target.split('/').collect();
        let mut rest = Vec::new();
        while let Some(last) = parts.pop() {
            rest.insert(0, last);
            let folder = parts.join("/");
            if matches!(self.get(&folder).map(|entry| &entry.node), Some(Node::Link(_))) {
                return self.resolve(&format!("{}/{}", self.resolve(&folder)?, rest.join("/")));
            }
        }
        None
    }

    /// All entries in the order in which they are archived, with the folders
    /// above them.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        let mut previous = "";
        let folders = self.entries.keys().flat_map(|path| {
            let folders = folders_above(path, previous);
            previous = path;
            folders
        });
        let folders = folders
            .filter(|folder| !self.entries.contains_key(*folder))
            .map(|folder| Entry { path: folder.into(), group: Group::Directory, node: Node::Directory })
            .map(Arc::new);
        let mut all: Vec<Arc<Entry>> = folders.chain(self.entries.values().cloned()).collect();
        // No path is there twice.
        all.par_sort_unstable_by(|a, b| a.position().cmp(&b.position()));
        all
    }
}

/// The path that a relative `target` means in a link at `path`.
fn join(path: &str, target: &str) -> Option<String> {
    let folder = std::path::Path::new(path).parent()?;
    super::dist_info::normal(&folder.join(target))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::prefix::PrefixKind;

    /// An inventory of a conda environment that holds nothing.
    pub(crate) fn empty() -> Inventory {
        let prefix = Prefix { root: "/env".into(), kind: PrefixKind::Conda, python: None };
        Inventory::new(prefix, SourceKind::CondaPrefix, "linux-64".into(), Filters::default())
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: path.into(), group: Group::Loose, node: Node::Link(target.into()) }
    }

    #[test]
    fn entries_come_by_group_with_the_folders_above_them_first() {
        let mut inventory = empty();
        inventory.put_text("lib/z", Group::Loose, "");
        inventory.put_text("lib/a-b", Group::Package("p".into()), "");
        inventory.put_text("bin/python", Group::Interpreter, "");
        let entries = inventory.entries();
        let paths: Vec<&str> = entries.iter().map(|entry| &*entry.path).collect();
        assert_eq!(paths, ["bin", "lib", "bin/python", "lib/a-b", "lib/z"]);
    }

    #[test]
    fn links_are_followed_through_links_and_linked_folders() {
        let mut inventory = empty();
        inventory.put_text("lib/real/a", Group::Loose, "");
        inventory.put(link("lib64", "lib"));
        inventory.put(link("one", "two"));
        inventory.put(link("two", "lib/real/a"));
        inventory.put(link("three", "lib64/real/a"));
        inventory.put(link("four", "lib64/missing"));
        inventory.put(link("five", "five"));
        assert_eq!(inventory.resolve("one").as_deref(), Some("lib/real/a"));
        assert_eq!(inventory.resolve("lib64").as_deref(), Some("lib"));
        assert_eq!(inventory.remove_dangling_links(), ["five", "four"]);
    }
}
