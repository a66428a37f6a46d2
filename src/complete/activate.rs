//! `bin/activate`: for people; no engine sources it.
//!
//! Ours takes the place of venv's, which holds the path of the environment.
//! It runs the activation scripts of conda packages, since a shell can take
//! functions and aliases from them, and sets what else the hook would set. It
//! leaves the hook's mark, so that a Python finds nothing to do.

use super::activation::certificates::BUNDLES;
use super::activation::{ActivateAs, Activation, Effect, List, Origin};
use crate::entry::Group;
use crate::prefix::Inventory;

const SCRIPT: &str = include_str!("activate.sh");

/// What a Python does about certificates, for a shell.
const CERTIFICATES: &str = r#"_envship_certificates() {
    for _envship_folder in @FOLDERS@; do
        if [ ! -e "$_envship_folder/cert.pem" ] && [ ! -e "$_envship_folder/certs" ]; then
            for _envship_bundle in @BUNDLES@; do
                if [ -e "$_envship_bundle" ]; then
                    _envship_put SSL_CERT_FILE "$_envship_bundle"
                    break 2
                fi
            done
        fi
    done
    unset _envship_folder _envship_bundle
}
if [ -z "${SSL_CERT_FILE+x}" ] && [ -z "${SSL_CERT_DIR+x}" ]; then
    _envship_certificates
fi
unset -f _envship_certificates
"#;

pub(super) fn write(inventory: &mut Inventory, activation: &Activation) {
    inventory.put_text("bin/activate", Group::Interpreter, script(activation));
}

fn script(activation: &Activation) -> String {
    let prefix = activation.activate_as.variable();
    let declared = activation.declared.iter();
    let mut puts: Vec<String> =
        declared.map(|(name, value)| format!("_envship_put {name} {}\n", value.shell(prefix))).collect();
    if activation.activate_as == ActivateAs::Conda {
        // As conda calls an environment that has no name.
        puts.insert(0, format!("_envship_put CONDA_DEFAULT_ENV \"${prefix}\"\n"));
    }
    SCRIPT
        .replace("@PREFIX@", prefix)
        .replace("@PUT@", &puts.concat())
        .replace("@FILL@", &fill(activation, prefix))
}

/// What scripts don't set, and the mark.
fn fill(activation: &Activation, prefix: &str) -> String {
    let mut lines = Vec::new();
    let mut marks = vec![prefix.to_owned(), "CONDA_DEFAULT_ENV".to_owned(), "SSL_CERT_FILE".to_owned()];
    for (name, (effect, origin)) in activation.variables.iter().filter(|(name, _)| *name != "PATH") {
        let ours = *origin == Origin::DataPath;
        match effect {
            Effect::Set(value) => {
                if ours {
                    lines.push(format!("_envship_fill {name} {}\n", value.shell(prefix)));
                }
                if name != "SSL_CERT_FILE" {
                    marks.push(name.clone());
                }
            }
            Effect::Join(List { separator, alone, before, after }) => {
                let words = [alone, before, after].map(|value| value.shell(prefix));
                if ours {
                    lines.push(format!("_envship_join {name} {}\n", words.join(" ")));
                }
                if *separator == ':' {
                    marks.push(format!("'{name}+='{}':'{}", words[1], words[2]));
                }
            }
        }
    }
    let words = |texts: &[&str]| -> String {
        texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(" ")
    };
    let folders: Vec<&str> = activation.certificates.folders.iter().map(String::as_str).collect();
    if !folders.is_empty() {
        lines
            .push(CERTIFICATES.replace("@FOLDERS@", &words(&folders)).replace("@BUNDLES@", &words(&BUNDLES)));
    }
    lines.push(format!("_envship_mark {}\n", marks.join(" ")));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use std::collections::BTreeMap;

    use super::super::activation::Value;
    use super::super::activation::certificates::Certificates;
    use super::*;

    fn activation(activate_as: ActivateAs, variables: &[(&str, Effect, Origin)]) -> Activation {
        let declared = |(name, effect, origin): &(&str, Effect, Origin)| match (effect, origin) {
            (Effect::Set(value), Origin::Declared) => Some(((*name).to_owned(), value.clone())),
            _ => None,
        };
        let variable =
            |(name, effect, origin): &(&str, Effect, Origin)| ((*name).to_owned(), (effect.clone(), *origin));
        Activation {
            activate_as,
            declared: variables.iter().filter_map(declared).collect(),
            variables: variables.iter().map(variable).collect::<BTreeMap<_, _>>(),
            certificates: Certificates::default(),
        }
    }

    /// Runs `commands` in bash with the script of an environment at a path
    /// that has a space in it.
    fn bash(variables: &[(&str, Effect, Origin)], commands: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("my env");
        for folder in ["bin", "etc/conda/activate.d", "etc/conda/deactivate.d"] {
            fs_err::create_dir_all(root.join(folder)).unwrap();
        }
        fs_err::write(root.join("etc/conda/activate.d/a.sh"), "export HOOK=\"$CONDA_PREFIX/share\"\n")
            .unwrap();
        fs_err::write(root.join("etc/conda/deactivate.d/a.sh"), "unset HOOK\n").unwrap();
        fs_err::write(root.join("bin/activate"), script(&activation(ActivateAs::Conda, variables))).unwrap();
        let output = Command::new("bash")
            .args(["--norc", "-uec", commands])
            .current_dir(root.join("etc"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.replace(fs_err::canonicalize(&root).unwrap().to_str().unwrap(), "ENV").trim().to_owned()
    }

    #[test]
    fn it_finds_itself_and_runs_the_hooks() {
        let seen = bash(&[], ". ../bin/activate; echo \"$CONDA_PREFIX|$PATH|$HOOK\"");
        assert_eq!(seen, "ENV|ENV/bin:/usr/bin:/bin|ENV/share");
    }

    fn terminals() -> (&'static str, Effect, Origin) {
        let list = List {
            separator: ':',
            alone: Value::below("share/terminfo").followed_by(":/system"),
            before: Value::below("share/terminfo"),
            after: Value::new("", &[]),
        };
        ("TERMINFO_DIRS", Effect::Join(list), Origin::DataPath)
    }

    #[test]
    fn deactivate_leaves_everything_as_it_was() {
        let commands = "export A_NAME=user B=user TERMINFO_DIRS=/mine; env | sort > ../a; . ../bin/activate; . ../bin/activate; deactivate; env | sort > ../b; diff ../a ../b; type deactivate || echo gone; compgen -v -A function | grep -i _envship_ || echo clean";
        let names = [
            ("A_NAME", Effect::Set(Value::new("x", &[])), Origin::Declared),
            ("B", Effect::Set(Value::below("b")), Origin::DataPath),
            ("C", Effect::Set(Value::below("c")), Origin::DataPath),
            terminals(),
        ];
        assert_eq!(bash(&names, &format!("{{ {commands}; }} 2>/dev/null")), "gone\nclean");
    }

    #[test]
    fn variables_of_the_environment_are_set_with_its_new_path() {
        let value = Value::new("/old/env/it's:/old/env2", &["/old/env".into()]);
        let variables = [("DATA", Effect::Set(value), Origin::Declared)];
        assert_eq!(bash(&variables, ". ../bin/activate; echo \"$DATA\""), "ENV/it's:/old/env2");
    }

    #[test]
    fn data_paths_are_set_unless_the_user_has_set_them() {
        let path = ("DATA", Effect::Set(Value::below("share")), Origin::DataPath);
        let variables = [path, terminals()];
        let show = ". ../bin/activate; echo \"$DATA|$TERMINFO_DIRS\"";
        assert_eq!(bash(&variables, show), "ENV/share|ENV/share/terminfo:/system");
        let set = format!("export DATA=/mine TERMINFO_DIRS=/also; {show}");
        assert_eq!(bash(&variables, &set), "/mine|ENV/share/terminfo:/also");
    }

    #[test]
    fn the_hook_finds_its_mark() {
        let variables = [("DATA", Effect::Set(Value::below("share")), Origin::DataPath), terminals()];
        let show = ". ../bin/activate; echo \"$ENVSHIP_ACTIVE|$ENVSHIP_ACTIVE_SET\" | tr '\\037' '|'";
        assert_eq!(
            bash(&variables, show),
            "ENV|CONDA_PREFIX=ENV|CONDA_DEFAULT_ENV=ENV|DATA=ENV/share|TERMINFO_DIRS+=ENV/share/terminfo:|PATH+=ENV/bin"
        );
    }

    #[test]
    fn what_the_user_has_set_is_not_marked() {
        let variables = [("DATA", Effect::Set(Value::below("share")), Origin::DataPath)];
        let show = "export DATA=/mine; . ../bin/activate; echo \"$ENVSHIP_ACTIVE_SET\" | tr '\\037' '|'";
        assert_eq!(bash(&variables, show), "CONDA_PREFIX=ENV|CONDA_DEFAULT_ENV=ENV|PATH+=ENV/bin");
    }

    #[test]
    fn another_shell_is_told_instead_of_left_half_activated() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("activate");
        fs_err::write(&path, script(&activation(ActivateAs::Venv, &[]))).unwrap();
        if !Path::new("/bin/dash").exists() {
            return;
        }
        let output =
            Command::new("/bin/dash").arg("-c").arg(format!(". {}", path.display())).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("only bash and zsh"), "{output:?}");
    }
}
