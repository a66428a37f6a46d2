//! Where something stands in a spec, as messages name it.

use std::fmt;
use std::path::PathBuf;

/// A line of a file, or a `pip:` section where YAML hides the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// From 1.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.line {
            Some(line) => write!(f, "line {line} of `{file}`"),
            None => write!(f, "the `pip:` section of `{file}`"),
        }
    }
}
