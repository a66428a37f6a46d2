//! `_sysconfigdata*`: how the interpreter was built.
//!
//! Since CPython 3.11 it has the keys `WASM_ASSETS_DIR` and `WASM_STDLIB`,
//! which are a dot and then the prefix, on every platform. As a path that
//! means nothing, so relocation rightly leaves it alone; but it tells where
//! the interpreter was installed. The placeholder takes its place, and slashes
//! of the same number in bytecode, which holds the lengths of its strings; that
//! is compiled anew where it can be, since its source changes.

use memchr::memmem;

use crate::entry::{Content, PLACEHOLDER};
use crate::error::Result;
use crate::prefix::Inventory;

pub(super) fn clean(inventory: &mut Inventory) -> Result<()> {
    let Some(python) = inventory.prefix.python.clone() else { return Ok(()) };
    let needles: Vec<String> =
        inventory.prefixes.iter().filter_map(|prefix| Some(format!(".{}", prefix.to_str()?))).collect();
    let folders = ["", "__pycache__/"].map(|folder| format!("{}/{folder}_sysconfigdata", python.stdlib()));
    for (path, file) in inventory.files_mut() {
        if let Content::Disk { path: disk, .. } = &file.content
            && folders.iter().any(|folder| path.starts_with(folder))
            && let Some(bytes) = cleaned(fs_err::read(disk.to_path())?, &needles, path.ends_with(".py"))
        {
            file.content = Content::Memory(bytes.into());
        }
    }
    Ok(())
}

/// The bytes without the needles; `None` if there were none.
fn cleaned(mut bytes: Vec<u8>, needles: &[String], text: bool) -> Option<Vec<u8>> {
    let mut found = false;
    for needle in needles {
        let mut places: Vec<usize> = memmem::find_iter(&bytes, needle).collect();
        places.reverse();
        for at in places {
            let path = at + 1..at + needle.len();
            if text {
                bytes.splice(path, PLACEHOLDER.bytes());
            } else {
                bytes[path].fill(b'/');
            }
            found = true;
        }
    }
    found.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_and_the_prefix_tell_no_place() {
        let needles = ["./env".to_owned()];
        let source = || b"'./env/lib', '/env/lib', './env'".to_vec();
        let text = cleaned(source(), &needles, true).unwrap();
        assert_eq!(text, b"'./.envship/lib', '/env/lib', './.envship'");
        let binary = cleaned(source(), &needles, false).unwrap();
        assert_eq!(binary, b"'./////lib', '/env/lib', './///'");
        assert_eq!(cleaned(b"'/env'".to_vec(), &needles, true), None);
    }
}
