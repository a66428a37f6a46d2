//! tar headers: POSIX ustar, with a pax header only before an entry that
//! ustar can't express.

use tar::{EntryType, Header};

use super::mode::permissions;
use crate::entry::{Measured, Node};

/// Headers and contents fill whole records of this many bytes.
pub(super) const RECORD: usize = 512;

/// A stream ends with two records of zeros.
pub(super) const END: usize = 2 * RECORD;

/// Twelve bytes of octal digits hold less than this.
const TOO_LARGE: u64 = 8 << 30;

/// The header of an entry: one record, or three and more with a pax header.
/// The content comes after it.
pub(super) fn header(item: &Measured, time: u64) -> Vec<u8> {
    let (kind, link) = match &item.entry.node {
        Node::Directory => (EntryType::Directory, ""),
        Node::Link(target) => (EntryType::Symlink, target.as_str()),
        Node::File(_) => (EntryType::Regular, ""),
    };
    let mode = permissions(&item.entry.node);
    let mut path = item.entry.path.to_string();
    if kind.is_dir() {
        path.push('/');
    }

    let mut bytes = Vec::with_capacity(RECORD);
    let mut pax = Vec::new();
    let mut header = Header::new_ustar();
    if !set_path(&mut header, &path) {
        record(&mut pax, "path", &path);
    }
    if !set_link(&mut header, link) {
        record(&mut pax, "linkpath", link);
    }
    if item.size >= TOO_LARGE {
        record(&mut pax, "size", &item.size.to_string());
    }
    if !pax.is_empty() {
        let mut extension = Header::new_ustar();
        set_path(&mut extension, "PaxHeaders/entry");
        append(&mut bytes, &mut extension, EntryType::XHeader, 0o644, pax.len() as u64, time);
        bytes.extend_from_slice(&pax);
        bytes.resize(bytes.len().next_multiple_of(RECORD), 0);
    }
    let size = if item.size < TOO_LARGE { item.size } else { 0 };
    append(&mut bytes, &mut header, kind, mode, size, time);
    bytes
}

fn append(bytes: &mut Vec<u8>, header: &mut Header, kind: EntryType, mode: u32, size: u64, time: u64) {
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(time);
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
}

/// Puts a path into the name and prefix fields. Where it doesn't fit, the name
/// is its beginning, for readers that know no pax, and the answer false.
/// Names beyond ASCII count as unfit, since ustar doesn't say how they are
/// encoded and Java reads them as its locale has it.
fn set_path(header: &mut Header, path: &str) -> bool {
    let Some(fields) = header.as_ustar_mut() else { return false };
    let (prefix, name) = match split(path, fields.prefix.len(), fields.name.len()) {
        Some(fitting) if path.is_ascii() => fitting,
        _ => {
            fill(&mut fields.name, path);
            return false;
        }
    };
    fill(&mut fields.prefix, prefix);
    fill(&mut fields.name, name);
    true
}

fn set_link(header: &mut Header, target: &str) -> bool {
    let Some(fields) = header.as_ustar_mut() else { return false };
    fill(&mut fields.linkname, target);
    target.is_ascii() && target.len() <= fields.linkname.len()
}

/// Copies what fits, with a question mark for every byte beyond ASCII.
fn fill(field: &mut [u8], text: &str) {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = if from.is_ascii() { from } else { b'?' };
    }
}

/// Splits a path at a slash so that both sides fit, with as short a prefix as
/// possible.
fn split(path: &str, prefix: usize, name: usize) -> Option<(&str, &str)> {
    if path.len() <= name {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(slash, _)| (&path[..slash], &path[slash + 1..]))
        .find(|(_, rest)| rest.len() <= name)
        .filter(|(start, rest)| start.len() <= prefix && !rest.is_empty())
}

/// Appends a pax record, which begins with its own length in decimal digits.
fn record(pax: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + " =\n".len();
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    pax.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, Group};

    fn item(path: &str, node: Node) -> Measured {
        let entry = Entry { path: path.into(), group: Group::Loose, node };
        Measured::empty(entry)
    }

    #[test]
    fn a_plain_name_needs_one_record() {
        assert_eq!(header(&item("bin/python", Node::Directory), 0).len(), RECORD);
        let split = format!("{}/{}", "d".repeat(155), "f".repeat(100));
        assert_eq!(header(&item(&split, Node::Link("x".repeat(100))), 0).len(), RECORD);
    }

    #[test]
    fn pax_comes_only_where_ustar_fails() {
        for path in ["f".repeat(101), "naïve".to_owned(), format!("{}/x", "d".repeat(156))] {
            assert_eq!(header(&item(&path, Node::Link("x".to_owned())), 0).len(), 3 * RECORD, "{path}");
        }
        assert_eq!(header(&item("x", Node::Link("y".repeat(101))), 0).len(), 3 * RECORD);
    }

    #[test]
    fn a_pax_record_counts_itself() {
        for length in [1, 80, 88, 89, 90, 91, 92, 93, 980, 987, 988, 989, 990, 991, 992] {
            let mut pax = Vec::new();
            record(&mut pax, "path", &"x".repeat(length));
            let text = String::from_utf8(pax).unwrap();
            let (counted, _) = text.split_once(' ').unwrap();
            assert_eq!(counted.parse::<usize>().unwrap(), text.len());
        }
    }
}
