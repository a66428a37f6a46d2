//! The placeholders of an unpacked environment, written for its destination.

use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Place;
use super::stage::Stage;
use super::tree::Node;
use crate::archive::error::Error;
use crate::archive::manifest::{read_manifest, root_of, text_of};
use crate::archive::splice;
use crate::archive::stretches::{Next, Stretches};
use crate::artifact::Manifest;
use crate::entry::{Edit, Placeholder, PlaceholderKind};
use crate::error::Result;
use crate::interrupt;

#[derive(Default)]
pub(super) struct Finished {
    pub(super) manifest: Option<Manifest>,
    pub(super) placed: u64,
    pub(super) unfit: Vec<Placeholder>,
}

/// Reads the manifest on the stage, if there is one, and writes `destination`
/// into the placeholders that it lists.
pub(super) fn placeholders(
    archive: &Path,
    stage: &Stage,
    destination: &Path,
    place: &Place<'_>,
) -> Result<Finished> {
    let Some((root, path)) = find_manifest(stage) else { return Ok(Finished::default()) };
    let text = fs_err::File::open(stage.ground().at(path)).and_then(|mut file| text_of(&mut file));
    let damaged = |source| Error::Damaged { path: archive.to_owned(), source };
    let mut manifest = read_manifest(archive, &text.map_err(damaged)?)?;
    // One file may have many: they are taken out and put back, not copied.
    let mut placeholders = std::mem::take(&mut manifest.placeholders);
    placeholders.sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    let mut finished = Finished::default();
    if !placeholders.is_empty() {
        let prefix = if root.is_empty() { destination.to_owned() } else { destination.join(root) };
        let prefix = prefix.to_str().ok_or_else(|| Error::Destination { path: prefix.clone() })?;
        for listed in placeholders.chunk_by(|a, b| a.path == b.path) {
            interrupt::check()?;
            let name = listed[0].path.as_str();
            let path = if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
            let unfit = finish(stage, &path, listed, prefix, place)?;
            finished.placed += (listed.len() - unfit.len()) as u64;
            finished.unfit.extend(unfit);
        }
    }
    manifest.placeholders = placeholders;
    Ok(Finished { manifest: Some(manifest), ..finished })
}

/// The manifest that is nearest to the root: an environment may hold another.
fn find_manifest<'a>(stage: &'a Stage) -> Option<(&'a str, &'a str)> {
    stage
        .tree()
        .iter()
        .filter(|(_, node)| **node == Node::File)
        .filter_map(|(path, _)| Some((root_of(path)?, path)))
        .min_by_key(|(root, path)| (root.len(), *path))
}

fn finish(
    stage: &Stage,
    path: &str,
    listed: &[Placeholder],
    prefix: &str,
    place: &Place<'_>,
) -> Result<Vec<Placeholder>> {
    let missing = |placeholder: &Placeholder| Error::Placeholder {
        name: placeholder.path.as_str().into(),
        offset: placeholder.offset,
    };
    // The manifest is as little trusted as the rest of the archive.
    if stage.tree().get(path) != Some(&Node::File) {
        return Err(missing(&listed[0]).into());
    }
    let place_on_disk = stage.ground().at(path);
    let size = fs_err::metadata(&place_on_disk)?.len();
    if let Some(placeholder) = listed.iter().find(|it| it.offset > size || it.length > size - it.offset) {
        return Err(missing(placeholder).into());
    }
    let written = |result| stage.ground().written(path, result);
    let in_binary =
        |listed: &Placeholder| matches!(listed.kind, PlaceholderKind::Padded | PlaceholderKind::Fixed);
    if listed.iter().all(in_binary)
        && let Some((edits, unfit)) = in_stretches(&place_on_disk, size, listed, prefix, place)?
    {
        written(overwrite(&place_on_disk, &edits))?;
        return Ok(unfit);
    }
    let bytes = fs_err::read(&place_on_disk)?;
    let (edits, unfit) = place(&bytes, listed, prefix);
    assert!(splice::are_sound(&edits, size), "unordered edits of `{path}`");
    written(rewrite(&place_on_disk, &bytes, &edits))?;
    Ok(unfit)
}

/// What the placeholders of a binary need, by offset, whose length is kept: all
/// those of a string lie in one stretch. `None` if the file has to be seen at
/// once.
fn in_stretches(
    path: &Path,
    size: u64,
    listed: &[Placeholder],
    prefix: &str,
    place: &Place<'_>,
) -> Result<Option<(Vec<Edit>, Vec<Placeholder>)>> {
    let mut buffer = Vec::new();
    let mut stretches = Stretches::new(fs_err::File::open(path)?, size, &mut buffer);
    let (mut edits, mut unfit, mut rest) = (Vec::new(), Vec::new(), listed);
    loop {
        interrupt::check()?;
        let (at, bytes) = match stretches.next()? {
            Next::Stretch(at, bytes) => (at, bytes),
            Next::TooLong => return Ok(None),
            Next::End => break,
        };
        let end = at + bytes.len() as u64;
        let (here, others) = rest.split_at(rest.partition_point(|placeholder| placeholder.offset < end));
        rest = others;
        let here: Vec<_> =
            here.iter().map(|it| Placeholder { offset: it.offset - at, ..it.clone() }).collect();
        let (found, left) = place(bytes, &here, prefix);
        let sound = found.iter().all(Edit::keeps_length) && splice::are_sound(&found, bytes.len() as u64);
        assert!(sound, "edits of `{}` that are unordered or move what is behind them", path.display());
        edits.extend(found.into_iter().map(|edit| edit.moved(at)));
        unfit.extend(left.into_iter().map(|placeholder| placeholder.moved(at)));
    }
    // A list may name the very end of the file, where no stretch begins.
    unfit.extend_from_slice(rest);
    Ok(Some((edits, unfit)))
}

/// Applies edits that keep a file's length, touching only what they change.
fn overwrite(path: &Path, edits: &[Edit]) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(path)?;
    edits.iter().try_for_each(|edit| file.write_all_at(&edit.bytes, edit.offset))
}

/// Writes a file of these bytes anew, with edits applied.
fn rewrite(path: &Path, bytes: &[u8], edits: &[Edit]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path)?;
    splice::stretches(bytes, edits).try_for_each(|stretch| file.write_all(stretch))
}
