//! An installed directory, read: what environment it is, and what is in it.
//!
//! [`open`] says what a directory is (a conda environment, a virtual
//! environment and its base) without running anything in it; [`find`] and
//! [`active`] find the directory. [`scan`] lists what belongs into an archive:
//! every file with its package and with how the prefix is found in it. Nothing
//! here changes the directory.
//!
//! The inventory of a virtual environment is not complete: its interpreter and
//! standard library lie in its base, and `complete` brings them.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "installers write these names in one case, and file names differ by case"
)]

mod base;
mod conda_meta;
mod dist_info;
mod editable;
pub(crate) mod elf;
mod error;
mod filter;
mod inventory;
mod links;
mod names;
mod omit;
mod open;
mod platform;
mod python;
mod pyvenv;
mod scan;
mod walk;

use std::path::PathBuf;

pub use base::{Base, SystemSite};
pub(crate) use conda_meta::{Record, load as conda_records};
pub(crate) use dist_info::{
    Distribution, below, distributions, is_record, metadata_header, parse_record_line,
};
pub use error::Error;
pub use filter::{Filter, Filters};
pub use inventory::Inventory;
#[cfg(test)]
pub(crate) use inventory::tests::empty as empty_inventory;
pub(crate) use links::relative;
pub use names::{active, find};
pub use open::{open, recognise};
pub use python::Python;
pub use scan::{Editable, MissingFiles, ScanOptions, scan};
pub(crate) use walk::{Found, Kind as FoundKind, walk};

/// An installed environment.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// Absolute, in the user's spelling: scripts hold that one, so links in it
    /// are not resolved.
    pub root: PathBuf,
    pub kind: PrefixKind,
    /// `None` for a conda environment without Python.
    pub python: Option<Python>,
}

/// The kinds of environments.
#[derive(Clone, Debug)]
pub enum PrefixKind {
    /// Has a `conda-meta` folder; whole in itself.
    Conda,
    /// Made by `venv`, virtualenv or uv: borrows its interpreter.
    Venv(Base),
    /// A virtual environment with an interpreter and a standard library of its
    /// own, as an unpacked archive is one.
    Standalone,
}
