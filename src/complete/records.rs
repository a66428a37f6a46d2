//! The files that list other files, with their hashes: `RECORD` (PEP 376) and
//! conda's records. They are written anew once the archived bytes of all
//! others are known.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rayon::prelude::*;

use super::conda_meta;
use super::facts::{Fact, Facts};
use crate::entry::{CachedBytecode, Change, Content, Entry, File, Group, Measured, Node, Rewrite};
use crate::error::Result;
use crate::fs::sha256;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::prefix::{Inventory, Python, below, is_record, parse_record_line, relative};

/// Says that relocation needn't look at them, and that they come last.
pub(super) fn own(inventory: &mut Inventory) {
    let paths = inventory.iter().map(|entry| &entry.path);
    let lists: Vec<_> =
        paths.filter(|path| is_record(path) || conda_meta::is_record(path)).cloned().collect();
    for path in lists {
        if let Some(Entry { path, node: Node::File(file), .. }) = inventory.get(&path).cloned() {
            let node = Node::File(File { rewrite: Rewrite::Keep, ..file });
            inventory.put(Entry { path, group: Group::Lists, node });
        }
    }
}

/// Brings the lists of files into agreement with the measured entries.
///
/// # Errors
/// If a list can't be read.
pub fn records(measured: Vec<Measured>, inventory: &Inventory) -> Result<Vec<Measured>> {
    let mut measured = measured;
    // conda lists RECORD files, so these come first.
    let tag = inventory.prefix.python.as_ref().map(Python::cache_tag).unwrap_or_default();
    update(&mut measured, is_record, |path, bytes, facts| {
        let text = String::from_utf8_lossy(bytes);
        Ok(rewrite_record(&inventory.prefix.root, &tag, path, &text, facts).into_bytes())
    })?;
    update(&mut measured, conda_meta::is_record, conda_meta::rewrite)?;
    Ok(measured)
}

fn update(
    measured: &mut [Measured],
    applies: impl Fn(&str) -> bool + Sync,
    rewrite: impl Fn(&str, &[u8], &Facts<'_>) -> Result<Vec<u8>> + Sync,
) -> Result<()> {
    let lists = measured.iter().enumerate().filter(|(_, item)| applies(&item.entry.path));
    let lists: Vec<_> = lists.collect();
    let facts = Facts::of(measured);
    let updated = |(index, item): (usize, &Measured)| {
        let Node::File(file) = &item.entry.node else { return Ok(None) };
        interrupt::check()?;
        let bytes = rewrite(&item.entry.path, &file.content.read()?, &facts)?;
        Ok(Some((index, made(&item.entry, bytes))))
    };
    let updated: Vec<Result<_>> = lists.into_par_iter().with_max_len(AT_ONCE).map(updated).collect();
    drop(facts);
    for list in updated {
        if let Some((index, item)) = list? {
            measured[index] = item;
        }
    }
    Ok(())
}

/// A measured file with contents that envship made.
pub(super) fn made(entry: &Entry, bytes: Vec<u8>) -> Measured {
    let executable = matches!(entry.node, Node::File(File { executable: true, .. }));
    let (size, sha256, crc) = (bytes.len() as u64, sha256(&bytes), crc32fast::hash(&bytes));
    let node =
        Node::File(File { executable, content: Content::Memory(bytes.into()), rewrite: Rewrite::Keep });
    let entry = Entry { path: Arc::clone(&entry.path), group: entry.group.clone(), node };
    Measured { entry: entry.into(), size, sha256, crc, change: Change::default() }
}

/// The lines of a `RECORD` whose files are in the archive, ordered by path,
/// with the archived hashes and sizes where there were any. Bytecode is listed
/// as pip does it, whoever installed: what isn't listed is left when the
/// distribution is removed.
fn rewrite_record(root: &Path, tag: &str, path: &str, text: &str, facts: &Facts<'_>) -> String {
    let site_packages = Path::new(path).parent().and_then(Path::parent).and_then(Path::to_str).unwrap_or("");
    let name = |inside: &str| quoted(&relative(Path::new(site_packages), Path::new(inside)));
    let mut lines: Vec<String> = text
        .lines()
        .filter_map(parse_record_line)
        .filter_map(|line| {
            let inside = below(root, site_packages, &line.path)?;
            let fact = facts.get(inside.as_str())?;
            let listed = match fact {
                Fact::File { size, sha256 }
                    if !line.hash.is_empty() && CachedBytecode::of(&inside).is_none() =>
                {
                    format!("{},sha256={},{size}", name(&inside), BASE64_URL_SAFE_NO_PAD.encode(sha256))
                }
                _ => format!("{},,", name(&inside)),
            };
            let bytecode = CachedBytecode::path_for(&inside, tag).filter(|path| facts.contains(path));
            let bytecode = bytecode.map(|path| format!("{},,", name(&path)));
            Some([Some(listed), bytecode].into_iter().flatten())
        })
        .flatten()
        .collect();
    lines.sort();
    lines.dedup();
    lines.push(String::new());
    lines.join("\n")
}

fn quoted(path: &str) -> String {
    if path.contains([',', '"']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{file, link};
    use super::*;

    const RECORD: &str = "lib/python3.11/site-packages/demo-1.0.dist-info/RECORD";

    #[test]
    fn lines_agree_with_the_archive_and_come_in_order() {
        let bytes = b"x";
        let paths = [
            "lib/python3.11/site-packages/demo.py",
            "lib/python3.11/site-packages/a,b.py",
            "bin/demo",
            RECORD,
        ];
        let items = paths.map(|path| file(path, 1, sha256(bytes)));
        let facts = Facts::of(&items);
        let text = "demo.py,sha256=old,99\r\n../../../bin/demo,sha256=old,99\r\ngone.py,sha256=x,1\r\n\
                    \"a,b.py\",sha384=old,9\r\n/usr/share/demo,sha256=x,1\r\ndemo-1.0.dist-info/RECORD,,\r\n";
        let hash = "sha256=LXEWQrcmsEQBYnyp-6wyhJk0-nPEsdO8yjp5pSLfq4E".to_owned();
        let hash = hash.replace(
            "LXEWQrcmsEQBYnyp-6wyhJk0-nPEsdO8yjp5pSLfq4E",
            &BASE64_URL_SAFE_NO_PAD.encode(sha256(b"x")),
        );
        let expected = format!(
            "\"a,b.py\",{hash},1\n../../../bin/demo,{hash},1\ndemo-1.0.dist-info/RECORD,,\ndemo.py,{hash},1\n"
        );
        assert_eq!(rewrite_record(Path::new("/env"), "cpython-311", RECORD, text, &facts), expected);
    }

    #[test]
    fn an_absolute_line_inside_becomes_relative() {
        let items = [link("bin/demo")];
        let facts = Facts::of(&items);
        let text = "/env/bin/demo,sha256=x,1\n";
        assert_eq!(rewrite_record(Path::new("/env"), "", RECORD, text, &facts), "../../../bin/demo,,\n");
    }

    #[test]
    fn bytecode_is_listed_whoever_compiled_it() {
        let site = "lib/python3.11/site-packages";
        let names = ["demo.py", "__pycache__/demo.cpython-311.pyc", "__pycache__/other.cpython-311.pyc"];
        let paths = names.map(|name| format!("{site}/{name}"));
        let items = paths.map(|path| file(&path, 1, [0; 32]));
        let facts = Facts::of(&items);
        let by_uv = "demo.py,sha256=x,1\n";
        let by_pip = "__pycache__/demo.cpython-311.pyc,,\ndemo.py,sha256=x,1\n";
        let rewrite = |text| rewrite_record(Path::new("/env"), "cpython-311", RECORD, text, &facts);
        assert_eq!(rewrite(by_uv), rewrite(by_pip));
        assert!(rewrite(by_uv).starts_with("__pycache__/demo.cpython-311.pyc,,\ndemo.py,sha256="));
        assert!(!rewrite(by_uv).contains("other"));
    }
}
