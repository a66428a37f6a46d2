//! Objects → the canonical stream.

use std::ops::Range;

use super::Written;
use super::graph::{Code, Graph, Id, Node};
use super::layout::Field;

/// Writes what belongs to `root`, of a stream that had about `size` bytes.
pub(super) fn write(graph: &Graph<'_>, root: Id, size: usize) -> Written {
    let mut uses = vec![0; graph.len()];
    count(graph, root, &mut uses);
    let numbers = vec![None; graph.len()];
    let mut writer =
        Writer { graph, uses, numbers, flagged: 0, bytes: Vec::with_capacity(size), replaced: Vec::new() };
    writer.object(root);
    Written { bytes: writer.bytes, replaced: writer.replaced }
}

/// How often each object is written or referred to.
fn count(graph: &Graph<'_>, id: Id, uses: &mut [u32]) {
    uses[id] += 1;
    if uses[id] == 1 {
        let node = graph.node(id);
        node.children().iter().for_each(|child| count(graph, *child, uses));
        if let Node::Code(code) = node {
            count(graph, code.file_name, uses);
        }
    }
}

struct Writer<'g, 'a> {
    graph: &'g Graph<'a>,
    uses: Vec<u32>,
    /// Under which reference an object was written.
    numbers: Vec<Option<u32>>,
    flagged: u32,
    bytes: Vec<u8>,
    replaced: Vec<Range<usize>>,
}

impl Writer<'_, '_> {
    fn object(&mut self, id: Id) {
        let node = self.graph.node(id);
        if let Some(number) = self.numbers[id] {
            self.bytes.push(b'r');
            self.bytes.extend(number.to_le_bytes());
            return;
        }
        let start = self.bytes.len();
        if self.uses[id] > 1 && !matches!(node, Node::Singleton(_)) {
            self.numbers[id] = Some(self.flagged);
            self.flagged += 1;
        }
        match node {
            Node::Singleton(code) => self.bytes.push(*code),
            Node::Number { code, bytes } => {
                self.bytes.push(*code);
                self.bytes.extend_from_slice(bytes);
            }
            Node::Bytes(bytes) => {
                self.head(b's', bytes.len());
                self.string(id, bytes);
            }
            Node::Text(text) => self.text(id, text),
            Node::FileName(name) => self.text(id, name.as_bytes()),
            Node::Tuple(items) => {
                match u8::try_from(items.len()) {
                    Ok(length) => self.bytes.extend([b')', length]),
                    Err(_) => self.head(b'(', items.len()),
                }
                self.objects(items);
            }
            Node::FrozenSet(items) => {
                self.head(b'>', items.len());
                self.objects(items);
            }
            Node::Slice(parts) => {
                self.bytes.push(b':');
                self.objects(parts);
            }
            Node::Code(code) => self.code(code),
        }
        if self.numbers[id].is_some() {
            self.bytes[start] |= 0x80;
        }
    }

    fn objects(&mut self, ids: &[Id]) {
        for id in ids {
            self.object(*id);
        }
    }

    fn code(&mut self, code: &Code) {
        self.bytes.push(b'c');
        let (mut numbers, mut objects) = (code.numbers.iter(), code.objects.iter());
        for field in code.layout.fields() {
            match field {
                Field::Number => numbers.next().into_iter().for_each(|number| self.bytes.extend(number)),
                Field::FileName => self.object(code.file_name),
                Field::Machine | Field::Object => {
                    objects.next().into_iter().for_each(|object| self.object(*object));
                }
            }
        }
    }

    /// As short as the format has it, and interned if it could be a name:
    /// loading interns the names of a code object and such constants anyway.
    fn text(&mut self, id: Id, text: &[u8]) {
        let interned = text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match u8::try_from(text.len()) {
            Ok(length) if text.is_ascii() => self.bytes.extend([if interned { b'Z' } else { b'z' }, length]),
            _ if text.is_ascii() => self.head(if interned { b'A' } else { b'a' }, text.len()),
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
        self.bytes.push(code);
        self.bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
}
