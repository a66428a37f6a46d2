//! What can't be done on a node, or couldn't be found out.

/// What a user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Warning {
    /// For the archive, too.
    pub what: String,
    /// What a shell said, with paths of this machine.
    pub why: Option<String>,
}

impl Warning {
    pub fn new(what: String) -> Self {
        Warning { what, why: None }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        self.why.iter().try_for_each(|why| write!(f, ": {why}"))
    }
}
