//! Inventory → complete inventory: what an environment lacks to stand alone.
//!
//! [`complete`] works before anything is measured: it brings the interpreter
//! and its libraries, makes links that consumers lose into files, judges the
//! bytecode, and puts envship's own files in place of those that hold the path
//! of the environment. [`compile`] makes what bytecode is missing once it is
//! known how relocation changes the sources. [`records`] works afterwards, on the files that list
//! the hashes of others. [`manifest`] comes last.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "installers write these names in one case, and file names differ by case"
)]

mod activate;
mod activation;
mod bytecode;
mod conda_meta;
mod debian;
mod direct_url;
mod error;
mod facts;
mod glibc;
mod history;
mod interpreter;
mod kernels;
mod launchers;
mod libraries;
mod manifest;
mod outside;
mod pyvenv;
mod records;
mod scrub;
mod sonames;
mod stdlib;
mod sysconfig;
#[cfg(test)]
mod tests;
mod unloadable;

use std::path::PathBuf;
use std::str::FromStr;

pub use activation::{ActivateAs, Hook};
pub use bytecode::{Archived, Bytecode, Scratch, compile, discard};
pub use error::Error;
pub use manifest::manifest;
pub use records::records;

use crate::error::Result;
use crate::prefix::{Inventory, PrefixKind};
use crate::progress::Progress;

/// What the user wants of an archive.
#[derive(Clone, Debug, Default)]
pub struct CompleteOptions {
    pub interpreter: Interpreter,
    pub user_site: UserSite,
    pub activation_hook: Hook,
    /// By default, as the tool that made the environment would name it.
    pub activate_as: Option<ActivateAs>,
    pub bytecode: Bytecode,
    pub outside_libraries: OutsideLibraries,
}

/// Where the interpreter of the unpacked environment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Interpreter {
    /// In the archive.
    #[default]
    Bundle,
    /// On the nodes, installed with this absolute prefix: the archive of a
    /// virtual environment only links to it.
    OnNodes(PathBuf),
}

/// Whether Python sees the packages in the home of the user who runs it
/// (`~/.local`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSite {
    #[default]
    Off,
    On,
}

/// What to do about libraries that lie outside the environment and that not
/// every node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsideLibraries {
    /// They come along.
    #[default]
    Bundle,
    /// They stay outside, and are named.
    Warn,
    /// Nothing is packed.
    Error,
}

impl OutsideLibraries {
    pub const ALL: [OutsideLibraries; 3] =
        [OutsideLibraries::Bundle, OutsideLibraries::Warn, OutsideLibraries::Error];

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OutsideLibraries::Bundle => "bundle",
            OutsideLibraries::Warn => "warn",
            OutsideLibraries::Error => "error",
        }
    }
}

impl FromStr for OutsideLibraries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = OutsideLibraries::ALL;
        known
            .into_iter()
            .find(|one| one.name() == text)
            .ok_or_else(|| format!("one of {}", known.map(OutsideLibraries::name).join(", ")))
    }
}

/// Brings what the environment lacks.
///
/// # Errors
/// If the base of a virtual environment can't be brought, a file can't be
/// read, or the options don't fit the environment.
pub fn complete(
    mut inventory: Inventory,
    options: &CompleteOptions,
    progress: &dyn Progress,
) -> Result<Inventory> {
    interpreter::check(&inventory, &options.interpreter)?;
    if options.interpreter == Interpreter::Bundle && matches!(inventory.prefix.kind, PrefixKind::Venv(_)) {
        stdlib::bring(&mut inventory)?;
        debian::straighten(&mut inventory)?;
    }
    unloadable::tell(&mut inventory, progress)?;
    interpreter::place(&mut inventory, &options.interpreter)?;
    sonames::make_files(&mut inventory)?;
    if options.interpreter == Interpreter::Bundle {
        libraries::bring(&mut inventory)?;
        outside::bring(&mut inventory, options.outside_libraries, progress)?;
    }
    pyvenv::write(&mut inventory, options);
    let activation = activation::record(&mut inventory, options.activate_as, progress)?;
    activation::hook::write(&mut inventory, &activation, options.activation_hook);
    activate::write(&mut inventory, &activation);
    launchers::write(&mut inventory)?;
    kernels::clean(&mut inventory)?;
    direct_url::clean(&mut inventory)?;
    history::clean(&mut inventory)?;
    bytecode::judge(&mut inventory, options.bytecode, progress)?;
    sysconfig::clean(&mut inventory)?;
    records::own(&mut inventory);
    manifest::reserve(&mut inventory);
    Ok(inventory)
}
