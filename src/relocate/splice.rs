//! Edits, applied to bytes in memory: how `relocate` checks itself. What is
//! archived never lies in memory as a whole.

use crate::entry::Edit;

/// The bytes with the edits applied.
///
/// # Panics
/// If an edit lies outside of `bytes`, or the edits overlap.
pub(super) fn splice(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut output = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut at = 0;
    for edit in edits {
        let (kept, tail) = rest.split_at(position(edit.offset - at));
        output.extend_from_slice(kept);
        output.extend_from_slice(&edit.bytes);
        rest = &tail[position(edit.length)..];
        at = edit.offset + edit.length;
    }
    output.extend_from_slice(rest);
    output
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("an edit lies inside of the bytes that are in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(offset: u64, length: u64, bytes: &str) -> Edit {
        Edit { offset, length, bytes: bytes.into() }
    }

    #[test]
    fn edits_may_insert_replace_and_remove() {
        let edits = [edit(0, 0, "<"), edit(2, 3, "X"), edit(6, 2, ""), edit(10, 0, ">")];
        assert_eq!(splice(b"0123456789", &edits), b"<01X589>");
    }
}
