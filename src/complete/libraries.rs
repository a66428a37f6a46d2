//! The shared libraries of a virtual environment's base that its interpreter
//! and modules need: libpython, and with a conda base OpenSSL and its like.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::stdlib::BaseFiles;
use crate::baseline::{Family, family};
use crate::entry::{Content, Entry, Group, Node};
use crate::error::Result;
use crate::interrupt;
use crate::prefix::elf::Dynamic;
use crate::prefix::{Inventory, PrefixKind};

/// Brings every library that lies in the base and that something in the
/// inventory needs, directly or through another. Each becomes a real file
/// named as it is asked for.
pub(super) fn bring(inventory: &mut Inventory) -> Result<()> {
    let (PrefixKind::Venv(base), Some(python)) = (&inventory.prefix.kind, inventory.prefix.python.clone())
    else {
        return Ok(());
    };
    if base.is_system() {
        // There all libraries of the machine lie.
        return Ok(());
    }
    let base = BaseFiles::load(&python.home)?;
    let mut pending: Vec<PathBuf> = inventory.iter().filter_map(loadable).collect();
    let mut seen = HashSet::new();
    while let Some(file) = pending.pop() {
        interrupt::check()?;
        let Some(dynamic) = Dynamic::read(&file)? else { continue };
        for name in dynamic.needed {
            if !seen.insert(name.clone()) || family(&name) == Some(Family::C) {
                continue;
            }
            let Some(found) = find(&python.home, &name) else { continue };
            let path = format!("lib/{name}");
            if inventory.get(&path).is_none() && inventory.filters.keeps(&path) {
                let node = Node::File(base.file(found.clone())?);
                inventory.put(Entry { path: path.into(), group: Group::Interpreter, node });
            }
            pending.push(found);
        }
    }
    Ok(())
}

/// A file that the loader may be given, by its name.
fn loadable(entry: &Entry) -> Option<PathBuf> {
    let Node::File(file) = &entry.node else { return None };
    let Content::Disk { path, .. } = &file.content else { return None };
    let name = entry.path.rsplit('/').next()?;
    let library = name.ends_with(".so") || name.contains(".so.");
    (library || (file.executable && entry.path.starts_with("bin/"))).then(|| path.to_path())
}

fn find(home: &Path, name: &str) -> Option<PathBuf> {
    let found =
        ["lib", "lib64"].iter().map(|folder| home.join(folder).join(name)).find(|path| path.is_file())?;
    fs_err::canonicalize(found).ok()
}
