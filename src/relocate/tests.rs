use proptest::prelude::*;

use super::*;
use crate::entry::{PLACEHOLDER, PlaceholderKind};

pub(super) const PREFIX: &str = "/home/u/envs/e1";

fn interpreter() -> Interpreter {
    let names = ["python", "python3", "python3.11"].map(str::to_owned).to_vec();
    Interpreter { program: "python".to_owned(), names, programs: ["perl".to_owned()].into() }
}

pub(super) fn from(prefix: &str) -> Relocator {
    Relocator::new(&[prefix.into()], Destination::Anywhere, interpreter())
}

pub(super) fn bound_for(destination: &str) -> Relocator {
    Relocator::new(&[PREFIX.into()], Destination::Fixed(destination.to_owned()), interpreter())
}

/// The output, and the placeholders' kinds, offsets and lengths.
fn output(
    relocator: &Relocator,
    rewrite: &Rewrite,
    bytes: &[u8],
) -> (Vec<u8>, Vec<(PlaceholderKind, u64, u64)>) {
    let relocated = relocator.relocate("lib/x", false, rewrite, bytes);
    let listed = relocated.placeholders.iter().map(|one| (one.kind, one.offset, one.length)).collect();
    (splice(bytes, &relocated.edits), listed)
}

mod text {
    use super::*;

    #[test]
    fn each_prefix_is_spliced_and_listed() {
        let (output, listed) =
            output(&from(PREFIX), &Rewrite::Search, b"a=/home/u/envs/e1/x:/home/u/envs/e1\n");
        assert_eq!(output, b"a=/.envship/x:/.envship\n");
        assert_eq!(listed, [(PlaceholderKind::Text, 2, 9), (PlaceholderKind::Text, 14, 9)]);
    }

    #[test]
    fn a_known_destination_is_written_and_nothing_listed() {
        let relocator = bound_for("/opt/a rather/long destination/");
        let (output, listed) = output(&relocator, &Rewrite::Text, b"x /home/u/envs/e1/y");
        assert_eq!((output, listed), (b"x /opt/a rather/long destination/y".to_vec(), vec![]));
    }

    #[test]
    fn another_encoding_is_text_too() {
        let (output, _) = output(&from(PREFIX), &Rewrite::Search, b"\xe4 /home/u/envs/e1/\xe4");
        assert_eq!(output, b"\xe4 /.envship/\xe4");
    }

    #[test]
    fn what_envship_made_is_kept() {
        let relocated =
            from(PREFIX).relocate("bin/x", true, &Rewrite::Keep, b"#!/home/u/envs/e1/bin/python\n");
        assert_eq!(relocated, Relocated::default());
    }

    #[test]
    fn another_interpreter_becomes_a_placeholder() {
        let relocated =
            from(PREFIX).relocate("bin/x", true, &Rewrite::Search, b"#!/home/u/envs/e1/bin/lua -i\n");
        assert_eq!(relocated.outcome, Outcome::Text);
        assert_eq!(relocated.placeholders.len(), 1);
    }
}

mod binary {
    use super::*;

    #[test]
    fn an_unknown_binary_is_filled_up_with_slashes() {
        let (output, listed) = output(&from(PREFIX), &Rewrite::Search, b"\0/home/u/envs/e1/lib\0");
        assert_eq!(output, b"\0/.envship///////lib\0");
        assert_eq!(listed, [(PlaceholderKind::Fixed, 1, 15)]);
    }

    #[test]
    fn a_short_prefix_leaves_a_marked_remainder() {
        let (marked, listed) = output(&from("/env"), &Rewrite::Search, b"\0/env/lib\0");
        assert_eq!((&marked[..], &listed[..]), (&b"\0/.en/lib\0"[..], &[(PlaceholderKind::Fixed, 1, 4)][..]));
        let (left, _) = output(&from("/e1"), &Rewrite::Search, b"\0\x89/e1\x00");
        assert_eq!(left, b"\0\x89/e1\x00", "what chance has put into machine code");
    }

    #[test]
    fn a_destination_that_is_too_long_for_a_binary_is_listed() {
        let bytes = b"\0/home/u/envs/e1/lib\0";
        let (fits, listed) = output(&bound_for("/opt/e"), &Rewrite::Search, bytes);
        assert_eq!((fits, listed), (b"\0/opt/e//////////lib\0".to_vec(), vec![]));
        let (stays, listed) = output(&bound_for("/opt/environment"), &Rewrite::Search, bytes);
        assert_eq!(stays, b"\0/.envship///////lib\0");
        assert_eq!(listed, [(PlaceholderKind::Fixed, 1, 15)]);
    }

    /// As conda installs it: `string` with the room of a 20-byte placeholder.
    fn installed(string: &str, prefix: &str) -> Vec<u8> {
        let room = string.matches(prefix).count() * (20 - prefix.len());
        let mut bytes = b"\x01\0".to_vec();
        bytes.extend(string.bytes());
        bytes.extend(std::iter::repeat_n(0, room + 1));
        bytes.extend(b"next\0");
        bytes
    }

    #[test]
    fn a_padded_string_moves_up() {
        let bytes = installed("a:/home/u/envs/e1/lib:/home/u/envs/e1/x", PREFIX);
        let (output, listed) = output(&from(PREFIX), &Rewrite::Binary { placeholder: 20 }, &bytes);
        assert_eq!(output, installed("a:/.envship/lib:/.envship/x", PLACEHOLDER));
        assert_eq!(listed, [(PlaceholderKind::Padded, 4, 20), (PlaceholderKind::Padded, 18, 20)]);
    }

    #[test]
    fn the_same_package_gives_the_same_bytes_wherever_it_was_installed() {
        let relocated = |prefix: &str| {
            let bytes = installed(&format!("{prefix}/lib:{prefix}/x"), prefix);
            output(&from(prefix), &Rewrite::Binary { placeholder: 20 }, &bytes)
        };
        assert_eq!(relocated("/e"), relocated("/home/u/envs/e12345"));
    }

    #[test]
    fn a_string_without_its_room_is_rewritten_in_place() {
        let bytes = b"\x01/home/u/envs/e1/x\0\0\0\0\0\0next\0";
        let (with_room, _) = output(&from(PREFIX), &Rewrite::Binary { placeholder: 20 }, bytes);
        assert_eq!(with_room, b"\x01/.envship/x\0\0\0\0\0\0\0\0\0\0\0\0next\0");
        let (without, listed) = output(&from(PREFIX), &Rewrite::Binary { placeholder: 21 }, bytes);
        assert_eq!(without, b"\x01/.envship///////x\0\0\0\0\0\0next\0");
        assert_eq!(listed, [(PlaceholderKind::Fixed, 1, 15)]);
    }
}

mod bytecode {
    use super::*;

    /// The smallest module of Python 3.11.
    const CODE: &[u8] = b"c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0s\x02\0\0\0\x97\0)\0)\0)\0s\0\0\0\0\
        z\x02/fz\x03<m>z\x03<m>\x01\0\0\0s\0\0\0\0s\0\0\0\0";

    fn is_damaged(magic: u16, code: &[u8]) -> bool {
        let rewrite = Rewrite::Bytecode { source_hash: [0; 8], check: SourceCheck::Unchecked };
        let bytes = [&magic.to_le_bytes()[..], b"\r\n", &[0; 12], code].concat();
        from(PREFIX).relocate("lib/__pycache__/x.cpython-311.pyc", false, &rewrite, &bytes).damaged
    }

    #[test]
    fn code_that_is_cut_off_or_followed_by_more_is_damaged() {
        assert!(!is_damaged(3495, CODE));
        for length in 0..CODE.len() {
            assert!(is_damaged(3495, &CODE[..length]), "{length}");
        }
        assert!(is_damaged(3495, &[CODE, b"N"].concat()));
        assert!(is_damaged(3495, &[&b"x"[..], &CODE[1..]].concat()));
    }

    #[test]
    fn nobody_judges_the_code_of_another_interpreter() {
        assert!(!is_damaged(3655, b"?"));
        assert!(!is_damaged(336, b"?"));
    }
}

mod windows {
    use super::*;

    #[test]
    fn overlapping_windows_find_what_the_whole_holds() {
        let relocator = from(PREFIX);
        let mut bytes = vec![b'x'; 64];
        bytes.extend(PREFIX.bytes());
        bytes.extend([b'x'; 64]);
        for size in relocator.overlap() + 1..bytes.len() {
            let step = size - relocator.overlap();
            let found = (0..bytes.len())
                .step_by(step)
                .any(|at| relocator.holds_prefix(&bytes[at..bytes.len().min(at + size)]));
            assert!(found, "{size}");
        }
    }

    #[test]
    fn scripts_and_bytecode_are_needed_whole() {
        let relocator = from(PREFIX);
        let needed =
            |path, executable, rewrite, head: &[u8]| relocator.needs_whole(path, executable, &rewrite, head);
        assert!(needed("bin/x", false, Rewrite::Search, b"#!"));
        assert!(needed("lib/x.py", true, Rewrite::Text, b"#!"));
        assert!(needed(
            "lib/x.pyc",
            false,
            Rewrite::Bytecode { source_hash: [0; 8], check: SourceCheck::Unchecked },
            b""
        ));
        assert!(!needed("lib/x.py", false, Rewrite::Search, b"#!"));
        assert!(!needed("bin/x", true, Rewrite::Keep, b"#!"));
        assert!(!needed("bin/x", true, Rewrite::Binary { placeholder: 255 }, b"\x7fELF"));
    }
}

/// Pieces that meet the prefix and what looks like it in every combination.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(PREFIX.as_bytes().to_vec()),
        1 => Just(b"/home/u/envs".to_vec()),
        4 => prop::sample::select(vec![
            "/", "2", "-dev", ".", " ", "\"", ":", "=", "-I", "\n", "/x", "file://", "\\n", "é", "#!", "/bin/python",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("text", |byte| *byte != 0), 0..4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// [`pieces`] in strings with some room.
pub(super) fn strings() -> impl Strategy<Value = Vec<u8>> {
    let string = (pieces(), 1..40_usize).prop_map(|(mut bytes, nuls)| {
        bytes.resize(bytes.len() + nuls, 0);
        bytes
    });
    prop::collection::vec(string, 1..4).prop_map(|strings| strings.concat())
}

pub(super) fn rules() -> impl Strategy<Value = Rewrite> {
    prop_oneof![
        Just(Rewrite::Search),
        Just(Rewrite::Text),
        (9..40_usize).prop_map(|placeholder| Rewrite::Binary { placeholder }),
    ]
}

/// The rule as one would say it, for one place in the text.
fn stands_alone(bytes: &[u8], start: usize) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte > 127 || b"_-.+@%~".contains(byte);
    let after = &bytes[start + PREFIX.len()..];
    let dots = after.iter().take_while(|byte| **byte == b'.').count();
    match after.get(dots) {
        Some(b'/') => dots == 0,
        Some(byte) => !name(byte) || after[dots..].starts_with(&[0xe2, 0x80]),
        None => true,
    }
}

proptest! {
    #[test]
    fn what_goes_on_with_a_name_is_never_touched(bytes in pieces()) {
        for hit in Prefixes::new(&[PREFIX.into()]).hits(&bytes) {
            prop_assert_eq!(&bytes[hit.clone()], PREFIX.as_bytes());
            prop_assert!(stands_alone(&bytes, hit.start));
        }
    }

    #[test]
    fn a_neighbour_stays_as_it_is(suffix in "[a-zA-Z0-9_-][a-z0-9./-]{0,8}", before in "(/[a-z]{1,4}){1,3}") {
        for text in [format!("{PREFIX}{suffix}"), format!("{before}{PREFIX}"), format!("x{before}{PREFIX}")] {
            let relocated = from(PREFIX).relocate("lib/x", false, &Rewrite::Search, text.as_bytes());
            prop_assert_eq!(relocated, Relocated::default());
        }
    }

    #[test]
    fn a_binary_keeps_its_length(bytes in strings(), placeholder in 9..40_usize) {
        for rewrite in [Rewrite::Search, Rewrite::Binary { placeholder }] {
            prop_assert_eq!(output(&from(PREFIX), &rewrite, &bytes).0.len(), bytes.len());
        }
    }

    #[test]
    fn relocating_twice_is_relocating_once(
        bytes in prop_oneof![pieces(), strings()],
        rewrite in rules(),
        path in prop::sample::select(vec!["bin/x", "lib/x", "lib/x.pyc"]),
    ) {
        let relocator = from(PREFIX);
        let once = splice(&bytes, &relocator.relocate(path, true, &rewrite, &bytes).edits);
        prop_assert_eq!(relocator.relocate(path, true, &rewrite, &once), Relocated::default());
    }

    #[test]
    fn placing_the_original_prefix_restores_the_original(
        bytes in prop_oneof![pieces(), strings()],
        rewrite in rules(),
    ) {
        let relocated = from(PREFIX).relocate("lib/x", false, &rewrite, &bytes);
        let archived = splice(&bytes, &relocated.edits);
        let placed = place(&archived, &relocated.placeholders, PREFIX);
        prop_assert_eq!(&placed.unfit, &vec![]);
        prop_assert_eq!(splice(&archived, &placed.edits), bytes);
    }

    #[test]
    fn placing_is_what_a_known_destination_gives(
        bytes in prop_oneof![pieces(), strings()],
        rewrite in rules(),
        destination in "/[a-z]{1,12}",
    ) {
        let relocated = from(PREFIX).relocate("lib/x", false, &rewrite, &bytes);
        let archived = splice(&bytes, &relocated.edits);
        let placed = place(&archived, &relocated.placeholders, &destination);
        let known = bound_for(&destination).relocate("lib/x", false, &rewrite, &bytes);
        prop_assert_eq!(known.placeholders.len(), placed.unfit.len());
        prop_assert_eq!(splice(&archived, &placed.edits), splice(&bytes, &known.edits));
    }

    #[test]
    fn a_short_prefix_is_restored_too(nuls in 1..4_usize, rewrite in rules()) {
        let mut bytes = b"/env:/env/x".to_vec();
        bytes.resize(bytes.len() + nuls, 0);
        bytes.extend(b"y\0");
        let relocated = from("/env").relocate("lib/x", false, &rewrite, &bytes);
        let archived = splice(&bytes, &relocated.edits);
        prop_assert_eq!(memchr::memmem::find(&archived, b"/env/"), None);
        let placed = place(&archived, &relocated.placeholders, "/env");
        prop_assert_eq!(splice(&archived, &placed.edits), bytes);
    }

    #[test]
    fn placeholders_are_where_the_list_says(bytes in prop_oneof![pieces(), strings()], rewrite in rules()) {
        let (output, listed) = output(&from(PREFIX), &rewrite, &bytes);
        for (_, offset, _) in listed {
            let at = usize::try_from(offset).unwrap();
            prop_assert!(output[at..].starts_with(PLACEHOLDER.as_bytes()));
        }
    }

    #[test]
    fn splicing_is_replacing_from_the_end((bytes, edits) in bytes_and_edits()) {
        let mut expected = bytes.clone();
        for edit in edits.iter().rev() {
            let start = usize::try_from(edit.offset).unwrap();
            expected.splice(start..start + usize::try_from(edit.length).unwrap(), edit.bytes.clone());
        }
        prop_assert_eq!(&splice(&bytes, &edits), &expected);
    }
}

fn bytes_and_edits() -> impl Strategy<Value = (Vec<u8>, Vec<Edit>)> {
    let step = (0..6_u64, 0..6_u64, prop::collection::vec(any::<u8>(), 0..6));
    (prop::collection::vec(step, 0..6), 0..6_usize).prop_flat_map(|(steps, tail)| {
        let mut offset = 0;
        let mut edits = Vec::new();
        for (kept, length, bytes) in steps {
            offset += kept;
            edits.push(Edit { offset, length, bytes });
            offset += length;
        }
        let size = usize::try_from(offset).unwrap() + tail;
        (prop::collection::vec(any::<u8>(), size), Just(edits))
    })
}
