//! Compiled Python as a pure function of its source, the version of Python and
//! the path inside the environment: the header of PEP 552 and a canonical
//! stream of [`marshal`].
//!
//! The file name in code objects becomes the placeholder with the path inside
//! the environment. Importing replaces it by the real one
//! (`_imp._fix_co_filename`), so tracebacks, `pdb` and `inspect` see that; who
//! runs a `.pyc` by itself sees a path that only root can create, so no other
//! user's text is shown as the source. It needs no listing. Prefixes in
//! constants do.

use std::cell::Cell;

use super::Destination;
use super::bytecode::{HEADER, header};
use super::marshal::{self, Constant, Layout};
use super::prefixes::Prefixes;
use crate::entry::{CachedBytecode, Edit, PLACEHOLDER, Placeholder, PlaceholderKind, SourceCheck};

/// The file with its placeholders; `None` if it isn't what compiling produces.
pub(super) fn rewrite(
    path: &str,
    bytes: &[u8],
    (source_hash, check): ([u8; 8], SourceCheck),
    prefixes: &Prefixes,
    destination: &Destination,
) -> Option<(Vec<u8>, Vec<Placeholder>)> {
    let source = CachedBytecode::of(path)?.source();
    let root = match destination {
        Destination::Fixed(path) => path,
        Destination::Anywhere => PLACEHOLDER,
    };
    let (magic, stream, layout) = opened(bytes)?;
    let replace = |constant: &Constant<'_>| replaced(constant.bytes, prefixes, root);
    let mut code = marshal::read(stream, layout, &replace)?;
    code.name(&format!("{root}/{source}"));
    let mut written = code.write(&[magic, &header(source_hash, check)].concat());

    let mut placeholders = Vec::new();
    if *destination == Destination::Anywhere {
        let finder = memchr::memmem::Finder::new(PLACEHOLDER);
        for string in written.replaced {
            let text = &written.bytes[string.clone()];
            placeholders.extend(finder.find_iter(text).map(|at| Placeholder {
                path: path.to_owned(),
                offset: (string.start + at) as u64,
                length: PLACEHOLDER.len() as u64,
                kind: PlaceholderKind::Marshalled,
            }));
        }
    }
    written.bytes.shrink_to_fit();
    Some((written.bytes, placeholders))
}

/// Whether it is said to be of a CPython whose code objects are known: then
/// [`rewrite`] understands all that compiling made.
pub(super) fn is_known(path: &str, bytes: &[u8]) -> bool {
    CachedBytecode::of(path).is_some() && opened(bytes).is_some()
}

/// Writes the destination in place of listed placeholders: all of them or
/// none.
pub(super) fn place(bytes: &[u8], listed: &[&Placeholder], destination: &str) -> Option<Edit> {
    let mut offsets: Vec<usize> =
        listed.iter().filter_map(|placeholder| usize::try_from(placeholder.offset).ok()).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let (_, stream, layout) = opened(bytes)?;
    let found = Cell::new(0);
    let replace = |constant: &Constant<'_>| {
        let start = HEADER + constant.offset;
        let inside = |offset: usize| offset < start + constant.bytes.len();
        let first = offsets.partition_point(|offset| *offset < start);
        let (mut new, mut at) = (Vec::new(), 0);
        for offset in offsets[first..].iter().copied().take_while(|offset| inside(*offset)) {
            let here = offset - start;
            if here < at || !constant.bytes[here..].starts_with(PLACEHOLDER.as_bytes()) {
                return None;
            }
            found.set(found.get() + 1);
            new.extend_from_slice(&constant.bytes[at..here]);
            new.extend_from_slice(destination.as_bytes());
            at = here + PLACEHOLDER.len();
        }
        new.extend_from_slice(&constant.bytes[at..]);
        (at > 0).then_some(new)
    };
    let written = marshal::read(stream, layout, &replace)?.write(&[]);
    (found.get() == listed.len()).then_some(Edit {
        offset: HEADER as u64,
        length: stream.len() as u64,
        bytes: written.bytes,
    })
}

/// The magic number, the stream and its layout.
fn opened(bytes: &[u8]) -> Option<(&[u8], &[u8], Layout)> {
    let (head, stream) = bytes.split_at_checked(HEADER)?;
    let layout = Layout::of_magic(u16::from_le_bytes([head[0], head[1]]))?;
    Some((&head[..4], stream, layout))
}

/// A string with `root` for each prefix; `None` if there is none.
fn replaced(string: &[u8], prefixes: &Prefixes, root: &str) -> Option<Vec<u8>> {
    if string.len() < prefixes.shortest() || !prefixes.occur(string) {
        return None;
    }
    let hits = prefixes.hits(string);
    let (mut new, mut at) = (Vec::new(), 0);
    for hit in &hits {
        new.extend_from_slice(&string[at..hit.start]);
        new.extend_from_slice(root.as_bytes());
        at = hit.end;
    }
    new.extend_from_slice(&string[at..]);
    (!hits.is_empty()).then_some(new)
}
