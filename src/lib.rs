//! envship
pub mod artifact;
pub mod conf;
pub mod entry;
pub mod error;
pub mod fs;
pub mod interrupt;
pub mod progress;
pub mod publish;
