//! Conda packages, chosen by rattler as conda and pixi choose them: strict
//! channel priority, the highest versions, for this machine or an older glibc.

use std::collections::BTreeSet;

use rattler_conda_types::{
    GenericVirtualPackage, MatchSpec, PackageName, PackageNameMatcher, RepoDataRecord, Subdir,
};
use rattler_repodata_gateway::{Gateway, RepoData};
use rattler_solve::{CancellationToken, ChannelPriority, SolveError as Solver, SolverImpl, SolverTask};
use rattler_virtual_packages::{Override, VirtualPackageOverrides, VirtualPackages};

use super::error::SolveError;
use super::nearest::nearest;
use crate::baseline::GlibcTarget;
use crate::net::{self, Redacted};
use crate::progress::{Progress, Step};
use crate::spec::{EnvSpec, Resolved};

/// What a solve takes into account beside the spec.
#[derive(Clone, Debug, Default)]
pub struct SolveOptions {
    /// The glibc of the cluster, instead of this machine's.
    pub glibc: Option<GlibcTarget>,
}

/// Chooses the exact packages of an environment for this machine's platform.
///
/// Repodata is fetched concurrently and kept in rattler's shared cache
/// (`RATTLER_CACHE_DIR`, else `rattler/cache` in the user's cache folder).
///
/// # Errors
/// If a package or channel is not there, the versions can't be satisfied
/// together, or a server can't be reached.
pub fn solve(
    spec: &EnvSpec,
    options: &SolveOptions,
    progress: &dyn Progress,
) -> Result<Resolved, SolveError> {
    let platform = Subdir::current().ok_or(SolveError::Platform)?;
    progress.begin(Step::Solve, None);
    let solved = find(spec, options, platform);
    progress.end();
    solved
}

fn find(spec: &EnvSpec, options: &SolveOptions, platform: Subdir) -> Result<Resolved, SolveError> {
    let virtual_packages = virtual_packages(options)?;
    let gateway = gateway()?;
    let available = net::block_on(fetch(&gateway, spec, platform))??;
    if let Some((wanted, name)) = without_candidates(&spec.specs, &available) {
        return Err(net::block_on(describe(&gateway, spec, platform, wanted, name))??);
    }
    let mut records = choose(spec, options, &available, virtual_packages)?;
    records.sort_by(|a, b| a.package_record.name.cmp(&b.package_record.name));
    Ok(Resolved { platform, records, requested: spec.specs.clone(), variables: spec.variables.clone() })
}

fn gateway() -> Result<Gateway, SolveError> {
    let cache = rattler::default_cache_dir()
        .map_err(|error| SolveError::Cache { source: std::io::Error::other(error.to_string()) })?;
    rattler_cache::ensure_cache_dir(&cache)
        .map_err(|error| SolveError::Cache { source: std::io::Error::other(error.to_string()) })?;
    Ok(Gateway::builder()
        .with_client(net::client()?)
        .with_cache_dir(cache.join(rattler_cache::REPODATA_CACHE_DIR))
        .finish())
}

/// All records that the specs may lead to, per channel and subdirectory, in
/// the order of the channels.
async fn fetch(gateway: &Gateway, spec: &EnvSpec, platform: Subdir) -> Result<Vec<RepoData>, SolveError> {
    let found = gateway
        .query(spec.channels.clone(), [platform, Subdir::NoArch], spec.specs.clone())
        .recursive(true)
        .execute()
        .await?;
    Ok(found.into_iter().collect())
}

/// The first spec that no record of any channel fits, and its package.
fn without_candidates<'a>(
    specs: &'a [MatchSpec],
    available: &[RepoData],
) -> Option<(&'a MatchSpec, &'a PackageName)> {
    let exact = specs.iter().filter_map(|spec| match &spec.name {
        PackageNameMatcher::Exact(name) if spec.condition.is_none() => Some((spec, name)),
        _ => None,
    });
    let known = |name: &PackageName| {
        // A virtual package such as `__glibc` comes from the machine.
        name.as_normalized().starts_with("__")
            || available.iter().flat_map(RepoData::iter).any(|record| record.package_record.name == *name)
    };
    exact.into_iter().find(|(_, name)| !known(name))
}

/// Says what there is instead: versions of the package, or names like its.
async fn describe(
    gateway: &Gateway,
    spec: &EnvSpec,
    platform: Subdir,
    wanted: &MatchSpec,
    package: &PackageName,
) -> Result<SolveError, SolveError> {
    let (name, subdirs) = (package.as_normalized().to_owned(), [platform, Subdir::NoArch]);
    let channels: Vec<_> = spec.channels.iter().map(|channel| net::redact(channel.name())).collect();
    let channels = channels.join(", ");
    let bare = MatchSpec::from(package.clone());
    let found = gateway.query(spec.channels.clone(), subdirs, [bare]).execute().await?;
    let versions: BTreeSet<_> =
        found.iter().flat_map(RepoData::iter).map(|record| record.package_record.version.clone()).collect();
    if versions.is_empty() {
        let names = gateway.names(spec.channels.clone(), subdirs).execute().await?;
        let nearest = nearest(&name, names.iter().map(PackageName::as_normalized));
        return Ok(SolveError::UnknownPackage { name, channels, nearest });
    }
    let versions = versions.iter().rev().take(VERSIONS_SHOWN).map(ToString::to_string).collect();
    Ok(SolveError::NoVersion { name, spec: net::redact(&wanted.to_string()), channels, versions })
}

/// How many versions an error names, the newest first.
const VERSIONS_SHOWN: usize = 8;

/// What this machine offers, as conda sees it (`CONDA_OVERRIDE_…` included),
/// but for the glibc of the cluster.
fn virtual_packages(options: &SolveOptions) -> Result<Vec<GenericVirtualPackage>, SolveError> {
    let mut overrides = VirtualPackageOverrides::from_env();
    if let Some(glibc) = options.glibc {
        overrides.libc = Some(Override::String(glibc.to_string()));
    }
    let detected = VirtualPackages::detect(&overrides, None)
        .map_err(|error| SolveError::VirtualPackages { source: Redacted::new(&error) })?;
    Ok(detected.into_generic_virtual_packages().collect())
}

/// Runs the solver on a thread of its own, so that Ctrl-C can stop it.
fn choose(
    spec: &EnvSpec,
    options: &SolveOptions,
    available: &[RepoData],
    virtual_packages: Vec<GenericVirtualPackage>,
) -> Result<Vec<RepoDataRecord>, SolveError> {
    let stop = CancellationToken::new();
    let task = SolverTask {
        virtual_packages,
        specs: spec.specs.clone(),
        channel_priority: ChannelPriority::Strict,
        cancellation_token: Some(stop.clone()),
        ..available.iter().collect::<SolverTask<'_, _>>()
    };
    let solved = std::thread::scope(|scope| {
        let (done, wait) = tokio::sync::oneshot::channel();
        scope.spawn(|| done.send(rattler_solve::resolvo::Solver.solve(task)).ok());
        let solved = net::block_on(wait);
        // The scope waits for the thread.
        stop.cancel();
        solved
    })?;
    match solved {
        Ok(Ok(result)) => Ok(result.records),
        Ok(Err(Solver::Unsolvable(reasons))) => Err(SolveError::Unsatisfiable {
            source: Redacted::text(reasons.join("\n").trim()),
            glibc: options.glibc,
        }),
        Ok(Err(error)) => Err(SolveError::Repodata { source: Redacted::new(&error) }),
        Err(panicked) => Err(SolveError::Repodata { source: Redacted::new(&panicked) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glibc_of_the_cluster_replaces_this_machines() {
        let glibc = GlibcTarget { major: 2, minor: 17 };
        let packages = virtual_packages(&SolveOptions { glibc: Some(glibc) }).unwrap();
        let glibc: Vec<_> = packages
            .iter()
            .filter(|package| package.name.as_normalized() == "__glibc")
            .map(ToString::to_string)
            .collect();
        assert_eq!(glibc.len(), usize::from(cfg!(target_os = "linux")));
        assert!(glibc.iter().all(|glibc| glibc.starts_with("__glibc=2.17")), "{glibc:?}");
    }
}
