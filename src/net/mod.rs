//! The network: one HTTP client, one way to wait for it, one judge of its
//! errors, and the only place that knows what a secret in a URL looks like.
//!
//! Everything that is shown to a user and may hold a URL goes through
//! [`redact()`]: messages of servers and of child processes included.

mod client;
mod error;
mod fault;
mod redact;
mod runtime;

pub use client::{client, untouched_client};
pub use error::NetError;
pub use fault::{is_full, kind_of, kind_of_status};
pub use redact::{Redacted, redact, without_secrets};
pub use runtime::{block_on, finish};
