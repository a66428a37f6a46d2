//! An archive is known by what was packed.

use std::path::PathBuf;

use super::*;
use crate::artifact::{ContentDigest, MANIFEST};

fn sealed(layout: &Layout) -> (Vec<Measured>, ContentDigest) {
    sealed_as(layout, LAYOUT_VERSION)
}

fn sealed_as(layout: &Layout, version: u32) -> (Vec<Measured>, ContentDigest) {
    let mut place = file(MANIFEST, b"");
    place.group = Group::Manifest;
    let entries = vec![
        place,
        file("bin/python3.11", &noise(100_000, 1)),
        link("bin/python", "python3.11"),
        file(&format!("lib/{}", "long/".repeat(60) + "x"), b"x"),
        directory("var/empty"),
    ];
    let mut entries = arranged(entries, layout);
    let archive = crate::artifact::Recipe { layout: version, ..recipe(&entries, layout) };
    let manifest = serde_json::json!({
        "schema": 1, "envship": "0.1.0", "source": "venv", "platform": "linux-64", "archive": archive,
        "packages": [], "installers": [], "placeholders": [], "remarks": [],
    });
    let digest = seal(&mut entries, serde_json::to_vec(&manifest).unwrap());
    (entries, digest)
}

fn saved(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("archive");
    fs_err::write(&path, bytes).unwrap();
    path
}

#[test]
fn an_archive_is_known_by_its_content_digest_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in FILES {
        for (arcroot, links) in [(None, Links::Keep), (Some("env".to_owned()), Links::Keep)] {
            let layout = Layout { arcroot, links, ..Layout::new(format) };
            let (entries, digest) = sealed(&layout);
            let mut bytes = Vec::new();
            write(&entries, &layout, None, None, 2, &mut bytes, &Silent).unwrap();
            assert_eq!(
                identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap(),
                Identity { digest, seal: Seal::Intact, modes: Vec::new(), added: Vec::new() },
                "{format}"
            );
        }
    }
}

#[test]
fn an_archive_that_was_changed_is_known_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(Format::Tar);
    let (mut entries, digest) = sealed(&layout);
    entries.retain(|item| &*item.entry.path != "bin/python");
    let mut bytes = Vec::new();
    write(&entries, &layout, None, None, 2, &mut bytes, &Silent).unwrap();
    let found = identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap();
    assert_ne!(found.digest, digest);
    let digest = ContentDigest(crate::fs::sha256(&bytes));
    assert_eq!(found, Identity { digest, seal: Seal::Broken, modes: Vec::new(), added: Vec::new() });
}

#[test]
fn what_was_appended_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Tar, Format::Zip] {
        let layout = Layout { links: Links::Keep, ..Layout::new(format) };
        let (mut entries, _) = sealed(&layout);
        let more = arranged(vec![file("bin/added", b"x"), link("also/added", "x")], &layout);
        entries.extend(more.into_iter().filter(|item| item.entry.path.ends_with("/added")));
        let mut bytes = Vec::new();
        write(&entries, &layout, None, None, 2, &mut bytes, &Silent).unwrap();
        let found = identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap();
        assert_eq!(found.seal, Seal::Broken, "{format}");
        assert_eq!(found.added.len(), 2, "{format}: {found:?}");
        assert!(found.added.iter().all(|path| path.ends_with("/added")), "{format}: {found:?}");
    }
}

/// Where the mode of an entry stands in a tar without compression, or in the
/// central directory of a zip.
fn place_of_mode(format: Format, bytes: &[u8], path: &str) -> usize {
    match format {
        Format::Zip => memchr::memmem::rfind(bytes, path.as_bytes()).unwrap() - 46 + 40,
        _ => memchr::memmem::find(bytes, path.as_bytes()).unwrap() + 100,
    }
}

/// Gives an entry another mode, with all sums mended.
fn with_mode(format: Format, mut bytes: Vec<u8>, path: &str, permissions: u16) -> Vec<u8> {
    let place = place_of_mode(format, &bytes, path);
    if format == Format::Zip {
        let kind = u16::from_le_bytes([bytes[place], bytes[place + 1]]) & 0o170_000;
        bytes[place..place + 2].copy_from_slice(&(kind | permissions).to_le_bytes());
        return bytes;
    }
    bytes[place..place + 8].copy_from_slice(format!("{permissions:07o}\0").as_bytes());
    let header = &mut bytes[place - 100..place + 412];
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn a_mode_that_was_changed_breaks_the_seal_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Tar, Format::Zip] {
        let layout = Layout { links: Links::Keep, ..Layout::new(format) };
        let mut whole = Vec::new();
        write(&sealed(&layout).0, &layout, None, None, 2, &mut whole, &Silent).unwrap();
        for (path, permissions, told) in [
            ("bin/python3.11", 0o744, "0744 instead of 0755"),
            ("bin/python3.11", 0o4755, "4755 instead of 0755"),
            ("var/empty", 0o777, "0777 instead of 0755"),
            (MANIFEST, 0o600, "0600 instead of 0644"),
            (MANIFEST, 0o755, "0755 instead of 0644"),
        ] {
            let bytes = with_mode(format, whole.clone(), path, permissions);
            let found = identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap();
            assert_eq!(found.seal, Seal::Broken, "{format} {path}");
            assert_eq!(found.digest, ContentDigest(crate::fs::sha256(&bytes)), "{format} {path}");
            let modes: Vec<_> =
                found.modes.iter().map(|other| (other.path.as_str(), other.mode.to_string())).collect();
            assert_eq!(modes, [(path, told.to_owned())], "{format}");
        }
    }
}

#[test]
fn modes_are_not_judged_in_a_layout_that_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Tar, Format::Zip] {
        let layout = Layout { links: Links::Keep, ..Layout::new(format) };
        let (entries, digest) = sealed_as(&layout, LAYOUT_VERSION + 1);
        let mut bytes = Vec::new();
        write(&entries, &layout, None, None, 2, &mut bytes, &Silent).unwrap();
        let bytes = with_mode(format, bytes, "bin/python3.11", 0o775);
        assert_eq!(
            identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap(),
            Identity { digest, seal: Seal::Intact, modes: Vec::new(), added: Vec::new() },
            "{format}"
        );
    }
}
