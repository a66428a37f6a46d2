//! An archive is known by what was packed.

use std::path::PathBuf;

use super::*;
use crate::artifact::{ContentDigest, MANIFEST};

fn sealed(layout: &Layout) -> (Vec<Measured>, ContentDigest) {
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
    let archive = recipe(&entries, layout);
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
            write(&entries, &layout, None, 2, &mut bytes, &Silent).unwrap();
            assert_eq!(
                identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap(),
                Identity { digest, seal: Seal::Intact },
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
    entries.retain(|item| item.entry.path != "bin/python");
    let mut bytes = Vec::new();
    write(&entries, &layout, None, 2, &mut bytes, &Silent).unwrap();
    let found = identify(&given(&saved(folder.path(), &bytes)), &Silent).unwrap();
    assert_ne!(found.digest, digest);
    assert_eq!(found, Identity { digest: ContentDigest(crate::fs::sha256(&bytes)), seal: Seal::Broken });
}
