//! `share/envship/manifest.json`: the archive says what it is.

use super::{Error, glibc};
use crate::artifact::{MANIFEST, Manifest, Reason, Recipe};
use crate::entry::{Group, Placeholder, PlaceholderKind};
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
        reasons: placeholders.iter().map(|it| (it.path.clone(), reason(inventory, it))).collect(),
        placeholders,
        remarks,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|source| Error::Json { path: MANIFEST.to_owned(), source })?;
    text.push(b'\n');
    Ok((manifest, text))
}

/// Why a placeholder stayed.
fn reason(inventory: &Inventory, placeholder: &Placeholder) -> Reason {
    match placeholder.kind {
        PlaceholderKind::Padded | PlaceholderKind::Fixed => Reason::Compiled,
        PlaceholderKind::Marshalled => Reason::Bytecode,
        PlaceholderKind::Text => {
            let executable = inventory.file(&placeholder.path).is_some_and(|file| file.executable);
            reason_of_text(&placeholder.path, executable)
        }
    }
}

fn reason_of_text(path: &str, executable: bool) -> Reason {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if name.starts_with("_sysconfig")
        || name.starts_with("Makefile")
        || ends(&["-config", ".cmake", ".la", ".pc"])
    {
        Reason::BuildSettings
    } else if path.starts_with("share/jupyter/kernels/") {
        Reason::Kernel
    } else if executable || ends(&[".py", ".sh", ".csh", ".fish", ".pl", ".pm", ".rb", ".js", ".tcl", ".R"]) {
        Reason::Program
    } else {
        Reason::Text
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compilers_read_is_told_from_what_runs() {
        for (path, executable, reason) in [
            ("lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py", false, Reason::BuildSettings),
            ("bin/python3.11-config", true, Reason::BuildSettings),
            ("lib/cmake/Arrow/ArrowTargets.cmake", false, Reason::BuildSettings),
            ("lib/libfoo.la", false, Reason::BuildSettings),
            ("share/jupyter/kernels/ir/kernel.json", false, Reason::Kernel),
            ("bin/tool", true, Reason::Program),
            ("lib/perl5/Config.pm", false, Reason::Program),
            ("etc/fonts/fonts.conf", false, Reason::Text),
        ] {
            assert_eq!(reason_of_text(path, executable), reason, "{path}");
        }
    }
}
