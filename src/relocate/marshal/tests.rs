//! Streams as CPython writes them, and streams that nobody wrote. What real
//! interpreters make of canonical streams is tested with them (tests/it).

use proptest::prelude::*;

use super::*;

/// A module of Python 3.11 with these constants, each a marshalled object;
/// `name` is that of the code, `file` of its source.
fn module(constants: &[&[u8]], file: &[u8], name: &[u8]) -> Vec<u8> {
    let mut stream = vec![b'c'];
    stream.extend([0; 20]);
    stream.extend(b"s\x02\0\0\0\x97\0");
    stream.extend([b')', u8::try_from(constants.len()).unwrap()]);
    stream.extend(constants.concat());
    stream.extend(b")\0)\0s\0\0\0\0");
    stream.extend([file, name, name].concat());
    stream.extend(b"\x01\0\0\0s\0\0\0\0s\0\0\0\0");
    stream
}

/// The canonical stream, and what stands for the constants in it.
fn canonical(stream: &[u8]) -> Option<Vec<u8>> {
    let mut code = read(stream, Layout::Since311, &|_| None)?;
    code.name("/n");
    Some(code.write(&[]).bytes)
}

const FILE: &[u8] = b"z\x02/f";
const NAME: &[u8] = b"z\x03<m>";

#[test]
fn flags_stand_exactly_where_a_reference_follows() {
    // `1000, 1000, 'x y'` with a flag on everything and nothing referred to.
    let flagged = module(&[b"\xe9\xe8\x03\0\0", b"\xe9\xe8\x03\0\0", b"\xfa\x03x y"], FILE, NAME);
    let plain = module(&[b"i\xe8\x03\0\0", b"i\xe8\x03\0\0", b"z\x03x y"], FILE, NAME);
    let referring = module(&[b"\xe9\xe8\x03\0\0", b"r\0\0\0\0", b"z\x03x y"], FILE, NAME);
    let made = canonical(&plain).unwrap();
    assert_eq!(canonical(&flagged).unwrap(), made);
    assert_eq!(canonical(&referring).unwrap(), made);
    assert!(memchr::memmem::find(&made, b")\x03\xe9\xe8\x03\0\0r\0\0\0\0z\x03x y").is_some(), "{made:02x?}");
}

#[test]
fn numbers_of_other_types_and_signs_stay_apart() {
    let one: &[u8] = b"i\x01\0\0\0";
    let float: &[u8] = b"g\0\0\0\0\0\0\xf0\x3f";
    let minus: &[u8] = b"l\xfe\xff\xff\xff\0\0\x01\0";
    let plus: &[u8] = b"l\x02\0\0\0\0\0\x01\0";
    let made = canonical(&module(&[one, float, b"T", minus, plus], FILE, NAME)).unwrap();
    let constants = [b")\x05".as_slice(), one, float, b"T", minus, plus].concat();
    assert!(memchr::memmem::find(&made, &constants).is_some(), "{made:02x?}");
}

#[test]
fn what_is_no_number_is_equal_to_itself_alone() {
    for nan in [&b"g\0\0\0\0\0\0\xf8\x7f"[..], b"y\0\0\0\0\0\0\xf8\x7f\0\0\0\0\0\0\0\0"] {
        let flagged = [&[nan[0] | 0x80], &nan[1..]].concat();
        for constants in [[nan, nan], [&flagged, b"r\0\0\0\0"]] {
            let made = canonical(&module(&constants, FILE, NAME)).unwrap();
            let expected = [b")\x02", &constants.concat()[..]].concat();
            assert!(memchr::memmem::find(&made, &expected).is_some(), "{made:02x?}");
        }
        let set = [b">\x02\0\0\0", nan, nan].concat();
        let made = canonical(&module(&[&set], FILE, NAME)).unwrap();
        assert!(memchr::memmem::find(&made, &set).is_some(), "{made:02x?}");
    }
}

#[test]
fn surrogates_stay_as_they_are() {
    let lonely: &[u8] = b"u\x05\0\0\0\xed\xa0\x80\xc3\xa9";
    let made = canonical(&module(&[lonely], FILE, NAME)).unwrap();
    assert!(memchr::memmem::find(&made, lonely).is_some(), "{made:02x?}");
}

#[test]
fn a_set_has_one_order() {
    let sets = [
        b">\x03\0\0\0z\x01aN)\x01z\x01b",
        b">\x03\0\0\0)\x01z\x01bz\x01aN",
        b">\x03\0\0\0Nz\x01a)\x01Z\x01b",
    ];
    let made: Vec<_> = sets.iter().map(|set| canonical(&module(&[*set], FILE, NAME)).unwrap()).collect();
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[test]
fn interning_follows_from_the_text() {
    let interned = canonical(&module(&[b"Z\x03x y", b"z\x01x", b"A\x01\0\0\0x"], FILE, NAME));
    let plain = canonical(&module(&[b"z\x03x y", b"Z\x01x", b"u\x01\0\0\0x"], FILE, NAME));
    assert_eq!(interned, plain);
    let made = plain.unwrap();
    assert!(memchr::memmem::find(&made, b"z\x03x y\xda\x01xr").is_some(), "{made:02x?}");
}

#[test]
fn the_file_name_is_one_object_that_no_constant_shares() {
    let made = canonical(&module(&[b"\xfa\x02/f", b"z\x02/n"], b"r\0\0\0\0", NAME)).unwrap();
    let same = canonical(&module(&[b"z\x02/f", b"\xfa\x02/n"], FILE, NAME)).unwrap();
    assert_eq!(made, same);
    assert!(memchr::memmem::find(&made, b"z\x02/fz\x02/n").is_some(), "{made:02x?}");
    assert_eq!(memchr::memmem::find_iter(&made, b"/n").count(), 2);
}

#[test]
fn constants_are_replaced_and_machine_code_is_not() {
    let stream = module(&[b"z\x03/p1", b"s\x02\0\0\0\x97\0"], FILE, NAME);
    let code = read(&stream, Layout::Since311, &|constant| {
        matches!(constant.bytes, b"/p1" | b"\x97\0").then(|| "é".repeat(200).into_bytes())
    });
    let written = code.unwrap().write(&[]);
    let texts: Vec<_> = written.replaced.iter().map(|range| written.bytes[range.clone()].len()).collect();
    assert_eq!(texts, [400, 400]);
    assert!(memchr::memmem::find(&written.bytes, b"s\x02\0\0\0\x97\0").is_some());
    assert!(memchr::memmem::find(&written.bytes, b"u\x90\x01\0\0\xc3").is_some());
}

#[test]
fn what_no_compiler_writes_is_not_read() {
    let whole = module(&[b"N"], FILE, NAME);
    assert!(canonical(&whole).is_some());
    assert!((0..whole.len()).all(|length| canonical(&whole[..length]).is_none()));
    assert!(canonical(&[&whole[..], b"N"].concat()).is_none(), "something follows");
    for constant in [
        b"[\0\0\0\0".as_slice(), // a list
        b"{0",
        b"\xa9\x01r\0\0\0\0",     // a tuple in itself
        b"r\x05\0\0\0",           // a reference to nothing
        b"(\xff\xff\xff\x7f",     // more than there is
        b"s\xff\xff\xff\xff",     // less than nothing
        b"z\x01\xe9",             // ASCII that isn't
        b"l\0\0\0\x80",           // the longest number
        b"l\x02\0\0\0\0\0\0\x80", // a digit that is too large
        b"l\x02\0\0\0\x01\0\0\0", // one that isn't needed
        b"u\x01\0\0\0\xe9",       // no UTF-8
        b"\xce",                  // a flag on None
        b"?",
    ] {
        assert!(canonical(&module(&[constant], FILE, NAME)).is_none(), "{constant:02x?}");
    }
    let deep = [b")\x01".repeat(5000), b"N".to_vec()].concat();
    assert!(canonical(&module(&[&deep], FILE, NAME)).is_none(), "nested too deep");
}

#[test]
fn what_the_interpreter_would_not_load_is_not_read() {
    // `def f(a, /, b, *, c)`, and what stands in its place.
    let counts: &[u8] = b"\x02\0\0\0\x01\0\0\0\x01\0\0\0";
    let (flags, variables): (&[u8], &[u8]) = (b"\0\0\0\0\x03\0\0\0", b")\x03z\x01az\x01bz\x01c");
    let kinds: &[u8] = b"s\x03\0\0\0   ";
    let empty: &[u8] = b")\0";
    let whole = |parts: [&[u8]; 8]| {
        let [counts, flags, constants, names, variables, kinds, file, name] = parts;
        let head = [b"c", counts, flags, b"s\x02\0\0\0\x97\0"].concat();
        let behind = [file, name, name, b"\x01\0\0\0s\0\0\0\0s\0\0\0\0"].concat();
        [head, [constants, names, variables, kinds].concat(), behind].concat()
    };
    let sound = [counts, flags, empty, empty, variables, kinds, FILE, NAME];
    assert!(canonical(&whole(sound)).is_some());
    for (place, other) in [
        (0, b"\x02\0\0\0\x03\0\0\0\x01\0\0\0".as_slice()), // more are positional-only than positional
        (0, b"\x02\0\0\0\x01\0\0\0\x02\0\0\0"),            // more arguments than variables
        (0, b"\xff\xff\xff\xff\x01\0\0\0\x01\0\0\0"),
        (1, b"\0\0\0\0\x07\0\0\0"),         // with `*rest`, and no variable for it
        (1, b"\xff\xff\xff\xff\x03\0\0\0"), // a stack of less than nothing
        (2, b">\0\0\0\0"),
        (2, b"N"),
        (3, b")\x01i\0\0\0\0"),
        (4, b")\x03z\x01az\x01bN"),
        (4, b")\x02z\x01az\x01b"),
        (5, b"s\x03\0\0\0  @"), // one of them is a cell
        (5, b"z\x03   "),
        (6, b"N"),
        (6, empty),
        (7, b"i\0\0\0\0"),
    ] {
        let mut parts = sound;
        parts[place] = other;
        assert!(canonical(&whole(parts)).is_none(), "{place}: {other:02x?}");
    }
}

#[test]
fn a_tuple_of_pairs_of_pairs_stays_as_small_as_it_is() {
    // 400 levels, each of which holds the one below twice.
    let mut tower = b"\xa9\x02NN".to_vec();
    for level in 0..400_u32 {
        let outer =
            [b"\xa9\x02r".as_slice(), &(level * 2).to_le_bytes(), b"r", &(level * 2).to_le_bytes()].concat();
        tower.extend(outer);
        tower.extend(b"i\0\0\0\0".map(|byte| byte | if byte == b'i' { 0x80 } else { 0 }));
    }
    let constants = [b"(".as_slice(), &801_u32.to_le_bytes(), &tower].concat();
    let made = canonical(&module(&[&constants], FILE, NAME)).unwrap();
    assert!(made.len() < 3 * constants.len());
}

/// Any object, marshalled, to a depth.
fn object() -> impl Strategy<Value = Vec<u8>> {
    let text = "[ -~é]{0,6}".prop_map(|text: String| {
        [b"u".as_slice(), &u32::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat()
    });
    let leaf = prop_oneof![
        prop::sample::select(vec![&b"N"[..], b"T", b"F", b".", b"z\x01a", b"Z\x01a", b"\xda\x02ab"])
            .prop_map(<[u8]>::to_vec),
        any::<i32>().prop_map(|number| [b"i".as_slice(), &number.to_le_bytes()].concat()),
        any::<[u8; 8]>().prop_map(|bits| [b"\xe7".as_slice(), &bits].concat()),
        text,
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let items = prop::collection::vec(inner, 0..4);
        (items, prop::sample::select(vec![b')', b')' | 0x80, b'>', b'('])).prop_map(|(items, code)| {
            let count = u8::try_from(items.len()).unwrap();
            let head = if code & 0x7f == b')' { vec![code, count] } else { vec![code, count, 0, 0, 0] };
            [head, items.concat()].concat()
        })
    })
}

proptest! {
    #[test]
    fn what_is_canonical_stays_as_it_is(objects in prop::collection::vec(object(), 0..6)) {
        let constants: Vec<&[u8]> = objects.iter().map(Vec::as_slice).collect();
        let once = canonical(&module(&constants, FILE, NAME)).unwrap();
        prop_assert_eq!(canonical(&once).unwrap(), once);
    }

    #[test]
    fn hostile_bytes_are_survived(
        objects in prop::collection::vec(object(), 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let constants: Vec<&[u8]> = objects.iter().map(Vec::as_slice).collect();
        let mut stream = module(&constants, FILE, NAME);
        for (index, byte) in changes {
            let at = index.index(stream.len());
            stream[at] = byte;
        }
        for layout in [Layout::Since311, Layout::Until310] {
            if let Some(code) = read(&stream, layout, &|_| None) {
                let written = code.write(&[]).bytes;
                let again = read(&written, layout, &|_| None).map(|code| code.write(&[]).bytes);
                prop_assert_eq!(again, Some(written));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        for layout in [Layout::Since311, Layout::Until310] {
            drop(read(&stream, layout, &|_| None));
        }
    }
}
