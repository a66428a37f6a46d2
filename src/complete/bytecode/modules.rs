//! The modules of an environment, and which of them lack bytecode.

use rayon::prelude::*;

use super::magic::Magic;
use super::{Archived, bytes, is_valid};
use crate::entry::{CachedBytecode, Content, Entry, File, Group, Node, Rewrite, SourceCheck};
use crate::error::Result;
use crate::fs::sha256;
use crate::interrupt;
use crate::parallel::AT_ONCE;
use crate::prefix::{Inventory, Python};

/// A module whose bytecode has to be made.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Of the source.
    pub source_path: String,
    /// Of the bytecode.
    pub path: String,
    pub group: Group,
    /// Of the source as it is archived.
    pub sha256: [u8; 32],
    pub source_hash: [u8; 8],
    pub source: Source,
}

/// What relocation does to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Same,
    Changed,
}

/// A module with its bytecode on disk.
#[derive(Debug)]
pub(super) struct Compiled {
    pub module: Module,
    pub content: Content,
}

impl Compiled {
    pub(super) fn put(self, inventory: &mut Inventory, check: SourceCheck) {
        let Module { path, group, source_hash, source, .. } = self.module;
        if source == Source::Changed {
            // What -O or -OO compiled is of the source as it was.
            let stem = path.strip_suffix(".pyc").unwrap_or(&path);
            let optimized: Vec<String> =
                inventory.below(&format!("{stem}.opt-")).map(|entry| entry.path.to_string()).collect();
            for path in optimized {
                inventory.remove(&path);
            }
        }
        let rewrite = Rewrite::Bytecode { source_hash, check };
        let node = Node::File(File { executable: false, content: self.content, rewrite });
        inventory.put(Entry { path: path.into(), group, node });
    }
}

/// The modules that have no valid bytecode for the source that is archived, by
/// path.
pub(super) fn missing(
    inventory: &Inventory,
    python: &Python,
    magic: Magic,
    archived: &Archived<'_>,
) -> Result<Vec<Module>> {
    let (tag, roots) = (python.cache_tag(), roots(python));
    let sources: Vec<(&Entry, &File, String)> = inventory
        .iter()
        .filter(|entry| is_module(&entry.path, &roots))
        .filter_map(|entry| match &entry.node {
            Node::File(file) => Some((entry, file, CachedBytecode::path_for(&entry.path, &tag)?)),
            _ => None,
        })
        .filter(|(_, _, path)| inventory.filters.keeps(path))
        .collect();
    let missing = sources.into_par_iter().with_max_len(AT_ONCE).map(|(entry, file, path)| {
        interrupt::check()?;
        let original = bytes(file)?;
        let bytes = archived(&entry.path, file, &original);
        // What is in memory was changed before.
        let changed = bytes != original || matches!(file.content, Content::Memory(_));
        let source = if changed { Source::Changed } else { Source::Same };
        if source == Source::Same && inventory.file(&path).is_some_and(is_valid) {
            return Ok(None);
        }
        Ok(Some(Module {
            source_path: entry.path.to_string(),
            path,
            group: entry.group.clone(),
            sha256: sha256(&bytes),
            source_hash: magic.source_hash(&bytes),
            source,
        }))
    });
    Ok(missing.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The folders that Python imports from.
fn roots(python: &Python) -> [String; 2] {
    [format!("{}/", python.stdlib()), format!("lib/{}/", python.name)]
}

/// Whether installers would compile it: all below the folders that Python
/// imports from, since `import_module` takes names that no statement can.
fn is_module(path: &str, roots: &[String]) -> bool {
    path.ends_with(".py") && roots.iter().any(|root| path.starts_with(root.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_imported_is_compiled() {
        let roots = ["lib64/python3.11/".to_owned(), "lib/python3.11/".to_owned()];
        for (path, expected) in [
            ("lib64/python3.11/os.py", true),
            ("lib/python3.11/site-packages/numpy/core/_x2.py", true),
            ("lib/python3.11/site-packages/numpy/_pyinstaller/hook-numpy.py", true),
            ("lib/python3.10/os.py", false),
            ("bin/tool.py", false),
            ("lib/python3.11/os.pyi", false),
        ] {
            assert_eq!(is_module(path, &roots), expected, "{path}");
        }
    }
}
