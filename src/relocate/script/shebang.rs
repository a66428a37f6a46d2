//! What a script's first lines say of its interpreter.

use crate::relocate::prefixes::Prefixes;

/// The interpreter of a script that is an environment's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shebang<'a> {
    /// Its name in `bin/`.
    pub(super) program: &'a [u8],
    pub(super) by: By,
    /// What it is given before the script: words that a shell reads as they are.
    pub(super) arguments: Vec<&'a str>,
    /// Of the lines that say so, in bytes.
    pub(super) length: usize,
}

/// How the interpreter is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By the prefix.
    Prefix,
    /// By `/usr/bin/env`, on the search path.
    Env,
}

/// How distlib and uv start an interpreter whose path is too long for a
/// shebang, or holds a space.
pub(super) const WRAPPED: &[u8] = b"#!/bin/sh\n'''exec' ";
pub(super) const WRAPPED_ARGUMENTS: &[u8] = b" \"$0\" \"$@\"";
const WRAPPED_END: &[u8] = b"' '''";
/// What conda and rattler write instead, and have no third line.
pub(super) const WRAPPED_AT_ONCE: &[u8] = b" \"$0\" \"$@\" #'''";

impl<'a> Shebang<'a> {
    /// `None` for all other interpreters, for what never worked (a byte order
    /// mark, CRLF), and for scripts that are relative already.
    pub(super) fn parse(bytes: &'a [u8], prefixes: &Prefixes) -> Option<Self> {
        match bytes.strip_prefix(WRAPPED) {
            Some(rest) => Self::wrapped(bytes, rest, prefixes),
            None => Self::plain(bytes, prefixes),
        }
    }

    /// `#!/prefix/bin/python -E`, `#!/usr/bin/env python3`, `#!/usr/bin/env perl -w` or
    /// `#!/usr/bin/env /prefix/bin/python`.
    fn plain(bytes: &'a [u8], prefixes: &Prefixes) -> Option<Self> {
        let line = first_line(bytes.strip_prefix(b"#!")?)?;
        let length = line_length(bytes);
        let line = trim_start(line);
        let split = line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
        let (interpreter, rest) = line.split_at(split);
        let arguments = arguments(rest)?;
        match (interpreter, &*arguments) {
            (b"/usr/bin/env", ["-S", path, rest @ ..] | [path, rest @ ..])
                if in_bin(path.as_bytes(), prefixes).is_some() =>
            {
                let (program, arguments) = (in_bin(path.as_bytes(), prefixes)?, rest.to_vec());
                Some(Shebang { program, by: By::Prefix, arguments, length })
            }
            // Without `-S`, `env` takes all words for one name. conda writes it so
            // where a shebang would be too long, and rattler too: it never
            // started, and what it means is clear.
            (b"/usr/bin/env", ["-S", program, rest @ ..] | [program, rest @ ..]) if is_program(program) => {
                let (program, arguments) = (program.as_bytes(), rest.to_vec());
                Some(Shebang { program, by: By::Env, arguments, length })
            }
            _ => Some(Shebang { program: in_bin(interpreter, prefixes)?, by: By::Prefix, arguments, length }),
        }
    }

    /// `'''exec' "/prefix/bin/python" -E "$0" "$@"`, its line end and `' '''`; or
    /// all in one line, which ends in `#'''`.
    fn wrapped(bytes: &'a [u8], command: &'a [u8], prefixes: &Prefixes) -> Option<Self> {
        let line = first_line(command)?;
        let rest = &command[line_length(command)..];
        let (line, rest) = match line.strip_suffix(WRAPPED_AT_ONCE) {
            Some(line) => (line, rest),
            None if first_line(rest)? == WRAPPED_END => {
                (line.strip_suffix(WRAPPED_ARGUMENTS)?, &rest[line_length(rest)..])
            }
            None => return None,
        };
        let length = bytes.len() - rest.len();
        let (interpreter, options) = match line {
            [quote @ (b'"' | b'\''), rest @ ..] => {
                let end = rest.iter().position(|byte| byte == quote)?;
                (&rest[..end], &rest[end + 1..])
            }
            _ => line.split_at(line.iter().position(|&byte| byte == b' ').unwrap_or(line.len())),
        };
        let program = in_bin(interpreter, prefixes)?;
        Some(Shebang { program, by: By::Prefix, arguments: arguments(options)?, length })
    }
}

/// The name of a program in the `bin/` of a prefix.
fn in_bin<'a>(interpreter: &'a [u8], prefixes: &Prefixes) -> Option<&'a [u8]> {
    prefixes.strip(interpreter)?.strip_prefix(b"/bin/")
}

/// Whether `env` would take a word for a program, and not for an option or a
/// variable.
fn is_program(word: &str) -> bool {
    !word.starts_with('-') && !word.contains('=')
}

/// The words of a line, if a shell takes each of them as it is.
fn arguments(rest: &[u8]) -> Option<Vec<&str>> {
    let words: Vec<&str> = std::str::from_utf8(rest).ok()?.split_ascii_whitespace().collect();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:=+/@%".contains(&byte);
    words.iter().all(|word| word.bytes().all(plain)).then_some(words)
}

/// Without its line feed; `None` where it ends in CRLF.
pub(super) fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let line = &bytes[..line_length(bytes)];
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    (!line.ends_with(b"\r")).then_some(line)
}

/// With its line feed.
fn line_length(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)
}

fn trim_start(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| b" \t".contains(byte)).count();
    &line[blanks..]
}
