//! Prefixes in binaries, which keep their length: by the room that conda left
//! behind a string, else in place.
//!
//! None of these rules looks behind the NULs that follow a string, nor at more
//! than [`MOST_ROOM`] of them, and a NUL is the boundary of a path as the end of
//! a file is. So a large binary can be relocated
//! [in stretches](Relocator::in_stretches).
//!
//! [`MOST_ROOM`]: crate::entry::MOST_ROOM

use std::path::Path;

use super::draft::Draft;
use super::fixed::{self, Listing};
use super::prefixes::Hit;
use super::{Destination, Outcome, Relocated, Relocator, elf, finish, padded, pkg_config, tail, text};
use crate::entry::Rewrite;

/// What a binary is, as far as that tells how its strings are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Elf,
    Unknown,
}

impl Container {
    /// By the first bytes of a file.
    pub(super) fn of(head: &[u8]) -> Self {
        if elf::is_elf(head) { Container::Elf } else { Container::Unknown }
    }

    /// Replaces the prefixes by the rule of the package that the file is from.
    pub(super) fn rewrite(
        self,
        bytes: &[u8],
        hits: &[Hit],
        rewrite: &Rewrite,
        destination: &Destination,
        draft: &mut Draft,
    ) {
        match rewrite {
            Rewrite::Binary { placeholder } => {
                padded::rewrite(bytes, hits, *placeholder, self, destination, draft);
            }
            _ => hits.iter().for_each(|hit| self.in_place(bytes, hit, destination, draft)),
        }
    }

    /// Replaces a prefix of which nobody says what room is behind it.
    pub(super) fn in_place(self, bytes: &[u8], hit: &Hit, destination: &Destination, draft: &mut Draft) {
        /// Shorter prefixes occur in machine code by chance.
        const SHORTEST: usize = 4;
        if hit.len() < SHORTEST {
            return;
        }
        let has_tail = self == Container::Elf && tail::rewrite(bytes, hit, destination, draft);
        if !has_tail {
            fixed::rewrite(hit, destination, Listing::Listed, draft);
        }
    }
}

impl Relocator {
    /// How a file that isn't [needed whole](Self::needs_whole) is relocated
    /// stretch by stretch, by its place and its first bytes; `None` if it has to
    /// be seen at once. Each stretch but the last ends behind all NULs of a run,
    /// or behind at least [`MOST_ROOM`](crate::entry::MOST_ROOM) of them; what is
    /// found is told by its place in the stretch. Of an ELF file no run path may [lead
    /// into the prefix](Self::leads_into_prefix).
    #[must_use]
    pub fn in_stretches<'a>(
        &'a self,
        path: &'a str,
        rewrite: &'a Rewrite,
        head: &[u8],
    ) -> Option<impl Fn(&[u8]) -> Relocated + use<'a>> {
        let container = Container::of(head);
        let told_by_place = || *rewrite == Rewrite::Text || pkg_config::root_from(path).is_some();
        let is_text = text::looks_like_text(head) || container == Container::Unknown && told_by_place();
        let is_bytecode = Path::new(path).extension().is_some_and(|it| it == "pyc");
        (!is_text && !is_bytecode).then_some(move |bytes: &[u8]| {
            let mut draft = Draft::new(path);
            container.rewrite(bytes, &self.prefixes.hits(bytes), rewrite, &self.destination, &mut draft);
            finish(draft, Outcome::Binary)
        })
    }

    /// Whether an entry of a run path is the original prefix or lies below it.
    #[must_use]
    pub fn leads_into_prefix(&self, entry: &str) -> bool {
        self.prefixes.strip(entry.as_bytes()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::super::place::{Placed, place};
    use super::super::splice::splice;
    use super::super::tests::{PREFIX, bound_for, from, rules, strings};
    use super::*;
    use crate::entry::{MOST_ROOM, Placeholder};

    /// Some of the stretches that bytes can be cut into.
    fn stretches(bytes: &[u8], cuts: &[bool]) -> Vec<Range<usize>> {
        let ends = (1..bytes.len()).filter(|&at| bytes[at - 1] == 0 && bytes[at] != 0);
        let ends = ends.zip(cuts.iter().cycle()).filter(|(_, cut)| **cut).map(|(end, _)| end);
        let mut start = 0;
        let stretch = |end| std::mem::replace(&mut start, end)..end;
        ends.chain([bytes.len()]).map(stretch).collect()
    }

    /// What relocation finds stretch by stretch.
    fn in_stretches(
        relocator: &Relocator,
        rewrite: &Rewrite,
        bytes: &[u8],
        stretches: Vec<Range<usize>>,
    ) -> Relocated {
        let relocate = relocator.in_stretches("lib/x", rewrite, bytes).unwrap();
        let mut all = Relocated::default();
        for stretch in stretches {
            let start = stretch.start as u64;
            let found = relocate(&bytes[stretch]);
            all.edits.extend(found.edits.into_iter().map(|it| it.moved(start)));
            all.placeholders.extend(found.placeholders.into_iter().map(|it| it.moved(start)));
        }
        all
    }

    /// As [`place`], stretch by stretch.
    fn placed_in_stretches(
        bytes: &[u8],
        listed: &[Placeholder],
        destination: &str,
        stretches: Vec<Range<usize>>,
    ) -> Placed {
        let mut all = Placed::default();
        for stretch in stretches {
            let (start, end) = (stretch.start as u64, stretch.end as u64);
            let here = listed.iter().filter(|it| (start..end).contains(&it.offset));
            let here: Vec<_> =
                here.map(|it| Placeholder { offset: it.offset - start, ..it.clone() }).collect();
            let placed = place(&bytes[stretch], &here, destination);
            all.edits.extend(placed.edits.into_iter().map(|it| it.moved(start)));
            all.unfit.extend(placed.unfit.into_iter().map(|it| it.moved(start)));
        }
        all
    }

    proptest! {
        #[test]
        fn stretches_give_what_the_whole_gives(
            head in prop::sample::select(vec![&b"\x7fELF\0"[..], b"\x80\0"]),
            strings in prop::collection::vec(strings(), 1..4),
            end in strings(),
            nuls_at_the_end in any::<bool>(),
            rewrite in rules(),
            destination in prop::option::of("/[a-z]{1,20}"),
            cuts in prop::collection::vec(any::<bool>(), 1..9),
        ) {
            let mut bytes = [head, &strings.concat(), &end].concat();
            if !nuls_at_the_end {
                let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
                // Without its NUL the head would be text.
                bytes.truncate((last + 1).max(head.len()));
            }
            let rewrite = if rewrite == Rewrite::Text { Rewrite::Search } else { rewrite };
            let relocator = destination.map_or_else(|| from(PREFIX), |destination| bound_for(&destination));
            let whole = relocator.relocate("lib/x", false, &rewrite, &bytes);
            let parts = in_stretches(&relocator, &rewrite, &bytes, stretches(&bytes, &cuts));
            prop_assert_eq!((&whole.edits, &whole.placeholders), (&parts.edits, &parts.placeholders));

            let archived = splice(&bytes, &whole.edits);
            let placed = place(&archived, &whole.placeholders, "/elsewhere");
            let stretches = stretches(&archived, &cuts);
            let in_parts = placed_in_stretches(&archived, &whole.placeholders, "/elsewhere", stretches);
            prop_assert_eq!(placed, in_parts);
        }
    }

    #[test]
    fn a_stretch_may_end_behind_as_many_nuls_as_no_string_needs() {
        let relocator = from(PREFIX);
        let start = format!("\x7fELF\0{PREFIX}/x");
        let cut = start.len() + MOST_ROOM;
        let mut bytes = start.clone().into_bytes();
        bytes.resize(cut + 99, 0);
        bytes.extend_from_slice(b"next\0");
        let stretches = || vec![0..cut, cut..bytes.len()];
        for placeholder in [PREFIX.len(), 255, MOST_ROOM - 1, MOST_ROOM, MOST_ROOM + 50] {
            let rewrite = Rewrite::Binary { placeholder };
            let whole = relocator.relocate("lib/x", false, &rewrite, &bytes);
            let parts = in_stretches(&relocator, &rewrite, &bytes, stretches());
            assert!((&whole.edits, &whole.placeholders) == (&parts.edits, &parts.placeholders));

            let archived = splice(&bytes, &whole.edits);
            let longest = usize::try_from(whole.placeholders[0].length).unwrap();
            for length in [longest, longest + 1] {
                let destination = format!("/{}", "e".repeat(length - 1));
                let placed = place(&archived, &whole.placeholders, &destination);
                assert_eq!(placed.unfit.is_empty(), length == longest, "{placeholder}");
                let in_parts = placed_in_stretches(&archived, &whole.placeholders, &destination, stretches());
                assert!(placed == in_parts);
            }
        }
    }

    #[test]
    fn what_is_no_binary_is_seen_at_once() {
        let relocator = from(PREFIX);
        let is_cut =
            |path: &str, rewrite, head: &[u8]| relocator.in_stretches(path, &rewrite, head).is_some();
        assert!(is_cut("lib/x.so", Rewrite::Search, b"\x7fELF\0"));
        assert!(is_cut("lib/x.so", Rewrite::Text, b"\x7fELF\0"));
        assert!(is_cut("lib/x.a", Rewrite::Binary { placeholder: 255 }, b"!<arch>\n\0"));
        assert!(!is_cut("lib/x.json", Rewrite::Search, b"{"));
        assert!(!is_cut("lib/x.json", Rewrite::Text, b"{\0"));
        assert!(!is_cut("lib/pkgconfig/x.pc", Rewrite::Search, b"\0"));
        assert!(!is_cut("lib/x.pyc", Rewrite::Search, b"\0"));
    }
}
