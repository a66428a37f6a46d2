//! The test that counts: a spec or an environment is shipped, and real Sparks
//! run a job with exactly the printed configuration.

use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::environments::{environment_yml, index_url, python, venv};
use crate::landed::gone;
use crate::util::{Sandbox, required};

const JOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/jobs/executors.py");

/// Two executors in processes of their own, started for one job.
const LOCAL_CLUSTER: &str = "local-cluster[2,1,1024]";

/// The libraries of the machine that the fixtures' Pythons were linked to when
/// they were built from source.
const LINKED_AT_BUILD: [&str; 9] =
    ["libssl", "libcrypto", "libffi", "libz", "liblzma", "libbz2", "libsqlite3", "libreadline", "libuuid"];

/// Runs what `envship` printed in a shell, where `spark-submit` is that of a
/// Spark version and the cluster's address is put in.
///
/// Returns what each task saw.
fn submit(
    sandbox: &Sandbox,
    spark: &str,
    master: &str,
    printed: &str,
    options: &[&str],
) -> Vec<serde_json::Value> {
    assert!(printed.contains(JOB), "{printed}");
    let shim = format!(
        "#!/bin/bash\nargs=()\nwhile [ $# -gt 0 ]; do\n  args+=(\"$1\")\n  if [ \"$1\" = --master ]; then args+=('{master}'); shift; fi\n  shift\ndone\nexec '{}/scripts/spark-submit' {spark} \"${{args[@]}}\"\n",
        env!("CARGO_MANIFEST_DIR"),
    );
    let program = sandbox.write("shims/spark-submit", shim);
    let mut chmod = sandbox.command("chmod");
    chmod.arg("755").arg(&program);
    sandbox.finish(chmod).success();

    let mut script = printed.trim_end().to_owned();
    script += &format!(" --check --allow-lib {} {}", LINKED_AT_BUILD.join(" "), options.join(" "));
    let mut job = Command::new("bash");
    job.args(["-c", &script]).current_dir(sandbox.work("."));
    job.env("PATH", format!("{}:{}", sandbox.work("shims").display(), std::env::var("PATH").unwrap()));
    let run = sandbox.finish(job).success();
    let line = run
        .stdout()
        .lines()
        .find_map(|line| line.strip_prefix("ENVSHIP_RESULT ").map(str::to_owned))
        .unwrap();
    let result: serde_json::Value = serde_json::from_str(&line).unwrap();
    let tasks = result["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    tasks.clone()
}

/// The same, with an archive that the engine unpacks.
fn run_job(
    sandbox: &Sandbox,
    spark: &str,
    master: &str,
    printed: &str,
    compute: &[&str],
) -> Vec<serde_json::Value> {
    let tasks = submit(sandbox, spark, master, printed, &[&["--compute"], compute].concat());
    for task in &tasks {
        let executable = task["executable"].as_str().unwrap();
        assert!(executable.starts_with(task["cwd"].as_str().unwrap()), "{task}");
        assert!(executable.ends_with("/environment/bin/python"), "{task}");
        assert!(!Path::new(executable).starts_with(sandbox.path(".")), "{task}");
        let first_on_path = Path::new(executable).parent().unwrap();
        assert_eq!(task["first_on_path"], first_on_path.to_str().unwrap(), "{task}");
    }
    tasks
}

/// Ships with the printed configuration for a job in client mode.
fn ship(sandbox: &Sandbox, source: &str, url: &str, spark: &str) -> String {
    let driver = required(&format!("ENVSHIP_TEST_SPARK{spark}_PYTHON"));
    let arguments = [
        "ship",
        source,
        url,
        "--for",
        "spark-submit",
        "--master",
        "standalone",
        "--deploy-mode",
        "client",
        "--driver-python",
        &driver,
        "--app",
        JOB,
        "--compress-level",
        "1",
    ];
    let interpreter = python("3.11");
    let with_python = ["--python", interpreter.to_str().unwrap()];
    let extra: &[&str] = if source.ends_with(".txt") { &with_python } else { &[] };
    sandbox.run([&arguments[..], extra].concat()).success().stdout()
}

#[test]
fn a_spec_with_a_pip_section_reaches_the_executors_of_spark_3_through_s3() {
    let sandbox = Sandbox::new().with_s3();
    let pip = format!("--index-url {}", index_url());
    let mut spec =
        environment_yml(&["python=3.11", "pandas", "pyarrow", "envship-activate"], &[&pip, "envship-only"]);
    spec += "variables:\n  GREETING: it's $HOME\n";
    sandbox.write("environment.yml", spec);
    let url = format!("s3a://{}/{}/", required("ENVSHIP_TEST_S3_BUCKET"), sandbox.id());
    let printed = ship(&sandbox, "environment.yml", &url, "35");
    assert!(printed.contains(&format!("{url}fixture-")), "{printed}");
    let options = [
        "envship_only.compute 20",
        "--pandas",
        "--variable GREETING ENVSHIP_ACTIVATED ENVSHIP_FROM_JSON CONDA_PREFIX",
    ];
    for master in [LOCAL_CLUSTER, &required("ENVSHIP_TEST_SPARK35_MASTER")] {
        for task in run_job(&sandbox, "35", master, &printed, &options) {
            // That all three are the same is checked by the job.
            let seen = |name: &str| task["variables"][name]["getenv"].clone();
            assert_eq!(seen("GREETING"), "it's $HOME");
            assert_eq!(seen("ENVSHIP_FROM_JSON"), "set by env_vars.d");
            assert_eq!(seen("ENVSHIP_ACTIVATED"), task["prefix"]);
            assert_eq!(seen("CONDA_PREFIX"), task["prefix"]);
        }
    }
}

#[test]
fn requirements_reach_the_executors_of_spark_4_through_s3() {
    let sandbox = Sandbox::new().with_s3();
    sandbox.write("requirements.txt", format!("--index-url {}\nenvship-only\npandas\n", index_url()));
    let url = format!("s3://{}/{}/", required("ENVSHIP_TEST_S3_BUCKET"), sandbox.id());
    let printed = ship(&sandbox, "requirements.txt", &url, "4");
    assert!(printed.contains("s3a://"), "Spark on Hadoop knows only s3a: {printed}");
    run_job(&sandbox, "4", LOCAL_CLUSTER, &printed, &["envship_only.compute 20", "--pandas"]);
}

#[test]
fn a_venv_reaches_the_executors_of_both_from_a_folder() {
    for spark in ["35", "4"] {
        let sandbox = Sandbox::new();
        let prefix = venv(&sandbox, "project/.venv", &python("3.11"), &["envship-only"]);
        fs::create_dir(sandbox.work("store")).unwrap();
        let url = format!("file://{}/", sandbox.work("store").display());
        let printed = ship(&sandbox, "project/.venv", &url, spark);
        gone(&prefix);
        run_job(&sandbox, spark, LOCAL_CLUSTER, &printed, &["envship_only.compute 20"]);
    }
}

#[test]
fn a_read_only_unpacked_environment_is_active_on_the_executors() {
    let sandbox = Sandbox::new();
    let mut spec = environment_yml(&["python=3.11", "envship-activate"], &[]);
    spec += "variables:\n  GREETING: it's $HOME\n  PATH: /opt/declared/bin\n";
    sandbox.write("environment.yml", spec);
    sandbox.run(["pack", "environment.yml", "-o", "env.tar"]).success();
    let root = sandbox.path("on every node/it's here");
    sandbox.run(["unpack".as_ref(), "env.tar".as_ref(), root.as_os_str()]).success();
    fs::remove_file(sandbox.work("env.tar")).unwrap();
    let mut seal = sandbox.command("chmod");
    seal.args(["-R", "a-w"]).arg(&root);
    sandbox.finish(seal).success();
    let sealed = state(&root);

    let unpacked = root.to_str().unwrap();
    let conf = ["conf", "env.tar.gz", "--for", "spark-submit", "--master", "local", "--unpacked", unpacked];
    let printed = sandbox.run([&conf[..], &["--app", JOB]].concat()).success().stdout();
    assert!(printed.contains("spark.pyspark.python="), "{printed}");
    // The job finds its environment by an absolute path, too.
    let alias = format!("--alias {}", shell_word(unpacked));
    let options = [&alias, "--variable GREETING ENVSHIP_ACTIVATED ENVSHIP_FROM_JSON CONDA_PREFIX PATH"];
    for task in submit(&sandbox, "35", LOCAL_CLUSTER, &printed, &options) {
        assert_eq!(task["executable"], format!("{unpacked}/bin/python"), "{task}");
        for (name, expected) in [
            ("GREETING", "it's $HOME"),
            ("ENVSHIP_FROM_JSON", "set by env_vars.d"),
            ("ENVSHIP_ACTIVATED", unpacked),
            ("CONDA_PREFIX", unpacked),
        ] {
            for witness in ["environ", "getenv", "child"] {
                assert_eq!(task["variables"][name][witness], expected, "{name}, {witness}: {task}");
            }
        }
        let path = task["variables"]["PATH"]["getenv"].as_str().unwrap();
        assert!(path.starts_with(&format!("{unpacked}/bin:/opt/declared/bin:")), "{task}");
    }
    // Root writes through modes.
    assert_eq!(state(&root), sealed, "something was written into the environment");
}

/// Every path below, with what changes when it is written.
fn state(root: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            (entry.path().to_owned(), metadata.len(), metadata.modified().unwrap())
        })
        .collect()
}

fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
