//! The contract between entries and bytes.

use std::io::{self, Write};

use super::*;

fn sample() -> Vec<Entry> {
    vec![
        file("bin/python3.11", &noise(1_500_000, 1)),
        link("bin/python", "python3.11"),
        file("numpy/core.py", &b"import math\n".repeat(100)),
        file("numpy/empty", b""),
        directory("var/empty"),
        file("zlib/naïve", b"text"),
    ]
}

/// If this fails, packing the same environment gives other bytes than it did:
/// raise `LAYOUT_VERSION` together with the hashes here.
#[test]
fn the_same_entries_give_the_same_bytes_for_ever() {
    assert_eq!(LAYOUT_VERSION, 6);
    let hashes = FILES.map(|format| {
        let bytes = packed(sample(), &Layout::new(format), 2);
        format!("{format} {}", &hex::encode(crate::fs::sha256(&bytes))[..16])
    });
    let expected = [
        "tar.gz ace387666093d8a0",
        "tar e8a1d5d8c55c4681",
        "tar.zst 4b770cf03218e88f",
        "zip 01245c82325eac84",
    ];
    assert_eq!(hashes, expected);
}

#[test]
fn the_recipe_follows_everything_that_decides_the_bytes() {
    let digests = |entries: Vec<Entry>, layout: Layout| {
        serde_json::to_string(&recipe(&arranged(entries, &layout), &layout)).unwrap()
    };
    let base = Layout::new(Format::TarGz);
    let first = digests(sample(), base.clone());
    assert_eq!(first, digests(sample(), base.clone()));

    let mut mode = sample();
    mode[2] = file("numpy/core.py", &b"import math\n".repeat(100));
    if let Node::File(file) = &mut mode[2].node {
        file.executable = true;
    }
    let mut target = sample();
    target[1] = link("bin/python", "python3.12");
    let mut content = sample();
    content[5] = file("zlib/naïve", b"texT");
    let mut group = sample();
    group[2].group = Group::Loose;
    let others = [
        digests(mode, base.clone()),
        digests(target, base.clone()),
        digests(content, base.clone()),
        digests(group, base.clone()),
        digests(sample()[1..].to_vec(), base.clone()),
        digests(sample(), Layout { level: 6, ..base.clone() }),
        digests(sample(), Layout { time: 400_000_000, ..base.clone() }),
        digests(sample(), Layout { arcroot: Some("env".to_owned()), ..base.clone() }),
        digests(sample(), Layout::new(Format::Tar)),
    ];
    let mut all: Vec<_> = others.iter().chain([&first]).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), others.len() + 1);
}

/// An unchanged package keeps its compressed bytes, whatever is added before.
#[test]
fn an_unchanged_package_gives_unchanged_bytes() {
    let numpy = file("numpy/core.so", &noise(300_000, 5));
    for format in [Format::TarGz, Format::TarZst, Format::Zip] {
        let layout = Layout::new(format);
        let alone = packed(vec![numpy.clone()], &layout, 2);
        let among = packed(vec![file("abc/x", &noise(5000, 9)), numpy.clone(), file("z", b"z")], &layout, 2);
        let middle = &alone[alone.len() / 2..alone.len() / 2 + 1000];
        let found = memchr::memmem::find(&among, middle);
        assert!(found.is_some(), "{format}");
    }
}

#[test]
fn gzip_is_one_member_that_names_nothing_of_this_machine() {
    let bytes = packed(sample(), &Layout::new(Format::TarGz), 2);
    assert_eq!(bytes[..13], [0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 255, b'E', b'V', 0]);
    let mut one = flate2::read::GzDecoder::new(bytes.as_slice());
    let size = io::copy(&mut one, &mut io::sink()).unwrap();
    let mut all = flate2::read::MultiGzDecoder::new(bytes.as_slice());
    assert_eq!(io::copy(&mut all, &mut io::sink()).unwrap(), size);
}

/// Fails after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_writing() {
    for format in FILES {
        for room in [0, 20, 100_000, 1_100_000] {
            let layout = Layout::new(format);
            let many: Vec<Entry> = (0..8).map(|n| file(&format!("p{n}/f"), &noise(900_000, n))).collect();
            let error = write(&arranged(many, &layout), &layout, None, None, 3, &mut Full(room), &Silent)
                .unwrap_err();
            assert!(error.hint().unwrap().contains("free some space"), "{format}");
        }
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    for (size, changed) in [(10, noise(11, 5)), (10, noise(10, 5)), (3 << 20, noise(1 << 20, 5))] {
        fs_err::write(&source, noise(size, 2)).unwrap();
        let content = Content::Disk { path: source.clone().into(), size: size as u64 };
        let node = Node::File(File { executable: false, content, rewrite: Rewrite::Search });
        for format in FILES {
            let layout = Layout::new(format);
            fs_err::write(&source, noise(size, 2)).unwrap();
            let entries = arranged(vec![entry("a", node.clone())], &layout);
            fs_err::write(&source, &changed).unwrap();
            let error = write(&entries, &layout, None, None, 2, &mut io::sink(), &Silent).unwrap_err();
            assert!(error.to_string().ends_with("changed while it was being packed"), "{error}");
        }
        fs_err::write(&source, noise(size, 2)).unwrap();
        let layout = Layout::new(Format::Directory);
        let entries = arranged(vec![entry("a", node)], &layout);
        fs_err::write(&source, &changed).unwrap();
        assert!(write_directory(&entries, &folder.path().join("out"), 2, &Silent).is_err());
        assert!(!folder.path().join("out").exists());
    }
}
