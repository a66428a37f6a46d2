//! `envship verify`

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::archive::threads;
use crate::error::Result;
use crate::ops;
use crate::term::{Terminal, harmless};
use crate::verify::{Area, Check, Outcome, Report, VerifyOptions};

/// Try whether an environment runs where it lands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship verify env.tar.gz
  envship verify env.tar.gz --original .venv    # what fails there too doesn't count
  envship verify s3a://bucket/envs/my-0123456789ab.tar.gz
  envship verify /opt/envs/analytics            # an unpacked environment, where it lies

An archive is unpacked at a path with spaces and made read-only; root hands the trial over to nobody.
There the interpreter starts, every top-level module is imported in a process of its own, first in an
empty environment and then in a hostile one (a user site that shadows everything, a foreign PYTHONPATH
and LD_LIBRARY_PATH, another environment's activation), every console script is asked for its version,
and `pip check` runs. Nothing may be loaded from outside but what every Linux node has. Files are
compared with the digests that were recorded when they were packed.

Exit codes: 0 everything runs; 1 something doesn't.")]
pub struct Args {
    /// The archive, its URL, or a folder that holds an unpacked environment.
    archive: PathBuf,

    /// Seconds after which an import or a script counts as hanging.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// The environment that was packed, if it is still there: what fails in it too doesn't count.
    #[arg(long, value_name = "PREFIX")]
    original: Option<PathBuf>,

    /// How many processes run at once; by default one for each core, up to 16.
    #[arg(short = 'j', long = "n-threads", value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    threads: Option<usize>,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        let original = self.original.as_deref().map(ops::environment_at).transpose()?;
        let limit = Duration::from_secs(self.timeout);
        let options = VerifyOptions { original, limit, threads: self.threads.unwrap_or(0) };
        let report = ops::verify(&self.archive, &options, terminal)?;
        if json {
            terminal.json(&report)?;
        } else {
            terminal.data(&table(&report))?;
        }
        ops::require_fit(&report, &options)
    }
}

/// Counts by area, then what didn't pass, with the reasons.
fn table(report: &Report) -> String {
    let width = Area::ALL.iter().map(|area| area.title().len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  passed  failed  tolerated\n", "");
    for area in Area::ALL {
        let [passed, failed, tolerated] =
            [Outcome::Passed, Outcome::Failed, Outcome::Tolerated].map(|outcome| report.count(area, outcome));
        if passed + failed + tolerated > 0 {
            let _ = writeln!(text, "{:width$}  {passed:>6}  {failed:>6}  {tolerated:>9}", area.title());
        }
    }
    for (outcome, heading) in [(Outcome::Failed, "failed"), (Outcome::Tolerated, "tolerated")] {
        for check in report.with_outcome(outcome) {
            let _ = writeln!(text, "{heading}: {}", line(check));
        }
    }
    text
}

fn line(check: &Check) -> String {
    let of = check.distribution.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    harmless(&format!("{}: {}{of}: {}", check.area.title(), check.name, check.reason), &[])
}
