//! What a process says of its end, on one line.
//!
//! Python tells exceptions in the order in which they came: the first is where
//! it began, the last is what the program made of it. Either may be the one
//! that says why, and so may be the first line of a message or its last.

use crate::process::Finished;

const BEGIN: &str = "Traceback (most recent call last):";

/// What Python puts between two exceptions of a chain.
const LINKS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];

/// In characters. Of what is longer, the middle is left out.
const LONGEST: usize = 300;

/// The same for what was made of an exception that is told too.
const SHORT: usize = 160;

/// The exception with which a process ended, or else what it said last.
pub(super) fn said(finished: &Finished) -> String {
    exception(&finished.stderr).unwrap_or_else(|| last_line(finished))
}

/// The last exception of a text with tracebacks, and the one with which that
/// began.
pub(super) fn exception(text: &str) -> Option<String> {
    let chain = last_chain(text);
    let (outer, inner) = (chain.last()?, chain.first()?);
    let message = inner.split_once(": ").map_or(inner.as_str(), |(_, message)| message);
    let told = shortened(outer, LONGEST);
    Some(if chain.len() == 1 || told.contains(message) {
        told
    } else {
        format!("{}; it began with {}", shortened(outer, SHORT), shortened(inner, LONGEST))
    })
}

/// Type and message of each exception of the last chain, as they came, on one
/// line each.
fn last_chain(text: &str) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let (mut place, mut linked) = (Place::Outside, false);
    for line in text.lines() {
        match place {
            _ if line == BEGIN => {
                if !linked {
                    chain.clear();
                }
                (place, linked) = (Place::Frames, false);
            }
            _ if LINKS.contains(&line) => (place, linked) = (Place::Outside, true),
            Place::Frames if !line.is_empty() && !line.starts_with(' ') => {
                chain.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
                place = Place::Message;
            }
            Place::Message => {
                if let Some(exception) = chain.last_mut() {
                    for word in line.split_whitespace() {
                        exception.push(' ');
                        exception.push_str(word);
                    }
                }
            }
            Place::Outside | Place::Frames => {}
        }
    }
    chain
}

/// Where in a traceback a line is.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    Frames,
    Message,
}

fn shortened(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest / 2).collect();
    let tail: String = text.chars().skip(length - longest / 2).collect();
    format!("{} … {}", head.trim_end(), tail.trim_start())
}

/// What a process said last, which is where errors stand.
fn last_line(finished: &Finished) -> String {
    let line = |text: &str| text.lines().map(str::trim_end).rfind(|line| !line.is_empty()).map(str::to_owned);
    line(&finished.stderr).or_else(|| line(&finished.stdout)).unwrap_or_else(|| finished.status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMPY: &str = "\
Traceback (most recent call last):
  File \"/e/numpy/_core/multiarray.py\", line 10, in <module>
    from . import _multiarray_umath, overrides
ModuleNotFoundError: No module named 'numpy._core._multiarray_umath'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"/e/numpy/_core/__init__.py\", line 84, in <module>
    raise ImportError(msg) from exc
ImportError: 

IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!
Original error was: No module named 'numpy._core._multiarray_umath'


The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"<string>\", line 13, in <module>
    raise ImportError(msg) from e
ImportError: Error importing numpy: you should not try to import numpy from
        its source directory; please exit the numpy source tree, and relaunch
        your python interpreter from there.
";

    #[test]
    fn a_chain_is_told_by_its_last_exception_and_by_its_first() {
        let told = exception(NUMPY).unwrap();
        assert!(told.starts_with("ImportError: Error importing numpy: you should not"), "{told}");
        assert!(told.contains("interpreter from there.; it began with ModuleNotFoundError: "), "{told}");
        assert!(told.ends_with(": No module named 'numpy._core._multiarray_umath'"), "{told}");
    }

    #[test]
    fn a_message_of_many_lines_is_told_on_one() {
        let text = format!("{BEGIN}\n  File \"x\", line 1\nOSError: one\n\n  two\nthree\n");
        assert_eq!(exception(&text).unwrap(), "OSError: one two three");
        let text = format!("{BEGIN}\n  File \"x\", line 1\nOSError: {} why\n", "so long ".repeat(100));
        let told = exception(&text).unwrap();
        assert!(told.starts_with("OSError: so long") && told.ends_with("so long why"), "{told}");
        assert!(told.chars().count() <= LONGEST + 3, "{told}");
    }

    #[test]
    fn a_cause_that_the_last_message_repeats_is_told_once() {
        let inner = format!("{BEGIN}\n  File \"x\", line 1\nKeyError: 'name'\n\n{}\n\n", LINKS[1]);
        let text = format!("{inner}{BEGIN}\n  File \"x\", line 2\nImportError: no 'name' here\n");
        assert_eq!(exception(&text).unwrap(), "ImportError: no 'name' here");
    }

    #[test]
    fn an_earlier_exception_that_was_only_printed_is_no_cause() {
        let text = format!(
            "{BEGIN}\n  File \"x\", line 1\nValueError: printed\ngoing on\n{BEGIN}\n  File \"y\", line 2\nSystemError\n"
        );
        assert_eq!(exception(&text).unwrap(), "SystemError");
        assert_eq!(exception("usage: tool [-h]\ntool: error: what?\n"), None);
    }
}
