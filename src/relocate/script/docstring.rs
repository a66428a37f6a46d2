//! A module's docstring, when a string has come before it.
//!
//! The launcher is the first string of the module, and so its docstring. What
//! the author wrote becomes an assignment to `__doc__`, which command lines are
//! made of (docopt, `argparse`). Only a docstring may stand before
//! `from __future__ import …`, so where that follows, the author's moves behind
//! it. As little of Python is read as it takes to see that: comments, strings,
//! and where a statement ends. Lines keep their number, but for the launcher's.
//!
//! One thing differs: since Python 3.13 the compiler takes the indentation out of
//! docstrings; an assigned one keeps it, as all did before.

use std::ops::Range;

/// What ends the launcher's line, and the body that follows it: together they
/// give `__doc__` the value that it had.
pub(super) fn keep(body: &[u8]) -> (&'static str, Vec<u8>) {
    let Opening { docstring, futures_end } = Opening::of(body);
    match (docstring, futures_end) {
        (None, None) => ("; __doc__ = None", body.to_vec()),
        (None, Some(end)) => ("", [&body[..end], b"; __doc__ = None", &body[end..]].concat()),
        (Some(Docstring { literal, .. }), None) => {
            ("", [&body[..literal.start], b"__doc__ = ", &body[literal.start..]].concat())
        }
        (Some(Docstring { literal, next }), Some(end)) => {
            let moved = [
                &body[..literal.start],
                &body[next..end],
                b"; __doc__ = ",
                &body[literal.clone()],
                &body[end..],
            ];
            ("", moved.concat())
        }
    }
}

/// The length of the first line, if it declares an encoding (PEP 263), else 0.
pub(super) fn encoding_line(bytes: &[u8]) -> usize {
    let length = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    let line = &bytes[..length];
    let comment = line.iter().find(|byte| !b" \t\x0c".contains(byte)) == Some(&b'#');
    let declared = memchr::memmem::find_iter(line, b"coding").any(|at| match &line[at + 6..] {
        [b':' | b'=', value @ ..] => {
            let first = value.iter().find(|byte| !b" \t".contains(byte));
            first.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        }
        _ => false,
    });
    // The launcher follows on a line of its own.
    if comment && declared && line.ends_with(b"\n") { length } else { 0 }
}

/// How a module begins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Opening {
    docstring: Option<Docstring>,
    /// The end of the last `from __future__ import …`.
    futures_end: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
struct Docstring {
    /// The expression: strings side by side, maybe in parentheses.
    literal: Range<usize>,
    /// Where the statement ends; behind its semicolon, if it has one.
    next: usize,
}

impl Opening {
    fn of(body: &[u8]) -> Self {
        let mut reader = Reader { bytes: body, at: 0 };
        let mut opening = Opening::default();
        reader.skip_blank_lines();
        if let Some(literal) = reader.attempt(Reader::strings) {
            reader.skip_semicolon();
            opening.docstring = Some(Docstring { literal, next: reader.at });
        }
        reader.skip_blank_lines();
        while let Some(future) = reader.attempt(Reader::future) {
            opening.futures_end = Some(future.end);
            reader.skip_semicolon();
            reader.skip_blank_lines();
        }
        opening
    }
}

/// A place in Python source.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// A whole simple statement, or nothing and no step forward.
    fn attempt(&mut self, statement: impl FnOnce(&mut Self) -> Option<()>) -> Option<Range<usize>> {
        let start = self.at;
        let end = statement(self).map(|()| self.at);
        match end {
            Some(end) if self.ends_statement() => Some(start..end),
            _ => {
                self.at = start;
                None
            }
        }
    }

    /// Strings side by side, which are one: no f-strings, no bytes.
    fn strings(&mut self) -> Option<()> {
        let parenthesised = self.take(b"(");
        let mut end = None;
        loop {
            if parenthesised {
                self.skip_blank_lines();
            } else {
                self.skip_blanks();
            }
            let nested = parenthesised && self.rest().starts_with(b"(");
            match if nested { self.strings() } else { self.string() } {
                Some(()) => end = Some(self.at),
                None => break,
            }
        }
        if parenthesised {
            end?;
            return self.take(b")").then_some(());
        }
        self.at = end?;
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        if let [b'r' | b'R' | b'u' | b'U', b'\'' | b'"', ..] = self.rest() {
            self.at += 1;
        }
        let quote = *self.rest().first().filter(|byte| b"'\"".contains(byte))?;
        let triple = [quote; 3];
        let mark = if self.rest().starts_with(&triple) { &triple[..] } else { &triple[..1] };
        self.at += mark.len();
        while !self.take(mark) {
            match self.rest() {
                [] => return None,
                [b'\n', ..] if mark.len() == 1 => return None,
                // In raw strings too, a backslash keeps a quote from ending them.
                [b'\\', b'\r', b'\n', ..] => self.at += 3,
                [b'\\', _, ..] => self.at += 2,
                _ => self.at += 1,
            }
        }
        Some(())
    }

    /// `from __future__ import …`, up to its last token.
    fn future(&mut self) -> Option<()> {
        for word in [&b"from"[..], b"__future__", b"import"] {
            self.word(word)?;
        }
        let mut depth = 0;
        let mut end = None;
        loop {
            if depth > 0 {
                self.skip_blank_lines();
            } else {
                self.skip_blanks();
            }
            match self.rest().first() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                Some(byte) if byte.is_ascii_alphanumeric() || b"_,".contains(byte) => {}
                _ => break,
            }
            self.at += 1;
            end = Some(self.at);
        }
        self.at = end.filter(|_| depth == 0)?;
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.skip_blanks();
        let taken = self.take(word);
        let goes_on = self.rest().first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        (taken && !goes_on).then_some(())
    }

    fn take(&mut self, token: &[u8]) -> bool {
        let present = self.rest().starts_with(token);
        if present {
            self.at += token.len();
        }
        present
    }

    /// Whether a simple statement can end here.
    fn ends_statement(&mut self) -> bool {
        let at = self.at;
        self.skip_blanks();
        let ends = matches!(self.rest().first(), None | Some(b'\n' | b'\r' | b';' | b'#'));
        self.at = at;
        ends
    }

    fn skip_semicolon(&mut self) {
        let at = self.at;
        self.skip_blanks();
        if self.take(b";") {
            self.skip_blanks();
        } else {
            self.at = at;
        }
    }

    /// Blanks inside of a line, joined lines included.
    fn skip_blanks(&mut self) {
        loop {
            match self.rest() {
                [b' ' | b'\t' | b'\x0c', ..] => self.at += 1,
                [b'\\', b'\n', ..] => self.at += 2,
                [b'\\', b'\r', b'\n', ..] => self.at += 3,
                _ => return,
            }
        }
    }

    /// Blanks, line ends and comments.
    fn skip_blank_lines(&mut self) {
        loop {
            self.skip_blanks();
            match self.rest() {
                [b'\n' | b'\r', ..] => self.at += 1,
                [b'#', ..] => self.at += memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len()),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &str) -> (String, String) {
        let (statement, body) = keep(body.as_bytes());
        (statement.to_owned(), String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_module_without_a_docstring_has_none() {
        for body in [
            "import x\n",
            "",
            "'a' + 'b'\n",
            "'a'.strip()\n",
            "b'a'\n",
            "f'a'\n",
            "('a', 'b')\n",
            "x = 'a'\n",
        ] {
            assert_eq!(kept(body), ("; __doc__ = None".to_owned(), body.to_owned()));
        }
    }

    #[test]
    fn a_docstring_is_assigned_where_it_stands() {
        for literal in [
            "'a'",
            "u\"a\"",
            r"R'a\'b'",
            "'''a'b''c\n'''",
            "\"\"\"a\\\"\"\"\"",
            "'a' 'b'",
            "'a' \\\n  r'b'",
            "('a'  # c\n 'b')",
            "('a' ('b'))",
            "'a\\\nb'",
            "''",
        ] {
            let body = format!("# c\n\n{literal}  # d\nimport x\n");
            let expected = format!("# c\n\n__doc__ = {literal}  # d\nimport x\n");
            assert_eq!(kept(&body), (String::new(), expected));
        }
    }

    #[test]
    fn a_docstring_moves_behind_the_last_future_import() {
        let body = "'''a\nb'''  # c\nfrom __future__ import x; from __future__ import (y, # d\n z,)\n\nfrom  __future__ \\\n import w as v  # e\nimport z\n";
        let expected = "  # c\nfrom __future__ import x; from __future__ import (y, # d\n z,)\n\nfrom  __future__ \\\n import w as v; __doc__ = '''a\nb'''  # e\nimport z\n";
        assert_eq!(kept(body), (String::new(), expected.to_owned()));
    }

    #[test]
    fn a_docstring_takes_its_semicolon_along() {
        let body = "'a'; from __future__ import x; import y\n";
        let expected = "from __future__ import x; __doc__ = 'a'; import y\n";
        assert_eq!(kept(body), (String::new(), expected.to_owned()));
    }

    #[test]
    fn a_future_import_alone_comes_before_the_assignment() {
        assert_eq!(kept("from __future__ import x").1, "from __future__ import x; __doc__ = None");
        assert_eq!(kept("from __future__x import x").0, "; __doc__ = None");
    }

    #[test]
    fn an_encoding_is_found_as_python_finds_it() {
        for line in ["# -*- coding: latin-1 -*-\n", "#vim: set fileencoding=utf8 :\n", " \t# coding:x\n"] {
            assert_eq!(encoding_line(line.as_bytes()), line.len(), "{line}");
        }
        for line in
            ["# encoding latin-1\n", "x = 1 # coding: x\n", "# coding :x\n", "# coding: \n", "# coding: x"]
        {
            assert_eq!(encoding_line(line.as_bytes()), 0, "{line}");
        }
    }
}
