//! Blocks that are compressed in the reading pass, while their content is at
//! hand: small files need not be read once more.
//!
//! What is cut here need not be what the writing pass cuts: a block is found by
//! what is in it, and one that isn't found is made anew.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use super::blocks::Open;
use super::bundle::{Bundle, content};
use super::codec::codec;
use super::digest::Contents;
use super::layout::Layout;
use super::pipeline::Crew;
use super::readings::{MOMENT, Stamp};
use super::segments::Segments;
use super::splice;
use super::spool::{Spool, Stamps};
use super::tar::TarBundle;
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
    /// What changed later may change once more without a new time.
    settled: SystemTime,
}

/// What the reading pass has of an entry, and by what its file on disk is known.
pub(super) enum AtHand<'a> {
    /// A file's original bytes and what changes in them.
    Whole(&'a [u8], &'a [Edit], Option<Stamp>),
    /// No bytes: the file was too large, or there is none.
    Passed(Option<Stamp>),
    /// No bytes: what is in the file is known from an earlier run.
    Unread,
}

impl AtHand<'_> {
    fn stamp(&self) -> Option<&Stamp> {
        match self {
            AtHand::Whole(_, _, stamp) | AtHand::Passed(stamp) => stamp.as_ref(),
            AtHand::Unread => None,
        }
    }
}

impl<'a> Early<'a> {
    /// What is compressed waits in `spool`. On `threads` threads, where 0 means
    /// one for each core, as far as there is memory for them.
    #[must_use]
    pub fn new(layout: &'a Layout, cache: Option<&'a Cache>, spool: &'a Spool, threads: usize) -> Self {
        Early::new_at(layout, cache, spool, threads, SystemTime::now())
    }

    /// As if it were `now`.
    pub(super) fn new_at(
        layout: &'a Layout,
        cache: Option<&'a Cache>,
        spool: &'a Spool,
        threads: usize,
        now: SystemTime,
    ) -> Self {
        Early {
            layout,
            segments: Segments::new(cache, Some(spool), layout),
            threads,
            block: block_size(layout),
            settled: now.checked_sub(MOMENT).unwrap_or(UNIX_EPOCH),
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
        // An entry is filled up to a record, and a run has no more than one for 4 KiB.
        bundle.begin(usize::try_from(self.block + self.block / 8).unwrap_or(0));
        Ok(Box::new(bundle))
    }

    /// An entry where it lies in the archive.
    fn placed<'m>(&self, item: &'m Measured) -> Cow<'m, Measured> {
        if self.layout.arcroot.is_none() {
            return Cow::Borrowed(item);
        }
        let mut item = item.clone();
        self.layout.place(&mut item);
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
    /// Whether all that is in the block can be compressed now.
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
        let is_settled = at_hand.stamp().is_none_or(|stamp| stamp.is_before(self.early.settled));
        let is_unread = matches!(at_hand, AtHand::Unread) && content(&item).is_some();
        self.complete &= is_settled && !is_unread;
        if !self.complete {
            return Ok(());
        }
        self.contents.entry(&item);
        if let Some(stamp) = at_hand.stamp() {
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
