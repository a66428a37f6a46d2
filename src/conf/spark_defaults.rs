//! Lines for `conf/spark-defaults.conf`, or a file for `--properties-file`.

use super::Definition;
use super::error::Error;
use super::quote::property;
use super::rendered::{Pairs, Rendered};
use super::request::Request;
use super::spark::{Driver, Plan};

pub(super) const DEFINITION: Definition =
    Definition { name: "spark-defaults", about: "properties for spark-defaults.conf", render };

fn render(request: &Request) -> Result<Rendered, Error> {
    let plan = Plan::new(request, Driver::Spark)?;
    let mut conf = Pairs::default();
    conf.push("spark.master", &*plan.master);
    conf.push("spark.submit.deployMode", plan.deploy_mode.name());
    conf.0.extend(plan.conf().0);
    let lines: Vec<_> = conf.0.iter().map(|(key, value)| format!("{key} {}", property(value))).collect();
    let text = lines.join(
        "
",
    ) + "
";
    Ok(Rendered {
        target: DEFINITION.name,
        conf,
        env: Pairs::default(),
        args: Vec::new(),
        text,
        notes: plan.notes,
    })
}
