//! The staged directory that an archive is unpacked into.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err::os::unix::fs::OpenOptionsExt;

use super::AbsoluteLinks;
use super::tree::{Node, Tree, Turn, plain};
use crate::archive::error::Error;
use crate::error::Result;
use crate::interrupt;

/// A directory as far as it is unpacked.
pub(super) struct Stage<'a> {
    root: &'a Path,
    tree: Tree,
    /// Files that replace earlier ones of their name, and where they are kept
    /// until all files are written.
    replacements: Vec<(PathBuf, PathBuf)>,
    size: u64,
}

/// A file that the stage has agreed to.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    path: PathBuf,
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
    pub(super) fn new(root: &'a Path) -> Self {
        Stage { root, tree: Tree::default(), replacements: Vec::new(), size: 0 }
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

    /// Where a path of the tree lies.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Makes a directory.
    pub(super) fn directory(&mut self, name: &[u8]) -> Result<()> {
        let fresh = self.tree.add_directory(&plain(name)?)?;
        self.make(&fresh)
    }

    /// Agrees to a file, whose directory is there then.
    pub(super) fn file(&mut self, name: &[u8], facts: &Facts) -> Result<Agreed> {
        let path = plain(name)?;
        let (fresh, turn) = self.tree.add(&path, Node::File)?;
        self.make(&fresh)?;
        self.size += facts.size;
        let mut place = self.at(&path);
        if turn == Turn::Again {
            let kept = format!(".envship-again-{}", self.replacements.len());
            self.tree.add(&kept, Node::File)?;
            self.replacements.push((self.at(&kept), place));
            place = self.at(&kept);
        }
        Ok(Agreed {
            path: place,
            executable: facts.mode & 0o111 != 0,
            modified: facts.modified.and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s))),
        })
    }

    /// Remembers a symbolic link.
    pub(super) fn link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let target = std::str::from_utf8(target).map_err(|_| Error::Name { name: lossy(target) })?;
        self.add(name, Node::Link(target.to_owned()))
    }

    /// Remembers a hard link, whose target is a name in the archive.
    pub(super) fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        // A hard link to a link is the link once more.
        let target = plain(target)?;
        let node = match self.tree.get(&target) {
            Some(Node::HardLink(first)) => Node::HardLink(first.clone()),
            Some(Node::Link(to)) if same_folder(&plain(name)?, &target) => Node::Link(to.clone()),
            _ => Node::HardLink(target),
        };
        self.add(name, node)
    }

    fn add(&mut self, name: &[u8], node: Node) -> Result<()> {
        let (fresh, _) = self.tree.add(&plain(name)?, node)?;
        self.make(&fresh)
    }

    fn make(&self, fresh: &[String]) -> Result<()> {
        Ok(fresh.iter().try_for_each(|path| fs_err::create_dir(self.at(path)))?)
    }

    /// Puts replacements in place and makes all links; hard links first, since
    /// they lead to files.
    pub(super) fn make_links(&mut self, absolute: AbsoluteLinks) -> Result<()> {
        for (kept, place) in self.replacements.drain(..) {
            fs_err::rename(kept, place)?;
        }
        self.tree.check_links(absolute)?;
        for (path, node) in self.tree.iter() {
            if let Node::HardLink(target) = node {
                fs_err::hard_link(self.at(target), self.at(path))?;
            }
        }
        for (path, node) in self.tree.iter() {
            if let Node::Link(target) = node {
                fs_err::os::unix::fs::symlink(target, self.at(path))?;
            }
        }
        Ok(())
    }
}

impl Agreed {
    /// Writes the file, which must not be there yet, and gives the number of
    /// bytes. `damaged` names the archive in an error of reading.
    pub(super) fn write(
        &self,
        content: &mut dyn Read,
        damaged: &dyn Fn(io::Error) -> crate::error::Error,
    ) -> Result<u64> {
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if self.executable { 0o777 } else { 0o666 })
            .open(&self.path)?;
        let mut buffer = vec![0; 256 * 1024];
        let mut written = 0;
        loop {
            interrupt::check()?;
            let read = content.read(&mut buffer).map_err(damaged)?;
            if read == 0 {
                break;
            }
            file.write_all(&buffer[..read])?;
            written += read as u64;
        }
        if let Some(time) = self.modified {
            file.set_modified(time)?;
        }
        Ok(written)
    }
}

fn same_folder(a: &str, b: &str) -> bool {
    Path::new(a).parent() == Path::new(b).parent()
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
