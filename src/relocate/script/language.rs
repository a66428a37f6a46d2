//! Scripts in other languages than Python, which find their interpreter
//! relative to themselves.
//!
//! As for Python `/bin/sh` starts the interpreter, which has to read past what
//! was meant for the shell. Each language has its own way:
//!
//! | language | what it reads of the shell's line |
//! |---|---|
//! | Perl, Ruby | nothing: `-x` skips to the first `#!` line that names them (perlrun, ruby(1)) |
//! | Node | a string and a comment: `':' //; …` |
//! | Tcl | a comment that a backslash continues, which no shell knows |
//! | shells | the line itself, which tells by the number of the process that it was here before |

use crate::entry::FIND_SCRIPT;

/// How a language reads past a line for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    SkipsToItsName,
    Node,
    Tcl,
    Shell,
}

/// Interpreters by the beginning of their names; a version may follow.
const KNOWN: [(&str, Language); 11] = [
    ("perl", Language::SkipsToItsName),
    ("ruby", Language::SkipsToItsName),
    ("node", Language::Node),
    ("tclsh", Language::Tcl),
    ("wish", Language::Tcl),
    ("expect", Language::Tcl),
    ("bash", Language::Shell),
    ("dash", Language::Shell),
    ("ksh", Language::Shell),
    ("zsh", Language::Shell),
    ("sh", Language::Shell),
];

impl Language {
    /// The language of an interpreter.
    pub(super) fn of(program: &str) -> Option<Self> {
        let known = KNOWN.iter().find(|(name, _)| {
            program
                .strip_prefix(name)
                .is_some_and(|rest| rest.bytes().all(|byte| b"0123456789.".contains(&byte)))
        });
        known.map(|(_, language)| *language)
    }

    /// The lines that replace the shebang of the script at `path`: `program` is
    /// the interpreter below the root, which is what `root` expands to.
    pub(super) fn launcher(self, program: &str, path: &str, root: &str, arguments: &[&str]) -> String {
        let name = program.rsplit('/').next().unwrap_or(program);
        let words = |first: &[&str]| [first, arguments, &["\"$0\""]].concat().join(" ");
        let start = |first: &[&str]| format!("exec \"{root}/{program}\" {} \"$@\"", words(first));
        let shebang = [&[name], arguments].concat().join(" ");
        match self {
            // Perl takes some options, such as -T, only if both lines have them.
            Language::SkipsToItsName => {
                format!("{FIND_SCRIPT} && {}; exit 127\n#!{shebang}", start(&["-x"]))
            }
            Language::Node => format!("':' //; {FIND_SCRIPT} && {}; exit 127", start(&[])),
            Language::Tcl => format!("# \\\n{FIND_SCRIPT} && {}; exit 127", start(&[])),
            // A process keeps its number when another program takes it over. Who
            // only reads the file as a library is called by another name.
            Language::Shell => format!(
                "[ \"${{ENVSHIP_STARTED-}}\" = \"$$\" ] || {{ {FIND_SCRIPT} || :; case \"$envship_script\" in */{}) \
                 export ENVSHIP_STARTED=\"$$\"; {}; exit 127;; esac; }}; unset ENVSHIP_STARTED",
                quoted(path),
                start(&[])
            ),
        }
    }
}

/// A path as a pattern that matches nothing else.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Whether the first line is empty, a comment, or commands that end with it, in
/// words that every shell takes: it reads the whole line, launcher and all,
/// before it starts another.
pub(super) fn ends_with_its_line(body: &[u8]) -> bool {
    const COMPOUND: [&[u8]; 13] = [
        b"if",
        b"for",
        b"while",
        b"until",
        b"case",
        b"select",
        b"function",
        b"time",
        b"coproc",
        b"then",
        b"do",
        b"else",
        b"!",
    ];
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return true;
    }
    let words = line.split(|byte| b" \t;&|".contains(byte));
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && !b"(){}<`\\".contains(byte);
    let even = |quote: u8| line.iter().fold(true, |even, byte| even ^ (*byte == quote));
    line.iter().all(plain)
        && even(b'"')
        && (even(b'\'') && !line.contains(&b'"') || !line.contains(&b'\''))
        && !line.ends_with(b"|")
        && !line.ends_with(b"&")
        && words.into_iter().all(|word| !COMPOUND.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_follow_the_launcher_if_every_shell_reads_it_alike() {
        for line in [
            "",
            "# [[ (",
            "set -euo pipefail",
            "tail -n +4 \"$0\"",
            "cd /x && exec ./y > z 2>&1",
            "echo 'a b'",
        ] {
            assert!(ends_with_its_line(format!("{line}\nexit 0\n").as_bytes()), "{line}");
        }
        for line in [
            "if true; then",
            "true; for x in a",
            "cat <<END",
            "declare -a x=(1 2)",
            "f() {",
            "x=$(date)",
            "echo 'two",
            "echo \"it's\"",
            "true |",
            "true \\",
            "a &&",
        ] {
            assert!(!ends_with_its_line(format!("{line}\nexit 0\n").as_bytes()), "{line}");
        }
    }
}
