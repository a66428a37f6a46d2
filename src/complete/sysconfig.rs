//! `_sysconfigdata*`: how the interpreter was built.
//!
//! Since CPython 3.11 it has the keys `WASM_ASSETS_DIR` and `WASM_STDLIB`,
//! which are a dot and then the prefix, on every platform. As a path that
//! means nothing, so relocation rightly leaves it alone; but it tells where
//! the interpreter was installed. Slashes of the same number take its place:
//! bytecode holds the lengths of its strings.

use memchr::memmem;

use crate::entry::Content;
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
            && let Some(bytes) = cleaned(fs_err::read(disk)?, &needles)
        {
            file.content = Content::Memory(bytes.into());
        }
    }
    Ok(())
}

/// The bytes without the needles; `None` if there were none.
fn cleaned(mut bytes: Vec<u8>, needles: &[String]) -> Option<Vec<u8>> {
    let mut found = false;
    for needle in needles {
        let places: Vec<usize> = memmem::find_iter(&bytes, needle).collect();
        for at in places {
            bytes[at + 1..at + needle.len()].fill(b'/');
            found = true;
        }
    }
    found.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_and_the_prefix_become_as_many_slashes() {
        let needles = ["./env".to_owned()];
        let clean = cleaned(b"'./env/lib', '/env/lib'".to_vec(), &needles).unwrap();
        assert_eq!(clean, b"'./////lib', '/env/lib'");
        assert_eq!(cleaned(b"'/env'".to_vec(), &needles), None);
    }
}
