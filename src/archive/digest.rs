//! What fixes an archive's bytes: same recipe, same bytes.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::layout::Layout;
use crate::artifact::Recipe;
use crate::entry::{Group, Measured, Node};

/// The version of the contract between entries and bytes: order, block
/// cutting, header values and the codecs' output. Raise it whenever the same
/// entries give other bytes, a codec's new version included; a test notices.
pub const LAYOUT_VERSION: u32 = 6;

/// The recipe of the archive that [`arrange`](super::arrange)d entries give.
/// The manifest holds it, and so has no part in it.
#[must_use]
pub fn recipe(entries: &[Measured], layout: &Layout) -> Recipe {
    let (mut contents, mut groups) = (Contents::default(), Fields::default());
    for item in entries.iter().filter(|item| item.entry.group != Group::Manifest) {
        groups.text(&group(&item.entry.group));
        contents.entry(item);
    }
    Recipe {
        layout: LAYOUT_VERSION,
        format: layout.format,
        level: layout.level,
        time: layout.time,
        groups: groups.finish(),
        contents: contents.finish(),
    }
}

/// The digest of the entries of an archive, in their order: paths, kinds,
/// link targets, and what is in files.
#[derive(Clone, Default)]
pub(super) struct Contents(Fields);

impl Contents {
    pub(super) fn entry(&mut self, item: &Measured) {
        let path = &item.entry.path;
        match &item.entry.node {
            Node::Directory => self.directory(path),
            Node::Link(target) => self.link(path, target),
            Node::File(file) => self.file(path, file.executable, item.size, item.sha256),
        }
    }

    pub(super) fn directory(&mut self, path: &str) {
        self.0.text(path);
        self.0.text("directory");
    }

    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.0.text(path);
        self.0.text("link");
        self.0.text(target);
    }

    pub(super) fn file(&mut self, path: &str, executable: bool, size: u64, sha256: [u8; 32]) {
        self.0.text(path);
        self.0.text(if executable { "executable" } else { "file" });
        self.0.number(size);
        self.0.0.update(sha256);
    }

    /// Hexadecimal.
    pub(super) fn finish(self) -> String {
        self.0.finish()
    }
}

/// A text that tells groups apart, which decide where blocks are cut; that of
/// a package has a prefix which no other group has.
fn group(group: &Group) -> Cow<'_, str> {
    match group {
        Group::Directory => "directory".into(),
        Group::Manifest => "manifest".into(),
        Group::Interpreter => "interpreter".into(),
        Group::Package(name) => format!("package {name}").into(),
        Group::Loose => "loose".into(),
        Group::Lists => "lists".into(),
    }
}

/// Hashes fields so that no two lists of fields give the same bytes.
#[derive(Clone, Default)]
struct Fields(Sha256);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}
