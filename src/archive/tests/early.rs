//! What is compressed while it is read is what would be compressed later.

use std::time::{Duration, SystemTime};

use super::*;
use crate::archive::blocks::{Block, cut};
use crate::archive::segments::Segments;
use crate::cache::Cache;

/// What is compressed while it is read.
const COMPRESSED: [Format; 3] = [Format::TarGz, Format::TarZst, Format::Zip];

fn on_disk(folder: &Path, path: &str, bytes: &[u8]) -> Entry {
    let source = folder.join(path.replace('/', "+"));
    fs_err::write(&source, bytes).unwrap();
    let content = Content::Disk { path: source.into(), size: bytes.len() as u64 };
    entry(path, Node::File(File { executable: false, content, rewrite: Rewrite::Search }))
}

/// Files in two packages: more than there are in a run, and with an edit that
/// makes one longer.
fn packages(folder: &Path) -> (Vec<Arc<Entry>>, Fixed) {
    let folders = ["one", "two"].map(|path| Entry { group: Group::Directory, ..directory(path) });
    let mut entries = folders.to_vec();
    for number in 0..300 {
        entries.push(on_disk(folder, &format!("one/{number:03}"), &noise(number * 50, number as u64)));
    }
    entries.push(link("one/link", "000"));
    for number in 0..5_u8 {
        entries.push(on_disk(folder, &format!("two/{number}"), &noise(700_000, u64::from(number))));
    }
    entries.push(on_disk(folder, "loose", b""));
    entries.sort_by(|a, b| a.position().cmp(&b.position()));
    let longer = Edit { offset: 3, length: 2, bytes: noise(9999, 5) };
    (entries.into_iter().map(Arc::new).collect(), Fixed([("one/007".to_owned(), vec![longer])].into()))
}

struct Folder {
    temp: tempfile::TempDir,
    entries: Vec<Arc<Entry>>,
    fixed: Fixed,
}

impl Folder {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let sources = temp.path().join("sources");
        fs_err::create_dir(&sources).unwrap();
        let (entries, fixed) = packages(&sources);
        Folder { temp, entries, fixed }
    }

    fn spool(&self) -> Spool {
        Spool::beside(&self.temp.path().join("archive")).unwrap()
    }

    fn measured(&self, layout: &Layout, early: Option<&Early<'_>>) -> Vec<Measured> {
        let survey = measure(self.entries.clone(), &self.fixed, &Readings::none(), early, &Silent).unwrap();
        arrange(survey.measured, layout).unwrap()
    }

    /// What a pass finds and puts into the spool that begins so many seconds from now.
    fn read(&self, layout: &Layout, cache: Option<&Cache>, spool: &Spool, later: u64) -> Vec<Measured> {
        let now = SystemTime::now() + Duration::from_secs(later);
        self.measured(layout, Some(&Early::new_at(layout, cache, spool, 3, now)))
    }

    fn plain(&self, layout: &Layout) -> Vec<u8> {
        written(&self.measured(layout, None), layout, None, None).unwrap()
    }

    /// Writes files anew, with what `change` makes of what is in them.
    fn rewrite(&self, change: impl Fn(&mut Vec<u8>)) {
        for found in fs_err::read_dir(self.temp.path().join("sources")).unwrap() {
            let path = found.unwrap().path();
            let mut bytes = fs_err::read(&path).unwrap();
            change(&mut bytes);
            fs_err::write(&path, bytes).unwrap();
        }
    }
}

fn written(
    entries: &[Measured],
    layout: &Layout,
    cache: Option<&Cache>,
    spool: Option<&Spool>,
) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(entries, layout, cache, spool, 2, &mut out, &Silent).map(|_| out)
}

#[test]
fn no_small_file_is_read_twice() {
    for format in COMPRESSED {
        for arcroot in [None, Some("env".to_owned())] {
            let folder = Folder::new();
            let layout = Layout { arcroot, ..Layout::new(format) };
            let expected = folder.plain(&layout);
            let spool = folder.spool();
            let entries = folder.read(&layout, None, &spool, 60);
            let segments = Segments::new(None, Some(&spool), &layout);
            for block in cut(&entries, Early::new(&layout, None, &spool, 3).block_size()) {
                let Block::Entries(range) = block else { continue };
                let entries = &entries[range];
                let key = segments.key(entries, None).unwrap();
                let is_folders = matches!(entries[0].entry.node, Node::Directory);
                assert!(is_folders || segments.is_current(&key, entries), "{format}");
            }
            assert!(written(&entries, &layout, None, Some(&spool)).unwrap() == expected, "{format}");
        }
    }
}

#[test]
fn what_changed_since_is_told() {
    for format in COMPRESSED {
        let folder = Folder::new();
        let layout = Layout::new(format);
        let expected = folder.plain(&layout);
        let pack = |cache: Option<&Cache>, change: fn(&mut Vec<u8>)| {
            let spool = folder.spool();
            let entries = folder.read(&layout, cache, &spool, 60);
            folder.rewrite(change);
            written(&entries, &layout, cache, Some(&spool))
        };
        assert!(pack(None, |_| {}).unwrap() == expected, "{format}: files with a new time");
        for cache in [None, Some(Cache::open(folder.temp.path().join("cache")))] {
            let error = pack(cache.as_ref(), |bytes| bytes.reverse()).unwrap_err().to_string();
            assert!(error.ends_with("changed while it was being packed"), "{format}: {error}");
        }
    }
}

/// The cache may hold what a file was while it changed.
#[test]
fn what_was_lost_is_read_again_and_not_taken_from_the_cache() {
    let folder = Folder::new();
    let layout = Layout::new(Format::TarGz);
    let cache = Cache::open(folder.temp.path().join("cache"));
    let spool = folder.spool();
    let entries = folder.read(&layout, Some(&cache), &spool, 60);
    assert!(spool.close());
    folder.rewrite(|bytes| bytes.reverse());
    let error = written(&entries, &layout, Some(&cache), Some(&spool)).unwrap_err().to_string();
    assert!(error.ends_with("changed while it was being packed"), "{error}");
}

#[test]
fn a_folder_that_takes_the_place_of_what_was_read_is_noticed() {
    let folder = Folder::new();
    let layout = Layout::new(Format::TarGz);
    let (sources, other) = (folder.temp.path().join("sources"), folder.temp.path().join("other"));
    fs_err::create_dir(&other).unwrap();
    for found in fs_err::read_dir(&sources).unwrap() {
        let found = found.unwrap();
        let size = usize::try_from(found.metadata().unwrap().len()).unwrap();
        fs_err::write(other.join(found.file_name()), vec![b'x'; size]).unwrap();
    }
    let spool = folder.spool();
    let entries = folder.read(&layout, None, &spool, 60);
    fs_err::rename(&sources, folder.temp.path().join("away")).unwrap();
    fs_err::rename(&other, &sources).unwrap();
    let error = written(&entries, &layout, None, Some(&spool)).unwrap_err().to_string();
    assert!(error.ends_with("changed while it was being packed"), "{error}");
}

#[test]
fn what_changed_a_moment_before_is_not_trusted() {
    let folder = Folder::new();
    let layout = Layout::new(Format::TarGz);
    let spool = folder.spool();
    let entries = folder.read(&layout, None, &spool, 0);
    let segments = Segments::new(None, Some(&spool), &layout);
    let first = entries.iter().position(|item| &*item.entry.path == "two/0").unwrap();
    let block = &entries[first..=first];
    let key = segments.key(block, None).unwrap();
    assert!(!segments.is_spooled(&key) && !segments.is_current(&key, block));
    let entries = folder.read(&layout, None, &spool, 60);
    let block = &entries[first..=first];
    assert!(segments.is_spooled(&key) && segments.is_current(&key, block));
}

#[test]
fn a_block_that_failed_leaves_nothing_in_the_next_one() {
    let folder = Folder::new();
    let layout = Layout::new(Format::Zip);
    let expected = folder.plain(&layout);
    let cache = Cache::open(folder.temp.path().join("cache"));
    let entries = folder.measured(&layout, None);
    let moved = folder.temp.path().join("sources/one+040");
    let aside = folder.temp.path().join("aside");
    fs_err::rename(&moved, &aside).unwrap();
    assert!(written(&entries, &layout, Some(&cache), None).is_err());
    fs_err::rename(&aside, &moved).unwrap();
    assert!(written(&entries, &layout, Some(&cache), None).unwrap() == expected);
}

#[test]
fn what_could_not_be_kept_is_read_again() {
    for format in COMPRESSED {
        let folder = Folder::new();
        let layout = Layout::new(format);
        let expected = folder.plain(&layout);
        let spool = folder.spool();
        let entries = folder.read(&layout, None, &spool, 60);
        assert!(spool.close());
        assert!(written(&entries, &layout, None, Some(&spool)).unwrap() == expected, "{format}");
        let entries = folder.read(&layout, None, &spool, 60);
        assert!(
            written(&entries, &layout, None, Some(&spool)).unwrap() == expected,
            "{format}, from the start"
        );
    }
}

/// Is full until the spool is gone.
struct Shared<'a> {
    spool: &'a Spool,
    room: usize,
    written: Vec<u8>,
}

impl std::io::Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = if self.spool.is_open() { self.room - self.written.len() } else { bytes.len() };
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let taken = &bytes[..room.min(bytes.len())];
        self.written.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_archive_takes_the_room_of_what_waits_for_it() {
    for format in COMPRESSED {
        let folder = Folder::new();
        let layout = Layout::new(format);
        let expected = folder.plain(&layout);
        for room in [0, 20, 100_000, 1_100_000] {
            let spool = folder.spool();
            let entries = folder.read(&layout, None, &spool, 60);
            let mut disk = Shared { spool: &spool, room, written: Vec::new() };
            write(&entries, &layout, None, Some(&spool), 2, &mut disk, &Silent).unwrap();
            assert!(disk.written == expected, "{format} {room}");
        }
    }
}

#[test]
fn it_is_kept_in_the_cache_too() {
    for format in COMPRESSED {
        let folder = Folder::new();
        let layout = Layout::new(format);
        let expected = folder.plain(&layout);
        let cache = Cache::open(folder.temp.path().join("cache"));
        let pack = || {
            let spool = folder.spool();
            let entries = folder.read(&layout, Some(&cache), &spool, 60);
            written(&entries, &layout, Some(&cache), Some(&spool)).unwrap()
        };
        assert!(pack() == expected, "{format}");
        assert!(pack() == expected, "{format}, from the cache");
        let entries = folder.measured(&layout, None);
        fs_err::remove_dir_all(folder.temp.path().join("sources")).unwrap();
        assert!(written(&entries, &layout, Some(&cache), None).unwrap() == expected, "{format}");
    }
}

/// The order in which files are measured decides nothing but what has to be
/// read again.
#[test]
fn what_is_read_in_another_order_gives_the_same_archive() {
    for format in COMPRESSED {
        let mut folder = Folder::new();
        let layout = Layout::new(format);
        let expected = folder.plain(&layout);
        folder.entries.reverse();
        let spool = folder.spool();
        let entries = folder.read(&layout, None, &spool, 60);
        assert!(written(&entries, &layout, None, Some(&spool)).unwrap() == expected, "{format}");
    }
}
