//! What is compressed while it is read is what would be compressed later.

use super::*;
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
    let mut entries = vec![directory("one"), directory("two")];
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

    fn measured(&self, layout: &Layout, early: Option<&Early<'_>>) -> Vec<Measured> {
        let survey = measure(self.entries.clone(), &self.fixed, &Readings::none(), early, &Silent).unwrap();
        arrange(survey.measured, layout).unwrap()
    }

    fn plain(&self, layout: &Layout) -> Vec<u8> {
        written(&self.measured(layout, None), layout, None, None).unwrap()
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
            let spool = Spool::beside(&folder.temp.path().join("archive"));
            let early = Early::new(&layout, None, &spool, 3).unwrap();
            let entries = folder.measured(&layout, Some(&early));
            fs_err::remove_dir_all(folder.temp.path().join("sources")).unwrap();
            let found = written(&entries, &layout, None, Some(&spool)).unwrap();
            assert!(found == expected, "{format}");
        }
    }
}

#[test]
fn what_could_not_be_kept_is_read_again() {
    for format in COMPRESSED {
        let folder = Folder::new();
        let layout = Layout::new(format);
        let spool = Spool::beside(&folder.temp.path().join("missing/archive"));
        let early = Early::new(&layout, None, &spool, 3).unwrap();
        let entries = folder.measured(&layout, Some(&early));
        let found = written(&entries, &layout, None, Some(&spool)).unwrap();
        assert!(found == folder.plain(&layout), "{format}");
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
            let spool = Spool::beside(&folder.temp.path().join("archive"));
            let early = Early::new(&layout, Some(&cache), &spool, 3).unwrap();
            let entries = folder.measured(&layout, Some(&early));
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
        let spool = Spool::beside(&folder.temp.path().join("archive"));
        let early = Early::new(&layout, None, &spool, 3).unwrap();
        let entries = folder.measured(&layout, Some(&early));
        assert!(written(&entries, &layout, None, Some(&spool)).unwrap() == expected, "{format}");
    }
}

#[test]
fn where_nothing_is_compressed_nothing_is_early() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::beside(&folder.path().join("archive"));
    for format in [Format::Tar, Format::Directory] {
        assert!(Early::new(&Layout::new(format), None, &spool, 0).is_none());
    }
}
