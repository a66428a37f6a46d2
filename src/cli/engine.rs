//! For which engine configuration is printed, and how that engine is run.

use clap::Args;

use super::explained;
use crate::conf::{Alias, DeployMode, Master, Rendered, SparkVersion, Target};
use crate::error::Result;
use crate::ops::EngineOptions;
use crate::term::Terminal;

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct EngineArgs {
    /// The engine or tool to print configuration for: spark-submit, spark-defaults or pyspark; may
    /// be given several times.
    #[arg(long = "for", value_name = "TARGET", value_parser = explained::<Target>)]
    targets: Vec<Target>,

    /// Where Spark runs: yarn, k8s, standalone or local.
    #[arg(long, value_name = "MASTER", default_value = "yarn", value_parser = explained::<Master>)]
    master: Master,

    /// Where the driver runs: cluster or client. By default cluster where the master has it.
    #[arg(long, value_name = "MODE", value_parser = explained::<DeployMode>)]
    deploy_mode: Option<DeployMode>,

    /// The directory that the engine unpacks the archive into.
    #[arg(long, value_name = "NAME", default_value = "environment", value_parser = explained::<Alias>)]
    alias: Alias,

    /// The version of Spark on the cluster: 3.5, 4.0…
    #[arg(long, value_name = "VERSION", value_parser = explained::<SparkVersion>)]
    spark_version: Option<SparkVersion>,

    /// The driver's Python in client mode: a path on the machine that submits, of the same minor version.
    #[arg(long, value_name = "PATH")]
    driver_python: Option<String>,

    /// Where the environment lies unpacked, for --master local.
    #[arg(long, value_name = "DIR")]
    unpacked: Option<String>,

    /// The application that the printed command runs.
    #[arg(long, value_name = "FILE", default_value = "app.py")]
    app: String,
}

impl EngineArgs {
    pub fn options(self) -> EngineOptions {
        let mut targets = Vec::new();
        for target in self.targets {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        EngineOptions {
            targets,
            master: self.master,
            deploy_mode: self.deploy_mode,
            alias: self.alias,
            spark_version: self.spark_version,
            driver_python: self.driver_python,
            unpacked: self.unpacked,
            app: self.app,
        }
    }
}

/// Prints configurations ready to paste; where there are several, each below
/// a comment that names its target.
pub fn print(rendered: &[Rendered], terminal: &Terminal) -> Result<()> {
    let text: Vec<String> = match rendered {
        [only] => vec![only.text.clone()],
        several => several.iter().map(|one| format!("# {}\n{}", one.target, one.text)).collect(),
    };
    Ok(terminal.data(&text.join("\n"))?)
}

/// Prints one object: the configuration, or `targets` with several.
pub fn print_json(rendered: &[Rendered], terminal: &Terminal) -> Result<()> {
    match rendered {
        [only] => terminal.json(only),
        several => terminal.json(&serde_json::json!({ "targets": several })),
    }
}
