//! Libraries that the environment needs and doesn't have (OpenSSL, libffi,
//! zlib…): a node may have others or none. They come along into `lib`, and
//! whoever needs them is told where they are, since the loader looks beside a
//! file only if a run path says so.
//!
//! Every ELF file is asked what it needs, and each need is looked for as the
//! loader would. Walkers of installed trees (lddtree) don't fit: an archive's
//! files lie elsewhere than they will, a virtual environment's even in two
//! places. What [`baseline`](crate::baseline) lists stays the node's.
//!
//! A file finds `lib` by a run path of its own if it belongs to the
//! interpreter, came along, or is a program. Libraries of packages are not
//! edited where that can be avoided: for them the interpreter's `DT_RPATH`
//! counts, unless they have a `DT_RUNPATH`, which then becomes a `DT_RPATH`.

mod loader_cache;
mod needs;
mod run_path;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Error, OutsideLibraries};
use crate::baseline::{Family, family, is_beyond_baseline};
use crate::entry::{Content, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::prefix::Inventory;
use crate::prefix::elf::{Dynamic, Machine, RunPathKind};
use crate::progress::Progress;
use loader_cache::LoaderCache;
use needs::Needs;
use run_path::RunPath;

const PYTHON: &str = "bin/python";

/// Modules of the standard library that no job imports and that need half a
/// desktop, an old network service, or libcrypt, which is the C library's by
/// its age: what they need stays behind, and that is told.
const SKIPPED: [&str; 3] = ["_tkinter.", "nis.", "_crypt."];

/// Brings those libraries into `lib` and mends the run paths.
pub(super) fn bring(
    inventory: &mut Inventory,
    wanted: OutsideLibraries,
    progress: &dyn Progress,
) -> Result<()> {
    if !inventory.platform.starts_with("linux-") {
        return Ok(());
    }
    let mut walk = Walk::new(inventory, wanted)?;
    walk.follow(inventory)?;
    if wanted == OutsideLibraries::Error && !(walk.outside.is_empty() && walk.desktop.is_empty()) {
        let listings = [&walk.outside, &walk.desktop].into_iter().filter(|needs| !needs.is_empty());
        let libraries = listings.map(Needs::listing).collect::<Vec<_>>().join(", ");
        return Err(Error::OutsideLibraries { libraries }.into());
    }
    walk.mend(inventory)?;
    walk.skip(inventory)?;
    walk.tell(inventory, progress);
    Ok(())
}

/// A file that the loader may be given.
struct Consumer {
    /// In the archive.
    path: String,
    disk: PathBuf,
    role: Role,
}

/// What a file is to the environment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The interpreter, its library or a module of its standard library.
    Interpreter,
    /// A library that came along.
    Brought,
    /// A module whose libraries stay behind.
    Skipped,
    /// All others.
    Package,
}

/// A file that may have to find `lib`.
struct Seeker {
    consumer: Consumer,
    dynamic: Dynamic,
}

impl Seeker {
    /// `None` for what needs no libraries.
    fn read(consumer: Consumer) -> Result<Option<Self>> {
        interrupt::check()?;
        let dynamic = Dynamic::read(&consumer.disk)?;
        Ok(dynamic.map(|dynamic| Seeker { consumer, dynamic }))
    }
}

struct Walk {
    wanted: OutsideLibraries,
    cache: LoaderCache,
    /// Of the interpreter; files for other machines are never loaded.
    machine: Option<Machine>,
    /// The names of all libraries of the environment.
    names: HashSet<String>,
    pending: Vec<Consumer>,
    seekers: Vec<Seeker>,
    brought: Needs,
    outside: Needs,
    desktop: Needs,
    drivers: Needs,
    missing: Needs,
    /// Of modules that are [`SKIPPED`].
    skipped: Needs,
    /// Files that can't be told where `lib` is.
    unmended: Vec<String>,
}

impl Walk {
    fn new(inventory: &Inventory, wanted: OutsideLibraries) -> Result<Self> {
        let machine = match &inventory.prefix.python {
            Some(python) => Dynamic::read(&python.executable)?.map(|dynamic| dynamic.machine),
            None => None,
        };
        let names = inventory.iter().map(|entry| file_name(&entry.path));
        Ok(Walk {
            wanted,
            cache: LoaderCache::of_this_machine(),
            machine,
            names: names.filter(|name| name.contains(".so")).map(str::to_owned).collect(),
            pending: consumers(inventory),
            seekers: Vec::new(),
            brought: Needs::default(),
            outside: Needs::default(),
            desktop: Needs::default(),
            drivers: Needs::default(),
            missing: Needs::default(),
            skipped: Needs::default(),
            unmended: Vec::new(),
        })
    }

    /// Looks at every file, and at what is brought for it.
    fn follow(&mut self, inventory: &mut Inventory) -> Result<()> {
        while !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            let read: Vec<Result<Option<Seeker>>> =
                pending.into_par_iter().with_max_len(AT_ONCE).map(Seeker::read).collect();
            for seeker in read {
                let Some(Seeker { consumer, dynamic }) = seeker? else { continue };
                if self.machine.is_some_and(|machine| machine != dynamic.machine) {
                    continue;
                }
                let mut seeks = false;
                for name in &dynamic.needed {
                    seeks |= self.need(inventory, &consumer, &dynamic, name)?;
                }
                if seeks {
                    self.seekers.push(Seeker { consumer, dynamic });
                }
            }
        }
        Ok(())
    }

    /// Sees to one library; says whether the file has to find it in `lib`.
    fn need(
        &mut self,
        inventory: &mut Inventory,
        consumer: &Consumer,
        dynamic: &Dynamic,
        name: &str,
    ) -> Result<bool> {
        let kind = family(file_name(name));
        if kind == Some(Family::C) || is_inside(inventory, &consumer.path, dynamic, name) {
            // It finds it, but a node's variable may come first.
            let beaten = matches!(dynamic.run_path_kind, RunPathKind::Runpath { .. });
            return Ok(kind.is_none() && beaten && consumer.role != Role::Package);
        }
        let library = format!("lib/{name}");
        if inventory.get(&library).is_some() {
            return Ok(consumer.role != Role::Package || self.brought.has(name));
        }
        if !inventory.filters.keeps(&library) {
            return Ok(false);
        }
        let needs = match kind {
            Some(Family::Driver) => &mut self.drivers,
            Some(Family::Desktop) => &mut self.desktop,
            Some(Family::Compiler) if !is_too_old(dynamic, name) => return Ok(false),
            // Some package has it, and loads it before it is needed.
            None if consumer.role == Role::Package && self.names.contains(name) && !is_policy(name) => {
                return Ok(false);
            }
            _ => match self.find(inventory, consumer, dynamic, name) {
                None if kind.is_some() => return Ok(false),
                None => &mut self.missing,
                Some(_) if self.wanted != OutsideLibraries::Bundle => &mut self.outside,
                Some(found) => {
                    put(inventory, &library, &found)?;
                    self.brought.add(name, &consumer.path);
                    self.pending.push(Consumer { path: library, disk: found, role: Role::Brought });
                    return Ok(true);
                }
            },
        };
        needs.add(name, &consumer.path);
        Ok(false)
    }

    /// What the loader of this machine gives the file.
    fn find(
        &self,
        inventory: &Inventory,
        consumer: &Consumer,
        dynamic: &Dynamic,
        name: &str,
    ) -> Option<PathBuf> {
        if name.contains('/') {
            return None;
        }
        let first = RunPath::new(inventory, &consumer.path, dynamic).outside(&consumer.disk);
        self.cache.find(name, dynamic.machine, &first)
    }

    /// Lets everything that seeks `lib` find it.
    fn mend(&mut self, inventory: &mut Inventory) -> Result<()> {
        let mut by_interpreter = false;
        for Seeker { consumer, dynamic } in std::mem::take(&mut self.seekers) {
            let run_path = RunPath::new(inventory, &consumer.path, &dynamic);
            if consumer.role == Role::Package && !dynamic.is_program && run_path.stays_inside() {
                by_interpreter = true;
                if !run_path.reaches_lib() {
                    inherit(inventory, &consumer, &dynamic)?;
                }
            } else {
                match lead(inventory, &consumer, &dynamic) {
                    Err(_) if consumer.role == Role::Package => self.unmended.push(consumer.path),
                    other => other?,
                }
            }
        }
        if by_interpreter { self.let_python_lead(inventory) } else { Ok(()) }
    }

    /// The interpreter leads what it loads to `lib`, even if it needs nothing
    /// there itself.
    fn let_python_lead(&mut self, inventory: &mut Inventory) -> Result<()> {
        let python = consumers(inventory).into_iter().find(|consumer| consumer.path == PYTHON);
        if let Some(python) = python
            && let Some(dynamic) = Dynamic::read(&python.disk)?
            && !dynamic.needed.is_empty()
            && lead(inventory, &python, &dynamic).is_err()
        {
            self.unmended.push(python.path);
        }
        Ok(())
    }

    /// Finds out what stays behind with the modules that are [`SKIPPED`].
    fn skip(&mut self, inventory: &Inventory) -> Result<()> {
        for consumer in files(inventory).filter(|consumer| consumer.role == Role::Skipped) {
            let Some(dynamic) = Dynamic::read(&consumer.disk)? else { continue };
            let module = file_name(&consumer.path).split('.').next().unwrap_or_default();
            for name in &dynamic.needed {
                let here = is_inside(inventory, &consumer.path, &dynamic, name)
                    || inventory.get(&format!("lib/{name}")).is_some();
                if !here && !matches!(family(name), Some(Family::C | Family::Compiler)) {
                    self.skipped.add(name, module);
                }
            }
        }
        Ok(())
    }

    /// Says what came along and what didn't.
    fn tell(&self, inventory: &mut Inventory, progress: &dyn Progress) {
        let mut remark = |line: String| {
            inventory.remarks.push(line.clone());
            line
        };
        if !self.brought.is_empty() {
            let line = remark(format!("libraries of the packing machine: {}", self.brought.names()));
            progress.note(&format!("brought along {line}"));
        }
        if !self.outside.is_empty() {
            let line = remark(format!("the nodes must have {}", self.outside.listing()));
            progress.warn(&format!("libraries stay outside: {line}"));
        }
        if !self.desktop.is_empty() {
            let line =
                remark(format!("libraries of a desktop, which only nodes have: {}", self.desktop.listing()));
            progress.warn(&format!("left out: {line}"));
        }
        if !self.missing.is_empty() {
            let line = remark(format!("libraries that were found nowhere: {}", self.missing.listing()));
            progress.warn(&line);
        }
        if !self.unmended.is_empty() {
            let files = self.unmended.join(", ");
            let line = remark(format!(
                "files that only find their libraries if LD_LIBRARY_PATH names `lib`: {files}"
            ));
            progress.warn(&line);
        }
        if !self.skipped.is_empty() {
            let line = remark(format!(
                "modules that start only where the node has their libraries: {}",
                self.skipped.by_file()
            ));
            progress.note(&line);
        }
        if !self.drivers.is_empty() {
            remark(format!("needs drivers of the nodes: {}", self.drivers.listing()));
        }
    }
}

/// What needs libraries that may come along.
fn consumers(inventory: &Inventory) -> Vec<Consumer> {
    files(inventory).filter(|consumer| consumer.role != Role::Skipped).collect()
}

/// Programs and libraries, with where they lie on disk.
fn files(inventory: &Inventory) -> impl Iterator<Item = Consumer> {
    let python = inventory.prefix.python.as_ref();
    let modules = python.map(|python| format!("{}/lib-dynload/", python.stdlib()));
    let module = move |path: &str| path.strip_prefix(modules.as_deref()?).map(str::to_owned);
    inventory.iter().filter_map(move |entry| {
        let Node::File(File { executable, content: Content::Disk { path: disk, .. }, .. }) = &entry.node
        else {
            return None;
        };
        let (path, name) = (&*entry.path, file_name(&entry.path));
        let module = module(path);
        let skipped = module.as_ref().is_some_and(|name| SKIPPED.iter().any(|skip| name.starts_with(skip)));
        if !(*executable || name.contains(".so")) {
            return None;
        }
        let library = path.starts_with("lib/libpython") && path.contains(".so");
        let interpreter = path == PYTHON || library || module.is_some();
        let role = match () {
            () if skipped => Role::Skipped,
            () if interpreter => Role::Interpreter,
            () => Role::Package,
        };
        Some(Consumer { path: path.to_owned(), disk: disk.to_path(), role })
    })
}

/// Whether the loader finds the library in the environment as it is.
fn is_inside(inventory: &Inventory, path: &str, dynamic: &Dynamic, name: &str) -> bool {
    let run_path = RunPath::new(inventory, path, dynamic);
    if name.contains('/') {
        // Some name a place beside themselves instead of a library.
        return run_path.place_of(name).is_some_and(|place| inventory.get(&place).is_some());
    }
    run_path.folders().any(|folder| {
        let folder = inventory.resolve(&folder).unwrap_or(folder);
        inventory.get(&format!("{folder}/{name}")).is_some()
    })
}

/// Whether the node's C++ library may lack a version that the file needs.
fn is_too_old(dynamic: &Dynamic, name: &str) -> bool {
    name.starts_with("libstdc++.") && dynamic.versions.iter().any(|version| is_beyond_baseline(version))
}

/// Libraries that newer manylinux policies let every wheel take from the node,
/// which then doesn't ask whether another package has them.
fn is_policy(name: &str) -> bool {
    ["libz.so", "libexpat.so", "libatomic.so"].iter().any(|start| name.starts_with(start))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn put(inventory: &mut Inventory, path: &str, disk: &Path) -> Result<()> {
    let content = Content::Disk { path: disk.into(), size: fs_err::metadata(disk)?.len() };
    let file = File { executable: false, content, rewrite: Rewrite::Search };
    inventory.put(Entry { path: path.into(), group: Group::Interpreter, node: Node::File(file) });
    Ok(())
}

/// Lets a file find `lib` by itself.
fn lead(inventory: &mut Inventory, consumer: &Consumer, dynamic: &Dynamic) -> Result<()> {
    let run_path = RunPath::new(inventory, &consumer.path, dynamic);
    if run_path.reaches_lib() {
        // Relocation sees to those that it makes relative.
        return if run_path.names_prefix() { Ok(()) } else { inherit(inventory, consumer, dynamic) };
    }
    let bytes = run_path::set(&consumer.disk, &run_path.with_lib())?;
    replace(inventory, &consumer.path, bytes);
    Ok(())
}

/// Lets the run path of who loads it count for a file too.
fn inherit(inventory: &mut Inventory, consumer: &Consumer, dynamic: &Dynamic) -> Result<()> {
    if let Some(bytes) = run_path::inherited(&consumer.disk, dynamic)? {
        replace(inventory, &consumer.path, bytes);
    }
    Ok(())
}

fn replace(inventory: &mut Inventory, path: &str, bytes: Vec<u8>) {
    let Some(entry) = inventory.get(path).cloned() else { return };
    if let Node::File(file) = entry.node {
        let file = File { content: Content::Memory(bytes.into()), ..file };
        inventory.put(Entry { node: Node::File(file), ..entry });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpp_library_comes_along_only_for_what_needs_a_new_one() {
        let needs = |version: &str| Dynamic { versions: vec![version.to_owned()], ..Dynamic::default() };
        assert!(is_too_old(&needs("GLIBCXX_3.4.30"), "libstdc++.so.6"));
        assert!(!is_too_old(&needs("GLIBCXX_3.4.30"), "libgcc_s.so.1"));
        assert!(!is_too_old(&needs("GLIBCXX_3.4.22"), "libstdc++.so.6"));
    }
}
