//! Conda packages into a prefix, by rattler, as conda would put them there.
//!
//! Nothing is compiled: rattler leaves `.pyc` files of noarch packages to
//! whoever wants them, so that the same lock gives the same bytes each time.

use std::collections::BTreeMap;
use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use rattler::install::Installer;
use rattler::install::link_script::PrePostLinkResult;
use rattler_cache::package_cache::{PackageCache, PackageCacheError};
use rattler_cache::validation::ValidationMode;
use rattler_conda_types::package::DistArchiveType;
use rattler_conda_types::{MatchSpec, RepoDataRecord};
use rattler_networking::LazyClient;
use rattler_networking::retry_policies::default_retry_policy;
use url::Url;

use super::error::InstallError;
use crate::artifact;
use crate::interrupt;
use crate::net::{self, NetError};
use crate::progress::{Progress, Step};
use crate::spec::Resolved;

/// Packages that are downloaded or checked at a time.
const CONCURRENT_FETCHES: usize = 16;

/// Installs packages into `directory`, which is made, and returns what
/// installed them.
///
/// Packages come from rattler's shared cache, where each is checked against
/// its SHA-256 when it is fetched and against its own manifest afterwards; a
/// damaged one is fetched again. Link scripts run as rattler runs them.
///
/// # Errors
/// If a package can't be fetched, is not what its channel promises, or can't
/// be linked; if a link script fails.
pub fn install(
    resolved: &Resolved,
    directory: &Path,
    progress: &dyn Progress,
) -> Result<artifact::Installer, InstallError> {
    let cache = package_cache()?;
    let client = LazyClient::from(net::client()?);
    progress.begin(Step::Fetch, Some(resolved.records.len() as u64));
    let fetched = net::block_on(fetch_all(&resolved.records, &cache, &client, progress));
    progress.end();
    fetched??;
    progress.begin(Step::Install, None);
    let linked = link(resolved, directory, cache, client);
    progress.end();
    if let Some(scripts) = linked? {
        report(&scripts, progress)?;
    }
    finish(resolved, directory)?;
    Ok(artifact::Installer { name: "rattler".into(), version: Some(RATTLER.into()) })
}

/// The version of the library, which doesn't tell it itself; a test compares
/// it with the lock file.
const RATTLER: &str = "0.55.5";

fn package_cache() -> Result<PackageCache, InstallError> {
    let unusable = |error: &dyn std::fmt::Display| InstallError::Cache {
        source: std::io::Error::other(error.to_string()),
    };
    let root = rattler::default_cache_dir().map_err(|error| unusable(&error))?;
    rattler_cache::ensure_cache_dir(&root).map_err(|error| unusable(&error))?;
    // By default rattler trusts what lies in its cache.
    Ok(PackageCache::new_layered([root.join(rattler_cache::PACKAGE_CACHE_DIR)], false, ValidationMode::Full))
}

/// Fills the cache. Linking needs no network then, and an interrupt during a
/// long download leaves nothing behind.
async fn fetch_all(
    records: &[RepoDataRecord],
    cache: &PackageCache,
    client: &LazyClient,
    progress: &dyn Progress,
) -> Result<(), InstallError> {
    futures::stream::iter(records)
        .map(|record| async move {
            let result = fetch(record, cache, client).await;
            progress.advance(1);
            result
                .map_err(|error| InstallError::of_cache(&record.identifier.to_string(), &record.url, &error))
        })
        .buffer_unordered(CONCURRENT_FETCHES)
        .try_collect()
        .await
}

async fn fetch(
    record: &RepoDataRecord,
    cache: &PackageCache,
    client: &LazyClient,
) -> Result<(), PackageCacheError> {
    let package = &record.package_record;
    if let Ok(path) = record.url.to_file_path() {
        return cache.get_or_fetch_from_path(&path, Some(package), None).await.map(drop);
    }
    let (url, client, retry) = (record.url.clone(), client.clone(), default_retry_policy());
    let fetched = match record.identifier.archive_type {
        DistArchiveType::Wheel(_) => {
            cache.get_or_fetch_wheel_from_url_with_retry(package, url, client, retry, None, None).await
        }
        DistArchiveType::Conda(_) => {
            cache.get_or_fetch_from_url_with_retry(package, url, client, retry, None, None).await
        }
    };
    fetched.map(drop)
}

/// Links the cached packages and returns what their link scripts had to say. This is not raced against Ctrl-C: rattler's
/// threads would go on writing while the caller removes the directory. It
/// takes seconds, and the flag is looked at right after.
fn link(
    resolved: &Resolved,
    directory: &Path,
    cache: PackageCache,
    client: LazyClient,
) -> Result<Option<PrePostLinkResult>, InstallError> {
    interrupt::check().map_err(NetError::from)?;
    let installer = Installer::new()
        .with_package_cache(cache)
        .with_download_client(client)
        .with_target_platform(resolved.platform)
        .with_execute_link_scripts(true)
        .with_requested_specs(resolved.requested.iter().map(without_secrets).collect());
    let records: Vec<_> = resolved.records.iter().map(record_without_secrets).collect();
    let result = net::finish(installer.install(directory, records))?;
    interrupt::check().map_err(NetError::from)?;
    let scripts = result.map_err(|error| InstallError::of_installer(&error))?.post_link_script_result;
    scripts.transpose().map_err(|error| InstallError::Conda { source: net::Redacted::new(&error) })
}

/// conda keeps the URL of each package in `conda-meta`, and rattler copies it
/// from the record. The packages are in the cache by now, so nobody needs the
/// token in it.
fn record_without_secrets(record: &RepoDataRecord) -> RepoDataRecord {
    let mut record = record.clone();
    record.url = clean(&record.url).unwrap_or(record.url);
    record.channel = record.channel.map(|channel| net::without_secrets(&channel));
    record
}

/// The same for what was asked for: a channel that holds a secret is left out.
fn without_secrets(spec: &MatchSpec) -> MatchSpec {
    let mut spec = spec.clone();
    if spec
        .channel
        .as_ref()
        .is_some_and(|channel| net::without_secrets(channel.base_url.as_str()) != channel.base_url.as_str())
    {
        spec.channel = None;
    }
    spec.url = spec.url.map(|url| clean(&url).unwrap_or(url));
    spec
}

fn clean(url: &Url) -> Option<Url> {
    Url::parse(&net::without_secrets(url.as_str())).ok()
}

/// Passes on what the packages have to say.
fn report(scripts: &PrePostLinkResult, progress: &dyn Progress) -> Result<(), InstallError> {
    let messages: BTreeMap<_, _> =
        scripts.messages.iter().map(|(name, text)| (name.as_normalized(), text)).collect();
    for (name, message) in messages.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
        progress.note(&net::redact(&format!("{name}: {}", message.trim())));
    }
    let mut failed: Vec<_> =
        scripts.failed_packages.iter().map(|name| name.as_normalized().to_owned()).collect();
    failed.sort();
    if failed.is_empty() { Ok(()) } else { Err(InstallError::LinkScript { packages: failed.join("`, `") }) }
}

/// Writes `variables:` as conda keeps them, so that whoever activates the
/// environment finds them.
fn finish(resolved: &Resolved, directory: &Path) -> Result<(), InstallError> {
    if !resolved.variables.is_empty() {
        let state = serde_json::json!({ "version": 1, "env_vars": resolved.variables });
        fs_err::write(directory.join("conda-meta/state"), state.to_string())?;
    }
    // A mark of rattler's for backup programs, which no archive should carry.
    match fs_err::remove_file(directory.join("CACHEDIR.TAG")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_reported_is_the_one_that_is_built_in() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"rattler\"\nversion = \"{RATTLER}\"")));
    }
}
