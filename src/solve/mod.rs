//! Choosing versions: from what an environment asks for to exact packages.

pub mod conda;
mod error;
mod nearest;

pub use error::SolveError;
