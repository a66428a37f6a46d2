//! Why no configuration can be printed.

use super::Target;
use super::request::{Engine, SparkVersion};
use crate::artifact::Format;
use crate::error::{Explain, Kind};

/// What was asked for can't work; the message says why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A URI with a user name or password, which would be printed; so it isn't
    /// repeated.
    #[error("the archive's URL holds a user name or password")]
    Credentials,
    /// Not one of [`Target::ALL`].
    #[error("unknown target: `{target}`")]
    UnknownTarget { target: String },
    /// Not a master that Spark knows.
    #[error("unknown master: `{master}`")]
    UnknownMaster { master: String },
    /// Neither of the two.
    #[error("unknown deploy mode: `{mode}`")]
    UnknownDeployMode { mode: String },
    /// Not `major.minor`.
    #[error("not a Spark version: `{version}`")]
    SparkVersion { version: String },
    /// Not one plain part of a path.
    #[error("the alias `{alias}` {problem}")]
    Alias { alias: String, problem: &'static str },
    /// A URI that an engine would misread.
    #[error("the archive URI `{uri}` {problem}")]
    Uri { uri: String, problem: &'static str },
    /// A format that the engine doesn't unpack, or unpacks wrongly.
    #[error("{} can't use the format {format}: {reason}", engine.label())]
    Format { engine: Engine, format: Format, reason: &'static str },
    /// A zip with links, which its readers turn into text files.
    #[error("the zip archive `{uri}` holds symbolic links, which engines turn into text files")]
    ZipLinks { uri: String },
    /// The driver runs on the machine that submits, where no archive is unpacked.
    #[error("client mode needs a Python for the driver: the archive is unpacked for executors only")]
    DriverPython { engine: Engine, minor: Option<String> },
    /// Spark takes no Python application there.
    #[error("a standalone master runs no Python driver: Spark refuses Python applications in cluster mode")]
    StandaloneCluster,
    /// There is no cluster.
    #[error("a local master has no cluster mode")]
    LocalCluster,
    /// A session in a Python process is always in client mode.
    #[error(
        "a session in a Python process runs its driver there: cluster mode is for submitted applications"
    )]
    PysparkCluster,
    /// Before `spark.archives`.
    #[error("Spark {version} ships archives on YARN only: {} drops them silently before Spark 3.1", engine.label())]
    TooOld { engine: Engine, version: SparkVersion },
    /// The workers of a local master run in the driver's directory.
    #[error(
        "a local master needs an unpacked environment: its workers don't run where archives are unpacked"
    )]
    NotUnpacked,
    /// It would be looked up in a directory that changes.
    #[error("the path of the {what} must be absolute: `{path}`")]
    Relative { what: &'static str, path: String },
    /// Built for machines of another kind.
    #[error("an environment for {platform} can't run on {}: its machines run Linux", engine.label())]
    Platform { engine: Engine, platform: String },
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::ZipLinks { .. } | Error::Platform { .. } => Kind::Input,
            _ => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::UnknownTarget { .. } => {
                let names: Vec<_> = Target::ALL.iter().map(|target| target.name()).collect();
                return Some(format!("choose one of {}", names.join(", ")));
            }
            Error::UnknownMaster { .. } => {
                "choose yarn, k8s, standalone or local, or give what Spark takes, such as k8s://https://host:6443"
            }
            Error::Credentials => "give the engine credentials by its own settings, and the URL without them",
            Error::UnknownDeployMode { .. } => "choose cluster or client",
            Error::SparkVersion { .. } => "give it as major and minor version, such as 3.5",
            Error::Alias { .. } => "choose one plain directory name, such as `environment`",
            Error::Uri { .. } => "publish the archive under a plain name with its format's extension",
            Error::Format { format: Format::Zip, .. } => {
                "pack it as tar.gz, or say --spark-version 4.0 if the engine is that new"
            }
            Error::Format { .. } => "pack it as tar.gz, which every engine reads",
            Error::ZipLinks { .. } => "pack it as tar.gz, or as zip without --zip-symlinks",
            Error::DriverPython { engine, minor } => {
                let python = match minor {
                    Some(minor) => format!("a Python {minor}"),
                    None => "a Python of the archive's minor version".to_owned(),
                };
                let other = match engine {
                    Engine::Yarn | Engine::K8s => ", or use --deploy-mode cluster",
                    Engine::Standalone | Engine::Local => "",
                };
                return Some(format!(
                    "give --driver-python the path of {python} on the submitting machine{other}"
                ));
            }
            Error::StandaloneCluster | Error::LocalCluster | Error::PysparkCluster => {
                "use --deploy-mode client"
            }
            Error::TooOld { .. } => "use Spark 3.1 or later, or YARN",
            Error::NotUnpacked => "run `envship unpack ARCHIVE DIR` and give the directory with --unpacked",
            Error::Relative { .. } => "give the absolute path",
            Error::Platform { .. } => "pack the environment on Linux",
        };
        Some(hint.to_owned())
    }
}
