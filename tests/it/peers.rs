//! The same environments packed by the peers: the files agree but for what we
//! add or leave out on purpose.

use std::collections::BTreeSet;

use crate::environments::{conda_of_everything, python, venv};
use crate::util::{Sandbox, required};

fn names(sandbox: &Sandbox, archive: &str) -> BTreeSet<String> {
    let mut list = sandbox.command("tar");
    list.args(["-tf", archive]);
    let text = sandbox.finish(list).success().stdout();
    text.lines()
        .filter(|name| !name.ends_with('/'))
        .map(|name| name.trim_start_matches("./").to_owned())
        .collect()
}

/// Asserts that all differences fall under one of the patterns, each with its
/// reason, and that no pattern is idle.
#[track_caller]
fn assert_accounted(what: &str, different: BTreeSet<&String>, reasons: &[(&str, &str)]) {
    let matches = |name: &str, pattern: &str| match pattern.split_once('*') {
        Some((head, tail)) => name.starts_with(head) && name.ends_with(tail),
        None => name == pattern,
    };
    let unexplained: Vec<_> =
        different.iter().filter(|name| !reasons.iter().any(|(pattern, _)| matches(name, pattern))).collect();
    assert!(unexplained.is_empty(), "{what}: {unexplained:#?}");
    for (pattern, reason) in reasons {
        assert!(different.iter().any(|name| matches(name, pattern)), "{what}: idle: {pattern} ({reason})");
    }
}

#[test]
fn a_conda_environment_holds_what_conda_pack_packs() {
    let sandbox = Sandbox::new();
    conda_of_everything(&sandbox, "env");
    let mut peer = sandbox.command(required("ENVSHIP_TEST_CONDA_PACK"));
    peer.args(["-q", "--ignore-missing-files", "-p", "env", "-o", "peer.tar"]);
    sandbox.finish(peer).success();
    sandbox.run(["pack", "env", "-o", "ours.tar"]).success();
    let (ours, theirs) = (names(&sandbox, "ours.tar"), names(&sandbox, "peer.tar"));
    assert_accounted(
        "only ours",
        ours.difference(&theirs).collect(),
        &[
            ("pyvenv.cfg", "switches the node's user site off"),
            ("bin/activate.csh", "activates in one more shell"),
            ("bin/deactivate.csh", "a csh has no functions"),
            ("lib/python3.11/site-packages/_envship_activate.*", "activates where nobody does"),
            ("lib/lib*", "libraries of this machine that the fixture's Python was linked to"),
            ("lib/python3.11/*.pyc", "conda-pack drops bytecode that was made after the install"),
            ("share/envship/manifest.json", "says what it is"),
        ],
    );
    assert_accounted(
        "only theirs",
        theirs.difference(&ours).collect(),
        &[
            ("bin/conda-unpack", "no step is needed after unpacking"),
            ("bin/conda_unpack_progress.py", "part of conda-unpack"),
            ("bin/deactivate", "a function of our bin/activate"),
            ("CACHEDIR.TAG", "tells backup programs to leave out the original, not the archive"),
        ],
    );
}

#[test]
fn a_venv_holds_what_venv_pack_packs_and_its_interpreter() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["tabulate", "envship-only"]);
    let mut peer = sandbox.command(required("ENVSHIP_TEST_VENV_PACK"));
    peer.args(["-q", "-p", "env", "-o", "peer.tar"]);
    sandbox.finish(peer).success();
    sandbox.run(["pack", "env", "-o", "ours.tar"]).success();
    let (ours, theirs) = (names(&sandbox, "ours.tar"), names(&sandbox, "peer.tar"));
    assert_accounted(
        "only ours",
        ours.difference(&theirs).collect(),
        &[
            ("lib/python3.11/*", "the standard library comes along"),
            ("include/python3.11/*", "so do the headers"),
            ("lib/lib*", "so do libpython and the libraries that the standard library needs"),
            ("share/envship/manifest.json", "says what it is"),
            ("bin/activate.*", "fish and csh can activate it too"),
            ("bin/deactivate.csh", "a csh has no functions"),
        ],
    );
    assert_accounted(
        "only theirs",
        theirs.difference(&ours).collect(),
        &[("bin/Activate.ps1", "holds the original's path, and no engine runs it")],
    );
}
