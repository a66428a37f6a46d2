//! Programs and libraries that can't be loaded: damaged ones, and those for
//! another processor than the interpreter's.

use rayon::prelude::*;

use crate::entry::{Content, DiskPath, Entry, File, Node};
use crate::error::Result;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::prefix::Inventory;
use crate::prefix::elf::Elf;
use crate::progress::Progress;

/// Tells which there are. What is for another processor may be meant for other
/// processes (debuggers bring such helpers), unless it is a module.
pub(super) fn tell(inventory: &mut Inventory, progress: &dyn Progress) -> Result<()> {
    let machine = match inventory.prefix.python.as_ref().map(|python| Elf::read(&python.executable)) {
        Some(Ok(Elf::Sound(dynamic))) => Some(dynamic.machine),
        _ => None,
    };
    let (mut damaged, mut modules, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let candidates: Vec<(&Entry, &DiskPath)> = inventory.iter().filter_map(candidate).collect();
    let read = |(entry, disk): (_, &DiskPath)| {
        interrupt::check()?;
        Ok((entry, Elf::read(&disk.to_path())?))
    };
    let found: Vec<Result<(&Entry, Elf)>> =
        candidates.into_par_iter().with_max_len(AT_ONCE).map(read).collect();
    for file in found {
        let (entry, elf) = file?;
        match elf {
            Elf::Broken(flaw) => damaged.push(format!("{} ({flaw})", entry.path)),
            Elf::Sound(found) if machine.is_some_and(|machine| machine != found.machine) => {
                let kind = if is_module(file_name(entry)) { &mut modules } else { &mut others };
                kind.push(format!("{} ({})", entry.path, found.machine));
            }
            Elf::Other | Elf::Sound(_) => {}
        }
    }
    let mut remark = |what: &str, files: &[String]| {
        let line = format!("{what}: {}", files.join(", "));
        inventory.remarks.push(line.clone());
        line
    };
    if !damaged.is_empty() {
        progress.warn(&remark("damaged files, which can't be loaded", &damaged));
    }
    if !modules.is_empty() {
        progress.warn(&remark("modules for another processor than Python's", &modules));
    }
    if !others.is_empty() {
        remark("files for another processor than Python's", &others);
    }
    Ok(())
}

/// What may be a program or a library, and where it lies.
fn candidate(entry: &Entry) -> Option<(&Entry, &DiskPath)> {
    match &entry.node {
        Node::File(File { executable, content: Content::Disk { path, .. }, .. })
            if *executable || file_name(entry).contains(".so") =>
        {
            Some((entry, path))
        }
        _ => None,
    }
}

fn file_name(entry: &Entry) -> &str {
    entry.path.rsplit('/').next().unwrap_or_default()
}

/// Whether a file is a compiled module, by the tags of PEP 3149 and PEP 384.
fn is_module(name: &str) -> bool {
    [".cpython-", ".abi3."].iter().any(|tag| name.contains(tag))
}
