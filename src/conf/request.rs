//! What configuration is asked for.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use crate::artifact::Format;

/// An archive, and the way in which a job is going to run with it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The archive, as the engine will see it: a URI or an absolute path.
    pub uri: String,
    pub format: Format,
    /// Whether it holds symbolic links, where known.
    pub has_links: Option<bool>,
    /// The directory into which the engine unpacks it.
    pub alias: Alias,
    pub master: Master,
    /// Where the driver runs, if not where the master's jobs usually run it.
    pub deploy_mode: Option<DeployMode>,
    pub spark_version: Option<SparkVersion>,
    /// The Python of a driver that runs outside the cluster.
    pub driver_python: Option<String>,
    /// Where the archive lies unpacked, for [`Engine::Local`].
    pub unpacked: Option<String>,
    /// Of the archive's Python: `3.11`.
    pub python_minor: Option<String>,
    /// Of the archive, as conda names it: `linux-64`.
    pub platform: Option<String>,
    /// The application to submit.
    pub app: String,
}

impl Request {
    /// A request for an archive on YARN, with everything else unknown.
    #[must_use]
    pub fn new(uri: &str, format: Format) -> Self {
        Request {
            uri: uri.to_owned(),
            format,
            has_links: None,
            alias: Alias::default(),
            master: Master::default(),
            deploy_mode: None,
            spark_version: None,
            driver_python: None,
            unpacked: None,
            python_minor: None,
            platform: None,
            app: "app.py".to_owned(),
        }
    }

    /// Where the driver runs. Standalone masters take no Python driver, and a
    /// local one has no cluster.
    #[must_use]
    pub fn deploy_mode(&self) -> DeployMode {
        self.deploy_mode.unwrap_or(match self.master.engine {
            Engine::Yarn | Engine::K8s => DeployMode::Cluster,
            Engine::Standalone | Engine::Local => DeployMode::Client,
        })
    }
}

/// The name after `#`: the directory into which an engine unpacks an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias(String);

impl Alias {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Alias {
    fn default() -> Self {
        Alias("environment".to_owned())
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One part of a path that needs no quotes anywhere.
impl FromStr for Alias {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |problem| Error::Alias { alias: text.to_owned(), problem };
        match text {
            "" => Err(bad("is empty")),
            "." | ".." => Err(bad("is no name of its own")),
            _ if text.contains('/') => Err(bad("holds a slash")),
            _ if text.starts_with('-') => Err(bad("begins like an option")),
            _ if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) => {
                Ok(Alias(text.to_owned()))
            }
            _ => Err(bad("holds something other than ASCII letters, digits, `-`, `_` and `.`")),
        }
    }
}

/// What hands out the machines: a family of masters, and its address if given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    pub engine: Engine,
    /// As Spark takes it: `yarn`, `k8s://https://host:6443`, `local[4]`.
    pub url: Option<String>,
}

/// A family of masters, with its own rules for archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Yarn,
    K8s,
    Standalone,
    Local,
}

impl Engine {
    /// As it stands in a sentence.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Engine::Yarn => "YARN",
            Engine::K8s => "Kubernetes",
            Engine::Standalone => "a standalone master",
            Engine::Local => "a local master",
        }
    }
}

impl Default for Master {
    fn default() -> Self {
        Master { engine: Engine::Yarn, url: Some("yarn".to_owned()) }
    }
}

/// `yarn`, `k8s`, `standalone`, `local`, or what Spark takes as `--master`.
impl FromStr for Master {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let url = Some(text.to_owned());
        let local = |rest: &str| rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']'));
        Ok(match text {
            "yarn" => Master { engine: Engine::Yarn, url },
            "k8s" => Master { engine: Engine::K8s, url: None },
            "standalone" => Master { engine: Engine::Standalone, url: None },
            "local" => Master { engine: Engine::Local, url: Some("local[*]".to_owned()) },
            _ if text.starts_with("k8s://") => Master { engine: Engine::K8s, url },
            // Executors that are processes of their own, with directories of their own.
            _ if text.starts_with("spark://") || text.starts_with("local-cluster[") => {
                Master { engine: Engine::Standalone, url }
            }
            _ if text.strip_prefix("local").is_some_and(local) => Master { engine: Engine::Local, url },
            _ => return Err(Error::UnknownMaster { master: text.to_owned() }),
        })
    }
}

/// Where the driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployMode {
    /// In a container, in which the archive is unpacked.
    Cluster,
    /// On the machine that submits.
    Client,
}

impl DeployMode {
    /// Both.
    pub const ALL: [DeployMode; 2] = [DeployMode::Cluster, DeployMode::Client];

    /// Its name on the command line, ours and Spark's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DeployMode::Cluster => "cluster",
            DeployMode::Client => "client",
        }
    }
}

impl fmt::Display for DeployMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeployMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        DeployMode::ALL
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| Error::UnknownDeployMode { mode: text.to_owned() })
    }
}

/// The version of Spark that runs the job; what follows the minor version has
/// no influence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SparkVersion {
    pub major: u32,
    pub minor: u32,
}

impl fmt::Display for SparkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// `3.5`, `3.5.8`, `4.0.0-preview1`.
impl FromStr for SparkVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.split(['.', '-']).map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(SparkVersion { major, minor }),
            _ => Err(Error::SparkVersion { version: text.to_owned() }),
        }
    }
}
