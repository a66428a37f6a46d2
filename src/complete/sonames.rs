//! Every library is a real file under the name that the loader asks for (its
//! SONAME); the longer name becomes the link. A consumer that loses links then
//! loses nothing.

use std::path::Path;

use crate::entry::{Content, Entry, Node};
use crate::error::Result;
use crate::interrupt;
use crate::prefix::Inventory;
use crate::prefix::elf::Dynamic;

/// Exchanges the links that are a library's SONAME with their files.
pub(super) fn make_files(inventory: &mut Inventory) -> Result<()> {
    let links: Vec<(String, String)> = inventory
        .iter()
        .filter(|entry| matches!(entry.node, Node::Link(_)) && file_name(&entry.path).contains(".so"))
        .filter_map(|entry| Some((entry.path.to_string(), inventory.resolve(&entry.path)?)))
        .filter(|(link, file)| parent(link) == parent(file))
        .collect();
    for (link, file) in links {
        interrupt::check()?;
        if soname(inventory, &file)?.as_deref() == Some(file_name(&link)) {
            exchange(inventory, &link, &file);
        }
    }
    Ok(())
}

fn soname(inventory: &Inventory, path: &str) -> Result<Option<String>> {
    match inventory.file(path).map(|file| &file.content) {
        Some(Content::Disk { path, .. }) => {
            Ok(Dynamic::read(&path.to_path())?.and_then(|dynamic| dynamic.soname))
        }
        _ => Ok(None),
    }
}

/// The file takes the link's path, and all links to the file lead to the new
/// path.
fn exchange(inventory: &mut Inventory, link: &str, file: &str) {
    let Some(Entry { group, node, .. }) = inventory.remove(file) else { return };
    inventory.put(Entry { path: link.into(), group: group.clone(), node });
    let target = file_name(link).to_owned();
    inventory.put(Entry { path: file.into(), group, node: Node::Link(target.clone()) });
    let folder = format!("{}/", parent(file));
    let old = file_name(file);
    let others: Vec<Entry> = inventory
        .below(&folder)
        .filter(|entry| parent(&entry.path) == parent(file))
        .filter(|entry| matches!(&entry.node, Node::Link(to) if to == old))
        .cloned()
        .collect();
    for other in others {
        inventory.put(Entry { node: Node::Link(target.clone()), ..other });
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn parent(path: &str) -> &str {
    Path::new(path).parent().and_then(Path::to_str).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Group;
    use crate::prefix::empty_inventory;

    #[test]
    fn the_file_takes_the_name_that_is_asked_for() {
        let mut inventory = empty_inventory();
        let link = |path: &str, target: &str| Entry {
            path: path.into(),
            group: Group::Loose,
            node: Node::Link(target.into()),
        };
        inventory.put_text("lib/libz.so.1.3.1", Group::Package("libzlib".into()), "ELF");
        inventory.put(link("lib/libz.so.1", "libz.so.1.3.1"));
        inventory.put(link("lib/libz.so", "libz.so.1.3.1"));
        exchange(&mut inventory, "lib/libz.so.1", "lib/libz.so.1.3.1");
        assert!(inventory.file("lib/libz.so.1").is_some());
        for path in ["lib/libz.so", "lib/libz.so.1.3.1"] {
            assert!(
                matches!(&inventory.get(path).unwrap().node, Node::Link(to) if to == "libz.so.1"),
                "{path}"
            );
        }
    }
}
