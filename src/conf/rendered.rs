//! Configuration, as text to paste and as data.

use serde::Serialize;
use serde::ser::Serializer;

/// What a target prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// The name of the target.
    pub target: &'static str,
    /// Keys of the engine's configuration, in the order of the text.
    pub conf: Pairs,
    /// Environment variables of the process that submits.
    pub env: Pairs,
    /// The arguments of the command, where the target is one.
    pub args: Vec<String>,
    /// Ready to paste; ends with a line break.
    pub text: String,
    /// What was mended, and what else must be in place; for the user's eyes.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Keys and values in an order of their own; an object in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn push(&mut self, key: &str, value: impl Into<String>) {
        self.0.push((key.to_owned(), value.into()));
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
