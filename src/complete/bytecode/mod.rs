//! Bytecode that is complete and stays valid whatever the time of its source.
//!
//! An archive has fixed times, and unpackers change them, so the usual header
//! of a `.pyc` (time and size of the source) would make Python compile
//! everything anew, in each process on a read-only node. Here each `.pyc` is
//! judged against its source once, and what is missing is compiled by the
//! environment's own interpreter; relocation then gives all of them a header
//! of PEP 552 and a canonical body.

mod cache;
mod compile;
mod judge;
mod magic;
mod modules;
mod worker;

use std::str::FromStr;

use tempfile::TempDir;

pub use judge::discard;
pub(super) use judge::judge;

use crate::cache::Cache;
use crate::entry::{File, Rewrite, SourceCheck};
use crate::error::{Explain, Kind, Result};
use crate::prefix::Inventory;
use crate::progress::Progress;
use magic::Magic;

/// What happens to the bytecode of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bytecode {
    /// What is missing or outdated is compiled, and nobody compares it with
    /// its source again.
    #[default]
    Compile,
    /// What is valid stays, and nothing is compiled.
    Keep,
    /// Only what has no source stays.
    Strip,
    /// As `Compile`, but Python compares each file with its source: for those
    /// who change sources in an unpacked environment.
    Checked,
}

impl Bytecode {
    /// All of them, the default first.
    pub const ALL: [Bytecode; 4] = [Bytecode::Compile, Bytecode::Keep, Bytecode::Strip, Bytecode::Checked];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Bytecode::Compile => "compile",
            Bytecode::Keep => "keep",
            Bytecode::Strip => "strip",
            Bytecode::Checked => "checked",
        }
    }

    pub(super) fn check(self) -> SourceCheck {
        if self == Bytecode::Checked { SourceCheck::Checked } else { SourceCheck::Unchecked }
    }
}

/// No way to treat bytecode.
#[derive(Debug, thiserror::Error)]
#[error("unknown: `{name}`")]
pub struct UnknownBytecode {
    name: String,
}

impl Explain for UnknownBytecode {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!("known are {}", Bytecode::ALL.map(Bytecode::name).join(", ")))
    }
}

impl FromStr for Bytecode {
    type Err = UnknownBytecode;

    fn from_str(text: &str) -> Result<Self, UnknownBytecode> {
        let known = Bytecode::ALL.into_iter().find(|bytecode| bytecode.name() == text);
        known.ok_or_else(|| UnknownBytecode { name: text.to_owned() })
    }
}

/// The bytes of a source as they are archived: its path, the file, its bytes
/// on disk.
pub type Archived<'a> = dyn Fn(&str, &File, &[u8]) -> Vec<u8> + Sync + 'a;

/// Compiled files that lie outside of the cache; removed when dropped, which
/// must not be before they are archived.
#[derive(Debug, Default)]
pub struct Scratch {
    _folder: Option<TempDir>,
}

/// Compiles what a [`complete`](super::complete) inventory lacks, from the
/// sources as they will be archived: a file of which relocation changes the
/// source is compiled anew, since its line table tells columns. `threads` of 0
/// means one for each core, up to 16.
///
/// # Errors
/// If a source can't be read, or the user interrupts. What can't be compiled is
/// only told.
pub fn compile(
    inventory: &mut Inventory,
    bytecode: Bytecode,
    cache: Option<&Cache>,
    threads: usize,
    archived: &Archived<'_>,
    progress: &dyn Progress,
) -> Result<Scratch> {
    if matches!(bytecode, Bytecode::Keep | Bytecode::Strip) {
        return Ok(Scratch::default());
    }
    let Some(python) = inventory.prefix.python.clone() else { return Ok(Scratch::default()) };
    let magic = Magic::of(&python)?;
    let missing = modules::missing(inventory, &python, magic, archived)?;
    if missing.is_empty() {
        return Ok(Scratch::default());
    }
    let cache = cache::Cache::open(&python, magic, cache)?;
    let compiled = compile::all(inventory, &python, cache, missing, threads, archived, progress)?;
    for module in compiled.modules {
        module.put(inventory, bytecode.check());
    }
    Ok(Scratch { _folder: compiled.scratch })
}

/// The bytes of a file that is small or needed whole.
fn bytes(file: &File) -> std::io::Result<Vec<u8>> {
    file.content.read()
}

fn is_valid(file: &File) -> bool {
    matches!(file.rewrite, Rewrite::Bytecode { .. })
}
