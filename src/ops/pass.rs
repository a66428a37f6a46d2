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
        let run_path_stays = match Elf::read(on_disk).ok()? {
            Elf::Other => true,
            Elf::Sound(found) if found.machine.is_64_bit() => match (found.run_paths, &found.run_path[..]) {
                (0, _) => true,
                (1, entries @ [_, ..]) => {
                    !entries.iter().any(|entry| self.relocator.leads_into_prefix(entry))
                }
                _ => false,
            },
            // What isn't told may have to change.
            Elf::Sound(_) | Elf::Broken(_) => false,
        };
        run_path_stays.then(|| -> Box<InStretch<'p>> {
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
    use crate::entry::{Content, Entry, File, Group, Node};
    use crate::progress::Silent;
    use crate::relocate::{Destination, Interpreter};

    const PREFIX: &str = "/home/u/envs/an-environment";

    /// A library of some megabytes that names the prefix among its data.
    fn library(options: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("x.c"), folder.path().join("libx.so"));
        let code = format!("char before[3 << 20] = {{1}}; const char *data = \"{PREFIX}/share\";");
        fs_err::write(&source, code).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).args([&path, &source]).args(options);
        assert!(cc.status().unwrap().success());
        fs_err::read(path).unwrap()
    }

    fn relocator() -> Arc<Relocator> {
        let interpreter = Interpreter { program: "python".to_owned(), names: vec![], programs: [].into() };
        Relocator::new(&[PREFIX.into()], Destination::Anywhere, interpreter).into()
    }

    /// Whether a file may be relocated in stretches. However it is, that gives
    /// what the whole gives.
    fn may_be_relocated_in_stretches(bytes: &[u8], rewrite: &Rewrite) -> bool {
        let (path, relocator) = ("lib/libx.so", relocator());
        let folder = tempfile::tempdir().unwrap();
        let on_disk = folder.path().join("libx.so");
        fs_err::write(&on_disk, bytes).unwrap();
        let content = Content::Disk { path: on_disk.clone().into(), size: bytes.len() as u64 };
        let file = File { executable: false, content, rewrite: rewrite.clone() };
        let entry = Entry { path: path.into(), group: Group::Loose, node: Node::File(file) };
        let pass = Pass::new(&relocator, &Layout::new(Format::Tar));
        let survey = measure(vec![entry.into()], &pass, &Readings::none(), None, &Silent).unwrap();
        let whole = relocator.relocate(path, false, rewrite, bytes);
        assert!(survey.measured[0].change.edits() == Some(&whole.edits));
        assert!(survey.placeholders == whole.placeholders);
        let expected = relocator.relocated(path, false, rewrite, bytes);
        assert_eq!(survey.measured[0].sha256, crate::fs::sha256(&expected));
        pass.in_stretches(path, rewrite, &bytes[..1 << 20], &on_disk).is_some()
    }

    #[test]
    fn a_large_library_is_relocated_in_stretches_unless_its_run_path_has_to_change() {
        let run_path = |path: &str| format!("-Wl,-rpath,{path}");
        let (foreign, own) = (run_path("/usr/lib/other"), run_path(&format!("{PREFIX}/lib")));
        let soname = format!("-Wl,-soname,{PREFIX}/lib");
        let in_stretches = |bytes: &[u8]| may_be_relocated_in_stretches(bytes, &Rewrite::Search);
        assert!(in_stretches(&library(&[])));
        assert!(in_stretches(&library(&[&foreign])));
        assert!(!in_stretches(&library(&[&own])));
        // A `DT_RPATH` beside the `DT_RUNPATH`: no linker makes both.
        let mut both = library(&[&foreign, &soname]);
        let elf = goblin::elf::Elf::parse(&both).unwrap();
        let tags = elf.dynamic.as_ref().unwrap().dyns.iter();
        let row = tags.clone().position(|tag| tag.d_tag == goblin::elf::dynamic::DT_SONAME).unwrap();
        let dynamic = goblin::elf::program_header::PT_DYNAMIC;
        let segment = elf.program_headers.iter().find(|segment| segment.p_type == dynamic).unwrap();
        both[usize::try_from(segment.p_offset).unwrap() + 16 * row] = 15;
        assert!(!in_stretches(&both));
        // Of 32 bits, and without headers that make sense.
        for (at, byte) in [(4, 1), (54, 1)] {
            let mut odd = library(&[&foreign]);
            odd[at] = byte;
            assert!(!in_stretches(&odd));
        }
    }

    /// A string with as many prefixes as conda left room for, and as many NULs
    /// behind it, which end behind the first megabyte.
    fn with_room(prefixes: usize, placeholder: usize) -> Vec<u8> {
        let string = vec![PREFIX; prefixes].join(":");
        let room = prefixes * (placeholder - PREFIX.len());
        let start = (1 << 20) + 100 - room - string.len();
        let mut bytes =
            [b"\0".repeat(9), b"x".repeat(start - 10), b"\0".to_vec(), string.into_bytes()].concat();
        bytes.resize(bytes.len() + room + 1, 0);
        bytes.extend_from_slice(b"next\0");
        bytes
    }

    #[test]
    fn a_string_with_much_room_may_be_relocated_in_stretches_too() {
        let most = crate::entry::MOST_ROOM;
        for placeholder in [255, 9000] {
            let prefixes = most / placeholder;
            for prefixes in [1, prefixes - 1, prefixes, prefixes + 1, prefixes + 9] {
                let bytes = with_room(prefixes, placeholder);
                assert!(may_be_relocated_in_stretches(&bytes, &Rewrite::Binary { placeholder }));
            }
        }
    }

    #[test]
    fn a_binary_with_a_long_text_in_it_gives_what_the_whole_gives() {
        let text = format!(" {PREFIX}/x ").repeat(200_000);
        assert!(may_be_relocated_in_stretches(&[b"\0", text.as_bytes()].concat(), &Rewrite::Search));
    }
}
