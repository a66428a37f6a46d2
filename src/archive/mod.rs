//! Entries → archive bytes, and archive → directory.
//!
//! Packing goes over the environment twice and never holds it:
//!
//! 1. [`adapt`] replaces what the format's readers can't keep (zip: links);
//! 2. [`measure`] reads every file once: what relocation changes in it, how
//!    long it is afterwards and its SHA-256. While a small file is in memory it
//!    may be compressed, too, and wait in a [`Spool`];
//! 3. [`arrange`] puts the entries in the canonical order, whereupon
//!    [`recipe`] knows what the archive will be before a byte of it exists,
//!    and [`seal`] puts the manifest that holds the recipe in its place;
//! 4. [`write()`] reads what was not compressed again, splices the edits in,
//!    compresses on all cores and writes in order.
//!
//! What both passes found or made may come from the user's cache instead:
//! [`Readings`] of files that didn't change, compressed segments of blocks that
//! were written before.
//!
//! Without [`Early`] all is compressed in the second pass: an upload, whose name
//! is only known then, goes on meanwhile.
//!
//! The bytes are a function of the entries and the [`Layout`] only. They are
//! cut into blocks at places that depend on nothing else, a block is
//! compressed without looking at its neighbours, and so neither the number of
//! threads nor an unrelated package changes a block's bytes.
//!
//! [`unpack()`] reads archives of any maker and trusts none of them.

mod ahead;
mod arrange;
mod blocks;
mod bundle;
mod codec;
mod compress;
mod content;
mod deflate;
mod digest;
mod directory;
mod early;
mod error;
mod ground;
mod gunzip;
mod gzip;
mod identify;
mod inspect;
mod layout;
mod links;
mod magic;
mod manifest;
mod measure;
mod members;
mod mode;
mod pipeline;
mod readings;
mod segments;
mod shelf;
mod source;
mod splice;
mod spool;
mod stretches;
mod survey;
mod tar;
mod unpack;
mod unzstd;
mod ustar;
mod visit;
mod write;
mod zip;
mod zip_end;
mod zip_records;
mod zstd;

#[cfg(test)]
mod tests;

pub use arrange::{arrange, seal};
pub use digest::{LAYOUT_VERSION, recipe};
pub use directory::write_directory;
pub use early::Early;
pub use error::Error;
pub use identify::{Identity, OtherMode, Seal, identify};
pub use inspect::{Glance, inspect, inspect_archive};
pub use layout::{Layout, Links, timestamp};
pub use links::adapt;
pub use manifest::check_length;
pub use measure::{InStretch, Relocate, Survey, measure, workers};
pub use mode::Mode;
pub use readings::Readings;
pub use source::{Input, ReadSeek};
pub use spool::Spool;
pub use unpack::{AbsoluteLinks, Place, UnpackOptions, Unpacked, unpack};
pub use visit::{Seen, Visited, visit};
pub use write::{Written, write};
