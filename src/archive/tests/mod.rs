//! What all formats promise, and what unpacking refuses.

mod bytes;
mod cached;
mod early;
mod foreign;
mod hostile;
mod identity;
mod placing;
mod round_trip;
mod survey;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::artifact::Format;
use crate::entry::{Content, Edit, Entry, File, Group, Measured, Node, Placeholder, Rewrite};
use crate::error::Result;
use crate::progress::Silent;

/// The formats that are one file.
const FILES: [Format; 4] = [Format::TarGz, Format::Tar, Format::TarZst, Format::Zip];

fn given(path: &Path) -> Input<'static> {
    Input::file(path).unwrap()
}

/// A relocator that makes fixed edits.
#[derive(Default)]
struct Fixed(BTreeMap<String, Vec<Edit>>);

impl Relocate for Fixed {
    fn needs_whole(&self, path: &str, _: bool, _: &Rewrite, _: &[u8]) -> bool {
        self.0.contains_key(path)
    }

    fn holds_prefix(&self, _: &[u8]) -> bool {
        false
    }

    fn overlap(&self) -> usize {
        0
    }

    fn relocate(&self, path: &str, _: bool, _: &Rewrite, _: &[u8]) -> Result<(Vec<Edit>, Vec<Placeholder>)> {
        Ok((self.0.get(path).cloned().unwrap_or_default(), Vec::new()))
    }
}

fn entry(path: &str, node: Node) -> Entry {
    let group = match path.split_once('/') {
        Some((package, _)) => Group::Package(package.into()),
        None => Group::Loose,
    };
    Entry { path: path.into(), group, node }
}

fn file(path: &str, bytes: &[u8]) -> Entry {
    let content = Content::Memory(Arc::from(bytes));
    entry(path, Node::File(File { executable: path.contains("bin"), content, rewrite: Rewrite::Search }))
}

fn link(path: &str, target: &str) -> Entry {
    entry(path, Node::Link(target.to_owned()))
}

fn directory(path: &str) -> Entry {
    entry(path, Node::Directory)
}

/// Bytes that compress a little.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20).to_le_bytes()[0] & 0x3f
    };
    (0..length).map(|_| byte()).collect()
}

fn arranged(entries: Vec<Entry>, layout: &Layout) -> Vec<Measured> {
    let entries = adapt(entries.into_iter().map(Arc::new).collect(), layout, &Silent);
    let survey = measure(entries, &Fixed::default(), &Readings::none(), None, &Silent).unwrap();
    arrange(survey.measured, layout).unwrap()
}

fn packed(entries: Vec<Entry>, layout: &Layout, threads: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written =
        write(&arranged(entries, layout), layout, None, None, threads, &mut bytes, &Silent).unwrap();
    assert_eq!(written, Written { size: bytes.len() as u64, sha256: crate::fs::sha256(&bytes) });
    bytes
}

fn refuse() -> UnpackOptions {
    UnpackOptions { absolute_links: AbsoluteLinks::Refuse, threads: 2 }
}

/// Unpacks bytes as `out` in `folder`.
fn unpack_bytes(bytes: &[u8], folder: &Path, options: &UnpackOptions) -> Result<Unpacked> {
    let archive = folder.join("archive");
    fs_err::write(&archive, bytes).unwrap();
    let unpacked =
        unpack(&given(&archive), &folder.join("out"), options, &|_, _, _| Default::default(), &Silent);
    fs_err::remove_file(&archive).unwrap();
    unpacked
}

/// A file system tree as text: `path/`, `path -> target`, `path = hash`, with
/// `*` behind what is executable.
fn listing(root: &Path) -> Vec<String> {
    let mut lines: Vec<String> = walkdir::WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|found| {
            let found = found.unwrap();
            let path = found.path().strip_prefix(root).unwrap().display().to_string();
            if found.file_type().is_dir() {
                format!("{path}/")
            } else if found.file_type().is_symlink() {
                format!("{path} -> {}", fs_err::read_link(found.path()).unwrap().display())
            } else {
                let executable = found.metadata().unwrap().permissions().mode() & 0o100 != 0;
                let bytes = fs_err::read(found.path()).unwrap();
                described(&path, executable, &bytes)
            }
        })
        .collect();
    lines.sort();
    lines
}

fn described(path: &str, executable: bool, bytes: &[u8]) -> String {
    let star = if executable { "*" } else { "" };
    format!("{path}{star} = {} {}", bytes.len(), &hex::encode(crate::fs::sha256(bytes))[..16])
}
