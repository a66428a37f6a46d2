//! Symbolic links: where they lead, and what stands for them in a zip.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::layout::{Layout, Links};
use crate::artifact::Format;
use crate::entry::{Entry, Group, Node};
use crate::progress::Progress;

/// As many links as Linux follows in one path.
const HOPS: usize = 40;

/// Why a link leads nowhere inside a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// Above the root.
    Outside,
    /// To an absolute path, itself or through another link.
    Absolute,
    /// Round in circles.
    Loop,
}

/// Where `target`, the text of a link at `link`, leads in a tree whose links
/// are told by `link_at`. It is resolved as a kernel would, component by
/// component through further links; what does not exist counts as a directory.
/// The answer is a path below the root, empty for the root itself.
pub(super) fn resolve<'t>(
    link: &str,
    target: &'t str,
    link_at: impl Fn(&str) -> Option<&'t str>,
) -> Result<String, Stray> {
    let mut at: Vec<&str> = link.split('/').collect();
    at.pop();
    let mut at = at.join("/");
    let mut todo: Vec<&str> = Vec::new();
    let mut follow = Some(target);
    for _ in 0..HOPS {
        if let Some(target) = follow.take() {
            if target.starts_with('/') {
                return Err(Stray::Absolute);
            }
            todo.extend(target.rsplit('/'));
        }
        loop {
            match todo.pop() {
                None => return Ok(at),
                Some("" | ".") => {}
                Some("..") if at.is_empty() => return Err(Stray::Outside),
                Some("..") => at.truncate(at.rfind('/').unwrap_or(0)),
                Some(name) => {
                    let parent = at.len();
                    if parent > 0 {
                        at.push('/');
                    }
                    at.push_str(name);
                    follow = link_at(&at);
                    if follow.is_some() {
                        at.truncate(parent);
                        break;
                    }
                }
            }
        }
    }
    Err(Stray::Loop)
}

/// Replaces what the format's readers can't keep: in a zip whose links are
/// dereferenced, a link to a file becomes a copy of the file and a link to a
/// directory a copy of the directory. Links that would double the whole
/// library (`lib64` to `lib`, conda's `lib/python3.1` to `lib/python3.11`) are
/// left out. This comes before [`measure`](super::measure), since what
/// relocation does to a file depends on where it lies.
#[must_use]
pub fn adapt(entries: Vec<Arc<Entry>>, layout: &Layout, progress: &dyn Progress) -> Vec<Arc<Entry>> {
    if layout.format != Format::Zip || layout.links == Links::Keep {
        return entries;
    }
    let tree = Tree { entries: entries.iter().map(|entry| (&*entry.path, &**entry)).collect(), progress };
    let mut adapted = Vec::with_capacity(entries.len());
    for entry in &entries {
        if matches!(entry.node, Node::Link(_)) {
            let mut copies = Vec::new();
            tree.copy(entry, entry.path.to_string(), &entry.group, &mut Vec::new(), &mut copies);
            adapted.extend(copies.into_iter().map(Arc::new));
        } else {
            adapted.push(Arc::clone(entry));
        }
    }
    // What a link is replaced by may not come where the link did.
    adapted.sort_by(|a, b| a.position().cmp(&b.position()));
    adapted
}

struct Tree<'a> {
    entries: BTreeMap<&'a str, &'a Entry>,
    progress: &'a dyn Progress,
}

impl Tree<'_> {
    /// Adds a copy of an entry at `path` to `copies`, without links. `above`
    /// are the directories that are being copied.
    fn copy(
        &self,
        entry: &Entry,
        path: String,
        group: &Group,
        above: &mut Vec<String>,
        copies: &mut Vec<Entry>,
    ) {
        let Node::Link(target) = &entry.node else {
            copies.push(Entry { path: path.into(), group: group.clone(), node: entry.node.clone() });
            return;
        };
        let link_at = |path: &str| match self.entries.get(path).map(|entry| &entry.node) {
            Some(Node::Link(target)) => Some(target.as_str()),
            _ => None,
        };
        let Ok(found) = resolve(&entry.path, target, link_at) else {
            let what = "is left out: a zip can't hold a link that leads out of the environment";
            self.progress.warn(&format!("`{path}` -> `{target}` {what}"));
            return;
        };
        if let Some(entry) = self.entries.get(found.as_str())
            && !matches!(entry.node, Node::Directory)
        {
            copies.push(Entry { path: path.into(), group: group.clone(), node: entry.node.clone() });
        } else if self.is_directory(&found) {
            if doubles_library(&found) {
                let what = "is left out: in a zip it would double";
                self.progress.note(&format!("`{path}` {what} `{found}`"));
            } else if is_within(&entry.path, &found) || above.contains(&found) {
                let what = "is left out: it leads to a directory that holds it";
                self.progress.warn(&format!("`{path}` -> `{target}` {what}"));
            } else {
                self.copy_directory(&found, &path, group, above, copies);
            }
        } else {
            self.progress.warn(&format!("`{path}` -> `{target}` is left out: it leads to nothing"));
        }
    }

    fn copy_directory(
        &self,
        from: &str,
        to: &str,
        group: &Group,
        above: &mut Vec<String>,
        copies: &mut Vec<Entry>,
    ) {
        copies.push(Entry { path: to.into(), group: Group::Directory, node: Node::Directory });
        above.push(from.to_owned());
        for (path, entry) in self.below(from) {
            let rest = &path[from.len()..];
            self.copy(entry, format!("{to}{rest}"), group, above, copies);
        }
        above.pop();
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.entries.contains_key(path) || self.below(path).next().is_some()
    }

    fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let start = format!("{directory}/");
        self.entries
            .range::<str, _>((Bound::Excluded(start.as_str()), Bound::Unbounded))
            .map(|(path, entry)| (*path, *entry))
            .take_while(move |(path, _)| path.starts_with(&start))
    }
}

/// Whether a directory is the environment's library or its Python's.
fn doubles_library(directory: &str) -> bool {
    let version = directory.strip_prefix("lib/python").unwrap_or_default();
    directory == "lib" || version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('/')
}

fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::entry::{Content, File, Rewrite};
    use crate::progress::{Silent, Step};

    fn file(path: &str) -> Entry {
        let content = Content::Memory(Arc::from(path.as_bytes()));
        let node = Node::File(File { executable: false, content, rewrite: Rewrite::Keep });
        Entry { path: path.into(), group: Group::Loose, node }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: path.into(), group: Group::Loose, node: Node::Link(target.to_owned()) }
    }

    /// `path=content` of every file, `path/` of every directory.
    fn zipped(entries: Vec<Entry>, progress: &dyn Progress) -> Vec<String> {
        let describe = |entry: Arc<Entry>| match &entry.node {
            Node::File(File { content: Content::Memory(bytes), .. }) => {
                format!("{}={}", entry.path, String::from_utf8_lossy(bytes))
            }
            Node::Directory => format!("{}/", entry.path),
            other => panic!("{other:?}"),
        };
        let entries = entries.into_iter().map(Arc::new).collect();
        adapt(entries, &Layout::new(Format::Zip), progress).into_iter().map(describe).collect()
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn begin(&self, _: Step, _: Option<u64>) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn warn(&self, message: &str) {
            self.0.lock().unwrap().push(message.to_owned());
        }
        fn note(&self, message: &str) {
            self.warn(message);
        }
    }

    #[test]
    fn links_are_resolved_as_a_kernel_would() {
        let links = BTreeMap::from([("b", ".."), ("d/up", ".."), ("loop", "loop"), ("abs", "/etc")]);
        let to = |link, target| resolve(link, target, |path| links.get(path).copied());
        assert_eq!(to("x", "a//./b"), Ok("a/b".to_owned()));
        assert_eq!(to("d/x", "up/e"), Ok("e".to_owned()));
        assert_eq!(to("d/x", ".."), Ok(String::new()));
        assert_eq!(to("a", "b/.."), Err(Stray::Outside));
        assert_eq!(to("a", "d/up/.."), Err(Stray::Outside));
        assert_eq!(to("a", "missing/../../x"), Err(Stray::Outside));
        assert_eq!(to("a", "loop/x"), Err(Stray::Loop));
        assert_eq!(to("a", "abs/passwd"), Err(Stray::Absolute));
    }

    #[test]
    fn a_link_to_a_file_becomes_a_copy() {
        let entries =
            vec![link("bin/python", "python3.11"), link("bin/python3", "python"), file("bin/python3.11")];
        assert_eq!(
            zipped(entries, &Silent),
            ["bin/python=bin/python3.11", "bin/python3=bin/python3.11", "bin/python3.11=bin/python3.11"]
        );
    }

    #[test]
    fn a_link_to_a_directory_becomes_a_copy_of_it() {
        let entries = vec![link("info", "share/info"), file("share/info/a"), link("share/info/b", "a")];
        assert_eq!(
            zipped(entries, &Silent),
            [
                "info/",
                "info/a=share/info/a",
                "info/b=share/info/a",
                "share/info/a=share/info/a",
                "share/info/b=share/info/a"
            ]
        );
    }

    #[test]
    fn the_library_is_not_doubled() {
        let entries =
            vec![link("lib64", "lib"), link("lib/python3.1", "python3.11"), file("lib/python3.11/os.py")];
        let heard = Heard::default();
        assert_eq!(zipped(entries, &heard), ["lib/python3.11/os.py=lib/python3.11/os.py"]);
        assert_eq!(
            heard.0.into_inner().unwrap(),
            [
                "`lib64` is left out: in a zip it would double `lib`",
                "`lib/python3.1` is left out: in a zip it would double `lib/python3.11`"
            ]
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_left_out_aloud() {
        let entries =
            vec![link("a", "nothing"), link("b", "/usr/bin/python3"), link("c/d", "."), link("e", "..")];
        let heard = Heard::default();
        assert!(zipped(entries, &heard).is_empty());
        assert_eq!(heard.0.into_inner().unwrap().len(), 4);
    }

    #[test]
    fn a_directory_that_links_to_itself_through_another_ends() {
        let entries = vec![link("a/b", "../c"), link("c/d", "../a"), file("a/x"), file("c/y")];
        let found = zipped(entries, &Silent);
        assert!(found.contains(&"a/b/y=c/y".to_owned()));
        assert!(found.contains(&"c/d/x=a/x".to_owned()));
    }
}
