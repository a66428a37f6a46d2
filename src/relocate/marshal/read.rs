//! A marshalled stream → its objects.

use super::Marshalled;
use super::graph::{DEEPEST, Graph, Id, Node, Text};
use super::layout::{Field, Layout};

/// A string among the constants and names of a stream.
pub(in crate::relocate) struct Constant<'s> {
    /// Where its bytes begin in the stream.
    pub offset: usize,
    pub bytes: &'s [u8],
}

/// Marks an object that later references mean.
const FLAG: u8 = 0x80;

pub(super) struct Reader<'a, 'r> {
    stream: &'a [u8],
    at: usize,
    layout: Layout,
    replace: &'r dyn Fn(&Constant<'_>) -> Option<Vec<u8>>,
    graph: Graph<'a>,
    /// The flagged objects in the order of their beginnings; `None` for those
    /// that have not ended.
    references: Vec<Option<Id>>,
    /// The parts so far of objects that have not ended, of inner ones behind
    /// those of outer ones.
    parts: Vec<Id>,
    /// Likewise.
    numbers: Vec<[u8; 4]>,
    depth: u16,
}

/// What the bytes of a string are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// May be replaced.
    Constant,
    /// Stays as it is.
    Fixed,
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(super) fn new(
        stream: &'a [u8],
        layout: Layout,
        replace: &'r dyn Fn(&Constant<'_>) -> Option<Vec<u8>>,
    ) -> Self {
        let graph = Graph::with_room_for(stream.len());
        let (references, parts, numbers) = (Vec::new(), Vec::new(), Vec::new());
        Reader { stream, at: 0, layout, replace, graph, references, parts, numbers, depth: 0 }
    }

    pub(super) fn whole(mut self) -> Option<Marshalled<'a>> {
        let root = self.object(Role::Constant)?;
        let whole = self.at == self.stream.len() && matches!(self.graph.node(root), Node::Code { .. });
        whole.then_some(Marshalled { graph: self.graph, root, size: self.stream.len() })
    }

    fn object(&mut self, role: Role) -> Option<Id> {
        let [code] = self.array()?;
        let (code, flagged) = (code & !FLAG, code & FLAG != 0);
        if flagged && matches!(code, b'N' | b'T' | b'F' | b'.' | b'S' | b'r') {
            return None;
        }
        let reference = self.references.len();
        if flagged {
            self.references.push(None);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let id = self.behind_code(code, role)?;
        self.depth -= 1;
        if flagged {
            self.references[reference] = Some(id);
        }
        Some(id)
    }

    fn behind_code(&mut self, code: u8, role: Role) -> Option<Id> {
        match code {
            b'N' | b'T' | b'F' | b'.' | b'S' => self.graph.add(Node::Singleton(code), &[]),
            b'i' => self.number(code, 4),
            b'g' => self.number(code, 8),
            b'y' => self.number(code, 16),
            b'l' => {
                // The sign of the number is the sign of the count of digits.
                let digits = i32::from_le_bytes(*self.stream.get(self.at..)?.first_chunk()?).unsigned_abs();
                self.number(code, usize::try_from(digits).ok()?.checked_mul(2)?.checked_add(4)?)
            }
            b's' => {
                let length = self.length()?;
                self.bytes(length, role)
            }
            b'u' | b't' | b'a' | b'A' => {
                let length = self.length()?;
                self.text(code, length, role)
            }
            b'z' | b'Z' => {
                let [length] = self.array()?;
                self.text(code, length.into(), role)
            }
            b')' => {
                let [length] = self.array()?;
                self.whole_of(length.into(), role, |graph, parts| graph.add(Node::Tuple, parts))
            }
            b'(' => {
                let length = self.length()?;
                self.whole_of(length, role, |graph, parts| graph.add(Node::Tuple, parts))
            }
            b'>' => {
                let length = self.length()?;
                self.whole_of(length, role, Graph::add_set)
            }
            b':' => self.whole_of(3, role, |graph, parts| graph.add(Node::Slice, parts)),
            b'c' => self.code(),
            b'r' => {
                let index = self.length()?;
                *self.references.get(index)?
            }
            _ => None,
        }
    }

    fn code(&mut self) -> Option<Id> {
        let (parts, numbers) = (self.parts.len(), self.numbers.len());
        for field in self.layout.fields() {
            let role = match field {
                Field::Number => {
                    let number = self.array()?;
                    self.numbers.push(number);
                    continue;
                }
                Field::Machine | Field::FileName => Role::Fixed,
                Field::Object => Role::Constant,
            };
            let part = self.object(role)?;
            self.parts.push(part);
        }
        let code = self.graph.add_code(self.layout, &self.numbers[numbers..], &self.parts[parts..]);
        self.parts.truncate(parts);
        self.numbers.truncate(numbers);
        code
    }

    /// What `add` makes of the next `count` objects.
    fn whole_of(
        &mut self,
        count: usize,
        role: Role,
        add: impl FnOnce(&mut Graph<'a>, &[Id]) -> Option<Id>,
    ) -> Option<Id> {
        let start = self.parts.len();
        for _ in 0..count {
            let part = self.object(role)?;
            self.parts.push(part);
        }
        let whole = add(&mut self.graph, &self.parts[start..]);
        self.parts.truncate(start);
        whole
    }

    fn number(&mut self, code: u8, length: usize) -> Option<Id> {
        let bytes = self.take(length)?;
        self.graph.add(Node::Number { code, bytes }, &[])
    }

    fn bytes(&mut self, length: usize, role: Role) -> Option<Id> {
        let offset = self.at;
        let bytes = self.take(length)?;
        match self.replacement(offset, bytes, role) {
            Some(new) => self.graph.add_replaced(Node::Bytes, new),
            None => self.graph.add(Node::Bytes(Text::Read(bytes)), &[]),
        }
    }

    fn text(&mut self, code: u8, length: usize, role: Role) -> Option<Id> {
        let offset = self.at;
        let text = self.take(length)?;
        if !matches!(code, b'u' | b't') && !text.is_ascii() {
            return None;
        }
        match self.replacement(offset, text, role) {
            Some(new) => self.graph.add_replaced(Node::Text, new),
            None => self.graph.add(Node::Text(Text::Read(text)), &[]),
        }
    }

    fn replacement(&self, offset: usize, bytes: &[u8], role: Role) -> Option<Vec<u8>> {
        if role == Role::Constant { (self.replace)(&Constant { offset, bytes }) } else { None }
    }

    fn length(&mut self) -> Option<usize> {
        // Lengths are signed; what is negative is damaged.
        usize::try_from(i32::from_le_bytes(self.array()?)).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.stream.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }
}
