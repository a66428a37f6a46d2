//! The canonical order of entries.

use std::sync::Arc;

use rayon::prelude::*;

use super::error::Error;
use super::layout::Layout;
use crate::artifact::ContentDigest;
use crate::entry::{Content, Entry, Group, Measured, Node, folders_above};
use crate::fs;

/// Puts measured entries in the order in which they are archived: group by
/// group, by path inside a group, all directories first. Directories that are
/// missing above an entry are added, and everything is put below the arcroot.
///
/// # Errors
/// [`Error::Duplicate`] and [`Error::NotADirectory`] if the entries are no
/// tree; what [`Layout::check`] refuses.
pub fn arrange(measured: Vec<Measured>, layout: &Layout) -> Result<Vec<Measured>, Error> {
    layout.check()?;
    let mut ordered = measured;
    for item in &mut ordered {
        if matches!(item.entry.node, Node::Directory) && item.entry.group != Group::Directory {
            Arc::make_mut(&mut item.entry).group = Group::Directory;
        }
        layout.place(item);
    }
    let missing = missing_directories(&ordered)?;
    ordered.extend(missing.iter().map(|path| directory(path)));
    // What was listed is in this order already, which a stable sort makes use of.
    ordered.sort_by(|a, b| a.entry.position().cmp(&b.entry.position()));
    Ok(ordered)
}

/// The directories above entries that are no entries themselves.
fn missing_directories(entries: &[Measured]) -> Result<Vec<String>, Error> {
    let mut entries: Vec<&Entry> = entries.iter().map(|item| &*item.entry).collect();
    entries.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let (mut previous, mut missing) = ("", Vec::new());
    for Entry { path, .. } in &entries {
        if **path == *previous {
            return Err(Error::Duplicate { path: path.to_string() });
        }
        for parent in folders_above(path, previous) {
            match entries.binary_search_by(|other| (*other.path).cmp(parent)) {
                Err(_) => missing.push(parent.to_owned()),
                Ok(found) if matches!(entries[found].node, Node::Directory) => {}
                Ok(_) => {
                    return Err(Error::NotADirectory { parent: parent.to_owned(), path: path.to_string() });
                }
            }
        }
        previous = path;
    }
    Ok(missing)
}

/// Puts the manifest into the place that was kept for it, and tells the
/// digest of the whole.
///
/// # Panics
/// If no place was kept.
pub fn seal(entries: &mut [Measured], manifest: Vec<u8>) -> ContentDigest {
    let place = entries.iter_mut().find(|item| item.entry.group == Group::Manifest);
    let place = place.expect("every inventory keeps a place for the manifest");
    let (sha256, crc) = (fs::sha256(&manifest), crc32fast::hash(&manifest));
    *place = Measured { size: manifest.len() as u64, sha256, crc, ..place.clone() };
    if let Node::File(file) = &mut Arc::make_mut(&mut place.entry).node {
        file.content = Content::Memory(manifest.into());
    }
    ContentDigest(sha256)
}

fn directory(path: &str) -> Measured {
    let entry = Entry { path: path.into(), group: Group::Directory, node: Node::Directory };
    Measured::empty(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Format;

    fn entry(path: &str, group: Group, node: Node) -> Measured {
        let entry = Entry { path: path.into(), group, node };
        Measured::empty(entry)
    }

    fn link(path: &str, group: Group) -> Measured {
        entry(path, group, Node::Link("x".to_owned()))
    }

    fn paths(measured: Vec<Measured>, layout: &Layout) -> Vec<String> {
        arrange(measured, layout).unwrap().into_iter().map(|item| item.entry.path.to_string()).collect()
    }

    #[test]
    fn directories_come_first_and_then_group_by_group() {
        let numpy = || Group::Package("numpy".into());
        let measured = vec![
            link("z", Group::Loose),
            link("lib/numpy/b", numpy()),
            link("lib/abc/a", Group::Package("abc".into())),
            link("share/envship/manifest.json", Group::Manifest),
            link("lib/numpy/a", numpy()),
            link("bin/python", Group::Interpreter),
            entry("lib/numpy", numpy(), Node::Directory),
        ];
        let expected = [
            "bin",
            "lib",
            "lib/abc",
            "lib/numpy",
            "share",
            "share/envship",
            "share/envship/manifest.json",
            "bin/python",
            "lib/abc/a",
            "lib/numpy/a",
            "lib/numpy/b",
            "z",
        ];
        assert_eq!(paths(measured, &Layout::new(Format::TarGz)), expected);
    }

    #[test]
    fn an_arcroot_goes_above_everything() {
        let layout = Layout { arcroot: Some("a/b".to_owned()), ..Layout::new(Format::TarGz) };
        let found = paths(vec![link("x", Group::Loose)], &layout);
        assert_eq!(found, ["a", "a/b", "a/b/x"]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let layout = Layout::new(Format::TarGz);
        let twice = vec![link("x", Group::Loose), link("x", Group::Interpreter)];
        assert!(matches!(arrange(twice, &layout), Err(Error::Duplicate { path }) if path == "x"));
        let below = vec![link("x", Group::Loose), link("x/y/z", Group::Loose)];
        assert!(matches!(arrange(below, &layout), Err(Error::NotADirectory { parent, .. }) if parent == "x"));
    }
}
