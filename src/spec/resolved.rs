//! What a solve found: exact packages, ready to be installed.

use std::collections::BTreeMap;

use rattler_conda_types::{MatchSpec, RepoDataRecord, Subdir};

/// The exact conda packages of an environment.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What they are for.
    pub platform: Subdir,
    /// Ordered by name.
    pub records: Vec<RepoDataRecord>,
    /// What was asked for; conda notes it beside each package.
    pub requested: Vec<MatchSpec>,
    /// Set when the environment is activated.
    pub variables: BTreeMap<String, String>,
}
