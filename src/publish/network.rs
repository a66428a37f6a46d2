//! The threads on which requests run, and how the rest waits for them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

use crate::interrupt::{self, Interrupted};

/// Runs requests for callers that know nothing of async. Must not be used from
/// inside an async task.
#[derive(Clone)]
pub(super) struct Network {
    runtime: Arc<Runtime>,
}

impl Network {
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("envship-network")
            .enable_all()
            .build()?;
        Ok(Network { runtime: Arc::new(runtime) })
    }

    /// Waits for `work`, or for Ctrl-C; `work` is dropped then.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        self.runtime.block_on(interrupt::race(work))
    }

    /// Waits for `work` even after Ctrl-C, but not for long: to clean up.
    pub fn wait_briefly<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async { tokio::time::timeout(CLEAN_UP, work).await.ok() })
    }

    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }
}

/// What somebody who pressed Ctrl-C will put up with.
const CLEAN_UP: Duration = Duration::from_secs(10);
