//! What fixes an archive's bytes: same recipe, same bytes.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::layout::Layout;
use crate::artifact::Recipe;
use crate::entry::{Group, Measured, Node};

/// The version of the contract between entries and bytes: order, block
/// cutting, header values and the codecs' output. Raise it whenever the same
/// entries give other bytes, a codec's new version included; a test notices.
pub const LAYOUT_VERSION: u32 = 1;

/// The recipe of the archive that [`arrange`](super::arrange)d entries give.
/// The manifest holds it, and so has no part in it.
#[must_use]
pub fn recipe(entries: &[Measured], layout: &Layout) -> Recipe {
    let (mut contents, mut groups) = (Contents::default(), Fields::default());
    for item in entries.iter().filter(|item| item.entry.group != Group::Manifest) {
        groups.text(&group(&item.entry.group));
        contents.entry(
            &item.entry.path,
            &match &item.entry.node {
                Node::Directory => Seen::Directory,
                Node::Link(target) => Seen::Link(target),
                Node::File(file) => {
                    Seen::File { executable: file.executable, size: item.size, sha256: item.sha256 }
                }
            },
        );
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
#[derive(Default)]
pub(super) struct Contents(Fields);

/// An entry, as it can be read from an archive.
pub(super) enum Seen<'a> {
    Directory,
    Link(&'a str),
    File { executable: bool, size: u64, sha256: [u8; 32] },
}

impl Contents {
    pub(super) fn entry(&mut self, path: &str, seen: &Seen<'_>) {
        let Contents(hash) = self;
        hash.text(path);
        match seen {
            Seen::Directory => hash.text("directory"),
            Seen::Link(target) => {
                hash.text("link");
                hash.text(target);
            }
            Seen::File { executable, size, sha256 } => {
                hash.text(if *executable { "executable" } else { "file" });
                hash.number(*size);
                hash.0.update(sha256);
            }
        }
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
    }
}

/// Hashes fields so that no two lists of fields give the same bytes.
#[derive(Default)]
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
