//! The runs of the scripts: in the same environment twice, and in one in which
//! every variable that they set has a value before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::shell::{Environment, Outcome, Shell, Step};
use super::super::variables::is_name;
use super::super::warning::Warning;
use crate::error::Result;

/// Variables that shells and conda set themselves, or that envship sets.
const NOT_RECORDED: [&str; 14] = [
    "_",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "HOME",
    "TMPDIR",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_PROMPT_MODIFIER",
    "CONDA_SHLVL",
    "ENVSHIP_ACTIVATE",
    "ENVSHIP_ACTIVE",
    "ENVSHIP_ACTIVE_SET",
    "IFS",
];

/// Where programs of the machine are.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Scripts and where they run.
pub(super) struct Evaluation<'a> {
    pub root: &'a Path,
    pub home: &'a Path,
    pub shell: &'a Shell,
    /// Those that come to an end.
    pub scripts: Vec<String>,
}

/// What was seen.
pub(super) struct Runs {
    scripts: Vec<String>,
    /// The environment before the first script, and after each.
    before: Environment,
    steps: Vec<Step>,
    /// That of a second run; `None` if a script didn't like what it found.
    again: Option<Environment>,
    /// That of a run which began with a mark in every variable that changes.
    marked: Option<Environment>,
}

impl Evaluation<'_> {
    /// Runs the scripts, without those that can't be run to an end. `None` if
    /// there are no others.
    pub fn thrice(
        mut self,
        declared: &BTreeMap<String, String>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Runs>> {
        let environment = self.environment(declared);
        let Some((before, steps)) = self.whole(&environment, warnings)? else { return Ok(None) };
        let again = self.run(&environment)?;
        let mut runs = Runs { scripts: Vec::new(), before, steps, again, marked: None };
        let mut marked = environment;
        marked.extend(runs.names().filter(|name| *name != "PATH").map(|name| (name.clone(), mark(name))));
        runs.marked = self.run(&marked)?;
        runs.scripts = self.scripts;
        Ok(Some(runs))
    }

    /// What scripts see: what conda sets, and nothing of the user's.
    fn environment(&self, declared: &BTreeMap<String, String>) -> Environment {
        let root = self.root.to_string_lossy();
        let home = self.home.to_string_lossy();
        let mut environment = declared.clone();
        environment.extend(
            [
                ("PATH", format!("{root}/bin:{SYSTEM_PATH}").as_str()),
                ("HOME", &home),
                ("TMPDIR", &home),
                ("CONDA_PREFIX", &root),
                ("CONDA_DEFAULT_ENV", &root),
                ("CONDA_SHLVL", "1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        environment
    }

    fn start(&self, environment: &Environment) -> Result<Outcome> {
        let paths: Vec<PathBuf> = self.scripts.iter().map(|script| self.root.join(script)).collect();
        self.shell.run(&paths, environment, self.home)
    }

    /// Runs the scripts, without those that can't be run to an end. `None` if
    /// there are no others.
    fn whole(
        &mut self,
        environment: &Environment,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<(Environment, Vec<Step>)>> {
        loop {
            let limit = self.shell.limit.as_secs();
            let (at, fault) = match self.start(environment)? {
                Outcome::Ended { before, steps } => {
                    for (script, step) in self.scripts.iter().zip(&steps) {
                        if let Some(complaint) = &step.complaint {
                            let why = Some(complaint.clone());
                            warnings.push(Warning { what: format!("{script} fails"), why });
                        }
                    }
                    return Ok(Some((before, steps)));
                }
                Outcome::Stuck { at } => (at, format!("doesn't end within {limit} seconds")),
                Outcome::Exited { at } => (at, "ends the shell that activates".to_owned()),
                Outcome::Unusable { why } => {
                    let what = "the activation scripts can't be evaluated, and what they set is left out";
                    warnings.push(Warning { what: what.to_owned(), why: Some(why) });
                    return Ok(None);
                }
            };
            let script = self.scripts.remove(at);
            warnings.push(Warning::new(format!("{script} {fault}: what it sets is left out")));
            if self.scripts.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The environment after all scripts; `None` if one of them doesn't like
    /// what it finds.
    fn run(&self, environment: &Environment) -> Result<Option<Environment>> {
        Ok(match self.start(environment)? {
            Outcome::Ended { steps, .. } => steps.into_iter().next_back().map(|step| step.environment),
            _ => None,
        })
    }
}

impl Runs {
    /// The variables that scripts set or change.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let after = self.steps.last().into_iter().flat_map(|step| &step.environment);
        after
            .filter(|(name, value)| self.before.get(*name) != Some(value) && is_name(name))
            .filter(|(name, _)| !NOT_RECORDED.contains(&name.as_str()))
            .map(|(name, _)| name)
    }

    /// The value of a variable before the first script.
    pub fn before(&self, name: &str) -> &str {
        self.before.get(name).map_or("", String::as_str)
    }

    /// Its value after the last.
    pub fn after(&self, name: &str) -> &str {
        self.steps.last().and_then(|step| step.environment.get(name)).map_or("", String::as_str)
    }

    /// Whether it has another value each time.
    pub fn varies(&self, name: &str) -> bool {
        let again = |again: &Environment| again.get(name).map(String::as_str) != Some(self.after(name));
        self.again.as_ref().is_some_and(again)
    }

    /// What stands round the value that it had before.
    pub fn around(&self, name: &str) -> Option<(&str, &str)> {
        self.marked.as_ref()?.get(name)?.split_once(&mark(name))
    }

    /// Whether it only keeps what another variable was before.
    pub fn is_copy(&self, name: &str) -> bool {
        let value = self.marked.as_ref().and_then(|marked| marked.get(name));
        value.is_some_and(|value| self.names().any(|other| *other != name && *value == mark(other)))
    }

    /// The last script that changed it.
    pub fn author(&self, name: &str) -> &str {
        let mut last = self.before.get(name);
        let mut author = "";
        for (script, step) in self.scripts.iter().zip(&self.steps) {
            let value = step.environment.get(name);
            if value != last {
                author = script;
                last = value;
            }
        }
        author
    }
}

/// The value that stands for a user's own: a path that is nowhere.
fn mark(name: &str) -> String {
    format!("/nonexistent/envship/{name}")
}
