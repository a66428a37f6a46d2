//! Archives that are damaged, or that reach for what is not theirs.

use std::io::Write;

use ::tar::{Builder, EntryType, Header};

use super::*;
use crate::artifact::Manifest;

/// Kind, name, and a link's target or a file's content.
type TarEntry<'a> = (EntryType, &'a str, &'a str);

/// Mode, name, and a link's target or a file's content.
type ZipEntry<'a> = (u32, &'a str, &'a str);

/// A tar of entries as nobody should make them.
fn tar(entries: &[TarEntry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, text) in entries {
        let mut header = Header::new_ustar();
        let fields = header.as_ustar_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        let content = if *kind == EntryType::Regular { text.as_bytes() } else { b"" };
        if content.is_empty() {
            header.as_ustar_mut().unwrap().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (mode, name, text) in entries {
        let options = ::zip::write::SimpleFileOptions::default().unix_permissions(mode & 0o7777);
        if mode & 0o170_000 == 0o120_000 {
            writer.add_symlink(*name, *text, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// The error, after making sure that nothing is left and nothing was written
/// anywhere in the folder.
fn refused(bytes: &[u8], options: &UnpackOptions) -> crate::error::Error {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs_err::create_dir(&inner).unwrap();
    let error = unpack_bytes(bytes, &inner, options).unwrap_err();
    assert_eq!(listing(folder.path()), ["inner/"], "{error}");
    assert_eq!(error.kind().exit_code(), 1, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;
const DIRECTORY: EntryType = EntryType::Directory;

#[test]
fn a_tar_that_reaches_outside_is_refused() {
    let allow = UnpackOptions { absolute_links: AbsoluteLinks::Allow, ..refuse() };
    let cases: &[(&[TarEntry], &str)] = &[
        (&[(FILE, "../evil", "x")], "would write outside the directory: `../evil`"),
        (&[(FILE, "a/../../evil", "x")], "would write outside the directory"),
        (&[(FILE, "/tmp/evil", "x")], "would write outside the directory"),
        (&[(DIRECTORY, "../evil", "")], "would write outside the directory"),
        (&[(LINK, "../evil", "x")], "would write outside the directory"),
        (&[(LINK, "l", "../evil")], "a link that leaves the directory: `l` -> `../evil`"),
        (&[(LINK, "b", ".."), (FILE, "x", "x")], "a link that leaves the directory"),
        (&[(DIRECTORY, "d/e", ""), (LINK, "d/e/u", "../.."), (LINK, "l", "d/e/u/..")], "a link that leaves"),
        (&[(LINK, "l", "d"), (FILE, "l/evil", "x")], "would write through the link `l`: `l/evil`"),
        (&[(LINK, "l", "/tmp"), (FILE, "l/evil", "x")], "would write through the link `l`"),
        (&[(DIRECTORY, "d", ""), (LINK, "d", "/tmp"), (FILE, "d/evil", "x")], "`d` twice, as a directory"),
        (&[(FILE, "d/x", "x"), (LINK, "d", "e")], "`d` twice, as a directory and as a link"),
        (&[(FILE, "f", "x"), (LINK, "f", "e")], "`f` twice, as a file and as a link"),
        (&[(LINK, "f", "e"), (FILE, "f", "x")], "`f` twice, as a link and as a file"),
        (&[(FILE, "f", "x"), (FILE, "f/x", "x")], "would write below the file `f`"),
        (&[(EntryType::Char, "null", "")], "a device: `null`"),
        (&[(EntryType::Block, "sda", "")], "a device"),
        (&[(EntryType::Fifo, "pipe", "")], "a named pipe"),
        (&[(HARD, "h", "/etc/passwd")], "outside the directory: `/etc/passwd`"),
        (&[(HARD, "h", "../../etc/passwd")], "outside the directory"),
        (&[(HARD, "h", "nothing")], "a hard link to what it does not hold"),
        (&[(LINK, "l", "/etc"), (HARD, "h", "l/passwd")], "a hard link to what it does not hold"),
        (&[(FILE, "", "x")], ""),
    ];
    for (entries, message) in cases {
        let error = refused(&tar(entries), &allow);
        assert!(error.to_string().contains(message), "{error}\n{message}");
    }
}

#[test]
fn a_zip_that_reaches_outside_is_refused() {
    let cases: &[(&[ZipEntry], &str)] = &[
        (&[(0o100_644, "../evil", "x")], "would write outside the directory: `../evil`"),
        (&[(0o100_644, "/tmp/evil", "x")], "would write outside the directory"),
        (&[(0o120_777, "l", "../evil")], "a link that leaves the directory"),
        (&[(0o120_777, "l", "/etc")], "an absolute link"),
        (&[(0o120_777, "l", "d"), (0o100_644, "l/evil", "x")], "would write through the link `l`"),
        (&[(0o100_644, "d/x", "x"), (0o120_777, "d", "e")], "`d` twice"),
    ];
    for (entries, message) in cases {
        let error = refused(&zip(entries), &refuse());
        assert!(error.to_string().contains(message), "{error}\n{message}");
    }
}

#[test]
fn absolute_links_are_made_when_they_are_allowed() {
    let bytes = tar(&[(LINK, "bin/python3", "/usr/bin/python3"), (LINK, "bin/python", "python3")]);
    let error = refused(&bytes, &refuse());
    assert!(error.to_string().contains("an absolute link: `bin/python"), "{error}");
    assert!(error.hint().unwrap().contains("--allow-absolute-links"));

    let folder = tempfile::tempdir().unwrap();
    let allow = UnpackOptions { absolute_links: AbsoluteLinks::Allow, ..refuse() };
    unpack_bytes(&bytes, folder.path(), &allow).unwrap();
    let expected = ["bin/", "bin/python -> python3", "bin/python3 -> /usr/bin/python3"];
    assert_eq!(listing(&folder.path().join("out")), expected);
}

#[test]
fn what_is_no_archive_is_named_as_such() {
    let gzipped_text = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&b"not a tar\n".repeat(200)).unwrap();
        encoder.finish().unwrap()
    };
    let cases: [(&[u8], &str); 5] = [
        (b"", "is empty"),
        (b"hello", "is no archive"),
        (&noise(5000, 3), "is no archive"),
        (&gzipped_text, "is no archive"),
        (b"BZh91AY&SY", "is a bzip2 file, which envship does not unpack"),
    ];
    for (bytes, message) in cases {
        let error = refused(bytes, &refuse());
        assert!(error.to_string().ends_with(message), "{error}");
    }
}

#[test]
fn a_truncated_archive_is_named_as_damaged() {
    let entries: Vec<Entry> = (0..6).map(|n| file(&format!("p{n}/f"), &noise(70_000, n))).collect();
    for format in FILES {
        let bytes = packed(entries.clone(), &Layout::new(format), 2);
        let quarter = bytes.len() / 4;
        for cut in [600, quarter, 2 * quarter, 3 * quarter, bytes.len() - 1030, bytes.len() - 8] {
            // Half of the end of a plain tar does to know that it is complete.
            if format == Format::Tar && cut == bytes.len() - 8 {
                continue;
            }
            let error = refused(&bytes[..cut], &refuse());
            assert!(error.to_string().ends_with("is damaged or cut short"), "{format} {cut}: {error}");
        }
    }
}

#[test]
fn a_tar_zst_that_ends_between_two_frames_is_cut_short() {
    let bytes = packed(vec![file("a/x", b"x"), file("b/x", b"x")], &Layout::new(Format::TarZst), 1);
    let frames = memchr::memmem::find_iter(&bytes, b"\x28\xb5\x2f\xfd");
    let error = refused(&bytes[..frames.last().unwrap()], &refuse());
    assert!(error.to_string().ends_with("is damaged or cut short"), "{error}");
}

#[test]
fn a_flipped_bit_is_noticed() {
    let entries: Vec<Entry> = (0..6).map(|n| file(&format!("p{n}/f"), &noise(70_000, n))).collect();
    for format in [Format::TarGz, Format::TarZst, Format::Zip] {
        let mut bytes = packed(entries.clone(), &Layout::new(format), 2);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        let error = refused(&bytes, &refuse());
        assert!(error.to_string().ends_with("is damaged or cut short"), "{format}: {error}");
    }
}

#[test]
fn a_directory_that_holds_something_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("out")).unwrap();
    fs_err::write(folder.path().join("out/mine"), b"mine").unwrap();
    let bytes = packed(vec![file("a", b"a")], &Layout::new(Format::TarGz), 1);
    let error = unpack_bytes(&bytes, folder.path(), &refuse()).unwrap_err();
    assert!(error.to_string().ends_with("out` is not empty"), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(listing(folder.path()), ["out/".to_owned(), described("out/mine", false, b"mine")]);
}

#[test]
fn a_file_in_the_way_and_an_archive_that_is_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("out"), b"mine").unwrap();
    let bytes = packed(vec![file("a", b"a")], &Layout::new(Format::TarGz), 1);
    let error = unpack_bytes(&bytes, folder.path(), &refuse()).unwrap_err();
    assert!(error.to_string().ends_with("out` is no directory"), "{error}");

    let missing = folder.path().join("missing.tar.gz");
    let error = Input::file(&missing).err().unwrap();
    assert!(error.to_string().ends_with("missing.tar.gz` does not exist"), "{error}");
    assert!(inspect(&missing).is_err());
}

#[test]
fn a_link_to_nothing_in_the_way_is_named_before_anything_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("out")).unwrap();
    let bytes = packed(vec![file("a", b"a")], &Layout::new(Format::TarGz), 1);
    let archive = folder.path().join("archive");
    fs_err::write(&archive, &bytes).unwrap();
    for destination in ["out", "out/", "out/below"] {
        let destination = folder.path().join(destination);
        let place = &|_: &[u8], _: &[_], _: &str| Default::default();
        let error = unpack(&given(&archive), &destination, &refuse(), place, &Silent).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("/out` is a link to `nowhere`, which is not there"), "{text}");
        assert_eq!(error.kind().exit_code(), 1, "{text}");
        assert!(error.hint().is_some(), "{text}");
        let found = listing(folder.path());
        assert_eq!(found, [described("archive", false, &bytes), "out -> nowhere".to_owned()]);
    }
}

#[test]
fn a_hard_link_to_a_link_is_the_link_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [(FILE, "bin/x", "x"), (LINK, "bin/l", "x"), (HARD, "bin/m", "bin/l")];
    unpack_bytes(&tar(&entries), folder.path(), &refuse()).unwrap();
    let found = listing(&folder.path().join("out"));
    assert!(found.contains(&"bin/m -> x".to_owned()), "{found:?}");
}

#[test]
fn setuid_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    unpack_bytes(&tar(&[(FILE, "su", "x")]), folder.path(), &refuse()).unwrap();
    let mode = fs_err::metadata(folder.path().join("out/su")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7000, 0);
    assert_ne!(mode & 0o100, 0);
}

#[test]
fn a_zip_whose_directory_and_contents_disagree_is_damaged() {
    let whole = packed(vec![file("bin/tool", &noise(5000, 1))], &Layout::new(Format::Zip), 1);
    let central = memchr::memmem::find(&whole, b"PK\x01\x02").unwrap();
    let last = memchr::memmem::rfind(&whole, b"PK\x01\x02").unwrap();
    assert!(last > central, "directory and file");
    // The fields of PKWARE's APPNOTE 4.3.12: method, CRC, sizes, offset, and behind 46 bytes the name.
    for (field, at) in
        [("method", 10), ("CRC", 16), ("packed", 20), ("size", 24), ("offset", 42), ("name", 50)]
    {
        let mut bytes = whole.clone();
        bytes[last + at] ^= 1;
        let error = refused(&bytes, &refuse());
        assert!(error.to_string().ends_with("is damaged or cut short"), "{field}: {error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        fs_err::write(&path, &bytes).unwrap();
        let read = |_: &str, _: Seen<'_>| Ok(());
        let visited = visit(Input::file(&path).unwrap(), &Silent, &mut { read });
        assert!(visited.is_err(), "{field}");
    }
}

fn of_32_bits(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_zip_whose_end_tells_another_size_of_the_directory_is_damaged() {
    let whole = packed(vec![file("bin/tool", &noise(5000, 1))], &Layout::new(Format::Zip), 1);
    let field = whole.len() - 22 + 12;
    let size = of_32_bits(&whole, field);
    for other in [0, 1, size - 1, size + 1, u32::try_from(whole.len()).unwrap(), 0x7fff_ffff] {
        let mut bytes = whole.clone();
        bytes[field..field + 4].copy_from_slice(&other.to_le_bytes());
        let error = refused(&bytes, &refuse());
        assert!(error.to_string().ends_with("is damaged or cut short"), "{other}: {error}");
        let commented = [&bytes[..bytes.len() - 2], b"\x02\0hi"].concat();
        let error = refused(&commented, &refuse());
        assert!(error.to_string().ends_with("is damaged or cut short"), "{other}: {error}");
    }
}

#[test]
fn a_zip64_whose_end_tells_another_size_of_the_directory_is_damaged() {
    let whole = wide(&packed(vec![file("bin/tool", &noise(5000, 1))], &Layout::new(Format::Zip), 1));
    let folder = tempfile::tempdir().unwrap();
    unpack_bytes(&whole, folder.path(), &refuse()).unwrap();
    let field = whole.len() - 22 - 20 - 56 + 40;
    for flipped in [1, 0x40] {
        let mut bytes = whole.clone();
        bytes[field] ^= flipped;
        let error = refused(&bytes, &refuse());
        assert!(error.to_string().ends_with("is damaged or cut short"), "{flipped}: {error}");
    }
}

/// The same zip with an end record for large ones.
fn wide(zip: &[u8]) -> Vec<u8> {
    let end = zip.len() - 22;
    let count = u64::from(u16::from_le_bytes([zip[end + 10], zip[end + 11]]));
    let [size, offset] = [12, 16].map(|at| u64::from(of_32_bits(zip, end + at)));
    let mut bytes = zip[..end].to_vec();
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44u64.to_le_bytes());
    bytes.extend([45, 3, 45, 0]);
    bytes.extend([0; 8]);
    bytes.extend([count, count, size, offset].map(u64::to_le_bytes).concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend((end as u64).to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([0xff; 12]);
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn a_zip_with_a_comment_with_bytes_around_it_or_without_entries_is_whole() {
    let whole = packed(vec![file("bin/tool", &noise(5000, 1))], &Layout::new(Format::Zip), 1);
    let bare = &whole[..whole.len() - 2];
    let comment = [bare, b"\xd0\x07", &[b'c'; 2000]].concat();
    let behind = [&whole[..], b"more"].concat();
    let before = [b"PK\x03\x04 and a program", &whole[..]].concat();
    let cases =
        [("a comment", comment), ("bytes behind", behind), ("bytes before", before), ("nothing", zip(&[]))];
    for (what, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let unpacked = unpack_bytes(&bytes, folder.path(), &refuse());
        assert!(unpacked.is_ok(), "{what}: {unpacked:?}");
    }
}

#[test]
fn a_size_that_stands_in_the_directory_of_a_zip_alone_is_checked() {
    let mut bytes = python_zip_of_a_stream();
    let central = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes[central + 24] += 1;
    let error = refused(&bytes, &refuse());
    assert!(error.causes().any(|cause| cause.contains("not as long as")), "{error:?}");
}

/// What Python's `zipfile` writes where it can't seek: the sizes stand behind
/// the content, and the local header holds zeros.
fn python_zip_of_a_stream() -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new_stream(Vec::new());
    let options = ::zip::write::SimpleFileOptions::default();
    writer.start_file("data", options).unwrap();
    writer.write_all(b"some content").unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn names_in_messages_stay_on_one_line_and_short() {
    let error = refused(&tar(&[(FILE, "../x`\nnote: all is well", "x")]), &refuse());
    assert_eq!(
        error.to_string(),
        "the archive would write outside the directory: `../x`\u{fffd}note: all is well`"
    );
    let long = format!("{}/{}", "../".repeat(20), "n".repeat(300));
    let error = Error::Outside { name: long.as_str().into() };
    assert!(error.to_string().ends_with("nnn…`"), "{error}");
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn a_link_to_a_name_that_is_not_utf_8_is_refused_by_its_own_name() {
    let mut bytes = tar(&[(LINK, "lib/link", "target")]);
    let target = memchr::memmem::find(&bytes, b"target").unwrap();
    bytes[target] = 0xff;
    let sum: u32 = bytes[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            148..156 => u32::from(b' '),
            _ => u32::from(*byte),
        })
        .sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = refused(&bytes, &refuse());
    assert_eq!(error.to_string(), "the archive holds a link whose target is not UTF-8: `lib/link`");
}

#[test]
fn a_name_that_no_file_system_takes_is_told_with_the_folder_that_was_asked_for() {
    let name = format!("lib/{}", "n".repeat(300));
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(1);
    builder.append_data(&mut header, &name, &b"x"[..]).unwrap();
    let error = refused(&builder.into_inner().unwrap(), &refuse());
    let text = error.to_string();
    assert!(text.starts_with("can't write `lib/nnn") && text.ends_with("/inner/out`"), "{text}");
    assert!(error.causes().all(|cause| !cause.contains(".envship-")), "{error:?}");
    assert!(error.hint().unwrap().contains("longer names"), "{error:?}");
}

#[test]
fn a_directory_that_can_not_be_packed_is_told_by_the_folder_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(Format::Directory);
    let long = |folder: &str| format!("{folder}/{}", "n".repeat(300));
    for entry in [file(&long("lib"), b"x"), link(&long("bin"), "x"), directory(&long("var"))] {
        let path = entry.path.to_string();
        let error = write_directory(&arranged(vec![entry], &layout), &folder.path().join("out"), 2, &Silent)
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("can't write `{}", &path[..50])), "{text}");
        assert!(text.ends_with("/out`"), "{text}");
        assert!(error.causes().all(|cause| !cause.contains(".envship-")), "{error:?}");
        assert!(error.hint().unwrap().contains("longer names"), "{error:?}");
        assert!(listing(folder.path()).is_empty(), "{text}");
    }
}

#[test]
fn a_manifest_without_end_is_not_read_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let endless = vec![b' '; (128 << 20) + 1];
    for format in [Format::TarZst, Format::Zip] {
        let bytes = packed(vec![file(crate::artifact::MANIFEST, &endless)], &Layout::new(format), 2);
        let archive = folder.path().join("archive");
        fs_err::write(&archive, bytes).unwrap();
        let refused = |error: crate::error::Error| {
            let text = format!("{error:?}");
            assert!(text.ends_with("is damaged or cut short: its manifest is longer than 128 MiB"), "{text}");
        };
        refused(inspect(&archive).unwrap_err());
        refused(identify(&given(&archive), &Silent).unwrap_err());
        let out = folder.path().join("out");
        refused(
            unpack(&given(&archive), &out, &refuse(), &|_, _, _| Default::default(), &Silent).unwrap_err(),
        );
        assert!(!out.exists());
    }
}

#[test]
fn what_nobody_would_unpack_is_not_packed() {
    let kind = crate::entry::PlaceholderKind::Text;
    let placeholder = |path: &str, offset| Placeholder { path: path.to_owned(), offset, length: 9, kind };
    let manifest = Manifest {
        placeholders: vec![placeholder("a", 0), placeholder("b", 0), placeholder("b", 9)],
        ..serde_json::from_value(serde_json::json!({
            "schema": 1, "envship": "0.1.0", "source": "venv", "platform": "linux-64", "packages": [],
            "installers": [], "placeholders": [], "remarks": [],
            "archive": recipe(&[], &Layout::new(Format::Tar)),
        }))
        .unwrap()
    };
    assert!(check_length(&manifest, b"{}").is_ok());
    let error = check_length(&manifest, &vec![b' '; (128 << 20) + 1]).unwrap_err().to_string();
    assert!(error.ends_with("`b` alone holds the environment's path 2 times"), "{error}");
}
