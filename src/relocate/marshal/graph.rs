//! Objects of which equal ones are the same.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::layout::{Field, Layout};

/// An object of a [`Graph`].
pub(super) type Id = u32;

/// An object but for its parts, which are [`Graph::parts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// `None`, `True`, `...`: one byte, never referred to.
    Singleton(u8),
    Number {
        code: u8,
        bytes: &'a [u8],
    },
    Bytes(Text<'a>),
    /// UTF-8, with surrogates as they come. Whether a string was interned is
    /// no part of its value: that of one character, or of a qualified name,
    /// depends on what else the compiling process had done.
    Text(Text<'a>),
    /// Of code objects only, even if a constant says the same.
    FileName(Text<'a>),
    Tuple,
    /// The parts are in an order that only the values decide.
    FrozenSet,
    Slice,
    Code {
        layout: Layout,
        /// Which of [`Graph::numbers`] its own begin at.
        numbers: usize,
    },
}

impl Node<'_> {
    /// A number that is equal to nothing, not even to another such object.
    fn is_nan(self) -> bool {
        let Node::Number { code: b'g' | b'y', bytes } = self else { return false };
        let parts = bytes.chunks_exact(size_of::<f64>());
        parts.filter_map(|part| part.try_into().ok()).any(|part| f64::from_le_bytes(part).is_nan())
    }
}

/// The bytes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text<'a> {
    Read(&'a [u8]),
    /// Which of the strings that take the place of others.
    Made(usize),
}

/// All objects of a stream. None is a part of itself: parts come before wholes.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    objects: Objects<'a>,
    /// Those that others may be equal to.
    known: HashTable<Id>,
    /// Of the objects that are inside of sets.
    digests: Vec<Option<u128>>,
}

#[derive(Debug)]
struct Objects<'a> {
    all: Vec<Object<'a>>,
    /// Of each object, one after the other.
    parts: Vec<Id>,
    /// Of each code object.
    numbers: Vec<[u8; 4]>,
    made: Vec<Vec<u8>>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy, Debug)]
struct Object<'a> {
    node: Node<'a>,
    /// Where its parts begin, and how many there are.
    parts: (u32, u32),
    /// How often it is a part.
    uses: u32,
    /// The objects on the longest way down.
    height: u16,
    has_code: bool,
    /// It took the place of a constant.
    replaced: bool,
}

/// The deepest nesting that is read or written. CPython refuses 2000, and
/// compiles no source that needs a tenth of it.
pub(super) const DEEPEST: u16 = 500;

/// Room is taken for one object in so many bytes of a stream; a wrong guess
/// costs no more than taking room again.
const BYTES_OF_OBJECT: usize = 16;

/// Room for more objects is only taken when they come: a large file may turn
/// out to hold none.
const MOST: usize = 1 << 16;

impl<'a> Graph<'a> {
    /// Without an object, for a stream of this many bytes.
    pub(super) fn with_room_for(bytes: usize) -> Self {
        let room = (bytes / BYTES_OF_OBJECT).min(MOST);
        let objects = Objects {
            all: Vec::with_capacity(room),
            parts: Vec::with_capacity(room),
            numbers: Vec::new(),
            made: Vec::new(),
            hasher: DefaultHashBuilder::default(),
        };
        Graph { objects, known: HashTable::with_capacity(room), digests: Vec::new() }
    }

    /// The object with this value; `None` if it is too deep.
    pub(super) fn add(&mut self, node: Node<'a>, parts: &[Id]) -> Option<Id> {
        let objects = &mut self.objects;
        let of_parts = parts.iter().map(|part| &objects.all[*part as usize]);
        let (height, has_code) = of_parts
            .fold((0, matches!(node, Node::Code { .. })), |(height, code), part| {
                (part.height.max(height), code || part.has_code)
            });
        if height >= DEEPEST {
            return None;
        }
        let id = Id::try_from(objects.all.len()).ok()?;
        if !has_code && !node.is_nan() {
            let hash = objects.hash(node, parts);
            let equal = |known: &Id| objects.is(*known, node, parts);
            match self.known.entry(hash, equal, |known| objects.hash_of(*known)) {
                Entry::Occupied(known) => return Some(*known.get()),
                Entry::Vacant(place) => place.insert(id),
            };
        }
        for part in parts {
            objects.all[*part as usize].uses += 1;
        }
        let place = (u32::try_from(objects.parts.len()).ok()?, u32::try_from(parts.len()).ok()?);
        objects.parts.extend_from_slice(parts);
        objects.all.push(Object {
            node,
            parts: place,
            uses: 0,
            height: height + 1,
            has_code,
            replaced: false,
        });
        Some(id)
    }

    /// A set of these objects, which has none of them twice; `None` if one
    /// can't be in a set. Those of one digest stay in the order of the stream.
    pub(super) fn add_set(&mut self, parts: &[Id]) -> Option<Id> {
        let mut ordered =
            parts.iter().map(|part| Some((self.digest(*part)?, *part))).collect::<Option<Vec<_>>>()?;
        ordered.sort_unstable();
        ordered.dedup();
        let parts: Vec<Id> = ordered.into_iter().map(|(_, part)| part).collect();
        self.add(Node::FrozenSet, &parts)
    }

    /// A code object with its numbers and objects as they are written.
    pub(super) fn add_code(&mut self, layout: Layout, numbers: &[[u8; 4]], parts: &[Id]) -> Option<Id> {
        let first = self.objects.numbers.len();
        self.objects.numbers.extend_from_slice(numbers);
        self.add(Node::Code { layout, numbers: first }, parts)
    }

    /// As [`Graph::add`], for a string that takes the place of a constant.
    pub(super) fn add_replaced(&mut self, kind: fn(Text<'a>) -> Node<'a>, bytes: Vec<u8>) -> Option<Id> {
        let id = self.add_made(kind, bytes)?;
        self.objects.all[id as usize].replaced = true;
        Some(id)
    }

    fn add_made(&mut self, kind: fn(Text<'a>) -> Node<'a>, bytes: Vec<u8>) -> Option<Id> {
        self.objects.made.push(bytes);
        self.add(kind(Text::Made(self.objects.made.len() - 1)), &[])
    }

    pub(super) fn node(&self, id: Id) -> Node<'a> {
        self.objects.all[id as usize].node
    }

    pub(super) fn parts(&self, id: Id) -> &[Id] {
        self.objects.parts(id)
    }

    pub(super) fn bytes<'s>(&'s self, text: Text<'s>) -> &'s [u8] {
        self.objects.bytes(text)
    }

    /// Those of a code object, from the first of its own on.
    pub(super) fn numbers(&self, first: usize) -> &[[u8; 4]] {
        &self.objects.numbers[first..]
    }

    pub(super) fn len(&self) -> usize {
        self.objects.all.len()
    }

    /// Whether more than one object has it as a part, or one has it twice.
    pub(super) fn is_shared(&self, id: Id) -> bool {
        self.objects.all[id as usize].uses > 1
    }

    pub(super) fn is_replaced(&self, id: Id) -> bool {
        self.objects.all[id as usize].replaced
    }

    /// Gives all code objects this file name that have the one of `root`.
    pub(super) fn name(&mut self, root: Id, file_name: &str) {
        let Some(old) = self.objects.place_of_name(root).map(|place| self.objects.parts[place]) else {
            return;
        };
        let Some(new) = self.add_made(Node::FileName, file_name.into()) else { return };
        for id in 0..new {
            if let Some(place) = self.objects.place_of_name(id)
                && self.objects.parts[place] == old
            {
                self.objects.parts[place] = new;
                self.objects.all[old as usize].uses -= 1;
                self.objects.all[new as usize].uses += 1;
            }
        }
    }

    /// A hash with a key that everybody knows, the same on every machine: what
    /// it orders is in the same order everywhere. `None` for what has code in
    /// it.
    fn digest(&mut self, id: Id) -> Option<u128> {
        let object = self.objects.all[id as usize];
        if object.has_code {
            return None;
        }
        let index = id as usize;
        if let Some(Some(known)) = self.digests.get(index) {
            return Some(*known);
        }
        let mut hasher = SipHasher13::new();
        let (code, bytes) = self.objects.value(object.node);
        hasher.write(&[code]);
        hasher.write(bytes);
        for place in object.places() {
            hasher.write(&self.digest(self.objects.parts[place])?.to_le_bytes());
        }
        let digest = hasher.finish128().as_u128();
        if self.digests.len() <= index {
            self.digests.resize(self.objects.all.len(), None);
        }
        self.digests[index] = Some(digest);
        Some(digest)
    }
}

impl Object<'_> {
    /// Of its parts among all.
    fn places(&self) -> Range<usize> {
        let (start, count) = self.parts;
        start as usize..start as usize + count as usize
    }
}

impl Objects<'_> {
    fn parts(&self, id: Id) -> &[Id] {
        &self.parts[self.all[id as usize].places()]
    }

    fn bytes<'s>(&'s self, text: Text<'s>) -> &'s [u8] {
        match text {
            Text::Read(bytes) => bytes,
            Text::Made(index) => &self.made[index],
        }
    }

    /// What the object is but for its parts.
    fn value<'s>(&'s self, node: Node<'s>) -> (u8, &'s [u8]) {
        match node {
            Node::Singleton(code) => (code, &[]),
            Node::Number { code, bytes } => (code, bytes),
            Node::Bytes(bytes) => (b's', self.bytes(bytes)),
            Node::Text(text) => (b'u', self.bytes(text)),
            Node::FileName(text) => (b'f', self.bytes(text)),
            Node::Tuple => (b'(', &[]),
            Node::FrozenSet => (b'>', &[]),
            Node::Slice => (b':', &[]),
            Node::Code { .. } => (b'c', &[]),
        }
    }

    fn is(&self, id: Id, node: Node<'_>, parts: &[Id]) -> bool {
        self.value(self.all[id as usize].node) == self.value(node) && self.parts(id) == parts
    }

    fn hash_of(&self, id: Id) -> u64 {
        self.hash(self.all[id as usize].node, self.parts(id))
    }

    /// Another one in each process: no file can be made to have many objects
    /// of one hash.
    fn hash(&self, node: Node<'_>, parts: &[Id]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        let (code, bytes) = self.value(node);
        hasher.write_u8(code);
        hasher.write(bytes);
        for part in parts {
            hasher.write_u32(*part);
        }
        hasher.finish()
    }

    /// Where among all parts the file name of a code object stands.
    fn place_of_name(&self, id: Id) -> Option<usize> {
        let object = self.all[id as usize];
        let Node::Code { layout, .. } = object.node else { return None };
        let objects = layout.fields().iter().filter(|field| **field != Field::Number);
        objects.clone().position(|field| *field == Field::FileName).map(|place| object.places().start + place)
    }
}
