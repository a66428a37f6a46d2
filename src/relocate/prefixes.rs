//! Where the original prefix stands in a file, and where it only seems to.
//!
//! The path-boundary rule: the prefix `/envs/e1` is found in `-I/envs/e1/include`,
//! `"/envs/e1"`, `PATH=/envs/e1/bin:…`, `file:///envs/e1` and at the end of a
//! sentence, but never inside `/envs/e12`, `/envs/e1-dev`, `/envs/e1.bak`,
//! `/x/envs/e1`, `x/envs/e1`, `./envs/e1` or `~/envs/e1`. A name goes on with
//! ASCII letters and digits, `_ - . + @ % ~` and every byte above 127;
//! everything else ends it.

use std::ops::Range;
use std::path::PathBuf;

use memchr::memmem::Finder;

/// Every spelling of the places an environment comes from.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// Absolute, without a trailing slash, longest first.
    spellings: Vec<Vec<u8>>,
    /// One for each spelling that doesn't begin with another one, so that two
    /// spellings mostly cost one pass.
    finders: Vec<Finder<'static>>,
}

/// Where a prefix stands: byte positions in the searched bytes.
pub(super) type Hit = Range<usize>;

impl Prefixes {
    /// Relative paths and the root directory are no prefixes and are left out.
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        let mut spellings: Vec<Vec<u8>> = paths
            .iter()
            .map(|path| without_trailing_slashes(path.as_os_str().as_encoded_bytes()).to_vec())
            .filter(|spelling| spelling.starts_with(b"/"))
            .collect();
        spellings.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        spellings.dedup();
        let finders = spellings
            .iter()
            .filter(|one| !spellings.iter().any(|other| other.len() < one.len() && one.starts_with(other)))
            .map(|spelling| Finder::new(spelling).into_owned())
            .collect();
        Prefixes { spellings, finders }
    }

    /// Whether the bytes of a spelling occur, boundaries aside.
    pub(super) fn occur(&self, bytes: &[u8]) -> bool {
        self.finders.iter().any(|finder| finder.find(bytes).is_some())
    }

    /// The length of the longest spelling.
    pub(super) fn longest(&self) -> usize {
        self.spellings.first().map_or(0, Vec::len)
    }

    /// The length of the shortest spelling.
    pub(super) fn shortest(&self) -> usize {
        self.spellings.last().map_or(usize::MAX, Vec::len)
    }

    /// The prefixes that stand on path boundaries, in order; they never overlap.
    pub(super) fn hits(&self, bytes: &[u8]) -> Vec<Hit> {
        self.hits_within(bytes, |_| None)
    }

    /// Like [`Self::hits`], for formats whose strings say how long they are:
    /// `string_around` gives the string that holds a candidate, whose ends are
    /// boundaries whatever stands beside them.
    pub(super) fn hits_within(
        &self,
        bytes: &[u8],
        string_around: impl Fn(&Hit) -> Option<Range<usize>>,
    ) -> Vec<Hit> {
        let mut hits = Vec::new();
        for finder in &self.finders {
            let mut from = 0;
            while let Some(found) = finder.find(&bytes[from..]) {
                let start = from + found;
                let hit = self.spelled_at(bytes, start).find(|hit| {
                    on_boundaries(bytes, hit)
                        || string_around(hit).is_some_and(|string| {
                            let inside = hit.start - string.start..hit.end - string.start;
                            on_boundaries(&bytes[string], &inside)
                        })
                });
                from = hit.as_ref().map_or(start + 1, |hit| hit.end);
                hits.extend(hit);
            }
        }
        hits.sort_by_key(|hit| hit.start);
        hits.dedup_by(|next, kept| next.start < kept.end);
        hits
    }

    /// What follows the prefix in a path that is below it or is it: empty, or
    /// beginning with a slash.
    pub(super) fn strip<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        self.spellings
            .iter()
            .filter_map(|spelling| path.strip_prefix(spelling.as_slice()))
            .find(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    fn spelled_at(&self, bytes: &[u8], start: usize) -> impl Iterator<Item = Hit> {
        self.spellings
            .iter()
            .filter(move |spelling| bytes[start..].starts_with(spelling))
            .map(move |spelling| start..start + spelling.len())
    }
}

pub(super) fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let slashes = path.iter().rev().take_while(|&&byte| byte == b'/').count();
    &path[..path.len() - slashes]
}

fn on_boundaries(bytes: &[u8], hit: &Hit) -> bool {
    begins_after(&bytes[..hit.start]) && ends_before(&bytes[hit.end..])
}

/// Whether an absolute path can begin after these bytes.
fn begins_after(before: &[u8]) -> bool {
    if before.ends_with(b"file://localhost") || ends_with_punctuation_mark(before) {
        return true;
    }
    let path = without_trailing_slashes(before);
    if path.len() < before.len() {
        return path.last().is_none_or(|&byte| !continues_a_name(byte));
    }
    let length = before.iter().rev().take_while(|&&byte| continues_a_name(byte)).count();
    let (rest, word) = before.split_at(before.len() - length);
    match (rest.last(), word) {
        // The last is `\n/envs/e1` in the source of a string.
        (_, []) | (Some(b'\\'), [b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'0']) => true,
        // `-I/envs/e1`: a compiler's flag with its value.
        (last, [b'-', ..]) => last != Some(&b'/'),
        _ => false,
    }
}

/// Whether a path can end before these bytes.
fn ends_before(after: &[u8]) -> bool {
    let dots = after.iter().take_while(|&&byte| byte == b'.').count();
    match &after[dots..] {
        [b'/', ..] => dots == 0,
        // U+2000 to U+203F, typographic quotes and dashes among them.
        [] | [0xe2, 0x80, ..] => true,
        [byte, ..] => !continues_a_name(*byte),
    }
}

fn ends_with_punctuation_mark(before: &[u8]) -> bool {
    matches!(before, [.., 0xe2, 0x80, _])
}

fn continues_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte > 127 || b"_-.+@%~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str], text: &str) -> Vec<String> {
        let prefixes = Prefixes::new(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        prefixes.hits(text.as_bytes()).into_iter().map(|hit| text[hit].to_owned()).collect()
    }

    #[test]
    fn a_path_may_stand_in_any_surroundings() {
        for text in [
            "/envs/e1",
            "/envs/e1/",
            "x=/envs/e1;",
            "-I/envs/e1/include",
            "-isystem/envs/e1/include",
            "-Wl,-rpath,/envs/e1/lib",
            "'/envs/e1'",
            "a:/envs/e1:b",
            "file:///envs/e1/x",
            "file://localhost/envs/e1/x",
            "$(DESTDIR)/envs/e1/x",
            "in /envs/e1.\n",
            "in /envs/e1...",
            "(/envs/e1)",
            "line\\n/envs/e1\\n",
            "‘/envs/e1’",
            "\0/envs/e1\0",
            "//envs/e1",
        ] {
            assert_eq!(found(&["/envs/e1"], text), ["/envs/e1"], "{text}");
        }
    }

    #[test]
    fn a_neighbour_prefix_is_left_alone() {
        for text in [
            "/envs/e12",
            "/envs/e1-dev/bin",
            "/envs/e1.bak",
            "/envs/e1_x",
            "/envs/e1~",
            "/envs/e1é",
            "/envs/e1./x",
            "/x/envs/e1",
            "/x//envs/e1",
            "x/envs/e1",
            "./envs/e1",
            "~/envs/e1",
            "/-x/envs/e1",
            "some-lib/envs/e1",
            "https://host/envs/e1",
        ] {
            assert_eq!(found(&["/envs/e1"], text), [""; 0], "{text}");
        }
    }

    #[test]
    fn the_longest_spelling_that_ends_on_a_boundary_is_taken() {
        let spellings = ["/envs/e1", "/envs/e1/base", "/private/envs/e1"];
        let text = "/envs/e1/base/x /envs/e1/baseball /private/envs/e1/x";
        assert_eq!(found(&spellings, text), ["/envs/e1/base", "/envs/e1", "/private/envs/e1"]);
    }

    #[test]
    fn the_root_and_relative_paths_are_no_prefixes() {
        assert_eq!(found(&["/", "", "envs"], "/ envs /x"), [""; 0]);
    }
}
