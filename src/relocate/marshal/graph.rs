//! Objects of which equal ones are the same.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::layout::Layout;

/// An object of a [`Graph`].
pub(super) type Id = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// `None`, `True`, `...`: one byte, never referred to.
    Singleton(u8),
    Number {
        code: u8,
        bytes: &'a [u8],
    },
    Bytes(Cow<'a, [u8]>),
    /// UTF-8, with surrogates as they come. Whether a string was interned is
    /// no part of its value: that of one character, or of a qualified name,
    /// depends on what else the compiling process had done.
    Text(Cow<'a, [u8]>),
    Tuple(Vec<Id>),
    /// The ids are in an order that only the values decide.
    FrozenSet(Vec<Id>),
    Slice([Id; 3]),
    Code(Box<Code>),
    /// Of code objects only, even if a constant says the same.
    FileName(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub layout: Layout,
    /// The numbers among the fields, as they are written.
    pub numbers: Vec<[u8; 4]>,
    /// The objects among the fields but for the file name.
    pub objects: Vec<Id>,
    pub file_name: Id,
}

impl Node<'_> {
    pub(super) fn children(&self) -> &[Id] {
        match self {
            Node::Tuple(items) | Node::FrozenSet(items) => items,
            Node::Slice(parts) => parts,
            Node::Code(code) => &code.objects,
            Node::Singleton(_) | Node::Number { .. } | Node::Bytes(_) | Node::Text(_) | Node::FileName(_) => {
                &[]
            }
        }
    }
}

/// All objects of a stream. None is a part of itself: parts come before wholes.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    facts: Vec<Facts>,
    /// By digest.
    known: HashMap<u128, Id, BuildHasherDefault<Digested>>,
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    /// The objects on the longest way down.
    height: usize,
    /// Of the value, whatever the ids are; nothing if there is code in it.
    digest: Option<u128>,
    /// It took the place of a constant.
    replaced: bool,
}

/// The deepest nesting that is read or written. CPython refuses 2000, and
/// compiles no source that needs a tenth of it.
pub(super) const DEEPEST: usize = 500;

/// Room is taken for one object in so many bytes of a stream; a wrong guess
/// costs no more than taking room again.
const BYTES_OF_OBJECT: usize = 16;

/// Room for more objects is only taken when they come: a large file may turn
/// out to hold none.
const MOST: usize = 1 << 16;

impl<'a> Graph<'a> {
    /// Without an object, for a stream of this many bytes.
    pub(super) fn with_room_for(bytes: usize) -> Self {
        let objects = (bytes / BYTES_OF_OBJECT).min(MOST);
        Graph {
            nodes: Vec::with_capacity(objects),
            facts: Vec::with_capacity(objects),
            known: HashMap::with_capacity_and_hasher(objects, BuildHasherDefault::default()),
        }
    }

    /// The object with this value; `None` if it is too deep, a set of what
    /// can't be in a set, or made to be taken for another one.
    pub(super) fn add(&mut self, node: Node<'a>) -> Option<Id> {
        let digest = self.digest(&node);
        let id = self.nodes.len();
        match digest.map(|digest| self.known.entry(digest)) {
            Some(Entry::Occupied(known)) => {
                let known = *known.get();
                return (self.nodes[known] == node).then_some(known);
            }
            Some(Entry::Vacant(place)) => {
                place.insert(id);
            }
            None if matches!(node, Node::FrozenSet(_)) => return None,
            None => {}
        }
        let children = node.children();
        let height = 1 + children.iter().map(|child| self.facts[*child].height).max().unwrap_or(0);
        if height > DEEPEST {
            return None;
        }
        self.nodes.push(node);
        self.facts.push(Facts { height, digest, replaced: false });
        Some(id)
    }

    /// A set of these objects, which has none of them twice.
    pub(super) fn add_set(&mut self, mut items: Vec<Id>) -> Option<Id> {
        items.sort_by_key(|item| self.facts[*item].digest);
        items.dedup();
        self.add(Node::FrozenSet(items))
    }

    /// As [`Graph::add`], for what takes the place of a constant.
    pub(super) fn add_replaced(&mut self, node: Node<'a>) -> Option<Id> {
        let id = self.add(node)?;
        self.facts[id].replaced = true;
        Some(id)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn is_replaced(&self, id: Id) -> bool {
        self.facts[id].replaced
    }

    /// Gives all code objects this file name that have the one of `root`.
    pub(super) fn name(&mut self, root: Id, file_name: &str) {
        let Node::Code(code) = &self.nodes[root] else { return };
        let old = code.file_name;
        let Some(new) = self.add(Node::FileName(file_name.to_owned())) else { return };
        for node in &mut self.nodes {
            if let Node::Code(code) = node
                && code.file_name == old
            {
                code.file_name = new;
            }
        }
    }

    /// A hash with a key that everybody knows, the same on every machine: what
    /// it orders is in the same order everywhere.
    fn digest(&self, node: &Node<'_>) -> Option<u128> {
        let mut hasher = SipHasher13::new();
        let (code, bytes): (u8, &[u8]) = match node {
            Node::Singleton(code) => (*code, &[]),
            Node::Number { code, bytes } => (*code, bytes),
            Node::Bytes(bytes) => (b's', bytes),
            Node::Text(text) => (b'u', text),
            Node::Tuple(_) => (b'(', &[]),
            Node::FrozenSet(_) => (b'>', &[]),
            Node::Slice(_) => (b':', &[]),
            Node::Code(_) | Node::FileName(_) => return None,
        };
        hasher.write(&[code]);
        hasher.write(bytes);
        for child in node.children() {
            hasher.write(&self.facts[*child].digest?.to_le_bytes());
        }
        Some(hasher.finish128().as_u128())
    }
}

/// What is a hash already is not hashed again.
#[derive(Clone, Copy, Debug, Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only digests are looked up");
    }

    #[allow(clippy::cast_possible_truncation)] // any 64 bits of it will do
    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
