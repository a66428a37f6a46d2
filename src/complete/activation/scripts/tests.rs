use std::time::Duration;

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
    changes_within(Duration::from_mins(1), scripts)
}

/// What scripts change that have this long for all of them together.
fn changes_within(limit: Duration, scripts: &[&str]) -> Changes {
    let shell = of_machine(limit);
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
        (':', text("prefix + \"/share\""), text("prefix + \"/share\""), text("\"\""))
    );
    assert_eq!(
        list(&changes, "END"),
        (':', text("prefix + \"/end\""), text("\"\""), text("prefix + \"/end\""))
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
    let scripts = ["export A=1\nexit 3\n", "export B=1\nsleep 600\n", "export C=1\nno-such-program\n"];
    let changes = changes_within(Duration::from_secs(5), &scripts);
    assert_eq!(changes.variables.keys().collect::<Vec<_>>(), ["C"]);
    let [exited, stuck, fails] = &warnings(&changes)[..] else { panic!("{changes:?}") };
    assert_eq!(exited, "etc/conda/activate.d/0.sh ends the shell that activates: what it sets is left out");
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
