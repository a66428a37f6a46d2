//! Objects of which equal ones are the same.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::layout::{Field, Layout};

/// An object of a [`Graph`].
pub(super) type Id = u32;

/// What an object is: marshal's type code, one for each type (`Python/marshal.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    None = b'N',
    True = b'T',
    False = b'F',
    Ellipsis = b'.',
    StopIteration = b'S',
    /// Of 32 bits.
    Int = b'i',
    /// With the count of its digits before them, whose sign is that of the number.
    Long = b'l',
    Float = b'g',
    Complex = b'y',
    Bytes = b's',
    /// UTF-8, with surrogates as they come. Whether a string was interned is
    /// no part of its value: that of one character, or of a qualified name,
    /// depends on what else the compiling process had done.
    Text = b'u',
    /// Of code objects only, even if a constant says the same; no code of
    /// marshal's.
    FileName = b'f',
    Tuple = b'(',
    /// The parts are in an order that only the values decide.
    FrozenSet = b'>',
    Slice = b':',
    /// Its bytes are its numbers.
    Code = b'c',
}

/// The first objects of every graph, which are never referred to.
const SINGLETONS: [Kind; 5] = [Kind::None, Kind::True, Kind::False, Kind::Ellipsis, Kind::StopIteration];

/// Where some of many are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    count: u32,
}

impl Span {
    const EMPTY: Span = Span { start: 0, count: 0 };

    /// `None` beyond 4 GiB, which no stream has.
    pub(super) fn new(start: usize, count: usize) -> Option<Self> {
        let span = Span { start: start.try_into().ok()?, count: count.try_into().ok()? };
        span.start.checked_add(span.count)?;
        Some(span)
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.count as usize
    }
}

/// All objects of a stream. None is a part of itself: parts come before wholes.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    objects: Objects<'a>,
    /// Those that others may be equal to.
    known: HashTable<Id>,
    /// Of the objects that are inside of sets.
    digests: Vec<Option<u128>>,
    /// Another one in each process: no file can be made to have many objects
    /// of one hash.
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Objects<'a> {
    all: Vec<Object>,
    /// Of each object, one after the other.
    parts: Vec<Id>,
    stream: &'a [u8],
    /// What is not in the stream, as if it came behind it.
    made: Vec<u8>,
    layout: Layout,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    hash: u64,
    bytes: Span,
    parts: Span,
    /// How often it is a part.
    uses: u32,
    /// The objects on the longest way down.
    height: u16,
    kind: Kind,
    traits: Traits,
}

/// What is true of few objects.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// A code object is in it, or it is one.
    has_code: bool,
    /// It took the place of a constant.
    replaced: bool,
}

/// The deepest nesting that is read or written. CPython refuses 2000, and
/// compiles no source that needs a tenth of it.
pub(super) const DEEPEST: u16 = 500;

/// Room is taken for one object in so many bytes of a stream; a wrong guess
/// costs no more than taking room again.
const BYTES_OF_OBJECT: usize = 64;

/// Room for more objects is only taken when they come: a large file may turn
/// out to hold none.
const MOST: usize = 1 << 16;

impl<'a> Graph<'a> {
    /// With the singletons, for the objects of a stream.
    pub(super) fn new(stream: &'a [u8], layout: Layout) -> Self {
        let room = (stream.len() / BYTES_OF_OBJECT).min(MOST) + SINGLETONS.len();
        let objects = Objects {
            all: Vec::with_capacity(room),
            parts: Vec::with_capacity(2 * room),
            stream,
            made: Vec::new(),
            layout,
        };
        let known = HashTable::with_capacity(room);
        let mut graph = Graph { objects, known, digests: Vec::new(), hasher: DefaultHashBuilder::default() };
        graph.objects.all.extend(SINGLETONS.map(|kind| Object {
            hash: 0,
            bytes: Span::EMPTY,
            parts: Span::EMPTY,
            uses: 0,
            height: 1,
            kind,
            traits: Traits { has_code: false, replaced: false },
        }));
        graph
    }

    /// The one that a type code alone stands for.
    pub(super) fn singleton(code: u8) -> Option<Id> {
        SINGLETONS.iter().zip(0..).find_map(|(kind, id)| (*kind as u8 == code).then_some(id))
    }

    /// The object with these bytes of the stream, which has no parts.
    pub(super) fn add_leaf(&mut self, kind: Kind, bytes: Span) -> Option<Id> {
        self.add(kind, bytes, &[])
    }

    /// The tuple or slice of these objects; `None` if it is too deep.
    pub(super) fn add_whole(&mut self, kind: Kind, parts: &[Id]) -> Option<Id> {
        self.add(kind, Span::EMPTY, parts)
    }

    /// A set of these objects, which has none of them twice; `None` if one
    /// can't be in a set. Those of one digest stay in the order of the stream.
    pub(super) fn add_set(&mut self, parts: &[Id]) -> Option<Id> {
        let mut ordered =
            parts.iter().map(|part| Some((self.digest(*part)?, *part))).collect::<Option<Vec<_>>>()?;
        ordered.sort_unstable();
        ordered.dedup();
        let parts: Vec<Id> = ordered.into_iter().map(|(_, part)| part).collect();
        self.add(Kind::FrozenSet, Span::EMPTY, &parts)
    }

    /// A code object with its numbers and objects as they are written. It is
    /// equal to no other.
    pub(super) fn add_code(&mut self, numbers: &[[u8; 4]], parts: &[Id]) -> Option<Id> {
        let numbers = self.objects.make(numbers.as_flattened())?;
        self.add(Kind::Code, numbers, parts)
    }

    /// As [`Graph::add_leaf`], for a string that takes the place of a constant.
    pub(super) fn add_replaced(&mut self, kind: Kind, bytes: &[u8]) -> Option<Id> {
        let bytes = self.objects.make(bytes)?;
        let id = self.add(kind, bytes, &[])?;
        self.objects.all[id as usize].traits.replaced = true;
        Some(id)
    }

    fn add(&mut self, kind: Kind, bytes: Span, parts: &[Id]) -> Option<Id> {
        let objects = &mut self.objects;
        let (mut height, mut has_code) = (0, kind == Kind::Code);
        for part in parts {
            let part = &objects.all[*part as usize];
            height = part.height.max(height);
            has_code |= part.traits.has_code;
        }
        if height >= DEEPEST {
            return None;
        }
        let id = Id::try_from(objects.all.len()).ok()?;
        let mut hash = 0;
        if !has_code && !objects.is_nan(kind, bytes) {
            hash = objects.hash(&self.hasher, bytes, parts);
            let equal = |known: &Id| objects.is(*known, hash, kind, bytes, parts);
            match self.known.entry(hash, equal, |known| objects.all[*known as usize].hash) {
                Entry::Occupied(known) => return Some(*known.get()),
                Entry::Vacant(place) => place.insert(id),
            };
        }
        for part in parts {
            objects.all[*part as usize].uses += 1;
        }
        let place = Span::new(objects.parts.len(), parts.len())?;
        objects.parts.extend_from_slice(parts);
        let traits = Traits { has_code, replaced: false };
        objects.all.push(Object { hash, bytes, parts: place, uses: 0, height: height + 1, kind, traits });
        Some(id)
    }

    pub(super) fn layout(&self) -> Layout {
        self.objects.layout
    }

    pub(super) fn kind(&self, id: Id) -> Kind {
        self.objects.all[id as usize].kind
    }

    /// Of a number or a string; the numbers of a code object.
    pub(super) fn bytes(&self, id: Id) -> &[u8] {
        self.objects.bytes(self.objects.all[id as usize].bytes)
    }

    pub(super) fn parts(&self, id: Id) -> &[Id] {
        self.objects.parts(id)
    }

    pub(super) fn len(&self) -> usize {
        self.objects.all.len()
    }

    /// Whether more than one object has it as a part, or one has it twice:
    /// then it is referred to.
    pub(super) fn is_shared(&self, id: Id) -> bool {
        id as usize >= SINGLETONS.len() && self.objects.all[id as usize].uses > 1
    }

    pub(super) fn is_replaced(&self, id: Id) -> bool {
        self.objects.all[id as usize].traits.replaced
    }

    /// Gives all code objects this file name that have the one of `root`.
    pub(super) fn name(&mut self, root: Id, file_name: &str) {
        let Some(old) = self.objects.place_of_name(root).map(|place| self.objects.parts[place]) else {
            return;
        };
        let made = self.objects.make(file_name.as_bytes());
        let Some(new) = made.and_then(|name| self.add(Kind::FileName, name, &[])) else { return };
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
        let index = id as usize;
        let object = self.objects.all[index];
        if object.traits.has_code {
            return None;
        }
        if let Some(Some(known)) = self.digests.get(index) {
            return Some(*known);
        }
        let mut hasher = SipHasher13::new();
        hasher.write(&[object.kind as u8]);
        hasher.write(self.objects.bytes(object.bytes));
        for place in object.parts.range() {
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

impl Objects<'_> {
    fn parts(&self, id: Id) -> &[Id] {
        &self.parts[self.all[id as usize].parts.range()]
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let Range { start, end } = span.range();
        match start.checked_sub(self.stream.len()) {
            None => &self.stream[start..end],
            Some(start) => &self.made[start..end - self.stream.len()],
        }
    }

    /// Adds bytes that are not in the stream.
    fn make(&mut self, bytes: &[u8]) -> Option<Span> {
        let span = Span::new(self.stream.len() + self.made.len(), bytes.len())?;
        self.made.extend_from_slice(bytes);
        Some(span)
    }

    /// Of what kind an object is can't be told from its hash.
    fn hash(&self, hasher: &DefaultHashBuilder, bytes: Span, parts: &[Id]) -> u64 {
        let mut hasher = hasher.build_hasher();
        if parts.is_empty() {
            hasher.write(self.bytes(bytes));
        }
        for pair in parts.chunks(2) {
            let (first, second) = (pair[0], pair.get(1).copied().unwrap_or(Id::MAX));
            hasher.write_u64(u64::from(first) << 32 | u64::from(second));
        }
        hasher.finish()
    }

    fn is(&self, id: Id, hash: u64, kind: Kind, bytes: Span, parts: &[Id]) -> bool {
        let object = &self.all[id as usize];
        object.hash == hash
            && object.kind == kind
            && self.bytes(object.bytes) == self.bytes(bytes)
            && self.parts[object.parts.range()] == *parts
    }

    /// A number that is equal to nothing, not even to another such object.
    fn is_nan(&self, kind: Kind, bytes: Span) -> bool {
        matches!(kind, Kind::Float | Kind::Complex)
            && self
                .bytes(bytes)
                .chunks_exact(size_of::<f64>())
                .filter_map(|part| part.try_into().ok())
                .any(|part| f64::from_le_bytes(part).is_nan())
    }

    /// Where among all parts the file name of a code object stands.
    fn place_of_name(&self, id: Id) -> Option<usize> {
        let object = &self.all[id as usize];
        if object.kind != Kind::Code {
            return None;
        }
        let objects = self.layout.fields().iter().filter(|field| **field != Field::Number);
        let place = objects.clone().position(|field| *field == Field::FileName)?;
        Some(object.parts.range().start + place)
    }
}
