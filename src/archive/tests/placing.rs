//! Manifests, and the placeholders that unpacking finishes.

use std::cell::RefCell;

use super::*;
use crate::artifact::{MANIFEST, Manifest, Recipe, SourceKind};
use crate::entry::PlaceholderKind;

fn manifest(placeholders: Vec<Placeholder>) -> Manifest {
    Manifest {
        schema: 1,
        envship: "0.1.0".to_owned(),
        source: SourceKind::CondaPrefix,
        platform: "linux-64".to_owned(),
        archive: Recipe {
            layout: LAYOUT_VERSION,
            format: Format::TarGz,
            level: 5,
            time: 0,
            groups: String::new(),
            contents: String::new(),
        },
        python: None,
        glibc: None,
        packages: Vec::new(),
        installers: Vec::new(),
        extensions: Vec::new(),
        placeholders,
        reasons: BTreeMap::new(),
        remarks: Vec::new(),
    }
}

fn placeholder(path: &str, offset: u64, kind: PlaceholderKind) -> Placeholder {
    Placeholder { path: path.to_owned(), offset, length: 9, kind }
}

fn manifest_entry(manifest: &impl serde::Serialize) -> Entry {
    let mut entry = file(MANIFEST, &serde_json::to_vec(manifest).unwrap());
    entry.group = Group::Manifest;
    entry
}

/// Replaces text, keeps the length of the rest, and leaves out the padded.
fn place(_: &[u8], listed: &[Placeholder], prefix: &str) -> (Vec<Edit>, Vec<Placeholder>) {
    let (padded, others): (Vec<_>, Vec<_>) =
        listed.iter().cloned().partition(|it| it.kind == PlaceholderKind::Padded);
    let edit = |it: Placeholder| {
        let bytes = match it.kind {
            PlaceholderKind::Text => prefix.as_bytes().to_vec(),
            _ => b"/fixed///".to_vec(),
        };
        Edit { offset: it.offset, length: it.length, bytes }
    };
    (others.into_iter().map(edit).collect(), padded)
}

fn entries() -> Vec<Entry> {
    let listed = vec![
        placeholder("bin/fixed", 2, PlaceholderKind::Fixed),
        placeholder("bin/script", 2, PlaceholderKind::Text),
        placeholder("bin/script", 16, PlaceholderKind::Text),
        placeholder("lib/short", 0, PlaceholderKind::Padded),
    ];
    vec![
        manifest_entry(&manifest(listed)),
        file("bin/fixed", b"a=/.envship;"),
        file("bin/script", b"#!/.envship/x --/.envship"),
        file("lib/short", b"/.envship\0"),
    ]
}

#[test]
fn placeholders_are_finished_for_the_destination() {
    for format in FILES {
        for arcroot in [None, Some("e/nv".to_owned())] {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout { arcroot: arcroot.clone(), ..Layout::new(format) };
            let archive = folder.path().join("a");
            fs_err::write(&archive, packed(entries(), &layout, 2)).unwrap();
            let out = folder.path().join("my out");
            let unpacked = unpack(&given(&archive), &out, &refuse(), &place, &Silent).unwrap();
            assert_eq!((unpacked.placed, unpacked.unfit.len()), (3, 1));
            assert_eq!(unpacked.unfit[0].path, "lib/short");
            let root = arcroot.map_or(out.clone(), |arcroot| out.join(arcroot));
            let read = |path: &str| fs_err::read_to_string(root.join(path)).unwrap();
            let prefix = root.display();
            assert_eq!(read("bin/script"), format!("#!{prefix}/x --{prefix}"));
            assert_eq!(read("bin/fixed"), "a=/fixed///;");
            assert_eq!(read("lib/short"), "/.envship\0");
        }
    }
}

#[test]
fn the_placeholders_of_a_large_binary_are_finished_where_they_lie() {
    let mut bytes = noise(3 << 20, 7);
    let listed: Vec<Placeholder> = [0, (1 << 20) - 4, (1 << 20) + 99, (3 << 20) - 9]
        .into_iter()
        .map(|offset: u64| {
            let at = usize::try_from(offset).unwrap();
            bytes[at..at + 9].copy_from_slice(b"/.envship");
            bytes[at + 9..].iter_mut().take(5).for_each(|byte| *byte = 0);
            placeholder("lib/x", offset, PlaceholderKind::Fixed)
        })
        .collect();
    let short = placeholder("lib/x", (2 << 20) - 1, PlaceholderKind::Padded);
    // In no order, as a stranger may list them.
    let all = [&listed[2..], std::slice::from_ref(&short), &listed[..2]].concat();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a");
    let entries = vec![manifest_entry(&manifest(all)), file("lib/x", &bytes)];
    fs_err::write(&archive, packed(entries, &Layout::new(Format::Tar), 2)).unwrap();
    let out = folder.path().join("out");
    let stretches = RefCell::new(Vec::new());
    let noting = |bytes: &[u8], listed: &[Placeholder], prefix: &str| {
        stretches.borrow_mut().push(bytes.len());
        place(bytes, listed, prefix)
    };
    let unpacked = unpack(&given(&archive), &out, &refuse(), &noting, &Silent).unwrap();
    assert_eq!((unpacked.placed, unpacked.unfit), (4, vec![short]));
    let stretches = stretches.into_inner();
    assert_eq!(stretches.iter().sum::<usize>(), bytes.len());
    assert!(stretches.iter().all(|length| *length <= 2 << 20), "{stretches:?}");
    for placeholder in listed {
        let at = usize::try_from(placeholder.offset).unwrap();
        bytes[at..at + 9].copy_from_slice(b"/fixed///");
    }
    assert!(fs_err::read(out.join("lib/x")).unwrap() == bytes);
}

#[test]
fn a_glance_shows_the_manifest() {
    for format in FILES {
        for root in ["", "e/nv"] {
            let folder = tempfile::tempdir().unwrap();
            let arcroot = Some(root.to_owned()).filter(|root| !root.is_empty());
            let layout = Layout { arcroot, links: Links::Keep, ..Layout::new(format) };
            let archive = folder.path().join("a");
            let mut entries = entries();
            entries.push(link("bin/x", "script"));
            fs_err::write(&archive, packed(entries, &layout, 2)).unwrap();
            let glance = inspect(&archive).unwrap();
            assert_eq!(glance.format, format);
            assert_eq!(glance.root, root);
            assert_eq!(glance.manifest.unwrap().placeholders.len(), 4);
            assert_eq!(glance.zip_links, format == Format::Zip);
        }
    }
}

#[test]
fn a_glance_at_a_directory_or_at_a_foreign_archive_works_too() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(Format::TarGz);
    unpack_bytes(&packed(entries(), &layout, 1), folder.path(), &refuse()).unwrap();
    let glance = inspect(&folder.path().join("out")).unwrap();
    assert_eq!(glance.format, Format::Directory);
    assert!(glance.manifest.is_some());

    let foreign = folder.path().join("foreign");
    fs_err::write(&foreign, packed(vec![file("bin/python", b"x")], &layout, 1)).unwrap();
    assert_eq!(inspect(&foreign).unwrap().manifest, None);
}

#[test]
fn a_manifest_of_a_later_schema_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let bytes =
        packed(vec![manifest_entry(&serde_json::json!({"schema": 2}))], &Layout::new(Format::TarGz), 1);
    let error = unpack_bytes(&bytes, folder.path(), &refuse()).unwrap_err();
    assert!(error.to_string().contains("schema 2"), "{error}");
    assert!(error.hint().unwrap().contains("later"));
    assert_eq!(listing(folder.path()), [] as [String; 0]);
}

#[test]
fn a_manifest_that_lists_what_is_not_there_is_refused() {
    let outside = placeholder("../../etc/passwd", 0, PlaceholderKind::Text);
    let link_to_file = placeholder("link", 0, PlaceholderKind::Text);
    let beyond = placeholder("bin/x", u64::MAX - 3, PlaceholderKind::Text);
    for listed in [outside, link_to_file, beyond] {
        let folder = tempfile::tempdir().unwrap();
        let entries =
            vec![manifest_entry(&manifest(vec![listed])), file("bin/x", b"/.envship"), link("link", "bin/x")];
        let bytes = packed(entries, &Layout::new(Format::TarGz), 1);
        let error = unpack_bytes(&bytes, folder.path(), &refuse()).unwrap_err();
        assert!(error.to_string().contains("a placeholder that is not there"), "{error}");
        assert_eq!(listing(folder.path()), [] as [String; 0]);
    }
}
