//! How a version of CPython lays out its code objects.

/// A part of a marshalled code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A number of four bytes.
    Number,
    /// Instructions or a table for the interpreter: bytes that mean nothing
    /// else.
    Machine,
    /// The name of the source file: text.
    FileName,
    /// Its own name: text.
    Name,
    /// A tuple of any objects.
    Constants,
    /// A tuple of text.
    Names,
}

use Field::{Constants, FileName, Machine, Name, Names, Number};

/// The parts of a code object, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::relocate) enum Layout {
    /// CPython 3.8 to 3.10.
    Until310,
    /// CPython 3.11 and later.
    Since311,
}

impl Layout {
    /// The layout behind a magic number of a released CPython; see the list in
    /// `importlib._bootstrap_external` (`Include/internal/pycore_magic_number.h`
    /// from 3.14). 3.15 begins at 3650.
    pub(in crate::relocate) fn of_magic(magic: u16) -> Option<Self> {
        match magic {
            3413 | 3425 | 3439 => Some(Layout::Until310),
            3495 | 3531 | 3571 | 3627 => Some(Layout::Since311),
            _ => None,
        }
    }

    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            // Counts of arguments, positional-only and keyword-only ones,
            // locals; stack size, flags; code, constants, names, variables,
            // free and cell variables; file, name; first line, line table.
            Layout::Until310 => &[
                Number, Number, Number, Number, Number, Number, Machine, Constants, Names, Names, Names,
                Names, FileName, Name, Number, Machine,
            ],
            // No number of locals; names and kinds of all local variables; the
            // qualified name; the exception table.
            Layout::Since311 => &[
                Number, Number, Number, Number, Number, Machine, Constants, Names, Names, Machine, FileName,
                Name, Name, Number, Machine, Machine,
            ],
        }
    }
}
