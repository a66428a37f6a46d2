//! The user's cache: opened for a run, looked at, emptied.

use std::path::PathBuf;

use serde::Serialize;

use crate::cache::{self, Cache, Content, Limit};
use crate::error::{Explain, Result};
use crate::progress::Progress;

/// Whether what was made before is used, and what is made is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    #[default]
    On,
    Off,
}

/// The cache of a run; nothing if it isn't used or has no place.
#[derive(Debug)]
pub(super) struct RunCache(Option<(Cache, Limit)>);

/// There is no folder for a cache.
#[derive(Debug, thiserror::Error)]
#[error("there is no place for a cache")]
struct NoPlace;

impl Explain for NoPlace {
    fn hint(&self) -> Option<String> {
        Some("set ENVSHIP_CACHE_DIR, XDG_CACHE_HOME or HOME".to_owned())
    }
}

impl RunCache {
    /// # Errors
    /// If `ENVSHIP_CACHE_SIZE` is no size.
    pub fn open(wanted: CacheUse) -> Result<Self> {
        let limit = Limit::of_user()?;
        let root = cache::root().filter(|_| wanted == CacheUse::On);
        Ok(RunCache(root.map(|root| (Cache::open(root), limit))))
    }

    pub fn get(&self) -> Option<&Cache> {
        self.0.as_ref().map(|(cache, _)| cache)
    }

    /// Tells what went wrong with it.
    pub fn close(self, progress: &dyn Progress) {
        let Some((cache, limit)) = self.0 else { return };
        let troubles = cache.close(limit);
        match troubles.damaged {
            0 => {}
            1 => progress.warn("a piece of the cache was damaged and has been made anew"),
            count => {
                progress.warn(&format!("{count} pieces of the cache were damaged and have been made anew"));
            }
        }
        if let Some(reason) = troubles.failure {
            progress.note(&format!("nothing is kept for the next time: {reason}"));
        }
    }
}

/// What a cache holds.
#[derive(Debug, Serialize)]
pub struct CacheInfo {
    pub folder: PathBuf,
    /// In bytes.
    pub limit: u64,
    /// Of all kinds together, in bytes.
    pub size: u64,
    pub contents: Vec<Content>,
}

/// The folder of the user's cache, whether it is there or not.
///
/// # Errors
/// If nothing says where it would be.
pub fn cache_dir() -> Result<PathBuf> {
    Ok(cache::root().ok_or(NoPlace)?)
}

/// What is in the user's cache.
///
/// # Errors
/// If it can't be read, or has no place.
pub fn cache_info() -> Result<CacheInfo> {
    let limit = Limit::of_user()?;
    let folder = cache_dir()?;
    let contents = cache::contents(&folder)?;
    Ok(info(folder, limit, contents))
}

/// Empties the user's cache, and tells what was in it.
///
/// # Errors
/// If something can't be removed, or the cache has no place.
pub fn cache_clean(progress: &dyn Progress) -> Result<CacheInfo> {
    let limit = Limit::of_user()?;
    let folder = cache_dir()?;
    let contents = cache::clean(&folder, || progress.note("waiting for those who use the cache"))?;
    Ok(info(folder, limit, contents))
}

fn info(folder: PathBuf, limit: Limit, contents: Vec<Content>) -> CacheInfo {
    let size = contents.iter().map(|content| content.size).sum();
    CacheInfo { folder, limit: limit.0, size, contents }
}
