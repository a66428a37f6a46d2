//! `--exclude` and `--include`: which files the user wants, in conda-pack's
//! words.

/// One option of the command line, with its pattern: `*` and `?` match any
/// characters, `/` too, and `[…]` one of a set, as in Python's `fnmatch`. A
/// pattern that matches a folder matches all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Leaves matching files out.
    Exclude(String),
    /// Brings matching files back that an earlier pattern left out.
    Include(String),
}

/// Filters in the order of the command line; the last one that matches a path
/// decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(pub Vec<Filter>);

impl Filters {
    /// Whether the file or link at `path` stays.
    #[must_use]
    pub fn keeps(&self, path: &str) -> bool {
        self.0.iter().fold(true, |kept, filter| match filter {
            Filter::Exclude(pattern) => kept && !covers(pattern, path),
            Filter::Include(pattern) => kept || covers(pattern, path),
        })
    }
}

/// Whether the pattern matches the path or a folder above it.
fn covers(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.trim_start_matches("./").trim_end_matches('/').chars().collect();
    let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
    ends.into_iter().any(|end| matches(&pattern, &path[..end].chars().collect::<Vec<_>>()))
}

/// Python's `fnmatch` on characters; iterative, so that many stars stay cheap.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, read));
            at += 1;
            continue;
        }
        if let Some(length) = one(&pattern[at..], text[read]) {
            at += length;
            read += 1;
            continue;
        }
        let Some((after, consumed)) = star else { return false };
        star = Some((after, consumed + 1));
        (at, read) = (after, consumed + 1);
    }
    pattern[at..].iter().all(|&symbol| symbol == '*')
}

/// The length of the pattern's first item if it matches `symbol`.
fn one(pattern: &[char], symbol: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' => match set(pattern) {
            Some((members, length)) => set_holds(members, symbol).then_some(length),
            None => (symbol == '[').then_some(1),
        },
        literal => (literal == symbol).then_some(1),
    }
}

/// The members of a `[…]` and its whole length; a `]` right after the opening
/// is a member. `None` if it never ends.
fn set(pattern: &[char]) -> Option<(&[char], usize)> {
    let first = if pattern.get(1) == Some(&'!') { 3 } else { 2 };
    let end = (first..pattern.len()).find(|&index| pattern[index] == ']')?;
    Some((&pattern[1..end], end + 1))
}

fn set_holds(members: &[char], symbol: char) -> bool {
    let (negated, mut members) = match members.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, members),
    };
    let mut held = false;
    while let [first, rest @ ..] = members {
        if let ['-', last, rest @ ..] = rest {
            held |= (*first..=*last).contains(&symbol);
            members = rest;
        } else {
            held |= *first == symbol;
            members = rest;
        }
    }
    held != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclude(pattern: &str) -> Filter {
        Filter::Exclude(pattern.into())
    }

    fn include(pattern: &str) -> Filter {
        Filter::Include(pattern.into())
    }

    #[test]
    fn the_last_filter_that_matches_decides() {
        let filters = Filters(vec![exclude("*.py"), include("lib/keep.py")]);
        assert!(filters.keeps("lib/keep.py"));
        assert!(!filters.keeps("lib/deep/other.py"));
        let filters = Filters(vec![include("lib/keep.py"), exclude("*.py")]);
        assert!(!filters.keeps("lib/keep.py"));
    }

    #[test]
    fn a_folder_stands_for_all_that_is_in_it() {
        let filters = Filters(vec![exclude("share/doc/")]);
        assert!(!filters.keeps("share/doc/a/b.txt"));
        assert!(filters.keeps("share/document"));
    }

    #[test]
    fn patterns_are_those_of_fnmatch() {
        for (pattern, path, expected) in [
            ("*/conda.exe", "bin/conda.exe", true),
            ("lib/*.so", "lib/a/b.so", true),
            ("lib/?.so", "lib/a.so", true),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[a", "[a", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} on {path}");
        }
    }
}
