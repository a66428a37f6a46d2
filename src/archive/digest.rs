//! The content digest: same digest, same bytes.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::layout::Layout;
use crate::artifact::{ContentDigest, Format};
use crate::entry::{Group, Measured, Node};

/// The version of the contract between entries and bytes: order, block
/// cutting, header values and the codecs' output. Raise it whenever the same
/// entries give other bytes, a codec's new version included; a test notices.
pub const LAYOUT_VERSION: u32 = 1;

/// The digest of the archive that [`arrange`](super::arrange)d entries give.
#[must_use]
pub fn digest(entries: &[Measured], layout: &Layout) -> ContentDigest {
    let mut hash = Fields(Sha256::new());
    hash.number(u64::from(LAYOUT_VERSION));
    hash.text(layout.format.name());
    hash.text(codec(layout.format));
    hash.number(u64::from(layout.level));
    hash.number(layout.time);
    for item in entries {
        hash.text(&item.entry.path);
        // Groups decide where blocks are cut.
        hash.text(&group(&item.entry.group));
        match &item.entry.node {
            Node::Directory => hash.text("directory"),
            Node::Link(target) => {
                hash.text("link");
                hash.text(target);
            }
            Node::File(file) => {
                hash.text(if file.executable { "executable" } else { "file" });
                hash.number(item.size);
                hash.0.update(item.sha256);
            }
        }
    }
    ContentDigest(hash.0.finalize().into())
}

fn codec(format: Format) -> &'static str {
    match format {
        Format::TarGz | Format::Zip => "deflate by zlib-rs",
        Format::TarZst => "zstd",
        Format::Tar | Format::Directory => "none",
    }
}

/// A text that tells groups apart; that of a package has a prefix which no
/// other group has.
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
struct Fields(Sha256);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }
}
