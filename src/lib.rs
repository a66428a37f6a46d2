//! envship
pub mod artifact;
pub mod entry;
pub mod error;
pub mod fs;
pub mod install;
pub mod interrupt;
pub mod net;
pub mod progress;
pub mod solve;
pub mod spec;
