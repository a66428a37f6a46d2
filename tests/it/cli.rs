//! What users see: help, summaries, errors and configurations.

use std::process::Stdio;

use crate::environments::{environment_yml, python, thin, venv};
use crate::util::{Run, Sandbox};

/// Asserts what is seen, with everything filtered that another run changes.
macro_rules! assert_seen {
    ($name:literal, $run:expr) => {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(r"\d+\.\d+ s\b", "[TIME]");
        settings.add_filter(r"\b[0-9a-f]{64}\b", "[SHA256]");
        settings.add_filter(r"-[0-9a-f]{12}\.", "-[DIGEST].");
        settings.add_filter(r"\b\d+(\.\d+)? [KM]?i?B\b", "[SIZE]");
        settings.add_filter(r"(files  )\d+|(\()\d{3,}(\))|\b\d+(, listed)", "$1$2[COUNT]$3$4");
        settings.add_filter(r"127\.0\.0\.1:\d+", "[SERVER]");
        settings.add_filter(r"(machine: )lib.*", "$1[LIBRARIES]");
        settings.bind(|| insta::assert_snapshot!($name, $run.snapshot()));
    };
}

#[test]
fn help_is_as_documented() {
    let sandbox = Sandbox::new();
    assert_seen!("help", sandbox.run(["--help"]).success());
    assert_seen!("help-pack", sandbox.run(["pack", "--help"]).success());
    assert_seen!("help-ship", sandbox.run(["ship", "--help"]).success());
    assert_seen!("help-publish", sandbox.run(["publish", "--help"]).success());
    assert_seen!("help-conf", sandbox.run(["conf", "--help"]).success());
    assert_seen!("help-unpack", sandbox.run(["unpack", "--help"]).success());
}

#[test]
fn a_pack_ends_with_a_summary() {
    let sandbox = Sandbox::new();
    // What is compiled must not depend on the tests before.
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", cache);
    let interpreter = python("3.11");
    venv(&sandbox, "shop/.venv", &interpreter, &["tabulate"]);
    assert_seen!("pack-summary", sandbox.run(["pack", "shop/.venv", "--compress-level", "1"]).success());
    assert_seen!("unpack-summary", sandbox.run(["unpack", "shop.tar.gz", "out"]).success());
    let thin = thin(&interpreter);
    assert_seen!("pack-quiet", sandbox.run(["--quiet", "pack", "shop/.venv", "--force", &thin]).success());
}

#[test]
fn json_is_one_object_on_stdout() {
    let sandbox = Sandbox::new();
    let interpreter = python("3.11");
    venv(&sandbox, "env", &interpreter, &[]);
    let thin = &thin(&interpreter);
    for arguments in [
        &["pack", "env", "-o", "env.tar.gz", "--json", thin][..],
        &["ship", "env", "file:///tmp/", "--json", thin, "--for", "spark-submit", "--for", "pyspark"],
        &["conf", "env.tar.gz", "--json", "--for", "spark-submit"],
        &["conf", "--list", "--json"],
        &["unpack", "env.tar.gz", "out", "--json", "--allow-absolute-links"],
    ] {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|text| text.replace("file:///tmp/", &format!("file://{}/", sandbox.tmp().display())))
            .collect();
        let run = sandbox.run(&arguments).success();
        let value: serde_json::Value =
            serde_json::from_str(&run.stdout()).unwrap_or_else(|_| panic!("{run}"));
        assert!(value.is_object(), "{run}");
    }
}

#[test]
fn errors_have_causes_and_hints() {
    let sandbox = Sandbox::new();
    assert_seen!("error-missing-spec", sandbox.run(["pack", "environment.yml"]));
    sandbox.write("environment.yml", "name: x\ndependencies:\n  - numpy\n bad: [\n");
    assert_seen!("error-yaml", sandbox.run(["pack", "environment.yml"]));
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "nunpy"], &[]));
    assert_seen!("error-unknown-package", sandbox.run(["pack", "environment.yml"]));
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "envship-unsat"], &[]));
    assert_seen!("error-unsatisfiable", sandbox.run(["pack", "environment.yml"]));
    assert_seen!("error-no-environment", sandbox.run(["pack"]));
    assert_seen!(
        "error-alias",
        sandbox.run(["conf", "s3a://b/e.tar.gz", "--for", "spark-submit", "--alias", "a/b"])
    );
    assert_seen!(
        "error-client-mode",
        sandbox.run(["conf", "s3a://b/e.tar.gz", "--for", "spark-submit", "--deploy-mode", "client"])
    );
}

#[test]
fn configurations_are_ready_to_paste() {
    let sandbox = Sandbox::new();
    let conf = |target: &str, more: &[&str]| -> Run {
        let url = "s3://bucket/envs/shop-0123456789ab.tar.gz";
        sandbox.run([&["conf", url, "--for", target], more].concat()).success()
    };
    assert_seen!("conf-yarn-cluster", conf("spark-submit", &[]));
    assert_seen!(
        "conf-yarn-client",
        conf("spark-submit", &["--deploy-mode", "client", "--driver-python", "/opt/my python"])
    );
    assert_seen!("conf-k8s", conf("spark-submit", &["--master", "k8s", "--spark-version", "3.5"]));
    assert_seen!("conf-spark-defaults", conf("spark-defaults", &["--alias", "shop"]));
    assert_seen!("conf-pyspark", conf("pyspark", &["--master", "standalone"]));
    assert_seen!("conf-two", conf("spark-submit", &["--for", "spark-defaults"]));
    assert_seen!("conf-json", conf("spark-submit", &["--json"]));
    assert_seen!("conf-list", sandbox.run(["conf", "--list"]).success());
}

#[test]
fn a_reader_that_had_enough_is_no_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.envship();
    command.args(["conf", "--list"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
