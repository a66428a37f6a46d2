//! A marshalled stream → its objects.

use super::Marshalled;
use super::graph::{DEEPEST, Graph, Id, Kind, Span};
use super::layout::{Field, Layout};
use super::sound::Code;

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
        let graph = Graph::new(stream, layout);
        let (references, parts, numbers) = (Vec::new(), Vec::new(), Vec::new());
        Reader { stream, at: 0, layout, replace, graph, references, parts, numbers, depth: 0 }
    }

    pub(super) fn whole(mut self) -> Option<Marshalled<'a>> {
        let root = self.object(Role::Constant)?;
        let whole = self.at == self.stream.len() && self.graph.kind(root) == Kind::Code;
        whole.then_some(Marshalled { graph: self.graph, root, size: self.stream.len() })
    }

    fn object(&mut self, role: Role) -> Option<Id> {
        let [code] = self.array()?;
        // Neither takes a flag.
        if code == b'r' {
            let index = self.length()?;
            return *self.references.get(index)?;
        }
        if let Some(singleton) = Graph::singleton(code) {
            return Some(singleton);
        }
        let reference = self.references.len();
        let flagged = code & FLAG != 0;
        if flagged {
            self.references.push(None);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let id = self.behind_code(code & !FLAG, role)?;
        self.depth -= 1;
        if flagged {
            self.references[reference] = Some(id);
        }
        Some(id)
    }

    fn behind_code(&mut self, code: u8, role: Role) -> Option<Id> {
        match code {
            b'i' => self.number(Kind::Int, 4),
            b'g' => self.number(Kind::Float, 8),
            b'y' => self.number(Kind::Complex, 16),
            b'l' => {
                // The sign of the number is the sign of the count of digits.
                let (count, digits) = self.stream.get(self.at..)?.split_first_chunk()?;
                let count = usize::try_from(i32::from_le_bytes(*count).unsigned_abs()).ok()?;
                let length = count.checked_mul(2)?;
                digits.get(..length).filter(|digits| are_digits(digits))?;
                self.number(Kind::Long, length.checked_add(4)?)
            }
            b's' => {
                let length = self.length()?;
                self.string(Kind::Bytes, length, role)
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
                self.whole_of(length.into(), role, |graph, parts| graph.add_whole(Kind::Tuple, parts))
            }
            b'(' => {
                let length = self.length()?;
                self.whole_of(length, role, |graph, parts| graph.add_whole(Kind::Tuple, parts))
            }
            b'>' => {
                let length = self.length()?;
                self.whole_of(length, role, Graph::add_set)
            }
            b':' => self.whole_of(3, role, |graph, parts| graph.add_whole(Kind::Slice, parts)),
            b'c' => self.code(),
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
                Field::Name | Field::Names | Field::Constants => Role::Constant,
            };
            let part = self.object(role)?;
            self.parts.push(part);
        }
        let code = Code { numbers: &self.numbers[numbers..], parts: &self.parts[parts..] };
        let code =
            if code.is_sound(&self.graph) { self.graph.add_code(code.numbers, code.parts) } else { None };
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

    fn number(&mut self, kind: Kind, length: usize) -> Option<Id> {
        let span = Span::new(self.at, length)?;
        self.take(length)?;
        self.graph.add_leaf(kind, span)
    }

    fn text(&mut self, code: u8, length: usize, role: Role) -> Option<Id> {
        let text = self.stream.get(self.at..)?.get(..length)?;
        let sound = text.is_ascii() || matches!(code, b'u' | b't') && is_text(text);
        if sound { self.string(Kind::Text, length, role) } else { None }
    }

    fn string(&mut self, kind: Kind, length: usize, role: Role) -> Option<Id> {
        let (offset, span) = (self.at, Span::new(self.at, length)?);
        let bytes = self.take(length)?;
        if role == Role::Constant
            && let Some(new) = (self.replace)(&Constant { offset, bytes })
        {
            return self.graph.add_replaced(kind, &new);
        }
        self.graph.add_leaf(kind, span)
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

/// Whether these are the digits of a number as it is written: of 15 bits each,
/// the highest of which, the last, isn't zero.
fn are_digits(bytes: &[u8]) -> bool {
    let mut digits = bytes.chunks_exact(2).map(|digit| u16::from_le_bytes([digit[0], digit[1]]));
    digits.clone().all(|digit| digit < 1 << 15) && digits.next_back() != Some(0)
}

/// Whether bytes are UTF-8 in which surrogates may stand as they come
/// (`surrogatepass`).
fn is_text(mut bytes: &[u8]) -> bool {
    while let Err(error) = std::str::from_utf8(bytes) {
        match &bytes[error.valid_up_to()..] {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] => bytes = rest,
            _ => return false,
        }
    }
    true
}
