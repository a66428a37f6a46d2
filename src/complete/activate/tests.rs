//! All shells, as people use them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::activation::Value;
use super::super::activation::certificates::{BUNDLES, Certificates};
use super::*;

type Variable = (&'static str, Effect, Origin);

fn activation(activate_as: ActivateAs, variables: &[Variable]) -> Activation {
    let declared = |(name, effect, origin): &Variable| match (effect, origin) {
        (Effect::Set(value), Origin::Declared) => Some(((*name).to_owned(), value.clone())),
        _ => None,
    };
    let path = Value::below("bin").and(':', &Value::new("/declared", &[]));
    let list = Effect::Join(List::of_items(path.clone(), Value::new("", &[])));
    let variable = |(name, effect, origin): &Variable| ((*name).to_owned(), (effect.clone(), *origin));
    let mut all: BTreeMap<_, _> = variables.iter().map(variable).collect();
    all.insert("PATH".to_owned(), (list, Origin::Script));
    Activation {
        activate_as,
        declared: variables.iter().filter_map(declared).collect(),
        variables: all,
        path,
        certificates: Certificates::default(),
    }
}

fn set(name: &'static str, value: Value, origin: Origin) -> Variable {
    (name, Effect::Set(value), origin)
}

fn terminals() -> Variable {
    let list = List {
        separator: ':',
        alone: Value::below("share/terminfo").followed_by(":/system"),
        before: Value::below("share/terminfo"),
        after: Value::new("", &[]),
    };
    ("TERMINFO_DIRS", Effect::Join(list), Origin::DataPath)
}

/// Those that have a script. One that isn't installed fails its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    Fish,
    Tcsh,
}

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Tcsh];

impl Shell {
    fn command(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Shell::Bash => ("bash", &["--norc", "-uec"]),
            Shell::Fish => ("fish", &["--no-config", "-c"]),
            Shell::Tcsh => ("tcsh", &["-fc"]),
        }
    }

    fn script(self) -> &'static str {
        match self {
            Shell::Bash => "activate",
            Shell::Fish => "activate.fish",
            Shell::Tcsh => "activate.csh",
        }
    }

    /// A script of a package that exports `HOOK`, and one that takes it back.
    fn hooks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Shell::Bash => ("sh", "export HOOK=\"$CONDA_PREFIX/share\"\n", "unset HOOK\n"),
            Shell::Fish => ("fish", "set -gx HOOK \"$CONDA_PREFIX/share\"\n", "set -e HOOK\n"),
            Shell::Tcsh => ("csh", "setenv HOOK \"$CONDA_PREFIX:q/share\"\n", "unsetenv HOOK\n"),
        }
    }

    /// Runs `commands`, with `@` for the script and a line for each since a csh
    /// looks for aliases when it reads one, beside an environment at an
    /// awkward path, which is `ENV` in what is printed.
    fn run(self, activation: &Activation, user: &[(&str, &str)], commands: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        let root = environment(home.path(), activation);
        let (extension, activate, deactivate) = self.hooks();
        for (folder, text) in [("activate.d", activate), ("deactivate.d", deactivate)] {
            let folder = root.join("etc/conda").join(folder);
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join(format!("a.{extension}")), text).unwrap();
        }
        let (program, arguments) = self.command();
        let source = if self == Shell::Bash { "." } else { "source" };
        let output = Command::new(program)
            .args(arguments)
            .arg(commands.replace("; ", "\n").replace('@', &format!("{source} ../bin/{}", self.script())))
            .current_dir(root.join("etc"))
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("HOME", "/nonexistent")])
            .envs(user.iter().copied())
            .output()
            .unwrap_or_else(|error| panic!("`{program}` is needed, scripts/setup installs it: {error}"));
        assert!(output.status.success(), "{self:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{self:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.replace(fs_err::canonicalize(&root).unwrap().to_str().unwrap(), "ENV")
    }

    /// The variables that programs see.
    fn seen(
        self,
        activation: &Activation,
        user: &[(&str, &str)],
        commands: &str,
    ) -> BTreeMap<String, String> {
        let text = self.run(activation, user, &format!("{commands}; env -0"));
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn environment(home: &Path, activation: &Activation) -> PathBuf {
    let root = home.join("it's a \"$HOME\" of `[spaces]` *\\!");
    fs_err::create_dir_all(root.join("bin")).unwrap();
    let mut inventory = crate::prefix::empty_inventory();
    write(&mut inventory, activation);
    for entry in inventory.iter() {
        if let Some(file) = inventory.file(&entry.path) {
            let crate::entry::Content::Memory(bytes) = &file.content else { continue };
            fs_err::write(root.join(&*entry.path), bytes).unwrap();
        }
    }
    root
}

#[test]
fn every_script_finds_itself_and_runs_the_hooks() {
    for shell in SHELLS {
        for kind in [ActivateAs::Conda, ActivateAs::Venv] {
            let seen = shell.seen(&activation(kind, &[]), &[("PYTHONHOME", "/x")], "@");
            assert_eq!(seen[kind.variable()], "ENV", "{shell:?}");
            assert_eq!(seen["PATH"], "ENV/bin:/declared:/usr/bin:/bin", "{shell:?}");
            assert_eq!(seen["HOOK"], "ENV/share", "{shell:?}");
            assert_eq!(seen.contains_key("CONDA_PREFIX"), kind == ActivateAs::Conda, "{shell:?}");
            assert!(!seen.contains_key("PYTHONHOME"), "{shell:?}");
        }
    }
}

#[test]
fn deactivate_leaves_everything_as_it_was() {
    let variables = [
        set("A_NAME", Value::new("x", &[]), Origin::Declared),
        set("B", Value::below("b"), Origin::DataPath),
        set("C", Value::below("c"), Origin::DataPath),
        set("NEVER_TOLD_TO_A_PYTHON", Value::below("d"), Origin::Declared),
        terminals(),
    ];
    let awkward = "it's a \"$HOME\" of `[spaces]` *\\! a\nb";
    let user = [
        ("A_NAME", awkward),
        ("B", "user"),
        ("EMPTY", ""),
        ("CONDA_PREFIX", "/mine"),
        ("TERMINFO_DIRS", "/mine:/more"),
        ("PYTHONHOME", "/home of python"),
    ];
    for shell in SHELLS {
        for kind in [ActivateAs::Conda, ActivateAs::Venv] {
            let mut activation = activation(kind, &variables);
            activation.variables.remove("NEVER_TOLD_TO_A_PYTHON");
            let before = shell.seen(&activation, &user, "true");
            assert_eq!(shell.seen(&activation, &user, "@; @; deactivate"), before, "{shell:?}");
            let active = shell.seen(&activation, &user, "@; @");
            assert_eq!(active["A_NAME"], "x", "{shell:?}");
            assert_eq!(active["B"], "user", "{shell:?}");
            assert_eq!(active["NEVER_TOLD_TO_A_PYTHON"], "ENV/d", "{shell:?}");
            assert_eq!(active["PATH"], "ENV/bin:/declared:/usr/bin:/bin", "{shell:?}");
        }
    }
    let left = [
        (
            Shell::Bash,
            "type deactivate 2>/dev/null || true; compgen -v -A function | grep -i _envship_ || true",
        ),
        (Shell::Fish, "functions -q deactivate; and echo there; set -n; functions -an | grep -i _envship_"),
        (Shell::Tcsh, "alias deactivate; set | grep -i '^_[e]nvship_'"),
    ];
    for (shell, look) in left {
        let told = shell.run(
            &activation(ActivateAs::Conda, &variables),
            &user,
            &format!("@; deactivate; {look}; true"),
        );
        assert!(!told.to_lowercase().contains("_envship_") && !told.contains("there"), "{shell:?}: {told}");
        assert!(!told.contains("deactivate"), "{shell:?}: {told}");
    }
}

#[test]
fn variables_of_the_environment_are_set_with_its_new_path() {
    for text in
        ["/old/env/it's:/old/env2", "a!b \\ \"$HOME\" `x` *[a]?~ \\n %s", "!x\n two  blanks\n!", "", "é\t\\"]
    {
        let value = Value::new(text, &["/old/env".into()]);
        let variables = [set("DATA", value, Origin::Declared)];
        for shell in SHELLS {
            let seen = shell.seen(&activation(ActivateAs::Conda, &variables), &[("DATA", "mine")], "@");
            assert_eq!(seen["DATA"], text.replace("/old/env/", "ENV/"), "{shell:?}");
        }
    }
}

#[test]
fn data_paths_are_set_unless_the_user_has_set_them() {
    let flags = List {
        separator: ' ',
        alone: Value::new("-O ", &[]),
        before: Value::new("-O ", &[]),
        after: Value::new("", &[]),
    };
    let variables = [
        set("DATA_PATH", Value::below("share"), Origin::DataPath),
        terminals(),
        ("FLAGS", Effect::Join(flags), Origin::DataPath),
    ];
    let activation = activation(ActivateAs::Conda, &variables);
    for shell in SHELLS {
        let seen = shell.seen(&activation, &[], "@");
        assert_eq!(seen["DATA_PATH"], "ENV/share", "{shell:?}");
        assert_eq!(seen["TERMINFO_DIRS"], "ENV/share/terminfo:/system", "{shell:?}");
        let user = [("DATA_PATH", "/mine:/more"), ("TERMINFO_DIRS", "/also::/b"), ("FLAGS", "-g")];
        let seen = shell.seen(&activation, &user, "@");
        assert_eq!(seen["DATA_PATH"], "/mine:/more", "{shell:?}");
        assert_eq!(seen["TERMINFO_DIRS"], "ENV/share/terminfo:/also::/b", "{shell:?}");
        if shell != Shell::Bash {
            assert_eq!(seen["FLAGS"], "-O -g", "{shell:?}");
        }
    }
}

#[test]
fn the_hook_finds_its_mark_without_what_the_user_has_set() {
    let variables = [
        set("DATA", Value::below("share"), Origin::DataPath),
        set("USERS", Value::below("share"), Origin::DataPath),
        terminals(),
    ];
    let activation = activation(ActivateAs::Conda, &variables);
    for shell in SHELLS {
        let seen = shell.seen(&activation, &[("USERS", "mine")], "@");
        assert_eq!(seen["ENVSHIP_ACTIVE"], "ENV", "{shell:?}");
        let mut records: Vec<&str> = seen["ENVSHIP_ACTIVE_SET"].split('\u{1f}').collect();
        records.sort_unstable();
        let expected = [
            "CONDA_DEFAULT_ENV=ENV",
            "CONDA_PREFIX=ENV",
            "DATA=ENV/share",
            "PATH+=ENV/bin:/declared",
            "TERMINFO_DIRS+=ENV/share/terminfo",
        ];
        records.retain(|record| !record.is_empty());
        assert_eq!(records, expected, "{shell:?}");
    }
}

#[test]
fn the_authorities_of_the_node_are_looked_for_by_every_shell() {
    let mut activation = activation(ActivateAs::Venv, &[]);
    activation.certificates.folders = vec!["/nonexistent/ssl".into()];
    let bundle = BUNDLES.iter().find(|path| Path::new(path).exists());
    let bundle = bundle.expect("this system has certificates: install ca-certificates");
    for shell in SHELLS {
        let seen = shell.seen(&activation, &[], "@");
        assert_eq!(seen["SSL_CERT_FILE"], *bundle, "{shell:?}");
        assert!(seen["ENVSHIP_ACTIVE_SET"].contains("SSL_CERT_FILE="), "{shell:?}");
        let own = shell.seen(&activation, &[("SSL_CERT_DIR", "/mine")], "@; deactivate");
        assert!(!own.contains_key("SSL_CERT_FILE"), "{shell:?}");
    }
}

#[test]
fn a_script_that_cant_know_its_place_says_so_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let root = environment(home.path(), &activation(ActivateAs::Venv, &[]));
    let cases = [
        ("dash", vec!["-c", ". ./activate; env"], "only bash and zsh"),
        ("fish", vec!["--no-config", "-c", "source < activate.fish; env"], "only `source FILE`"),
        // Of a csh under another name there is no trace.
        ("tcsh", vec!["-fc", "source renamed.csh; env"], "only if /proc"),
    ];
    fs_err::copy(root.join("bin/activate.csh"), root.join("bin/renamed.csh")).unwrap();
    for (program, arguments, message) in cases {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root.join("bin"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap_or_else(|error| panic!("`{program}` is needed, scripts/setup installs it: {error}"));
        let (told, seen) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(told.contains(message), "{program}: {output:?}");
        assert!(!seen.contains("VIRTUAL_ENV") && !seen.contains("ENVSHIP"), "{program}: {output:?}");
    }
}
