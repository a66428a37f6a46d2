//! What the archive holds at a path, for the files that list others.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use hashbrown::HashSet;

use crate::entry::{Measured, Node};

/// What is known of a path of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact<'a> {
    File { size: u64, sha256: &'a [u8; 32] },
    Link,
    Folder,
}

/// Measured entries by path. There may be a million, so each takes no more than
/// a pointer.
pub(super) struct Facts<'a>(HashSet<ByPath<'a>>);

impl<'a> Facts<'a> {
    pub(super) fn of(measured: &'a [Measured]) -> Self {
        Facts(measured.iter().map(ByPath).collect())
    }

    pub(super) fn get(&self, path: &str) -> Option<Fact<'a>> {
        let ByPath(item) = self.0.get(path)?;
        Some(match item.entry.node {
            Node::File(_) => Fact::File { size: item.size, sha256: &item.sha256 },
            Node::Link(_) => Fact::Link,
            Node::Directory => Fact::Folder,
        })
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

/// An entry that is known by its path.
struct ByPath<'a>(&'a Measured);

impl Borrow<str> for ByPath<'_> {
    fn borrow(&self) -> &str {
        &self.0.entry.path
    }
}

impl Hash for ByPath<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.entry.path.hash(state);
    }
}

impl PartialEq for ByPath<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.entry.path == other.0.entry.path
    }
}

impl Eq for ByPath<'_> {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::entry::{Content, Entry, File, Group, Rewrite};

    fn measured(path: &str, node: Node) -> Measured {
        Measured::empty(Entry { path: path.into(), group: Group::Loose, node })
    }

    pub(in crate::complete) fn file(path: &str, size: u64, sha256: [u8; 32]) -> Measured {
        let content = Content::Memory([].into());
        let file = File { executable: false, content, rewrite: Rewrite::Keep };
        Measured { size, sha256, ..measured(path, Node::File(file)) }
    }

    pub(in crate::complete) fn link(path: &str) -> Measured {
        measured(path, Node::Link("target".to_owned()))
    }

    #[test]
    fn what_is_measured_is_known_by_its_path() {
        let items = [file("a", 3, [7; 32]), link("b"), measured("c", Node::Directory)];
        let facts = Facts::of(&items);
        assert_eq!(facts.get("a"), Some(Fact::File { size: 3, sha256: &[7; 32] }));
        assert_eq!(facts.get("b"), Some(Fact::Link));
        assert_eq!(facts.get("c"), Some(Fact::Folder));
        assert!(facts.contains("c") && !facts.contains("d"));
    }
}
