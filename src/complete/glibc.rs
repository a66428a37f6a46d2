//! On which C library an environment loads, as far as can be told without
//! loading it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::artifact::{GlibcFloor, PackageKind};
use crate::entry::{Content, Entry, Group, Node};
use crate::error::Result;
use crate::prefix::Inventory;
use crate::prefix::elf::Dynamic;

/// A version such as 2.17, ordered as versions are.
type Version = (u32, u32);

/// The floor of the environment; `None` if it isn't for Linux.
pub(super) fn floor(inventory: &Inventory) -> Result<Option<GlibcFloor>> {
    if !inventory.platform.starts_with("linux-") {
        return Ok(None);
    }
    let show = |(major, minor): Version| format!("{major}.{minor}");
    let interpreter = interpreter(inventory)?.map(show);
    let wheels = wheels(inventory)?.map(show);
    Ok(Some(GlibcFloor { interpreter, wheels }))
}

/// The highest symbol version that the interpreter and its libraries need.
fn interpreter(inventory: &Inventory) -> Result<Option<Version>> {
    let mut highest = None;
    let needs = |entry: &&Entry| {
        let library = entry.group == Group::Interpreter && entry.path.contains(".so");
        &*entry.path == "bin/python" || library
    };
    for entry in inventory.iter().filter(needs) {
        if let Node::File(file) = &entry.node {
            let dynamic = match &file.content {
                Content::Disk { path, .. } => Dynamic::read(&path.to_path())?,
                Content::Memory(bytes) => Dynamic::of(bytes),
            };
            highest = highest.max(dynamic.and_then(|dynamic| needed(&dynamic)));
        }
    }
    Ok(highest)
}

/// The highest `GLIBC_x.y` that an ELF file asks for.
fn needed(dynamic: &Dynamic) -> Option<Version> {
    dynamic.versions.iter().filter_map(|name| parse(name.strip_prefix("GLIBC_")?)).max()
}

/// The highest floor among the wheels; a wheel of several tags runs on the
/// lowest of them.
fn wheels(inventory: &Inventory) -> Result<Option<Version>> {
    let mut highest = None;
    for entry in inventory.iter().filter(|entry| entry.path.ends_with(".dist-info/WHEEL")) {
        if let Node::File(file) = &entry.node
            && let Content::Disk { path, .. } = &file.content
        {
            highest = highest.max(wheel(&String::from_utf8_lossy(&fs_err::read(path.to_path())?)));
        }
    }
    Ok(highest)
}

fn wheel(text: &str) -> Option<Version> {
    let tags = text.lines().filter_map(|line| line.strip_prefix("Tag:"));
    tags.filter_map(|tag| tag.trim().rsplit('-').next())
        .flat_map(|platforms| platforms.split('.'))
        .filter_map(platform)
        .min()
}

/// What a platform tag promises (PEP 600 and the names before it).
fn platform(tag: &str) -> Option<Version> {
    let legacy = [("manylinux1_", (2, 5)), ("manylinux2010_", (2, 12)), ("manylinux2014_", (2, 17))];
    if let Some((_, version)) = legacy.iter().find(|(name, _)| tag.starts_with(name)) {
        return Some(*version);
    }
    let mut numbers = tag.strip_prefix("manylinux_")?.split('_');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn parse(version: &str) -> Option<Version> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The packages that were built on a Linux of unknown age: their wheels have
/// no manylinux tag.
pub(super) fn built_here(inventory: &Inventory) -> Result<BTreeSet<String>> {
    let of_index = |name: &str| {
        let name = name.replace(['_', '.'], "-");
        inventory.packages.iter().any(|package| package.kind == PackageKind::Pypi && package.name == name)
    };
    let mut names = BTreeSet::new();
    for entry in inventory.iter().filter(|entry| entry.path.ends_with(".dist-info/WHEEL")) {
        if let Node::File(file) = &entry.node
            && let Content::Disk { path, .. } = &file.content
            && is_local_build(&path.to_path())?
        {
            let folder = entry.path.trim_end_matches(".dist-info/WHEEL");
            let name = folder.rsplit('/').next().unwrap_or(folder);
            names.insert(name.split('-').next().unwrap_or(name).to_lowercase());
        }
    }
    // conda builds its wheels in its own way and states its needs itself.
    names.retain(|name: &String| of_index(name));
    Ok(names)
}

fn is_local_build(wheel: &Path) -> std::io::Result<bool> {
    let text = fs_err::read(wheel)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(|line| line.strip_prefix("Tag:")).any(|tag| tag.contains("-linux_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_runs_on_the_lowest_of_its_tags() {
        let text = "Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n";
        assert_eq!(wheel(text), Some((2, 17)));
        assert_eq!(wheel("Tag: cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64\n"), Some((2, 27)));
        assert_eq!(wheel("Tag: py3-none-any\n"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse("2.4") < parse("2.17"));
        assert_eq!(parse("2.2.5"), Some((2, 2)));
    }

    #[test]
    fn the_running_test_needs_some_glibc() {
        let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&Dynamic::of(&bytes).unwrap()) >= Some((2, 2)));
    }
}
