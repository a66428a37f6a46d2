//! The reading pass, over files that don't fit into a window.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const PREFIX: &[u8] = b"/home/somebody/env";

/// Replaces the prefix by a placeholder, and remembers what it was shown.
#[derive(Default)]
struct Searching {
    loaded: Mutex<Vec<(String, usize)>>,
    /// How many files were relocated in stretches.
    in_stretches: AtomicUsize,
}

impl Relocate for Searching {
    fn needs_whole(&self, _: &str, _: bool, _: &Rewrite, head: &[u8]) -> bool {
        head.starts_with(b"\x7fELF")
    }

    fn holds_prefix(&self, window: &[u8]) -> bool {
        memchr::memmem::find(window, PREFIX).is_some()
    }

    fn overlap(&self) -> usize {
        PREFIX.len() - 1
    }

    fn relocate(
        &self,
        path: &str,
        _: bool,
        _: &Rewrite,
        bytes: &[u8],
    ) -> Result<(Vec<Edit>, Vec<Placeholder>)> {
        self.loaded.lock().unwrap().push((path.to_owned(), bytes.len()));
        let new = b"/.envship";
        let mut edits = Vec::new();
        let mut placeholders = Vec::new();
        for (number, offset) in memchr::memmem::find_iter(bytes, PREFIX).enumerate() {
            edits.push(Edit { offset: offset as u64, length: PREFIX.len() as u64, bytes: new.to_vec() });
            placeholders.push(Placeholder {
                path: path.to_owned(),
                offset: (offset - number * (PREFIX.len() - new.len())) as u64,
                length: new.len() as u64,
                kind: crate::entry::PlaceholderKind::Text,
            });
        }
        Ok((edits, placeholders))
    }

    fn in_stretches<'a>(
        &'a self,
        path: &'a str,
        _: &'a Rewrite,
        head: &[u8],
        on_disk: &Path,
    ) -> Option<Box<InStretch<'a>>> {
        assert!(fs_err::read(on_disk).unwrap().starts_with(head));
        if !head.starts_with(b"\0") {
            return None;
        }
        self.in_stretches.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(move |bytes| {
            let found = || memchr::memmem::find_iter(bytes, PREFIX).map(|offset| offset as u64);
            let length = PREFIX.len() as u64;
            let edit = |offset| Edit { offset, length, bytes: vec![b'/'; PREFIX.len()] };
            let kind = crate::entry::PlaceholderKind::Fixed;
            let placeholder = |offset| Placeholder { path: path.to_owned(), offset, length, kind };
            (found().map(edit).collect(), found().map(placeholder).collect())
        }))
    }
}

fn on_disk(folder: &Path, name: &str, bytes: &[u8], rewrite: Rewrite) -> Entry {
    let path = folder.join(name);
    fs_err::write(&path, bytes).unwrap();
    let content = Content::Disk { path: path.into(), size: bytes.len() as u64 };
    entry(name, Node::File(File { executable: false, content, rewrite }))
}

#[test]
fn large_files_are_loaded_only_where_a_prefix_is() {
    let folder = tempfile::tempdir().unwrap();
    let window = 1 << 20;
    let large = noise(3 * window + 12345, 1);
    let with_prefix_at = |offset: usize| {
        let mut bytes = large.clone();
        bytes[offset..offset + PREFIX.len()].copy_from_slice(PREFIX);
        bytes
    };
    let mut elf = large.clone();
    elf[..4].copy_from_slice(b"\x7fELF");
    let cases = [
        ("plain", large.clone(), Rewrite::Search, 0),
        ("first", with_prefix_at(0), Rewrite::Search, 1),
        ("border", with_prefix_at(window - 5), Rewrite::Search, 1),
        ("border2", with_prefix_at(2 * window - 1), Rewrite::Search, 1),
        ("last", with_prefix_at(large.len() - PREFIX.len()), Rewrite::Search, 1),
        ("elf", elf, Rewrite::Search, 0),
        ("kept", with_prefix_at(window - 5), Rewrite::Keep, 0),
        ("small", PREFIX.to_vec(), Rewrite::Search, 1),
        ("small kept", PREFIX.to_vec(), Rewrite::Keep, 0),
    ];
    let entries = cases
        .iter()
        .map(|(name, bytes, rewrite, _)| on_disk(folder.path(), name, bytes, rewrite.clone()).into())
        .collect();
    let relocator = Searching::default();
    let survey = measure(entries, &relocator, &Readings::none(), None, &Silent).unwrap();
    for ((name, bytes, _, edits), measured) in cases.iter().zip(&survey.measured) {
        assert_eq!(&*measured.entry.path, *name);
        let found = measured.change.edits().unwrap();
        assert_eq!(found.len(), *edits, "{name}");
        let expected = splice::tests::edited(bytes.clone(), found);
        assert_eq!(measured.size, expected.len() as u64, "{name}");
        assert_eq!(measured.sha256, crate::fs::sha256(&expected), "{name}");
    }
    let mut loaded: Vec<String> = relocator.loaded.into_inner().unwrap().into_iter().map(|it| it.0).collect();
    loaded.sort();
    assert_eq!(loaded, ["border", "border2", "elf", "first", "last", "small"]);
    let placeholders: Vec<&str> = survey.placeholders.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(placeholders, ["border", "border2", "first", "last", "small"]);
}

#[test]
fn a_large_binary_is_never_in_memory_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = noise((3 << 20) + 12345, 2);
    bytes[0] = 0;
    let places = [77, (1 << 20) - 5, (2 << 20) + 1, bytes.len() - PREFIX.len()];
    for at in places {
        bytes[at - 1] = 0;
        bytes[at..at + PREFIX.len()].copy_from_slice(PREFIX);
    }
    let entries = vec![on_disk(folder.path(), "x", &bytes, Rewrite::Search).into()];
    let relocator = Searching::default();
    let survey = measure(entries, &relocator, &Readings::none(), None, &Silent).unwrap();
    assert_eq!(relocator.in_stretches.into_inner(), 1);
    assert!(relocator.loaded.into_inner().unwrap().is_empty());
    let places = places.map(|place| place as u64);
    assert_eq!(survey.placeholders.iter().map(|it| it.offset).collect::<Vec<_>>(), places);
    let edits = survey.measured[0].change.edits().unwrap();
    let expected = splice::tests::edited(bytes, edits);
    assert_eq!(edits.iter().map(|edit| edit.offset).collect::<Vec<_>>(), places);
    assert_eq!(survey.measured[0].sha256, crate::fs::sha256(&expected));
    assert_eq!(survey.measured[0].crc, crc32fast::hash(&expected));
}

/// Else each thread would hold one.
#[test]
fn a_binary_with_a_long_text_in_it_is_loaded_as_text_is() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = [b"\0", PREFIX, &b"x".repeat(5 << 20)].concat();
    let entries = vec![on_disk(folder.path(), "x", &bytes, Rewrite::Search).into()];
    let relocator = Searching::default();
    let survey = measure(entries, &relocator, &Readings::none(), None, &Silent).unwrap();
    assert_eq!(relocator.loaded.into_inner().unwrap(), [("x".to_owned(), bytes.len())]);
    let edits = survey.measured[0].change.edits().unwrap();
    let expected = splice::tests::edited(bytes, edits);
    assert_eq!(survey.measured[0].sha256, crate::fs::sha256(&expected));
}

#[test]
fn a_file_that_can_not_be_read_is_named() {
    let content = Content::Disk { path: Path::new("/nowhere/lib.so").into(), size: 3 };
    let missing = entry("lib.so", Node::File(File { executable: false, content, rewrite: Rewrite::Search }));
    let error =
        measure(vec![missing.into()], &Fixed::default(), &Readings::none(), None, &Silent).unwrap_err();
    assert!(error.to_string().contains("/nowhere/lib.so"), "{error}");
}

#[test]
fn a_file_of_another_size_than_listed_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut shrunk = on_disk(folder.path(), "x", b"abc", Rewrite::Search);
    if let Node::File(File { content: Content::Disk { size, .. }, .. }) = &mut shrunk.node {
        *size = 4;
    }
    let error =
        measure(vec![shrunk.into()], &Fixed::default(), &Readings::none(), None, &Silent).unwrap_err();
    assert!(error.to_string().ends_with("changed while it was being packed"), "{error}");
}
