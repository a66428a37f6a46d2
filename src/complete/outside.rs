//! Libraries of the packing machine that the interpreter and its modules need
//! (OpenSSL, libffi, zlib…): a node may have others or none. They come along,
//! and whoever needs them is told where they are, since the loader looks
//! beside a program only if its run path says so.
//!
//! Only what the standard library needs is brought. Packages from an index
//! bring their own libraries; conda's are all in the environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Error;
use super::loader_cache::LoaderCache;
use crate::baseline::family;
use crate::entry::{Content, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::prefix::elf::Dynamic;
use crate::prefix::{Inventory, relative};
use crate::progress::Progress;

/// Modules that no job imports and that need half a desktop, an old network
/// service, or libcrypt, which is the C library's by its age: what they need
/// stays behind.
const SKIPPED: [&str; 3] = ["_tkinter.", "nis.", "_crypt."];

/// Brings those libraries into `lib` and mends the run paths.
pub(super) fn bring(inventory: &mut Inventory, progress: &dyn Progress) -> Result<()> {
    let cache = LoaderCache::of_this_machine();
    let mut pending = consumers(inventory);
    let mut brought = BTreeSet::new();
    while let Some((path, disk)) = pending.pop() {
        interrupt::check()?;
        let Some(dynamic) = Dynamic::read(&disk)? else { continue };
        let mut needs_lib = false;
        for name in &dynamic.needed {
            if family(name).is_some() {
                continue;
            }
            let library = format!("lib/{name}");
            if inventory.get(&library).is_none() && inventory.filters.keeps(&library) {
                let Some(found) = cache.find(name, dynamic.machine) else { continue };
                put(inventory, &library, &found)?;
                pending.push((library.clone(), found));
                brought.insert(name.clone());
            }
            needs_lib |= inventory.get(&library).is_some();
        }
        if needs_lib && !reaches_lib(inventory, &path, &dynamic.run_path) {
            mend(inventory, &path, &dynamic.run_path)?;
        }
    }
    if !brought.is_empty() {
        let names = brought.into_iter().collect::<Vec<_>>().join(", ");
        let line = format!("libraries of the packing machine: {names}");
        progress.note(&format!("brought along {line}"));
        inventory.remarks.push(line);
    }
    Ok(())
}

/// The interpreter, its library and the modules of the standard library, with
/// where they lie on disk.
fn consumers(inventory: &Inventory) -> Vec<(String, PathBuf)> {
    let Some(python) = &inventory.prefix.python else { return Vec::new() };
    let modules = format!("{}/lib-dynload/", python.stdlib());
    let is_consumer = |path: &str| {
        let module = path
            .strip_prefix(&modules)
            .is_some_and(|name| !SKIPPED.iter().any(|skip| name.starts_with(skip)));
        let library = path.starts_with("lib/libpython") && path.contains(".so");
        path == "bin/python" || library || module
    };
    inventory
        .iter()
        .filter(|entry| is_consumer(&entry.path))
        .filter_map(|entry| match &entry.node {
            Node::File(File { content: Content::Disk { path, .. }, .. }) => {
                Some((entry.path.clone(), path.clone()))
            }
            _ => None,
        })
        .collect()
}

fn put(inventory: &mut Inventory, path: &str, disk: &Path) -> Result<()> {
    let content = Content::Disk { path: disk.to_owned(), size: fs_err::metadata(disk)?.len() };
    let file = File { executable: false, content, rewrite: Rewrite::Search };
    inventory.put(Entry { path: path.to_owned(), group: Group::Interpreter, node: Node::File(file) });
    Ok(())
}

/// The archive's `lib` as the loader sees it from the file at `path`.
fn lib_from(path: &str) -> String {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    match relative(folder, Path::new("lib")).as_str() {
        "." => "$ORIGIN".to_owned(),
        climbed => format!("$ORIGIN/{climbed}"),
    }
}

/// Whether the run path leads to the archive's `lib`, now or once relocation
/// has made it relative.
fn reaches_lib(inventory: &Inventory, path: &str, run_path: &[String]) -> bool {
    let wanted = lib_from(path);
    run_path.iter().map(|entry| entry.replace("${ORIGIN}", "$ORIGIN")).any(|entry| {
        let entry = entry.trim_end_matches('/').trim_end_matches("/.");
        entry == wanted || inventory.prefixes.iter().any(|prefix| Path::new(entry) == prefix.join("lib"))
    })
}

/// Puts the archive's `lib` behind what the run path has below the
/// environment. What else it has names places of this machine, where a node
/// may have anything.
fn mend(inventory: &mut Inventory, path: &str, run_path: &[String]) -> Result<()> {
    let Some(Entry { group, node: Node::File(file), .. }) = inventory.get(path).cloned() else {
        return Ok(());
    };
    let Content::Disk { path: disk, .. } = &file.content else { return Ok(()) };
    let own = |entry: &&String| {
        let original = inventory.prefixes.iter().any(|prefix| Path::new(entry.as_str()).starts_with(prefix));
        original || entry.starts_with("$ORIGIN") || entry.starts_with("${ORIGIN}")
    };
    let mut entries: Vec<String> = run_path.iter().filter(own).cloned().collect();
    entries.push(lib_from(path));
    let bytes = fs_err::read(disk)?;
    let bytes = with_run_path(&bytes, &entries.join(":"))
        .map_err(|source| Error::RunPath { path: disk.clone(), source: Box::new(source) })?;
    let file = File { content: Content::Memory(bytes.into()), ..file };
    inventory.put(Entry { path: path.to_owned(), group, node: Node::File(file) });
    Ok(())
}

fn with_run_path(bytes: &[u8], run_path: &str) -> Result<Vec<u8>, arwen::elf::ElfError> {
    let mut elf = arwen::elf::ElfContainer::parse(bytes)?;
    elf.set_runpath(run_path)?;
    let mut written = Vec::with_capacity(bytes.len() + 4096);
    elf.write(&mut written)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::empty_inventory;

    #[test]
    fn lib_is_seen_from_everywhere() {
        assert_eq!(lib_from("bin/python"), "$ORIGIN/../lib");
        assert_eq!(lib_from("lib/libssl.so.3"), "$ORIGIN");
        assert_eq!(lib_from("lib/python3.11/lib-dynload/_ssl.so"), "$ORIGIN/../..");
    }

    #[test]
    fn a_run_path_of_the_original_prefix_will_reach_lib() {
        let inventory = empty_inventory();
        let reaches = |run_path: &str| reaches_lib(&inventory, "bin/python", &[run_path.to_owned()]);
        assert!(reaches("/env/lib") && reaches("$ORIGIN/../lib") && reaches("${ORIGIN}/../lib/"));
        assert!(!reaches("/env2/lib") && !reaches("$ORIGIN") && !reaches("/usr/lib"));
    }

    #[test]
    fn a_mended_program_still_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("true");
        let bytes = with_run_path(&fs_err::read("/bin/true").unwrap(), "$ORIGIN/../lib").unwrap();
        fs_err::write(&path, bytes).unwrap();
        fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(Dynamic::read(&path).unwrap().unwrap().run_path, ["$ORIGIN/../lib"]);
        assert!(std::process::Command::new(&path).status().unwrap().success());
    }
}
