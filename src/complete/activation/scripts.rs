//! What the activation scripts of conda packages (`etc/conda/activate.d/*.sh`)
//! do to the environment.
//!
//! They run three times. The second run shows what changes from run to run and
//! so is no property of the environment; in the third, every variable that
//! they set has a value before, which shows what becomes of a user's own.
//! What a script finds out about the machine is recorded as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::shell::{Environment, Outcome, Shell, Step};
use super::variables::is_name;
use super::{Effect, List, Value, Warning};
use crate::error::Result;
use crate::prefix::Inventory;

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

/// What scripts change.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By name, with the script that had the last word.
    pub variables: BTreeMap<String, (Effect, String)>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// The scripts in the order in which conda sources them.
pub(super) fn names(inventory: &Inventory) -> Vec<String> {
    let scripts = inventory.below("etc/conda/activate.d/").map(|entry| entry.path.as_str());
    scripts.filter(|path| path.ends_with(".sh")).map(str::to_owned).collect()
}

/// Evaluates the scripts with `declared` variables set.
///
/// # Errors
/// If the user interrupts, or there is no room for a temporary folder.
pub(super) fn evaluate(
    inventory: &Inventory,
    declared: &BTreeMap<String, String>,
    shell: Option<&Shell>,
) -> Result<Changes> {
    let mut changes = Changes::default();
    let scripts = names(inventory);
    if scripts.is_empty() {
        return Ok(changes);
    }
    let Some(shell) = shell else {
        changes.warnings.push(Warning::new(format!(
            "no bash or sh is on PATH to evaluate the activation scripts: what they set is left out: {}",
            scripts.join(", ")
        )));
        return Ok(changes);
    };
    let home = tempfile::Builder::new().prefix("envship-home-").tempdir()?;
    let mut evaluation = Evaluation { root: &inventory.prefix.root, home: home.path(), shell, scripts };
    let environment = evaluation.environment(declared);
    let Some((before, steps)) = evaluation.whole(&environment, &mut changes.warnings)? else {
        return Ok(changes);
    };
    let after = steps.last().map(|step| step.environment.clone()).unwrap_or_default();
    let again = evaluation.run(&environment)?;
    let names: Vec<&String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value) && is_name(name))
        .filter(|(name, _)| !NOT_RECORDED.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    let mut marked = environment.clone();
    marked.extend(names.iter().filter(|name| **name != "PATH").map(|name| ((*name).clone(), mark(name))));
    let marked = evaluation.run(&marked)?;
    let is_copy = |name: &str| {
        let value = marked.as_ref().and_then(|marked| marked.get(name));
        value.is_some_and(|value| names.iter().any(|other| *other != name && *value == mark(other)))
    };
    for name in &names {
        let name = *name;
        // Many scripts keep the user's value in another variable, for deactivation.
        if is_copy(name) {
            continue;
        }
        let value = &after[name];
        let script = evaluation.author(name, &before, &steps);
        if again.as_ref().is_some_and(|again| again.get(name) != Some(value)) {
            changes.warnings.push(Warning::new(format!(
                "`{name}`, which {script} sets, has another value each time and is left out"
            )));
            continue;
        }
        let effect = if name == "PATH" {
            path(value, &before["PATH"], inventory)
        } else {
            effect(value, marked.as_ref().and_then(|marked| marked.get(name)), &mark(name), inventory)
        };
        let leaks = [Some(home.path().to_owned()), std::env::home_dir()].into_iter().flatten();
        if leaks
            .filter(|path| path.components().count() > 1)
            .any(|path| effect.names(&path.to_string_lossy()))
        {
            changes.warnings.push(Warning::new(format!(
                "`{name}`, which {script} sets, names a folder of this machine and is left out"
            )));
            continue;
        }
        changes.variables.insert(name.clone(), (effect, script));
    }
    Ok(changes)
}

struct Evaluation<'a> {
    root: &'a Path,
    home: &'a Path,
    shell: &'a Shell,
    /// Those that come to an end.
    scripts: Vec<String>,
}

impl Evaluation<'_> {
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

    /// The last script that changed the variable.
    fn author(&self, name: &str, before: &Environment, steps: &[Step]) -> String {
        let mut last = before.get(name);
        let mut author = String::new();
        for (script, step) in self.scripts.iter().zip(steps) {
            let value = step.environment.get(name);
            if value != last {
                author.clone_from(script);
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

/// A variable whose value before, `mark`, is still in its value after as an
/// item of a list is a list.
fn effect(value: &str, marked: Option<&String>, mark: &str, inventory: &Inventory) -> Effect {
    let text = |text: &str| Value::new(text, &inventory.prefixes);
    let around = marked.and_then(|marked| marked.split_once(mark));
    let Some((before, after)) = around.filter(|(before, after)| !(before.is_empty() && after.is_empty()))
    else {
        return Effect::Set(text(value));
    };
    let joint = |end: Option<char>| match end {
        None => Some(None),
        Some(sign) if [':', ';', ',', ' '].contains(&sign) => Some(Some(sign)),
        Some(_) => None,
    };
    let separator = match (joint(before.chars().next_back()), joint(after.chars().next())) {
        (Some(Some(left)), Some(right)) if right.is_none_or(|right| right == left) => left,
        (Some(None), Some(Some(right))) => right,
        // A path below the user's, say.
        _ => return Effect::Set(text(value)),
    };
    Effect::Join(List { separator, alone: text(value), before: text(before), after: text(after) })
}

/// `PATH`, whose first folder was the environment's and the others the
/// system's.
fn path(value: &str, old: &str, inventory: &Inventory) -> Effect {
    let (own, system) = old.split_once(':').unwrap_or((old, ""));
    let system: Vec<&str> = system.split(':').collect();
    let (mut before, mut after, mut seen) = (Vec::new(), Vec::new(), false);
    for folder in value.split(':') {
        match (system.contains(&folder), seen) {
            (true, _) => seen = true,
            (false, false) => before.push(folder),
            (false, true) => after.push(folder),
        }
    }
    if !before.contains(&own) {
        before.insert(0, own);
        after.retain(|folder| *folder != own);
    }
    let text = |folders: &[&str]| Value::new(&folders.join(":"), &inventory.prefixes);
    let alone = text(&[&before[..], &after].concat());
    Effect::Join(List { separator: ':', alone, before: text(&before), after: text(&after) })
}

#[cfg(test)]
mod tests {
    use super::super::shell::tests::of_machine;
    use super::*;
    use crate::entry::Group;
    use crate::prefix::empty_inventory;

    /// An environment with these scripts, called `0.sh`, `1.sh`…
    fn environment(scripts: &[&str]) -> (tempfile::TempDir, Inventory) {
        let folder = tempfile::tempdir().unwrap();
        let mut inventory = empty_inventory();
        inventory.prefix.root = folder.path().join("it's $HOME");
        inventory.prefixes = vec![inventory.prefix.root.clone()];
        for (at, script) in scripts.iter().enumerate() {
            let path = format!("etc/conda/activate.d/{at}.sh");
            let disk = inventory.prefix.root.join(&path);
            fs_err::create_dir_all(disk.parent().unwrap()).unwrap();
            fs_err::write(disk, script).unwrap();
            inventory.put_text(&path, Group::Loose, *script);
        }
        (folder, inventory)
    }

    fn changes(scripts: &[&str]) -> Changes {
        let shell = of_machine(std::time::Duration::from_millis(900));
        let (_folder, inventory) = environment(scripts);
        let declared = [("DECLARED".to_owned(), "a $x `y`".to_owned())].into();
        evaluate(&inventory, &declared, Some(&shell)).unwrap()
    }

    fn warnings(changes: &Changes) -> Vec<String> {
        changes.warnings.iter().map(ToString::to_string).collect()
    }

    fn set(changes: &Changes, name: &str) -> String {
        match &changes.variables[name] {
            (Effect::Set(value), _) => value.python(),
            (effect, _) => panic!("{name}: {effect:?}"),
        }
    }

    fn list(changes: &Changes, name: &str) -> (char, String, String, String) {
        match &changes.variables[name] {
            (Effect::Join(list), _) => {
                (list.separator, list.alone.python(), list.before.python(), list.after.python())
            }
            (effect, _) => panic!("{name}: {effect:?}"),
        }
    }

    #[test]
    fn what_scripts_set_is_recorded_with_the_prefix_left_open() {
        let changes = changes(&[
            "export DATA=\"$CONDA_PREFIX/share\" SEEN=\"$DECLARED\"; cd /; unset HOME; export HOME=/x\n",
            "export MORE=\"$DATA/more\" DATA=\"$DATA/2\"; f() { :; }; export -f f\n",
        ]);
        assert_eq!(set(&changes, "DATA"), "prefix + \"/share/2\"");
        assert_eq!(set(&changes, "MORE"), "prefix + \"/share/more\"");
        assert_eq!(set(&changes, "SEEN"), "\"a $x `y`\"");
        assert_eq!(changes.variables["DATA"].1, "etc/conda/activate.d/1.sh");
        assert_eq!(changes.variables.len(), 3, "{changes:?}");
        assert_eq!(changes.warnings, []);
    }

    #[test]
    fn nothing_of_the_packing_user_is_seen() {
        let changes = changes(&["export ALL=\"$(env | cut -d= -f1 | sort | tr '\\n' ' ')\"\n"]);
        let names = "CONDA_DEFAULT_ENV CONDA_PREFIX CONDA_SHLVL DECLARED HOME PATH PWD SHLVL TMPDIR _ ";
        assert_eq!(set(&changes, "ALL"), format!("\"{names}\""));
    }

    #[test]
    fn lists_are_told_from_other_variables() {
        let changes = changes(&["
            export XDG=\"$CONDA_PREFIX/share${XDG:+:$XDG}\"
            export END=\"${END:+$END:}$CONDA_PREFIX/end\"
            export FLAGS=\"-I$CONDA_PREFIX/include $FLAGS\"
            export OWN=\"${OWN:-$CONDA_PREFIX/own}\"
            export BELOW=\"${BELOW:-$CONDA_PREFIX}/below\"
            export PATH=\"$CONDA_PREFIX/first:$PATH:$CONDA_PREFIX/last\"
        "]);
        let text = |text: &str| text.to_owned();
        assert_eq!(
            list(&changes, "XDG"),
            (':', text("prefix + \"/share\""), text("prefix + \"/share:\""), text("\"\""))
        );
        assert_eq!(
            list(&changes, "END"),
            (':', text("prefix + \"/end\""), text("\"\""), text("\":\" + prefix + \"/end\""))
        );
        assert_eq!(list(&changes, "FLAGS").0, ' ');
        assert_eq!(set(&changes, "OWN"), "prefix + \"/own\"");
        assert_eq!(set(&changes, "BELOW"), "prefix + \"/below\"");
        let (_, alone, before, after) = list(&changes, "PATH");
        assert_eq!(before, "prefix + \"/first:\" + prefix + \"/bin\"");
        assert_eq!(after, "prefix + \"/last\"");
        assert_eq!(alone, "prefix + \"/first:\" + prefix + \"/bin:\" + prefix + \"/last\"");
    }

    #[test]
    fn copies_of_what_the_user_has_set_are_not_recorded() {
        let changes = changes(&["
            export JAVA_BACKUP=\"${JAVA:-}\"
            export JAVA=\"$CONDA_PREFIX/lib/jvm\"
            export CATALOG_BACKUP=\"${CATALOG:-}\"
            CATALOG=\"${CATALOG:+$CATALOG }file://$CONDA_PREFIX/etc/xml/catalog\"
            export CATALOG EMPTY=
        "]);
        assert_eq!(changes.variables.keys().collect::<Vec<_>>(), ["CATALOG", "EMPTY", "JAVA"]);
        assert_eq!(list(&changes, "CATALOG").3, "\" file://\" + prefix + \"/etc/xml/catalog\"");
    }

    #[test]
    fn what_belongs_to_this_machine_or_this_minute_is_left_out_and_told() {
        let changes = changes(&["export A=\"$HOME/x\" B=$$ C=c\n"]);
        assert_eq!(changes.variables.keys().collect::<Vec<_>>(), ["C"]);
        assert_eq!(
            warnings(&changes),
            [
                "`A`, which etc/conda/activate.d/0.sh sets, names a folder of this machine and is left out",
                "`B`, which etc/conda/activate.d/0.sh sets, has another value each time and is left out",
            ]
        );
    }

    #[test]
    fn broken_and_hanging_scripts_are_named_and_the_others_count() {
        let changes =
            changes(&["export A=1\nexit 3\n", "export B=1\nsleep 60\n", "export C=1\nno-such-program\n"]);
        assert_eq!(changes.variables.keys().collect::<Vec<_>>(), ["C"]);
        let [exited, stuck, fails] = &warnings(&changes)[..] else { panic!("{changes:?}") };
        assert_eq!(
            exited,
            "etc/conda/activate.d/0.sh ends the shell that activates: what it sets is left out"
        );
        assert!(stuck.starts_with("etc/conda/activate.d/1.sh doesn't end within"), "{stuck}");
        assert!(fails.starts_with("etc/conda/activate.d/2.sh fails: "), "{fails}");
        assert!(fails.contains("no-such-program"), "{fails}");
        // The archive doesn't tell what the shell said, since that has paths in it.
        assert_eq!(changes.warnings[2].what, "etc/conda/activate.d/2.sh fails");
    }

    #[test]
    fn without_a_shell_the_scripts_are_named() {
        let (_folder, inventory) = environment(&["export A=1\n"]);
        let changes = evaluate(&inventory, &BTreeMap::new(), None).unwrap();
        assert!(changes.variables.is_empty());
        assert_eq!(
            warnings(&changes),
            [
                "no bash or sh is on PATH to evaluate the activation scripts: what they set is left out: etc/conda/activate.d/0.sh"
            ]
        );
    }
}
