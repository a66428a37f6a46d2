//! Edits, applied to any range of a file without holding the rest of it.

use std::ops::Range;

use crate::entry::Edit;

/// Where a stretch of an edited file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// These bytes of the original.
    Original(Range<u64>),
    /// The bytes of an edit.
    Replacement(&'a [u8]),
}

impl Part<'_> {
    fn len(&self) -> u64 {
        match self {
            Part::Original(range) => range.end - range.start,
            Part::Replacement(bytes) => bytes.len() as u64,
        }
    }

    /// What is left between two offsets into the part.
    #[allow(clippy::cast_possible_truncation)] // inside a slice
    fn between(self, start: u64, end: u64) -> Self {
        match self {
            Part::Original(range) => Part::Original(range.start + start..range.start + end),
            Part::Replacement(bytes) => Part::Replacement(&bytes[start as usize..end as usize]),
        }
    }
}

/// Whether edits are ordered, apart from each other and inside the file.
pub(super) fn are_sound(edits: &[Edit], original: u64) -> bool {
    let mut free = 0;
    edits.iter().all(|edit| {
        let sound = edit.offset >= free && edit.length <= original && edit.offset <= original - edit.length;
        free = edit.offset.saturating_add(edit.length);
        sound
    })
}

/// The edits that may show from `start` on, if all of them keep their length.
pub(super) fn from(edits: &[Edit], start: u64) -> &[Edit] {
    &edits[edits.partition_point(|edit| edit.offset + edit.length <= start)..]
}

/// The size of a file of `original` bytes after its edits.
pub(super) fn edited_size(edits: &[Edit], original: u64) -> u64 {
    edits.iter().fold(original, |size, edit| size - edit.length + edit.bytes.len() as u64)
}

/// Where the bytes `wanted` of an edited file come from, in order. None of the
/// parts is empty.
pub(super) fn parts(edits: &[Edit], original: u64, wanted: Range<u64>) -> impl Iterator<Item = Part<'_>> {
    let rest = (original, 0, [].as_slice());
    let mut taken = 0;
    let mut position = 0;
    edits
        .iter()
        .map(|edit| (edit.offset, edit.length, edit.bytes.as_slice()))
        .chain(std::iter::once(rest))
        .flat_map(move |(offset, length, bytes)| {
            let kept = Part::Original(taken..offset);
            taken = offset + length;
            [kept, Part::Replacement(bytes)]
        })
        .map_while(move |part| {
            let at = position;
            position += part.len();
            let start = wanted.start.clamp(at, position) - at;
            let end = wanted.end.clamp(at, position) - at;
            (at < wanted.end).then(|| (start < end).then(|| part.between(start, end)))
        })
        .flatten()
}

/// A file in memory with its edits applied, a stretch at a time.
#[allow(clippy::cast_possible_truncation)] // inside a slice
pub(super) fn stretches<'a>(original: &'a [u8], edits: &'a [Edit]) -> impl Iterator<Item = &'a [u8]> {
    parts(edits, original.len() as u64, 0..u64::MAX).map(|part| match part {
        Part::Original(range) => &original[range.start as usize..range.end as usize],
        Part::Replacement(bytes) => bytes,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sound edits of a file of `size` bytes.
    pub(in crate::archive) fn edits(size: u64) -> impl Strategy<Value = Vec<Edit>> {
        let gap = 0..=size.max(1) / 3;
        let edit = (gap.clone(), gap, proptest::collection::vec(any::<u8>(), 0..40));
        proptest::collection::vec(edit, 0..6).prop_map(move |gaps| {
            let mut free = 0;
            let mut edits = Vec::new();
            for (gap, length, bytes) in gaps {
                let offset = free + gap;
                if offset + length > size {
                    break;
                }
                free = offset + length;
                edits.push(Edit { offset, length, bytes });
            }
            edits
        })
    }

    /// The plainest way to apply edits: from the last to the first.
    pub(in crate::archive) fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
        for edit in edits.iter().rev() {
            let start = usize::try_from(edit.offset).unwrap();
            let end = start + usize::try_from(edit.length).unwrap();
            bytes.splice(start..end, edit.bytes.iter().copied());
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_range_of_an_edited_file_can_be_had(
            (bytes, edits) in proptest::collection::vec(any::<u8>(), 0..200)
                .prop_flat_map(|bytes| { let size = bytes.len() as u64; (Just(bytes), edits(size)) }),
            cut in (0u64..300, 0u64..300),
        ) {
            let size = bytes.len() as u64;
            prop_assert!(are_sound(&edits, size));
            let expected = edited(bytes.clone(), &edits);
            prop_assert_eq!(&stretches(&bytes, &edits).collect::<Vec<_>>().concat(), &expected);
            prop_assert_eq!(edited_size(&edits, size), expected.len() as u64);

            let wanted = cut.0.min(cut.1)..cut.0.max(cut.1);
            let mut found: Vec<u8> = Vec::new();
            for part in parts(&edits, size, wanted.clone()) {
                prop_assert!(part.len() > 0);
                match part {
                    Part::Original(range) => {
                        found.extend(&bytes[usize::try_from(range.start)?..usize::try_from(range.end)?]);
                    }
                    Part::Replacement(bytes) => found.extend(bytes),
                }
            }
            let clip = |offset: u64| usize::try_from(offset).unwrap().min(expected.len());
            prop_assert_eq!(&found, &expected[clip(wanted.start)..clip(wanted.end)]);
        }
    }

    #[test]
    fn edits_that_overlap_or_leave_the_file_are_unsound() {
        let edit = |offset, length| Edit { offset, length, bytes: Vec::new() };
        assert!(are_sound(&[edit(0, 2), edit(2, 8)], 10));
        assert!(!are_sound(&[edit(0, 3), edit(2, 2)], 10));
        assert!(!are_sound(&[edit(9, 2)], 10));
        assert!(!are_sound(&[edit(u64::MAX, 2)], 10));
    }
}
