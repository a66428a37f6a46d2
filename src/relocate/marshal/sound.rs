//! What a code object has to be for CPython to make one of it: anything else
//! is damaged, even if it can be read.

use super::graph::{Graph, Id, Kind};
use super::layout::{Field, Layout};

/// `CO_VARARGS` and `CO_VARKEYWORDS` (`Include/cpython/code.h`): an argument
/// more each.
const MORE_ARGUMENTS: [i32; 2] = [0x04, 0x08];

/// `CO_FAST_LOCAL` (`Include/internal/pycore_code.h`): the kind of a local
/// variable, among those of other fast ones.
const LOCAL: u8 = 0x20;

/// A code object with its numbers and objects as they are written.
#[derive(Clone, Copy)]
pub(super) struct Code<'p> {
    pub numbers: &'p [[u8; 4]],
    pub parts: &'p [Id],
}

impl Code<'_> {
    /// Whether its parts are of the types that they must be of, and the counts
    /// fit the names (`_PyCode_Validate` in `Objects/codeobject.c`; before 3.11
    /// `PyCode_NewWithPosOnlyArgs`).
    pub(super) fn is_sound(&self, graph: &Graph<'_>) -> bool {
        let fields = graph.layout().fields().iter().filter(|field| **field != Field::Number);
        fields.zip(self.parts).all(|(field, part)| is_of(*field, *part, graph))
            && self.counts_fit(graph).unwrap_or(false)
    }

    fn counts_fit(&self, graph: &Graph<'_>) -> Option<bool> {
        // The last is the first line, which may be any.
        let (_, counts) = self.numbers.split_last()?;
        let counts: Vec<i32> = counts.iter().map(|number| i32::from_le_bytes(*number)).collect();
        let [positional, positional_only, keyword_only, .., flags] = counts[..] else { return None };
        let more = MORE_ARGUMENTS.iter().filter(|flag| flags & **flag != 0).count();
        let arguments = usize::try_from(positional).ok()? + usize::try_from(keyword_only).ok()? + more;
        Some(
            counts.iter().all(|count| *count >= 0)
                && positional_only <= positional
                && arguments <= self.locals(graph)?,
        )
    }

    /// How many local variables it names; `None` if their kinds don't fit.
    fn locals(&self, graph: &Graph<'_>) -> Option<usize> {
        let names = graph.parts(*self.parts.get(3)?).len();
        match graph.layout() {
            Layout::Until310 => Some(names),
            Layout::Since311 => {
                let kinds = graph.bytes(*self.parts.get(4)?);
                let locals = kinds.iter().filter(|kind| **kind & LOCAL != 0).count();
                (kinds.len() == names).then_some(locals)
            }
        }
    }
}

fn is_of(field: Field, part: Id, graph: &Graph<'_>) -> bool {
    let kind = graph.kind(part);
    match field {
        Field::Number => false,
        Field::Machine => kind == Kind::Bytes,
        Field::FileName | Field::Name => kind == Kind::Text,
        Field::Constants => kind == Kind::Tuple,
        Field::Names => {
            kind == Kind::Tuple && graph.parts(part).iter().all(|name| graph.kind(*name) == Kind::Text)
        }
    }
}
