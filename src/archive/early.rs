//! Blocks that are compressed in the reading pass, while their content is at
//! hand: small files need not be read once more.
//!
//! What is cut here need not be what the writing pass cuts: a block is found by
//! what is in it, and one that isn't found is made anew.

use std::borrow::Cow;
use std::sync::Arc;

use super::blocks::Open;
use super::bundle::{Bundle, content};
use super::digest::Contents;
use super::layout::Layout;
use super::pipeline::Crew;
use super::readings::Stamp;
use super::segments::Segments;
use super::splice;
use super::spool::{Spool, Stamps};
use super::tar::TarBundle;
use super::write::codec;
use super::zip::{self, ZipBundle};
use crate::cache::Cache;
use crate::entry::{Edit, Group, Measured};
use crate::error::Result;

/// How the reading pass compresses.
pub struct Early<'a> {
    layout: &'a Layout,
    segments: Segments<'a>,
    threads: usize,
    block: u64,
}

/// What the reading pass has of a file's content, and by what the file on disk is
/// known.
pub(super) enum AtHand<'a> {
    /// The original bytes and what changes in them.
    Whole(&'a [u8], &'a [Edit], Option<Stamp>),
    /// Nothing: it was too large.
    Passed(Option<Stamp>),
    /// Nothing: it was not read.
    Unread,
}

impl<'a> Early<'a> {
    /// What is compressed waits in `spool`. On `threads` threads, where 0 means
    /// one for each core, as far as there is memory for them.
    #[must_use]
    pub fn new(layout: &'a Layout, cache: Option<&'a Cache>, spool: &'a Spool, threads: usize) -> Self {
        Early {
            layout,
            segments: Segments::new(cache, Some(spool), layout),
            threads,
            block: block_size(layout),
        }
    }

    /// About how many bytes a block is of.
    pub(super) fn block_size(&self) -> u64 {
        self.block
    }

    /// How many threads there is memory for.
    pub(super) fn threads(&self) -> usize {
        Crew { threads: self.threads, largest: self.block }.size()
    }

    /// What a thread compresses with.
    pub(super) fn bundle(&self) -> Result<Box<dyn Bundle>> {
        let Some(codec) = codec(self.layout) else {
            return Ok(Box::new(ZipBundle::new(self.layout.level)));
        };
        let mut bundle = TarBundle::new(&*codec, self.layout.time)?;
        // Every entry is filled up to a record, and there is one for 4 KiB.
        bundle.begin(usize::try_from(self.block + self.block / 8).unwrap_or(0));
        Ok(Box::new(bundle))
    }

    /// An entry where it lies in the archive.
    fn placed<'m>(&self, item: &'m Measured) -> Cow<'m, Measured> {
        let Some(path) = self.layout.path(&item.entry.path) else { return Cow::Borrowed(item) };
        let mut item = item.clone();
        Arc::make_mut(&mut item.entry).path = path.into();
        Cow::Owned(item)
    }

    /// The blocks of a run of entries.
    pub(super) fn blocks<'b>(&'b self, bundle: &'b mut dyn Bundle) -> Blocks<'b> {
        Blocks {
            early: self,
            bundle,
            open: Open::new(0, self.block),
            contents: Contents::default(),
            stamps: Stamps::default(),
            complete: true,
        }
    }
}

fn block_size(layout: &Layout) -> u64 {
    codec(layout).map_or(zip::BLOCK, |codec| codec.block_size())
}

/// Whether the reading pass decides what is in the files of a group.
pub(super) fn is_decided(group: &Group) -> bool {
    !matches!(group, Group::Directory | Group::Manifest | Group::Lists)
}

/// Entries of a run, put into one block after the other.
pub(super) struct Blocks<'b> {
    early: &'b Early<'b>,
    bundle: &'b mut dyn Bundle,
    open: Open,
    contents: Contents,
    stamps: Stamps,
    /// Whether all that is in the block was there to be compressed.
    complete: bool,
}

impl Blocks<'_> {
    /// Adds the next entry, and compresses the block that ends before it, if one
    /// does.
    pub(super) fn push(&mut self, item: &Measured, at_hand: &AtHand<'_>) -> Result<()> {
        let (closed, fits) = self.open.push(item.size);
        if closed.is_some() {
            self.compress()?;
        }
        if !fits {
            return Ok(());
        }
        let item = self.early.placed(item);
        self.complete &= !matches!(at_hand, AtHand::Unread) || content(&item).is_none();
        if !self.complete {
            return Ok(());
        }
        self.contents.entry(&item);
        if let AtHand::Whole(_, _, Some(stamp)) | AtHand::Passed(Some(stamp)) = at_hand {
            self.stamps.add(stamp);
        }
        match at_hand {
            AtHand::Whole(original, edits, _) => self.bundle.add(&item, &mut |out| {
                splice::stretches(original, edits).for_each(|stretch| out.extend_from_slice(stretch));
                Ok(())
            }),
            AtHand::Passed(_) | AtHand::Unread => self.bundle.read(&item),
        }
    }

    /// Compresses the last block.
    pub(super) fn end(mut self) -> Result<()> {
        if self.open.close().is_some() { self.compress() } else { Ok(()) }
    }

    fn compress(&mut self) -> Result<()> {
        let (contents, stamps) = (std::mem::take(&mut self.contents), std::mem::take(&mut self.stamps));
        if std::mem::replace(&mut self.complete, true) {
            self.early.segments.prepare(contents, stamps, || self.bundle.finish())?;
        }
        self.bundle.clear();
        Ok(())
    }
}
