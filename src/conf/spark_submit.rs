//! A `spark-submit` command.

use super::Definition;
use super::error::Error;
use super::quote::shell;
use super::rendered::{Pairs, Rendered};
use super::request::Request;
use super::spark::{Driver, Plan};

pub(super) const DEFINITION: Definition =
    Definition { name: "spark-submit", about: "a spark-submit command line, for a shell", render };

fn render(request: &Request) -> Result<Rendered, Error> {
    let plan = Plan::new(request, Driver::Spark)?;
    let conf = plan.conf();
    let mut options = vec![
        ["--master".to_owned(), plan.master.clone()],
        ["--deploy-mode".to_owned(), plan.deploy_mode.to_string()],
    ];
    options.extend(conf.0.iter().map(|(key, value)| ["--conf".to_owned(), format!("{key}={value}")]));
    let lines: Vec<_> =
        options.iter().map(|[option, value]| format!("  {option} {}", shell(value))).collect();
    let text = format!("spark-submit \\\n{} \\\n  {}\n", lines.join(" \\\n"), shell(&request.app));
    let mut args: Vec<_> = options.into_iter().flatten().collect();
    args.push(request.app.clone());
    Ok(Rendered { target: DEFINITION.name, conf, env: Pairs::default(), args, text, notes: plan.notes })
}
