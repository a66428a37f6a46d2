//! Bytes of a file → edits that make it run anywhere.
//!
//! Pure functions, no I/O. A [`Relocator`] knows where an environment comes from
//! and decides file by file what has to change (and which module says how):
//!
//! | what | becomes |
//! |---|---|
//! | a Python script's shebang | relative to the script: `script` |
//! | an ELF run path | relative to the file: `elf` |
//! | a `.pyc` | a function of its source and its path: `canonical`, else `bytecode` |
//! | the prefix in pkg-config's files | relative to the file: `pkg_config` |
//! | the prefix in other text | [`PLACEHOLDER`], spliced |
//! | the prefix in a binary of which conda knows the room | the placeholder, padded: `padded` |
//! | the prefix at the end of an ELF file's string | the placeholder, and the tail kept: `tail` |
//! | the prefix in any other binary | the placeholder, filled up with slashes: `fixed` |
//!
//! Whatever could not be made relative is listed, and [`place()`] writes the
//! destination there. A binary keeps its length, except when its run path has no
//! room. Relocating what was relocated changes nothing, unless a known
//! destination lies below the original prefix.
//!
//! Most files hold no prefix and are never held in memory: the caller streams
//! them in windows through [`Relocator::holds_prefix`], loads the few that do or
//! that [`Relocator::needs_whole`], a large binary
//! [in stretches](Relocator::in_stretches), and applies the edits to whatever
//! part of a file it reads.
//!
//! Not looked into: what is compressed, the checksums of containers (a prefix in
//! a stored zip member is replaced without correcting its CRC), UTF-16, and
//! prefixes of less than four bytes in binaries, where they occur by chance.

mod binary;
mod bytecode;
mod canonical;
mod draft;
mod elf;
mod fixed;
mod marshal;
mod padded;
mod pkg_config;
mod place;
mod prefixes;
mod script;
mod splice;
mod tail;
mod text;

use std::path::{Path, PathBuf};

use crate::entry::{Edit, PLACEHOLDER, Placeholder, Rewrite, SourceCheck};
use binary::Container;
use draft::Draft;
use elf::Plan;
use prefixes::{Hit, Prefixes};
use script::Script;
use splice::splice;

pub use place::{Placed, place};
pub use script::{Interpreter, Stranded};

/// Where an archive will be unpacked. Scripts and run paths are relative either
/// way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Not known yet: paths that can't be made relative become placeholders.
    Anywhere,
    /// At this path, which is written where a placeholder would be. Where it is
    /// too long for a binary, the placeholder stays and is listed.
    Fixed(String),
}

/// What relocation makes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relocated {
    /// To be spliced into the original.
    pub edits: Vec<Edit>,
    /// What is left for [`place()`], by its offset in the output.
    pub placeholders: Vec<Placeholder>,
    pub outcome: Outcome,
    /// Bytecode of a CPython that is known, but not what it compiles: its
    /// header says nothing of the rest, which was cut off or overwritten.
    pub damaged: bool,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Unchanged,
    /// Prefixes were spliced.
    Text,
    /// Prefixes were replaced, and the length was kept.
    Binary,
    /// The script finds its interpreter by itself.
    Script,
    /// The bytecode is valid whatever the time of its source.
    Bytecode,
    /// The run path is relative.
    RunPath,
    /// A run path names the prefix and can't be changed: it is listed as a
    /// placeholder, and the file's libraries are found only once that is
    /// written.
    RunPathStays,
}

/// Knows where an environment comes from and where it goes.
#[derive(Debug)]
pub struct Relocator {
    prefixes: Prefixes,
    /// Those in bytecode: what was compiled from a relocated source holds the
    /// placeholder already.
    in_bytecode: Prefixes,
    destination: Destination,
    interpreter: Interpreter,
}

impl Relocator {
    /// `prefixes`: every spelling of every original location whose files are
    /// packed (as given, with links resolved, a venv's base; percent-encoded if
    /// that differs); the root directory and relative paths are ignored.
    #[must_use]
    pub fn new(prefixes: &[PathBuf], destination: Destination, interpreter: Interpreter) -> Self {
        let destination = match destination {
            Destination::Fixed(path) => Destination::Fixed(place::trimmed(&path).to_owned()),
            Destination::Anywhere => Destination::Anywhere,
        };
        let mut in_bytecode = prefixes.to_vec();
        if destination == Destination::Anywhere {
            in_bytecode.push(PLACEHOLDER.into());
        }
        let (prefixes, in_bytecode) = (Prefixes::new(prefixes), Prefixes::new(&in_bytecode));
        Relocator { prefixes, in_bytecode, destination, interpreter }
    }

    /// Whether a part of a file may hold a prefix; parts have to overlap by
    /// [`Self::overlap`] bytes. A file of which no part does, and which isn't
    /// [needed whole](Self::needs_whole), stays as it is.
    #[must_use]
    pub fn holds_prefix(&self, window: &[u8]) -> bool {
        self.prefixes.occur(window)
    }

    /// By how many bytes the windows of [`Self::holds_prefix`] have to overlap.
    #[must_use]
    pub fn overlap(&self) -> usize {
        self.prefixes.longest().saturating_sub(1)
    }

    /// Whether a file may change even if it holds no prefix, by its place and
    /// its first bytes (two are enough).
    #[must_use]
    pub fn needs_whole(&self, path: &str, executable: bool, rewrite: &Rewrite, head: &[u8]) -> bool {
        match rewrite {
            Rewrite::Keep => false,
            Rewrite::Bytecode { .. } => true,
            Rewrite::Search | Rewrite::Text | Rewrite::Binary { .. } => {
                script::may_be_one(path, executable, head)
            }
        }
    }

    /// The interpreter that an executable script names though it will not be
    /// there, as the script writes it: `bytes` are all it has or its beginning,
    /// and `has` says which paths are in the environment.
    #[must_use]
    pub fn stranded(&self, path: &str, bytes: &[u8], has: &dyn Fn(&str) -> bool) -> Option<Stranded> {
        if Script::parse(path, true, bytes, &self.prefixes, &self.interpreter).is_some() {
            return None;
        }
        let found = script::stranded(bytes, &self.prefixes, has)?;
        let placed = matches!(found, Stranded::Unplaced(_)) && self.destination != Destination::Anywhere;
        (!placed).then_some(found)
    }

    /// What a file needs: `path` is the entry's, `bytes` are all it has.
    #[must_use]
    pub fn relocate(&self, path: &str, executable: bool, rewrite: &Rewrite, bytes: &[u8]) -> Relocated {
        match rewrite {
            Rewrite::Keep => Relocated::default(),
            Rewrite::Bytecode { source_hash, check } => self.cached(path, bytes, (*source_hash, *check)),
            _ => match Script::parse(path, executable, bytes, &self.prefixes, &self.interpreter) {
                Some(script) => self.script(path, rewrite, bytes, &script),
                None => self.plain(path, rewrite, bytes),
            },
        }
    }

    /// As [`Self::relocate`], with the edits applied.
    #[must_use]
    pub fn relocated(&self, path: &str, executable: bool, rewrite: &Rewrite, bytes: &[u8]) -> Vec<u8> {
        match &mut self.relocate(path, executable, rewrite, bytes).edits[..] {
            [edit] if edit.length == bytes.len() as u64 => std::mem::take(&mut edit.bytes),
            edits => splice(bytes, edits),
        }
    }

    /// A file that is neither bytecode with a hash nor a script.
    fn plain(&self, path: &str, rewrite: &Rewrite, bytes: &[u8]) -> Relocated {
        if !self.prefixes.occur(bytes) {
            return Relocated::default();
        }
        if elf::is_elf(bytes) {
            return self.elf(path, rewrite, bytes);
        }
        if Path::new(path).extension().is_some_and(|it| it == "pyc") && !text::looks_like_text(bytes) {
            return self.bytecode(path, bytes, None);
        }
        let mut draft = Draft::new(path);
        let hits = self.prefixes.hits(bytes);
        if let Some(root) = pkg_config::root_from(path) {
            pkg_config::rewrite(&hits, &root, &mut draft);
            return finish(draft, Outcome::Text);
        }
        let outcome = self.prefixed(rewrite, bytes, &hits, &mut draft);
        finish(draft, outcome)
    }

    /// Replaces the prefixes by the rule for text or for binaries.
    fn prefixed(&self, rewrite: &Rewrite, bytes: &[u8], hits: &[Hit], draft: &mut Draft) -> Outcome {
        let is_text = match rewrite {
            Rewrite::Text => true,
            Rewrite::Binary { .. } => false,
            _ => !hits.is_empty() && text::looks_like_text(bytes),
        };
        if is_text {
            text::rewrite(hits, &self.destination, draft);
            Outcome::Text
        } else {
            Container::of(bytes).rewrite(bytes, hits, rewrite, &self.destination, draft);
            Outcome::Binary
        }
    }

    /// Bytecode beside its source.
    fn cached(&self, path: &str, bytes: &[u8], valid: ([u8; 8], SourceCheck)) -> Relocated {
        let made = canonical::rewrite(path, bytes, valid, &self.in_bytecode, &self.destination);
        let Some((new, placeholders)) = made else {
            // Made by another compiler than CPython's, or by a later one: what
            // isn't understood keeps its length.
            let damaged = canonical::is_known(path, bytes);
            return Relocated { damaged, ..self.bytecode(path, bytes, Some(valid)) };
        };
        if new == bytes {
            return Relocated { placeholders, ..Relocated::default() };
        }
        let edits = vec![Edit { offset: 0, length: bytes.len() as u64, bytes: new }];
        Relocated { edits, placeholders, outcome: Outcome::Bytecode, damaged: false }
    }

    fn bytecode(&self, path: &str, bytes: &[u8], valid: Option<([u8; 8], SourceCheck)>) -> Relocated {
        let mut draft = Draft::new(path);
        if let Some((hash, check)) = valid {
            bytecode::rewrite_header(bytes, hash, check, &mut draft);
        }
        bytecode::rewrite_body(bytes, &self.prefixes, &self.destination, &mut draft);
        finish(draft, Outcome::Bytecode)
    }

    fn script(&self, path: &str, rewrite: &Rewrite, bytes: &[u8], script: &Script) -> Relocated {
        let body = script.body();
        if !text::looks_like_text(body) {
            // A zipped application behind its shebang.
            let start = bytes.len() - body.len();
            let mut draft = Draft::new(path);
            draft.replace(0..start, script.header());
            let hits = self.prefixes.hits(bytes);
            let behind = &hits[hits.partition_point(|hit| hit.start < start)..];
            self.prefixed(binary(rewrite), bytes, behind, &mut draft);
            return finish(draft, Outcome::Script);
        }
        self.whole(path, &Rewrite::Text, bytes, &script.source(), Outcome::Script)
    }

    fn elf(&self, path: &str, rewrite: &Rewrite, bytes: &[u8]) -> Relocated {
        let hits = || self.prefixes.hits(bytes);
        let rewrite = binary(rewrite);
        let mut draft = Draft::new(path);
        match elf::plan(path, bytes, &self.prefixes) {
            Plan::Nothing => {
                self.prefixed(rewrite, bytes, &hits(), &mut draft);
                finish(draft, Outcome::Binary)
            }
            Plan::Stays => {
                self.prefixed(rewrite, bytes, &hits(), &mut draft);
                finish(draft, Outcome::RunPathStays)
            }
            Plan::Rebuilt(new) => self.whole(path, rewrite, bytes, &new, Outcome::RunPath),
            Plan::InPlace(run_paths) => {
                let mut rest = hits();
                rest.retain(|hit| !run_paths.iter().any(|(range, _)| range.contains(&hit.start)));
                self.prefixed(rewrite, bytes, &rest, &mut draft);
                let mut relocated = finish(draft, Outcome::RunPath);
                // Nothing moves: both kinds of edits keep the length.
                relocated.edits.extend(run_paths.into_iter().map(|(range, bytes)| Edit {
                    offset: range.start as u64,
                    length: range.len() as u64,
                    bytes,
                }));
                relocated.edits.sort_by_key(|edit| edit.offset);
                relocated.outcome = Outcome::RunPath;
                relocated
            }
        }
    }

    /// A file that was made anew and still may hold prefixes, as one edit.
    fn whole(&self, path: &str, rewrite: &Rewrite, old: &[u8], new: &[u8], outcome: Outcome) -> Relocated {
        let mut draft = Draft::new(path);
        self.prefixed(rewrite, new, &self.prefixes.hits(new), &mut draft);
        let bytes = splice(new, &draft.edits);
        let edits = vec![Edit { offset: 0, length: old.len() as u64, bytes }];
        Relocated { edits, placeholders: draft.placeholders, outcome, damaged: false }
    }
}

/// What counts for a file that can't be text, whatever its package says.
fn binary(rewrite: &Rewrite) -> &Rewrite {
    if *rewrite == Rewrite::Text { &Rewrite::Search } else { rewrite }
}

fn finish(draft: Draft, outcome: Outcome) -> Relocated {
    let outcome = if draft.edits.is_empty() { Outcome::Unchanged } else { outcome };
    Relocated { edits: draft.edits, placeholders: draft.placeholders, outcome, damaged: false }
}

#[cfg(test)]
mod tests;
