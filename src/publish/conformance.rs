//! What every store has to do, run on those that need no server.

use std::io::Write;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;

use super::backend::Backend;
use super::network::Network;
use super::object::ObjectDirectory;
use super::{Error, Location, Outcome, Receipt, Start, Store, Upload};
use crate::artifact::ContentDigest;
use crate::fs::{OnExisting, sha256};

const ONE: ContentDigest = ContentDigest([1; 32]);
const TWO: ContentDigest = ContentDigest([2; 32]);
const NAME: &str = "e.tar.gz";

fn conformance(store: &Store) {
    store.check_writable().unwrap();
    assert_eq!(names(store), [] as [&str; 0], "a check leaves nothing");
    assert_eq!(store.head(NAME).unwrap(), None);
    an_archive_appears_whole_with_its_checksum(store, b"small", ONE);
    the_same_archive_is_skipped(store);
    a_different_archive_is_refused_unless_forced(store);
    a_missing_checksum_is_made_up_for(store);
    an_abandoned_upload_leaves_nothing(store, b"x");
    let big = vec![7; 20 << 20];
    an_abandoned_upload_leaves_nothing(store, &big);
    an_archive_appears_whole_with_its_checksum(store, &big, TWO);
    a_race_is_won_once(store, b"small");
    a_race_is_won_once(store, &big);
    names_are_checked(store);
}

fn begin(store: &Store, name: &str, digest: ContentDigest, on_existing: OnExisting) -> Upload {
    match store.upload(name, digest, on_existing).unwrap() {
        Start::Upload(upload) => upload,
        Start::AlreadyThere(receipt) => panic!("already there: {receipt:?}"),
    }
}

fn publish(store: &Store, name: &str, bytes: &[u8], digest: ContentDigest) -> Receipt {
    let mut upload = begin(store, name, digest, OnExisting::Replace);
    upload.write_all(bytes).unwrap();
    upload.finish().unwrap()
}

fn an_archive_appears_whole_with_its_checksum(store: &Store, bytes: &[u8], digest: ContentDigest) {
    let mut upload = begin(store, NAME, digest, OnExisting::Replace);
    let before = store.head(NAME).unwrap();
    upload.write_all(bytes).unwrap();
    assert_eq!(store.head(NAME).unwrap(), before, "nothing can be seen before the end");
    let receipt = upload.finish().unwrap();
    assert_eq!(receipt.outcome, Outcome::Uploaded);
    assert_eq!((receipt.size, receipt.sha256), (bytes.len() as u64, sha256(bytes)));
    let published = store.head(NAME).unwrap().unwrap();
    assert_eq!(published.location, receipt.location);
    assert_eq!(published.size, bytes.len() as u64);
    assert_eq!(published.content_digest, Some(digest));
    assert_eq!(published.sha256, Some(sha256(bytes)));
    assert_eq!(store.backend.hash(NAME).unwrap(), sha256(bytes));
    let companion = store.backend.read("e.tar.gz.sha256").unwrap().unwrap();
    assert_eq!(companion.lines().next().unwrap(), format!("{}  {NAME}", hex::encode(sha256(bytes))));
    assert_eq!(names(store), [NAME, "e.tar.gz.sha256"]);
}

fn the_same_archive_is_skipped(store: &Store) {
    match store.upload(NAME, ONE, OnExisting::Refuse).unwrap() {
        Start::AlreadyThere(receipt) => {
            assert_eq!(receipt.outcome, Outcome::Skipped);
            assert_eq!((receipt.size, receipt.sha256), (5, sha256(b"small")));
        }
        Start::Upload(_) => panic!("not skipped"),
    }
}

fn a_different_archive_is_refused_unless_forced(store: &Store) {
    let refused = store.upload(NAME, TWO, OnExisting::Refuse).err().unwrap();
    assert!(matches!(refused, Error::Exists { .. }), "{refused}");
    assert_eq!(store.head(NAME).unwrap().unwrap().content_digest, Some(ONE));
    publish(store, NAME, b"other", TWO);
    assert_eq!(store.head(NAME).unwrap().unwrap().content_digest, Some(TWO));
}

fn a_missing_checksum_is_made_up_for(store: &Store) {
    if !store.backend.keeps_metadata() {
        return;
    }
    publish(store, NAME, b"small", ONE);
    store.backend.remove("e.tar.gz.sha256").unwrap();
    the_same_archive_is_skipped(store);
    assert_eq!(store.head(NAME).unwrap().unwrap().sha256, Some(sha256(b"small")));
}

fn an_abandoned_upload_leaves_nothing(store: &Store, bytes: &[u8]) {
    let before = names(store);
    let mut upload = begin(store, "abandoned.zip", ONE, OnExisting::Refuse);
    upload.write_all(bytes).unwrap();
    assert!(upload.abort().is_none());
    let mut upload = begin(store, "abandoned.zip", ONE, OnExisting::Refuse);
    upload.write_all(bytes).unwrap();
    drop(upload);
    assert_eq!(names(store), before);
}

fn a_race_is_won_once(store: &Store, bytes: &[u8]) {
    let mut uploads: Vec<_> =
        [ONE, TWO, ONE].map(|digest| begin(store, "raced.zip", digest, OnExisting::Refuse)).into();
    for (upload, tail) in uploads.iter_mut().zip([b"1", b"2", b"1"]) {
        upload.write_all(bytes).unwrap();
        upload.write_all(tail).unwrap();
    }
    let outcomes: Vec<_> = uploads.into_iter().map(Upload::finish).collect();
    assert!(outcomes[0].is_ok());
    assert!(matches!(outcomes[1], Err(Error::Exists { .. })), "{:?}", outcomes[1]);
    assert!(outcomes[2].is_ok(), "the same archive is no conflict");
    let published = store.head("raced.zip").unwrap().unwrap();
    assert_eq!(published.content_digest, Some(ONE));
    assert_eq!(published.sha256, Some(store.backend.hash("raced.zip").unwrap()));
    store.backend.remove("raced.zip").unwrap();
    store.backend.remove("raced.zip.sha256").unwrap();
}

fn names_are_checked(store: &Store) {
    for name in ["", ".", "..", "a/b", "../a", "a.sha256", "a\n"] {
        assert!(matches!(store.head(name), Err(Error::Name { .. })), "{name:?}");
    }
}

#[test]
fn a_local_directory_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
    conformance(&location.open().unwrap());
}

#[test]
fn an_object_store_conforms() {
    for url in ["s3://bucket/envs/", "s3://bucket"] {
        conformance(&memory(url));
    }
}

#[test]
fn a_local_archive_that_was_replaced_by_hand_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Location::parse(folder.path().to_str().unwrap()).unwrap().open().unwrap();
    publish(&store, NAME, b"small", ONE);
    fs_err::write(folder.path().join(NAME), "something else").unwrap();
    assert_eq!(store.head(NAME).unwrap().unwrap().content_digest, None);
    assert!(matches!(store.upload(NAME, ONE, OnExisting::Refuse).err(), Some(Error::Exists { .. })));
}

#[test]
fn a_missing_directory_is_found_before_the_work() {
    use crate::error::{Explain, Kind};
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("file://{}/none/", folder.path().display());
    let error = Location::parse(&missing).unwrap().open().unwrap().check_writable().unwrap_err();
    assert_eq!(error.kind(), Kind::Input);
    assert_eq!(error.hint().unwrap(), "create the directory first, or choose another one");
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let error = Location::parse(&format!("{}/", file.display())).unwrap().open().unwrap().check_writable();
    assert_eq!(error.unwrap_err().kind(), Kind::Input);
}

/// A store in memory, with the metadata that real object stores have.
fn memory(url: &str) -> Store {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let directory = Location::parse(url).unwrap();
    let backend: Arc<dyn Backend> = Arc::new(ObjectDirectory {
        network: Network::start().unwrap(),
        hasty: Arc::clone(&objects),
        patient: objects,
        directory: directory.clone(),
        endpoint: None,
    });
    Store { directory, backend }
}

/// The names that can be seen, hidden ones too.
fn names(store: &Store) -> Vec<String> {
    let mut names: Vec<String> = match store.directory.local_path() {
        Some(path) => fs_err::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect(),
        None => ["e.tar.gz", "e.tar.gz.sha256", "abandoned.zip", "abandoned.zip.sha256", ".envship-check"]
            .into_iter()
            .filter(|name| store.backend.find(name).unwrap().is_some())
            .map(str::to_owned)
            .collect(),
    };
    names.sort();
    names
}
