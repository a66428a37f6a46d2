//! archive → configuration

use crate::archive;
use crate::artifact::{Format, Manifest};
use crate::conf::{self, Alias, DeployMode, Master, Rendered, Request, SparkVersion, Target};
use crate::error::{Explain, Kind, Result};
use crate::progress::Progress;
use crate::publish::Location;

/// For which engines, and how they are run.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub targets: Vec<Target>,
    pub master: Master,
    pub deploy_mode: Option<DeployMode>,
    pub alias: Alias,
    pub spark_version: Option<SparkVersion>,
    pub driver_python: Option<String>,
    /// Where the environment lies unpacked.
    pub unpacked: Option<String>,
    pub app: String,
}
