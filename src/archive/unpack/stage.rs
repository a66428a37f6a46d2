//! The staged directory that an archive is unpacked into.

use std::fs;
use std::io::{self, Read, Write};
use std::time::{Duration, SystemTime};

use super::AbsoluteLinks;
use super::tree::{Node, Tree, Turn, plain};
use crate::archive::error::Error;
use crate::archive::ground::Ground;
use crate::error::Result;
use crate::interrupt;

/// A directory as far as it is unpacked.
pub(super) struct Stage<'a> {
    ground: Ground<'a>,
    tree: Tree,
    /// Files that replace earlier ones of their name, and where they are kept
    /// until all files are written.
    replacements: Vec<(String, String)>,
    size: u64,
}

/// A file that the stage has agreed to.
#[derive(Clone, Debug)]
pub(super) struct Agreed<'a> {
    ground: Ground<'a>,
    /// Of the tree.
    path: String,
    executable: bool,
    modified: Option<SystemTime>,
}

/// What an archive says of a file, apart from its content.
pub(super) struct Facts {
    pub(super) size: u64,
    pub(super) mode: u32,
    /// In seconds since 1970. Timestamps of bytecode are those of its sources.
    pub(super) modified: Option<u64>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(ground: Ground<'a>) -> Self {
        Stage { ground, tree: Tree::default(), replacements: Vec::new(), size: 0 }
    }

    pub(super) fn ground(&self) -> Ground<'a> {
        self.ground
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many files and links there are.
    pub(super) fn files(&self) -> u64 {
        self.tree.iter().filter(|(_, node)| **node != Node::Directory).count() as u64
    }

    /// Of all files, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Makes a directory.
    pub(super) fn directory(&mut self, name: &[u8]) -> Result<()> {
        let fresh = self.tree.add_directory(&plain(name)?)?;
        self.make(&fresh)
    }

    /// Agrees to a file, whose directory is there then.
    pub(super) fn file(&mut self, name: &[u8], facts: &Facts) -> Result<Agreed<'a>> {
        let mut path = plain(name)?;
        let (fresh, turn) = self.tree.add(&path, Node::File)?;
        self.make(&fresh)?;
        self.size += facts.size;
        if turn == Turn::Again {
            let kept = format!(".envship-again-{}", self.replacements.len());
            self.tree.add(&kept, Node::File)?;
            self.replacements.push((kept.clone(), path));
            path = kept;
        }
        Ok(Agreed {
            ground: self.ground,
            path,
            executable: facts.mode & 0o111 != 0,
            modified: facts.modified.and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s))),
        })
    }

    /// Remembers a symbolic link.
    pub(super) fn link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let target = std::str::from_utf8(target).map_err(|_| Error::Target { name: name.into() })?;
        self.add(name, Node::Link(target.to_owned()))
    }

    /// Remembers a hard link, whose target is a name in the archive.
    pub(super) fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        // A hard link to a link is the link once more.
        let target = plain(target)?;
        let node = match self.tree.get(&target) {
            Some(Node::HardLink(first)) => Node::HardLink(first.clone()),
            Some(Node::Link(to)) => Node::Link(to.clone()),
            _ => Node::HardLink(target),
        };
        self.add(name, node)
    }

    fn add(&mut self, name: &[u8], node: Node) -> Result<()> {
        let (fresh, _) = self.tree.add(&plain(name)?, node)?;
        self.make(&fresh)
    }

    fn make(&self, fresh: &[String]) -> Result<()> {
        fresh.iter().try_for_each(|path| self.ground.make_directory(path))
    }

    /// Puts replacements in place and makes all links; hard links first, since
    /// they lead to files.
    pub(super) fn make_links(&mut self, absolute: AbsoluteLinks) -> Result<()> {
        for (kept, place) in self.replacements.drain(..) {
            self.ground.rename(&kept, &place)?;
        }
        self.tree.check_links(absolute)?;
        for (path, node) in self.tree.iter() {
            if let Node::HardLink(target) = node {
                self.ground.make_hard_link(path, target)?;
            }
        }
        for (path, node) in self.tree.iter() {
            if let Node::Link(target) = node {
                self.ground.make_link(path, target)?;
            }
        }
        Ok(())
    }
}

impl Agreed<'_> {
    /// Writes the file, which must not be there yet.
    pub(super) fn write(&self, content: &[u8]) -> Result<()> {
        let mut file = self.make()?;
        self.ground.written(&self.path, file.write_all(content))?;
        self.close(&file)
    }

    /// The same with content that is read meanwhile; gives the number of bytes.
    /// `damaged` names the archive in an error of reading.
    pub(super) fn copy(
        &self,
        content: &mut dyn Read,
        damaged: &dyn Fn(io::Error) -> crate::error::Error,
    ) -> Result<u64> {
        let mut file = self.make()?;
        let mut buffer = vec![0; 256 * 1024];
        let mut written = 0;
        loop {
            interrupt::check()?;
            let read = content.read(&mut buffer).map_err(damaged)?;
            if read == 0 {
                break;
            }
            self.ground.written(&self.path, file.write_all(&buffer[..read]))?;
            written += read as u64;
        }
        self.close(&file)?;
        Ok(written)
    }

    fn make(&self) -> Result<fs::File> {
        self.ground.make_file(&self.path, self.executable)
    }

    fn close(&self, file: &fs::File) -> Result<()> {
        match self.modified {
            Some(time) => self.ground.written(&self.path, file.set_modified(time)),
            None => Ok(()),
        }
    }
}
