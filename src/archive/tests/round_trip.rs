use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::archive::splice::tests::{edited, edits};

/// What may stand at a path.
#[derive(Clone, Debug)]
enum Plan {
    Directory,
    Link,
    Memory(Vec<u8>, Vec<Edit>),
    Disk { size: usize, seed: u64, edits: Vec<Edit> },
}

fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{1,3}",
        2 => "[A-Za-z0-9 ._'$\"\\\\-]{1,12}x",
        1 => "[äöü日本ß]{1,6}",
        1 => "[a-z]{90,120}",
    ]
    .prop_filter("a name", |name| name.trim() == name && !matches!(name.as_str(), "." | ".."))
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => proptest::collection::vec(component(), 1..4),
        1 => proptest::collection::vec("[a-z]{60,110}", 3..4),
    ]
    .prop_map(|components| components.join("/"))
}

fn plan() -> impl Strategy<Value = Plan> {
    let memory = proptest::collection::vec(any::<u8>(), 0..2000).prop_flat_map(|bytes| {
        let size = bytes.len() as u64;
        (Just(bytes), edits(size)).prop_map(|(bytes, edits)| Plan::Memory(bytes, edits))
    });
    let disk =
        (prop_oneof![0usize..5000, 900_000usize..3_500_000], any::<u64>()).prop_flat_map(|(size, seed)| {
            edits(size as u64).prop_map(move |edits| Plan::Disk { size, seed, edits })
        });
    prop_oneof![1 => Just(Plan::Directory), 1 => Just(Plan::Link), 4 => memory, 2 => disk]
}

/// A tree of entries on and off disk, the edits of its files, and its listing.
fn tree(plans: BTreeMap<String, Plan>, disk: &Path) -> (Vec<Entry>, Fixed, Vec<String>) {
    let (mut entries, mut fixed, mut expected) = (Vec::new(), Fixed::default(), Vec::new());
    let mut taken: BTreeMap<String, bool> = BTreeMap::new();
    for (number, (path, plan)) in plans.into_iter().enumerate() {
        let parents: Vec<&str> = path.match_indices('/').map(|(slash, _)| &path[..slash]).collect();
        if taken.contains_key(&path) || parents.iter().any(|parent| taken.get(*parent) == Some(&false)) {
            continue;
        }
        for parent in parents {
            if taken.insert(parent.to_owned(), true).is_none() {
                expected.push(format!("{parent}/"));
            }
        }
        taken.insert(path.clone(), matches!(plan, Plan::Directory));
        let (bytes, edits, content) = match plan {
            Plan::Directory => {
                expected.push(format!("{path}/"));
                entries.push(directory(&path));
                continue;
            }
            Plan::Link => {
                let target = if number % 2 == 0 { "nothing at all".to_owned() } else { "x".repeat(150) };
                expected.push(format!("{path} -> {target}"));
                entries.push(link(&path, &target));
                continue;
            }
            Plan::Memory(bytes, edits) => {
                let content = Content::Memory(Arc::from(bytes.as_slice()));
                (bytes, edits, content)
            }
            Plan::Disk { size, seed, edits } => {
                let (bytes, source) = (noise(size, seed), disk.join(number.to_string()));
                fs_err::write(&source, &bytes).unwrap();
                (bytes, edits, Content::Disk { path: source.into(), size: size as u64 })
            }
        };
        let executable = number % 3 == 0;
        expected.push(described(&path, executable, &edited(bytes, &edits)));
        fixed.0.insert(path.clone(), edits);
        entries.push(entry(&path, Node::File(File { executable, content, rewrite: Rewrite::Search })));
    }
    expected.sort();
    (entries, fixed, expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(plans in proptest::collection::btree_map(path(), plan(), 0..25)) {
        let folder = tempfile::tempdir()?;
        let disk = folder.path().join("disk");
        fs_err::create_dir(&disk)?;
        let (entries, fixed, expected) = tree(plans, &disk);
        let entries: Vec<_> = entries.into_iter().map(Arc::new).collect();
        let measured = measure(entries.clone(), &fixed, &Readings::none(), None, &Silent).unwrap().measured;
        for format in FILES {
            let layout = Layout { level: 1, links: Links::Keep, ..Layout::new(format) };
            let arranged = arrange(measured.clone(), &layout).unwrap();
            let (mut one, mut three) = (Vec::new(), Vec::new());
            let written = write(&arranged, &layout, None, None, 1, &mut one, &Silent).unwrap();
            write(&arranged, &layout, None, None, 3, &mut three, &Silent).unwrap();
            prop_assert!(one == three, "{} differs between one thread and three", format);
            if layout.compresses() {
                let spool = Spool::beside(&folder.path().join("archive")).unwrap();
                let later = SystemTime::now() + Duration::from_mins(1);
                let early = Early::new_at(&layout, None, &spool, 2, later);
                let survey = measure(entries.clone(), &fixed, &Readings::none(), Some(&early), &Silent);
                let arranged = arrange(survey.unwrap().measured, &layout).unwrap();
                let mut read_once = Vec::new();
                write(&arranged, &layout, None, Some(&spool), 2, &mut read_once, &Silent).unwrap();
                prop_assert!(one == read_once, "{} differs if it is compressed when it is read", format);
            }
            prop_assert_eq!(written.sha256, crate::fs::sha256(&one));

            let out = folder.path().join(format.name());
            fs_err::create_dir(&out)?;
            let unpacked = unpack_bytes(&one, &out, &refuse()).unwrap();
            prop_assert_eq!(unpacked.format, format);
            prop_assert_eq!(unpacked.size, arranged.iter().map(|item| item.size).sum::<u64>());
            prop_assert_eq!(&listing(&out.join("out")), &expected);
            fs_err::remove_dir_all(out)?;
        }
        let layout = Layout::new(Format::Directory);
        let out = folder.path().join("directory");
        write_directory(&arrange(measured, &layout).unwrap(), &out, 2, &Silent).unwrap();
        prop_assert_eq!(&listing(&out), &expected);
    }
}

#[test]
fn an_empty_environment_is_an_archive_too() {
    for format in FILES {
        let folder = tempfile::tempdir().unwrap();
        let bytes = packed(Vec::new(), &Layout::new(format), 2);
        unpack_bytes(&bytes, folder.path(), &refuse()).unwrap();
        assert!(listing(&folder.path().join("out")).is_empty(), "{format}");
    }
}

#[test]
fn a_file_too_large_to_wait_for_its_header_fits_into_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let size = 33 << 20;
    let mut bytes = vec![7; size];
    bytes[size - 1] = 1;
    fs_err::write(&source, &bytes).unwrap();
    let content = Content::Disk { path: source.into(), size: size as u64 };
    let large = Node::File(File { executable: false, content, rewrite: Rewrite::Keep });
    let entries = || vec![file("a", b"before"), entry("b", large.clone()), file("c", b"after")];
    let layout = Layout { level: 1, ..Layout::new(Format::Zip) };
    let zip = packed(entries(), &layout, 2);
    assert_eq!(zip, packed(entries(), &layout, 1));
    unpack_bytes(&zip, folder.path(), &refuse()).unwrap();
    let expected =
        [described("a", false, b"before"), described("b", false, &bytes), described("c", false, b"after")];
    assert_eq!(listing(&folder.path().join("out")), expected);
}

#[test]
fn every_level_gives_an_archive_that_can_be_read() {
    let text = b"import os\n".repeat(2000);
    for format in FILES {
        let mut sizes = Vec::new();
        for level in Layout::levels(format) {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout { level, ..Layout::new(format) };
            let bytes = packed(vec![file("a/b", &text)], &layout, 2);
            unpack_bytes(&bytes, folder.path(), &refuse()).unwrap();
            assert_eq!(fs_err::read(folder.path().join("out/a/b")).unwrap(), text);
            sizes.push(bytes.len());
        }
        if format != Format::Tar {
            assert!(sizes.iter().max() > sizes.iter().min(), "levels of {format} do nothing");
        }
    }
}

#[test]
fn an_arcroot_is_unpacked_as_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout { arcroot: Some("my env".to_owned()), ..Layout::new(Format::TarGz) };
    unpack_bytes(&packed(vec![file("bin/x", b"x")], &layout, 2), folder.path(), &refuse()).unwrap();
    let expected = ["my env/".to_owned(), "my env/bin/".to_owned(), described("my env/bin/x", true, b"x")];
    assert_eq!(listing(&folder.path().join("out")), expected);
}
