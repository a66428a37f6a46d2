//! The rules of Spark: which key ships an archive, and who picks the interpreter.
//!
//! - Archives are shipped by `spark.yarn.dist.archives` on YARN and, since 3.1,
//!   by `spark.archives` elsewhere (SPARK-33530). With both, YARN gets the archive
//!   twice and refuses it, so there is always exactly one.
//! - The worker's interpreter is settled on the driver and sent along with each
//!   function; variables of the executors have no say.
//! - The driver's is `spark.pyspark.driver.python`, else `spark.pyspark.python`.
//!   In client mode it starts where no archive is unpacked.
//! - With a local master the archive is unpacked into a temporary directory, and
//!   the workers run elsewhere: a relative interpreter is never found.

use super::error::Error;
use super::formats;
use super::rendered::Pairs;
use super::request::{DeployMode, Engine, Request, SparkVersion};
use super::support::python_support;
use super::uri;
use crate::artifact::Format;

/// The first with `spark.archives`.
const FIRST_WITH_ARCHIVES: SparkVersion = SparkVersion { major: 3, minor: 1 };

/// What a job needs, whatever way it is told.
#[derive(Debug)]
pub(super) struct Plan {
    /// As Spark takes it; a name to be replaced where none was given.
    pub master: String,
    pub deploy_mode: DeployMode,
    /// The key that ships the archive, and its value; nothing for a local master.
    pub archive: Option<(&'static str, String)>,
    /// The interpreter of the workers.
    pub python: String,
    /// The interpreter of a driver that is started outside the cluster.
    pub driver_python: Option<String>,
    pub notes: Vec<String>,
}

/// Who starts the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// Spark, which has to be told an interpreter.
    Spark,
    /// The user: it is the Python process that makes the session.
    User,
}

impl Plan {
    /// Applies the rules.
    pub fn new(request: &Request, driver: Driver) -> Result<Plan, Error> {
        let engine = request.master.engine;
        let mut notes = Vec::new();
        check_mode(request)?;
        check_version(request, &mut notes)?;
        let (archive, python) = if engine == Engine::Local {
            (None, format!("{}/bin/python", unpacked(request)?))
        } else {
            check_platform(request)?;
            formats::check(request, &mut notes)?;
            let uri = uri::mend(&request.uri, request.format, &mut notes)?;
            add_uri_notes(request, &uri, &mut notes);
            let archive = (archive_key(engine), format!("{uri}#{}", request.alias));
            (Some(archive), format!("./{}/bin/python", request.alias))
        };
        let driver_python = driver_python(request, driver, &mut notes)?;
        let master = master(request, &mut notes);
        Ok(Plan { master, deploy_mode: request.deploy_mode(), archive, python, driver_python, notes })
    }

    /// The keys for an application that Spark starts.
    pub fn conf(&self) -> Pairs {
        let mut conf = Pairs::default();
        if let Some((key, value)) = &self.archive {
            conf.push(key, value);
            if *key == archive_key(Engine::Yarn) && self.deploy_mode == DeployMode::Cluster {
                conf.push("spark.yarn.appMasterEnv.PYSPARK_PYTHON", &*self.python);
            }
        }
        conf.push("spark.pyspark.python", &*self.python);
        if let Some(python) = &self.driver_python {
            conf.push("spark.pyspark.driver.python", python);
        }
        conf
    }
}

fn archive_key(engine: Engine) -> &'static str {
    match engine {
        Engine::Yarn => "spark.yarn.dist.archives",
        Engine::K8s | Engine::Standalone | Engine::Local => "spark.archives",
    }
}

fn check_mode(request: &Request) -> Result<(), Error> {
    match (request.master.engine, request.deploy_mode()) {
        (Engine::Standalone, DeployMode::Cluster) => Err(Error::StandaloneCluster),
        (Engine::Local, DeployMode::Cluster) => Err(Error::LocalCluster),
        _ => Ok(()),
    }
}

fn check_version(request: &Request, notes: &mut Vec<String>) -> Result<(), Error> {
    let Some(version) = request.spark_version else { return Ok(()) };
    let engine = request.master.engine;
    if matches!(engine, Engine::K8s | Engine::Standalone) && version < FIRST_WITH_ARCHIVES {
        return Err(Error::TooOld { engine, version });
    }
    if let Some(minor) = &request.python_minor {
        notes.extend(python_support(version, minor));
    }
    Ok(())
}

/// The machines of a cluster run Linux; a local master runs where it is started.
fn check_platform(request: &Request) -> Result<(), Error> {
    match &request.platform {
        Some(platform) if !platform.starts_with("linux-") && platform != "noarch" => {
            Err(Error::Platform { engine: request.master.engine, platform: platform.clone() })
        }
        _ => Ok(()),
    }
}

/// The directory in which the environment lies.
fn unpacked(request: &Request) -> Result<&str, Error> {
    let path = match &request.unpacked {
        Some(path) => path,
        // A directory needs no unpacking.
        None if request.format == Format::Directory && request.uri.starts_with('/') => &request.uri,
        None => return Err(Error::NotUnpacked),
    };
    if !path.starts_with('/') {
        return Err(Error::Relative { what: "unpacked environment", path: path.clone() });
    }
    Ok(path.trim_end_matches('/'))
}

fn add_uri_notes(request: &Request, uri: &str, notes: &mut Vec<String>) {
    if uri::is_local(uri)
        && request.master.engine == Engine::K8s
        && request.deploy_mode() == DeployMode::Cluster
    {
        notes.push(
            "Kubernetes gets a local archive through a store: set spark.kubernetes.file.upload.path to a URL \
             that the pods can read"
                .to_owned(),
        );
    }
    if uri.starts_with("s3a://") {
        notes.push(
            "s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages \
             comes too late for archives"
                .to_owned(),
        );
    }
}

fn driver_python(
    request: &Request,
    driver: Driver,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Error> {
    let minor = request.python_minor.as_deref();
    let is_needed = driver == Driver::Spark
        && request.deploy_mode() == DeployMode::Client
        && request.master.engine != Engine::Local;
    if !is_needed {
        if request.driver_python.is_some() {
            notes.push(match driver {
                Driver::User => {
                    "--driver-python is not used: the driver is the Python process itself".to_owned()
                }
                Driver::Spark => {
                    "--driver-python is not used: the driver runs the archive's Python".to_owned()
                }
            });
        }
        return Ok(None);
    }
    let Some(python) = &request.driver_python else {
        return Err(Error::DriverPython { engine: request.master.engine, minor: minor.map(str::to_owned) });
    };
    notes.push(match minor {
        Some(minor) => format!("`{python}` must be a Python {minor}, as in the archive"),
        None => format!("`{python}` must have the minor version of the archive's Python"),
    });
    Ok(Some(python.clone()))
}

fn master(request: &Request, notes: &mut Vec<String>) -> String {
    let stand_in = match (&request.master.url, request.master.engine) {
        (Some(url), _) => return url.clone(),
        (None, Engine::Yarn) => return "yarn".to_owned(),
        (None, Engine::Local) => return "local[*]".to_owned(),
        (None, Engine::K8s) => "k8s://https://KUBERNETES:6443",
        (None, Engine::Standalone) => "spark://MASTER:7077",
    };
    notes.push(format!("replace {stand_in} by the address of the master, or give it with --master"));
    stand_in.to_owned()
}
