//! `share/envship/manifest.json`: the archive says what it is.

use super::{Error, glibc};
use crate::artifact::{MANIFEST, Manifest, Recipe};
use crate::entry::{Group, Placeholder};
use crate::error::Result;
use crate::prefix::{Inventory, Python};

/// Reserves its place, so that the folders above it are known.
pub(super) fn reserve(inventory: &mut Inventory) {
    inventory.put_text(MANIFEST, Group::Manifest, "");
}

/// The manifest of an archive with this recipe, and its text: the same
/// environment gives the same bytes.
///
/// # Errors
/// If the interpreter or the metadata of a wheel can't be read.
pub fn manifest(
    inventory: &Inventory,
    mut placeholders: Vec<Placeholder>,
    archive: Recipe,
) -> Result<(Manifest, Vec<u8>)> {
    placeholders.sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    let mut remarks = inventory.remarks.clone();
    let built = glibc::built_here(inventory)?;
    if !built.is_empty() {
        let names = built.into_iter().collect::<Vec<_>>().join(", ");
        remarks.push(format!("built on the packing machine, may need its glibc: {names}"));
    }
    let manifest = Manifest {
        schema: 1,
        envship: env!("CARGO_PKG_VERSION").to_owned(),
        source: inventory.source,
        platform: inventory.platform.clone(),
        archive,
        python: inventory.prefix.python.as_ref().map(Python::info),
        glibc: glibc::floor(inventory)?,
        packages: inventory.packages.clone(),
        installers: inventory.installers.clone(),
        extensions: extensions(inventory),
        placeholders,
        remarks,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|source| Error::Json { path: MANIFEST.to_owned(), source })?;
    text.push(b'\n');
    Ok((manifest, text))
}

/// The compiled modules of the standard library that are in the archive.
fn extensions(inventory: &Inventory) -> Vec<String> {
    let Some(python) = &inventory.prefix.python else { return Vec::new() };
    let folder = format!("{}/lib-dynload/", python.stdlib());
    let modules = inventory.below(&folder).filter(|entry| entry.path.ends_with(".so"));
    let mut names: Vec<String> = modules
        .filter_map(|entry| Some(entry.path.strip_prefix(&folder)?.split('.').next()?.to_owned()))
        .collect();
    names.sort();
    names
}
