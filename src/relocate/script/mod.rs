//! Scripts that find their interpreter relative to themselves.
//!
//! The kernel takes the path behind `#!` as it is, and refuses long ones and
//! those with spaces; so `/bin/sh` starts the interpreter. What it reads is a
//! string to Python:
//!
//! ```text
//! #!/bin/sh
//! ''':' && { envship_script=$(…); } && exec "${envship_script%/*/*}/bin/python" "$0" "$@"; exit 127
//! ' '''; __doc__ = None
//! ```
//!
//! - To a shell, `''':'` is `:`, the command that does nothing; the third line is
//!   never reached. To Python, lines two and three are the module's docstring.
//! - [`FIND_SCRIPT`] finds the script.
//! - `%/*/*` drops as many components as the script lies deep, so that
//!   `sys.executable` has no `..` in it.
//! - Arguments stay (`-E`, `-I`, `-s`), and `$0` is as the caller wrote it.
//! - An encoding (PEP 263) counts in line 1 or 2, so its comment moves up there.
//! - `__doc__` becomes again what it was: see [`docstring`].
//!
//! Perl, Ruby, Node, Tcl and shells are started in the same way; how they read
//! past it is told in [`language`].

mod docstring;
mod language;
mod shebang;
mod stranded;

use std::collections::BTreeSet;

use super::prefixes::Prefixes;
use crate::entry::FIND_SCRIPT;
use language::Language;
use shebang::{By, Shebang};
pub use stranded::Stranded;
pub(super) use stranded::stranded;

/// The Python of an environment, by its names in `bin/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// What scripts will start: a real file, since links don't survive every
    /// consumer: `python`.
    pub program: String,
    /// What scripts may call it: `python`, `python3`, `python3.11`…
    pub names: Vec<String>,
    /// The programs in `bin/`, by name: `/usr/bin/env` would find them there in
    /// an activated environment.
    pub programs: BTreeSet<String>,
}

/// A script that is about to find its interpreter by itself.
#[derive(Debug)]
pub(super) struct Script<'a> {
    /// The lines that replace the shebang, but for the end of the last one.
    launcher: String,
    /// A PEP 263 comment, with its line break.
    encoding: &'a [u8],
    /// What follows both.
    body: &'a [u8],
    speaks: Speaks,
}

/// Who reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Python,
    /// The same language as the launcher, which stands on the first line of the
    /// body where any shell can read that, so that lines keep their numbers: some
    /// scripts count them, to cut off what lies behind them.
    Shell,
    Another,
}

impl<'a> Script<'a> {
    /// A script that is started by the environment's Python: by the prefix, or
    /// below `bin/` through `/usr/bin/env`.
    pub(super) fn parse(
        path: &str,
        executable: bool,
        bytes: &'a [u8],
        prefixes: &Prefixes,
        interpreter: &Interpreter,
    ) -> Option<Self> {
        if !may_be_one(path, executable, bytes) {
            return None;
        }
        let Shebang { program, by, arguments, length } = Shebang::parse(bytes, prefixes)?;
        let program = std::str::from_utf8(program).ok()?;
        if by == By::Env && !path.starts_with("bin/") {
            return None;
        }
        let rest = &bytes[length..];
        if interpreter.names.iter().any(|name| name == program) {
            let (encoding, body) = rest.split_at(docstring::encoding_line(rest));
            let launcher = launcher(path, &interpreter.program, &arguments);
            return Some(Script { launcher, encoding, body, speaks: Speaks::Python });
        }
        if by == By::Env && !interpreter.programs.contains(program) {
            return None;
        }
        let language = Language::of(program)?;
        let launcher = language.launcher(&format!("bin/{program}"), path, &root(path), &arguments);
        let shell = language == Language::Shell && language::ends_with_its_line(rest);
        let speaks = if shell { Speaks::Shell } else { Speaks::Another };
        Some(Script { launcher, encoding: b"", body: rest, speaks })
    }

    /// The lines that come before the body: all that a zipped application needs,
    /// which Python reads from its end.
    pub(super) fn header(&self) -> Vec<u8> {
        self.header_and("")
    }

    /// What follows the header.
    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The script as source.
    pub(super) fn source(&self) -> Vec<u8> {
        let (statement, body) = match self.speaks {
            Speaks::Python => docstring::keep(self.body),
            Speaks::Shell | Speaks::Another => ("", self.body.into()),
        };
        let mut source = self.header_and(statement);
        source.extend(body);
        source
    }

    fn header_and(&self, statement: &str) -> Vec<u8> {
        let mut header = b"#!/bin/sh\n".to_vec();
        header.extend_from_slice(self.encoding);
        header.extend_from_slice(self.launcher.as_bytes());
        header.extend_from_slice(statement.as_bytes());
        header.extend_from_slice(if self.speaks == Speaks::Shell { b"; " } else { b"\n" });
        header
    }
}

/// Whether a file's place and first bytes are those of a script that may need
/// an interpreter of its own.
pub(super) fn may_be_one(path: &str, executable: bool, head: &[u8]) -> bool {
    head.starts_with(b"#!") && (executable || path.starts_with("bin/"))
}

/// What a shell takes for the root, once the script at `path` is found.
fn root(path: &str) -> String {
    format!("${{envship_script%{}}}", "/*".repeat(path.split('/').count()))
}

fn launcher(path: &str, program: &str, arguments: &[&str]) -> String {
    let (root, arguments) = (root(path), [arguments, &["\"$0\""]].concat().join(" "));
    format!("''':' && {FIND_SCRIPT} && exec \"{root}/bin/{program}\" {arguments} \"$@\"; exit 127\n' '''")
}

#[cfg(test)]
mod tests;
