//! A file is read again only if it may have changed.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::*;
use crate::cache::Cache;

/// Remembers what it was asked to look at.
#[derive(Default)]
struct Watching(Mutex<Vec<String>>, BTreeSet<String>);

impl Relocate for Watching {
    fn needs_whole(&self, _: &str, _: bool, _: &Rewrite, _: &[u8]) -> bool {
        false
    }

    fn holds_prefix(&self, _: &[u8]) -> bool {
        false
    }

    fn overlap(&self) -> usize {
        0
    }

    fn damaged(&self) -> BTreeSet<String> {
        self.1.clone()
    }

    fn relocate(&self, path: &str, _: bool, _: &Rewrite, _: &[u8]) -> Result<(Vec<Edit>, Vec<Placeholder>)> {
        self.0.lock().unwrap().push(path.to_owned());
        let edit = Edit { offset: 0, length: 1, bytes: path.as_bytes().to_vec() };
        Ok((vec![edit], Vec::new()))
    }
}

struct Folder {
    folder: tempfile::TempDir,
    cache: Cache,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"));
        for name in ["a", "b"] {
            fs_err::write(folder.path().join(name), name).unwrap();
        }
        Folder { folder, cache }
    }

    /// The paths that a pass reads which begins so many seconds from now, and
    /// what it finds.
    fn read(&self, later: u64) -> (Vec<String>, Vec<(u64, [u8; 32])>) {
        self.read_with(later, Watching::default())
    }

    fn read_with(&self, later: u64, relocator: Watching) -> (Vec<String>, Vec<(u64, [u8; 32])>) {
        let entries = ["a", "b"].map(|name| {
            let path = self.folder.path().join(name);
            let content = Content::Disk { size: fs_err::metadata(&path).unwrap().len(), path: path.into() };
            entry(name, Node::File(File { executable: false, content, rewrite: Rewrite::Search }))
        });
        let begun = SystemTime::now() + Duration::from_secs(later);
        let readings = Readings::load_at(&self.cache, [1; 32], begun);
        let survey = measure(entries.map(Arc::new).to_vec(), &relocator, &readings, None, &Silent).unwrap();
        let mut read = relocator.0.into_inner().unwrap();
        read.sort();
        (read, survey.measured.iter().map(|item| (item.size, item.sha256)).collect())
    }
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let folder = Folder::new();
    let (read, found) = folder.read(60);
    assert_eq!(read, ["a", "b"]);
    let (read, again) = folder.read(60);
    assert_eq!(read, [""; 0]);
    assert_eq!(found, again);
}

#[test]
fn what_changed_is_read_again() {
    let folder = Folder::new();
    let (_, found) = folder.read(60);
    fs_err::write(folder.folder.path().join("b"), "bb").unwrap();
    let (read, again) = folder.read(60);
    assert_eq!(read, ["b"]);
    assert_eq!(found[0], again[0]);
    assert_ne!(found[1], again[1]);
}

#[test]
fn what_was_damaged_is_read_again() {
    let folder = Folder::new();
    folder.read_with(60, Watching(Mutex::default(), BTreeSet::from(["b".to_owned()])));
    assert_eq!(folder.read(60).0, ["b"]);
    assert_eq!(folder.read(60).0, [""; 0]);
}

#[test]
fn what_changed_a_moment_ago_is_not_trusted() {
    let folder = Folder::new();
    folder.read(0);
    assert_eq!(folder.read(60).0, ["a", "b"]);
}

#[test]
fn a_large_file_that_changes_in_place_is_told_and_leaves_nothing_wrong_in_the_cache() {
    for format in FILES {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"));
        let (path, bytes) = (folder.path().join("large"), noise(20 << 20, 5));
        fs_err::write(&path, &bytes).unwrap();
        let content = Content::Disk { size: bytes.len() as u64, path: path.clone().into() };
        let node = Node::File(File { executable: false, content, rewrite: Rewrite::Search });
        let layout = Layout::new(format);
        let entries = arranged(vec![entry("large", node)], &layout);
        let pack = |cache: Option<&Cache>| {
            let mut out = Vec::new();
            write(&entries, &layout, cache, None, 2, &mut out, &Silent).map(|_| out)
        };
        let expected = pack(None).unwrap();
        let mut other = bytes.clone();
        other[11 << 20] ^= 1;
        fs_err::write(&path, &other).unwrap();
        let error = pack(Some(&cache)).unwrap_err().to_string();
        assert_eq!(error, "`large` changed while it was being packed", "{format}");
        let target = folder.path().join("target");
        assert!(write_directory(&entries, &target, 2, &Silent).is_err());
        fs_err::write(&path, &bytes).unwrap();
        assert!(pack(Some(&cache)).unwrap() == expected, "{format}");
        assert!(pack(Some(&cache)).unwrap() == expected, "{format}");
    }
}
