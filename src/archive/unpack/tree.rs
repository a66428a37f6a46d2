//! What an archive has brought so far, and what it may not bring.

use std::collections::HashMap;

use super::AbsoluteLinks;
use crate::archive::error::Error;
use crate::archive::links::{Stray, resolve};

/// A tree of names, none of which leaves it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
}

/// What a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File,
    /// A symbolic link and its target.
    Link(String),
    /// Another name of the file with this path.
    HardLink(String),
}

/// Whether a file is the first of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    First,
    /// It replaces an earlier one: in archives that have been appended to, the
    /// last one counts.
    Again,
}

/// A name as it stands in an archive, made plain: no leading `./`, no trailing
/// slash. Empty for the root.
pub(super) fn plain(name: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(name).map_err(|_| Error::Name { name: name.into() })?;
    if text.contains('\0') {
        return Err(Error::Name { name: name.into() });
    }
    if text.starts_with('/') || text.split('/').any(|component| component == "..") {
        return Err(Error::Outside { name: name.into() });
    }
    let components = text.split('/').filter(|component| !matches!(*component, "" | "."));
    Ok(components.collect::<Vec<_>>().join("/"))
}

impl Tree {
    /// What a name is, if the archive has brought it.
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Adds a directory and those above it. Gives the ones that are new,
    /// parents first.
    pub(super) fn add_directory(&mut self, path: &str) -> Result<Vec<String>, Error> {
        let mut fresh = self.add_parents(path)?;
        match self.nodes.get(path) {
            None if path.is_empty() => {}
            None => {
                self.nodes.insert(path.to_owned(), Node::Directory);
                fresh.push(path.to_owned());
            }
            Some(Node::Directory) => {}
            Some(first) => return Err(conflict(path, first, &Node::Directory)),
        }
        Ok(fresh)
    }

    /// Adds a file, a link or a hard link, and the directories above it. Gives
    /// the directories that are new.
    pub(super) fn add(&mut self, path: &str, node: Node) -> Result<(Vec<String>, Turn), Error> {
        if path.is_empty() {
            return Err(Error::Conflict { name: ".".into(), first: "a directory", second: node.what() });
        }
        let fresh = self.add_parents(path)?;
        let turn = match self.nodes.get(path) {
            None => Turn::First,
            Some(first) if first.what() == node.what() => Turn::Again,
            Some(first) => return Err(conflict(path, first, &node)),
        };
        self.nodes.insert(path.to_owned(), node);
        Ok((fresh, turn))
    }

    fn add_parents(&mut self, path: &str) -> Result<Vec<String>, Error> {
        let mut fresh = Vec::new();
        for (slash, _) in path.match_indices('/') {
            let parent = &path[..slash];
            match self.nodes.get(parent) {
                Some(Node::Directory) => {}
                Some(Node::Link(_)) => {
                    return Err(Error::ThroughLink { name: path.into(), link: parent.into() });
                }
                Some(_) => return Err(Error::BelowFile { name: path.into(), file: parent.into() }),
                None => {
                    self.nodes.insert(parent.to_owned(), Node::Directory);
                    fresh.push(parent.to_owned());
                }
            }
        }
        Ok(fresh)
    }

    /// Makes sure that every link stays inside, whichever links it leads
    /// through, and that every hard link has a file.
    pub(super) fn check_links(&self, absolute: AbsoluteLinks) -> Result<(), Error> {
        let link_at = |path: &str| match self.nodes.get(path) {
            Some(Node::Link(target)) => Some(target.as_str()),
            _ => None,
        };
        for (path, node) in self.iter() {
            let name = path.into();
            match node {
                Node::Directory | Node::File => {}
                Node::HardLink(target) => {
                    if self.nodes.get(target) != Some(&Node::File) {
                        return Err(Error::HardLink { name, target: target.as_str().into() });
                    }
                }
                Node::Link(target) => match resolve(path, target, link_at) {
                    Err(Stray::Outside) => {
                        return Err(Error::LinkOutside { name, target: target.as_str().into() });
                    }
                    Err(Stray::Absolute) if absolute == AbsoluteLinks::Refuse => {
                        return Err(Error::AbsoluteLink { name, target: target.as_str().into() });
                    }
                    Err(Stray::Absolute | Stray::Loop) | Ok(_) => {}
                },
            }
        }
        Ok(())
    }
}

impl Node {
    pub(super) fn what(&self) -> &'static str {
        match self {
            Node::Directory => "a directory",
            Node::File => "a file",
            Node::Link(_) => "a link",
            Node::HardLink(_) => "a hard link",
        }
    }
}

fn conflict(path: &str, first: &Node, second: &Node) -> Error {
    Error::Conflict { name: path.into(), first: first.what(), second: second.what() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_plain() {
        assert_eq!(plain(b"./a//b/").unwrap(), "a/b");
        assert_eq!(plain(b"./").unwrap(), "");
        assert_eq!(plain(b"a..b/...").unwrap(), "a..b/...");
    }

    #[test]
    fn names_that_leave_the_directory_are_refused() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a/..", "//x"] {
            assert!(matches!(plain(name.as_bytes()), Err(Error::Outside { .. })), "{name}");
        }
        assert!(matches!(plain(b"a\xff"), Err(Error::Name { .. })));
    }

    fn link(target: &str) -> Node {
        Node::Link(target.to_owned())
    }

    #[test]
    fn a_chain_of_links_that_leaves_is_refused() {
        let mut tree = Tree::default();
        tree.add("b", link("d/e")).unwrap();
        tree.add_directory("d/e").unwrap();
        assert!(tree.check_links(AbsoluteLinks::Refuse).is_ok());
        tree.add("d/up", link("..")).unwrap();
        tree.add("a", link("d/up/../x")).unwrap();
        let error = tree.check_links(AbsoluteLinks::Allow).unwrap_err();
        assert!(matches!(error, Error::LinkOutside { name, .. } if name == "a".into()));
    }

    #[test]
    fn nothing_goes_below_a_link_and_no_link_replaces_a_directory() {
        let mut tree = Tree::default();
        tree.add("a", link("b")).unwrap();
        assert!(matches!(tree.add("a/x", Node::File), Err(Error::ThroughLink { .. })));
        assert!(matches!(tree.add_directory("a"), Err(Error::Conflict { .. })));
        tree.add("d/x", Node::File).unwrap();
        assert!(matches!(tree.add("d", link("b")), Err(Error::Conflict { .. })));
        assert!(matches!(tree.add("d/x", link("b")), Err(Error::Conflict { .. })));
        assert_eq!(tree.add("d/x", Node::File).unwrap().1, Turn::Again);
    }
}
