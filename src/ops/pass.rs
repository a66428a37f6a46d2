//! Relocation as the reading pass asks for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::archive::{InStretch, Layout, Relocate};
use crate::entry::{Edit, Placeholder, Remake, Rewrite};
use crate::error::Result;
use crate::prefix::elf::Elf;
use crate::relocate::Relocator;

/// A reading pass: how files change, and which were found damaged.
pub(super) struct Pass<'a> {
    relocator: &'a Relocator,
    again: Arc<Again>,
    damaged: Mutex<BTreeSet<String>>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(relocator: &'a Arc<Relocator>, layout: &Layout) -> Self {
        let again = Again { relocator: Arc::clone(relocator), arcroot: layout.arcroot.clone() };
        Pass { relocator, again: again.into(), damaged: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relocate for Pass<'_> {
    fn needs_whole(&self, path: &str, executable: bool, rewrite: &Rewrite, head: &[u8]) -> bool {
        self.relocator.needs_whole(path, executable, rewrite, head)
    }

    fn holds_prefix(&self, window: &[u8]) -> bool {
        self.relocator.holds_prefix(window)
    }

    fn overlap(&self) -> usize {
        self.relocator.overlap()
    }

    fn relocate(
        &self,
        path: &str,
        executable: bool,
        rewrite: &Rewrite,
        bytes: &[u8],
    ) -> Result<(Vec<Edit>, Vec<Placeholder>)> {
        let relocated = self.relocator.relocate(path, executable, rewrite, bytes);
        if relocated.damaged {
            self.lock().insert(path.to_owned());
        }
        Ok((relocated.edits, relocated.placeholders))
    }

    fn in_stretches<'p>(
        &'p self,
        path: &'p str,
        rewrite: &'p Rewrite,
        head: &[u8],
        on_disk: &Path,
    ) -> Option<Box<InStretch<'p>>> {
        let relocate = self.relocator.in_stretches(path, rewrite, head)?;
        let has_run_path_to_change = match Elf::read(on_disk).ok()? {
            Elf::Other => false,
            Elf::Sound(found) if found.machine.is_64_bit() => {
                found.run_path.iter().any(|entry| self.relocator.leads_into_prefix(entry))
            }
            // What can't be told may be so.
            Elf::Sound(_) | Elf::Broken(_) => true,
        };
        (!has_run_path_to_change).then(|| -> Box<InStretch<'p>> {
            Box::new(move |bytes| {
                let relocated = relocate(bytes);
                (relocated.edits, relocated.placeholders)
            })
        })
    }

    fn damaged(&self) -> BTreeSet<String> {
        self.lock().clone()
    }

    fn remake(&self, rewrite: &Rewrite) -> Option<Arc<dyn Remake>> {
        let bytecode = matches!(rewrite, Rewrite::Bytecode { .. });
        bytecode.then(|| -> Arc<dyn Remake> { self.again.clone() })
    }
}

/// Relocates bytecode once more, when its entry lies below the arcroot.
#[derive(Debug)]
struct Again {
    relocator: Arc<Relocator>,
    arcroot: Option<String>,
}

impl Remake for Again {
    fn remake(&self, path: &str, rewrite: &Rewrite, original: &[u8]) -> Vec<u8> {
        let inside = self.arcroot.as_ref().and_then(|root| path.strip_prefix(root)?.strip_prefix('/'));
        self.relocator.relocated(inside.unwrap_or(path), false, rewrite, original)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::archive::{Readings, measure};
    use crate::artifact::Format;
    use crate::entry::{Change, Content, Entry, File, Group, Node};
    use crate::progress::Silent;
    use crate::relocate::{Destination, Interpreter};

    const PREFIX: &str = "/home/u/envs/an-environment";

    /// A library of some megabytes that names the prefix among its data.
    const LIBRARY: &str = "
        char before[3 << 20] = {1};
        const char *data(void) { return \"/home/u/envs/an-environment/share\"; }";

    /// The file of a library with this run path, in `folder`.
    fn library(folder: &Path, run_path: &str) -> File {
        let (source, path) = (folder.join("x.c"), folder.join("libx.so"));
        fs_err::write(&source, LIBRARY).unwrap();
        let run_path = format!("-Wl,-rpath,{run_path}");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", &run_path, "-o"]).args([&path, &source]);
        assert!(cc.status().unwrap().success());
        let size = fs_err::metadata(&path).unwrap().len();
        File {
            executable: true,
            content: Content::Disk { path: path.into(), size },
            rewrite: Rewrite::Search,
        }
    }

    #[test]
    fn a_large_library_is_relocated_as_if_it_were_seen_at_once() {
        let interpreter = Interpreter { program: "python".to_owned(), names: vec![], programs: [].into() };
        let relocator = Arc::new(Relocator::new(&[PREFIX.into()], Destination::Anywhere, interpreter));
        let folder = tempfile::tempdir().unwrap();
        let into_prefix = format!("{PREFIX}/lib");
        for (run_path, edits) in [("/usr/lib/other", 1), (&into_prefix, 2)] {
            let file = library(folder.path(), run_path);
            let bytes = file.content.read().unwrap();
            let expected = relocator.relocated("lib/libx.so", true, &Rewrite::Search, &bytes);
            let entry = Entry { path: "lib/libx.so".into(), group: Group::Loose, node: Node::File(file) };
            let pass = Pass::new(&relocator, &Layout::new(Format::Tar));
            let survey = measure(vec![entry.into()], &pass, &Readings::none(), &Silent).unwrap();
            let Change::Edits(found) = &survey.measured[0].change else { panic!() };
            assert_eq!(survey.measured[0].sha256, crate::fs::sha256(&expected), "{run_path}");
            assert!(found.len() >= edits, "{run_path}: {found:?}");
        }
    }
}
