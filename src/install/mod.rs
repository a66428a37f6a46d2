//! From exact packages, or a list of requirements, to an installed directory.
//!
//! The caller gives a directory of its own and removes it when something
//! fails; nothing is left elsewhere but what the caches of rattler, uv and pip
//! keep.

mod asked;
pub mod conda;
mod error;
mod failure;
pub mod pypi;
mod python;
mod records;
mod tool;
pub mod venv;

pub use error::InstallError;
pub use tool::Tool;
