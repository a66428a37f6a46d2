//! Scripts whose interpreter will not be where they look for it: those of an
//! environment that was moved, those that name another one, and launchers that
//! their installer got wrong (pip's for a path with a quote and a space in it).

use super::shebang::{WRAPPED, WRAPPED_ARGUMENTS, WRAPPED_AT_ONCE, first_line};
use crate::relocate::prefixes::Prefixes;

/// Where the operating system keeps programs: a script that starts one of them
/// means that of the machine it runs on.
const SYSTEM: &[&[u8]] =
    &[b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin", b"/usr/local/bin", b"/usr/local/sbin"];

/// Why a script will not start, with what it calls, as the script writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranded {
    /// It is neither in the archive nor the system's.
    Missing(String),
    /// It is in the archive, and can only be called by the path at which that is
    /// unpacked: there is no way known for its language to find it.
    Unplaced(String),
}

/// Whether a script that keeps its first line starts; `has` says what is in the
/// environment, by its path.
pub(in crate::relocate) fn stranded(
    bytes: &[u8],
    prefixes: &Prefixes,
    has: &dyn Fn(&str) -> bool,
) -> Option<Stranded> {
    let interpreter = match bytes.strip_prefix(WRAPPED) {
        Some(command) => wrapped(command)?,
        None => plain(bytes.strip_prefix(b"#!")?),
    };
    let shown = || String::from_utf8_lossy(interpreter).replace('\r', "\\r");
    if let Some(rest) = prefixes.strip(interpreter) {
        let inside = std::str::from_utf8(rest).is_ok_and(|rest| has(rest.trim_start_matches('/')));
        return Some(if inside { Stranded::Unplaced(shown()) } else { Stranded::Missing(shown()) });
    }
    let folder = interpreter.iter().rposition(|&byte| byte == b'/').map(|end| &interpreter[..end]);
    let known = folder.is_some_and(|folder| SYSTEM.contains(&folder));
    (!known).then(|| Stranded::Missing(shown()))
}

/// What a shebang names, or has `env` start by its path.
fn plain(line: &[u8]) -> &[u8] {
    let (interpreter, rest) = split_word(line);
    let (word, after) = split_word(rest);
    let program = if word == b"-S" { first_word(after) } else { word };
    if interpreter == b"/usr/bin/env" && program.starts_with(b"/") { program } else { interpreter }
}

/// What `'''exec'` starts, unless it finds that out when it is run; with its
/// quotes if they don't make one word.
fn wrapped(command: &[u8]) -> Option<&[u8]> {
    let line = first_line(command)?;
    let ends = [WRAPPED_AT_ONCE, WRAPPED_ARGUMENTS];
    let line = ends.iter().find_map(|end| line.strip_suffix(*end)).unwrap_or(line);
    if memchr::memmem::find(line, b"$0").is_some() {
        return None;
    }
    match line {
        [quote @ (b'"' | b'\''), inner @ .., last] if quote == last && !inner.contains(quote) => Some(inner),
        [b'"' | b'\'', ..] => Some(line),
        _ => Some(first_word(line)),
    }
}

fn first_word(line: &[u8]) -> &[u8] {
    split_word(line).0
}

/// The first word of a line and what follows it there.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_start();
    line.split_at(line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len()))
}
