//! The beginning of a script for a plain `python`, or the first cell of a notebook.
//!
//! There `spark.pyspark.python` is ignored: the session takes the workers'
//! interpreter from the environment of the process that makes it, and that
//! process is the driver.

use super::Definition;
use super::error::Error;
use super::quote::python;
use super::rendered::{Pairs, Rendered};
use super::request::{DeployMode, Request};
use super::spark::{Driver, Plan};

pub(super) const DEFINITION: Definition = Definition {
    name: "pyspark",
    about: "the start of a Python script or notebook that makes a session",
    render,
};

fn render(request: &Request) -> Result<Rendered, Error> {
    if request.deploy_mode == Some(DeployMode::Cluster) {
        return Err(Error::PysparkCluster);
    }
    let request = Request { deploy_mode: Some(DeployMode::Client), ..request.clone() };
    let mut plan = Plan::new(&request, Driver::User)?;
    match &request.python_minor {
        Some(minor) => plan.notes.push(format!("run it with a Python {minor}, as in the archive")),
        None => plan.notes.push("run it with the minor version of the archive's Python".to_owned()),
    }
    let (mut conf, mut env) = (Pairs::default(), Pairs::default());
    env.push("PYSPARK_PYTHON", &*plan.python);
    conf.push("spark.master", &*plan.master);
    if let Some((key, value)) = &plan.archive {
        conf.push(key, value);
    }
    let text = script(&conf, &plan.python);
    Ok(Rendered { target: DEFINITION.name, conf, env, args: Vec::new(), text, notes: plan.notes })
}

fn script(conf: &Pairs, interpreter: &str) -> String {
    let settings: Vec<_> = conf
        .0
        .iter()
        .map(|(key, value)| format!("    .config({}, {})", python(key), python(value)))
        .collect();
    format!(
        "import os\n\n\
         # Read when the session starts; `spark.pyspark.python` has no effect here.\n\
         os.environ[\"PYSPARK_PYTHON\"] = {}\n\n\
         from pyspark.sql import SparkSession\n\n\
         spark = (\n    SparkSession.builder\n{}\n    .getOrCreate()\n)\n",
        python(interpreter),
        settings.join("\n")
    )
}
