//! envship
pub mod artifact;
pub mod complete;
pub mod entry;
pub mod error;
pub mod fs;
pub mod interrupt;
pub mod prefix;
pub mod progress;
