//! Objects → the canonical stream.

use std::ops::Range;

use super::Written;
use super::graph::{Graph, Id, Kind};
use super::layout::Field;

/// Appends what belongs to `root` to `bytes`.
pub(super) fn write(graph: &Graph<'_>, root: Id, bytes: Vec<u8>) -> Written {
    let numbers = vec![NONE; graph.len()];
    let mut writer = Writer { graph, numbers, flagged: 0, bytes, replaced: Vec::new() };
    writer.object(root);
    Written { bytes: writer.bytes, replaced: writer.replaced }
}

/// No reference: there are fewer than a stream has bytes.
const NONE: u32 = u32::MAX;

/// The bytes of names (`all_name_chars` in `Objects/codeobject.c`).
const IN_NAMES: [bool; 256] = {
    let mut names = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        names[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
        byte += 1;
    }
    names
};

struct Writer<'g, 'a> {
    graph: &'g Graph<'a>,
    /// Under which reference each object was written.
    numbers: Vec<u32>,
    flagged: u32,
    bytes: Vec<u8>,
    replaced: Vec<Range<usize>>,
}

impl Writer<'_, '_> {
    fn object(&mut self, id: Id) {
        let number = &mut self.numbers[id as usize];
        if *number != NONE {
            let [a, b, c, d] = number.to_le_bytes();
            self.bytes.extend_from_slice(&[b'r', a, b, c, d]);
            return;
        }
        let kind = self.graph.kind(id);
        let start = self.bytes.len();
        let flagged = self.graph.is_shared(id);
        if flagged {
            *number = self.flagged;
            self.flagged += 1;
        }
        match kind {
            Kind::None | Kind::True | Kind::False | Kind::Ellipsis | Kind::StopIteration => {
                self.bytes.push(kind as u8);
            }
            Kind::Int | Kind::Long | Kind::Float | Kind::Complex => {
                self.bytes.push(kind as u8);
                self.bytes.extend_from_slice(self.graph.bytes(id));
            }
            Kind::Bytes => {
                let bytes = self.graph.bytes(id);
                self.head(b's', bytes.len());
                self.string(id, bytes);
            }
            Kind::Text | Kind::FileName => self.text(id, self.graph.bytes(id)),
            Kind::Tuple => {
                let parts = self.graph.parts(id);
                match u8::try_from(parts.len()) {
                    Ok(length) => self.bytes.extend_from_slice(&[b')', length]),
                    Err(_) => self.head(b'(', parts.len()),
                }
                self.parts(id);
            }
            Kind::FrozenSet => {
                self.head(b'>', self.graph.parts(id).len());
                self.parts(id);
            }
            Kind::Slice => {
                self.bytes.push(b':');
                self.parts(id);
            }
            Kind::Code => self.code(id),
        }
        if flagged {
            self.bytes[start] |= 0x80;
        }
    }

    fn parts(&mut self, id: Id) {
        for part in self.graph.parts(id) {
            self.object(*part);
        }
    }

    fn code(&mut self, id: Id) {
        self.bytes.push(b'c');
        let mut numbers = self.graph.bytes(id).chunks_exact(4);
        let mut parts = self.graph.parts(id).iter();
        for field in self.graph.layout().fields() {
            match field {
                Field::Number => {
                    numbers.next().into_iter().for_each(|number| self.bytes.extend_from_slice(number));
                }
                _ => {
                    parts.next().into_iter().for_each(|part| self.object(*part));
                }
            }
        }
    }

    /// As short as the format has it, and interned if it could be a name:
    /// loading interns the names of a code object and such constants anyway.
    fn text(&mut self, id: Id, text: &[u8]) {
        let interned = text.iter().all(|byte| IN_NAMES[usize::from(*byte)]);
        let ascii = interned || text.is_ascii();
        match u8::try_from(text.len()) {
            Ok(length) if ascii => {
                self.bytes.extend_from_slice(&[if interned { b'Z' } else { b'z' }, length]);
            }
            _ if ascii => self.head(if interned { b'A' } else { b'a' }, text.len()),
            _ => self.head(b'u', text.len()),
        }
        self.string(id, text);
    }

    fn string(&mut self, id: Id, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        if self.graph.is_replaced(id) {
            self.replaced.push(start..self.bytes.len());
        }
    }

    /// A type code and a length in four bytes. What was read had lengths that
    /// fit, and replacements are paths.
    fn head(&mut self, code: u8, length: usize) {
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes.extend_from_slice(&[code, a, b, c, d]);
    }
}
