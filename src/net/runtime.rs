//! Waiting for the network: one runtime, which Ctrl-C ends.

use std::sync::OnceLock;

use super::error::NetError;
use crate::interrupt;

/// Runs asynchronous work to its end, or until the user presses Ctrl-C: then
/// the work is dropped, and what it had staged is removed.
///
/// # Errors
/// If no threads can be started, or the user interrupts.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, NetError> {
    Ok(finish(interrupt::race(work))??)
}

/// Runs asynchronous work to its end whatever the user presses: for what would
/// leave a mess when dropped halfway.
///
/// # Errors
/// If no threads can be started.
pub fn finish<T>(work: impl Future<Output = T>) -> Result<T, NetError> {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = if let Some(runtime) = RUNTIME.get() {
        runtime
    } else {
        let made =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(NetError::Runtime)?;
        RUNTIME.get_or_init(|| made)
    };
    Ok(runtime.block_on(work))
}
