//! Archives and stores that do not go together.

use fs_err as fs;

use super::listing;
use crate::environments::{environment_yml, python, thin, venv};
use crate::util::{Sandbox, required};

#[test]
fn a_url_without_a_bucket_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("env.tar.gz", "x");
    sandbox.run(["publish", "env.tar.gz", "s3:///envs/"]).fails_with(2).says(&["bucket", "hint: "]);
}

#[test]
fn a_name_and_a_format_that_contradict_each_other_are_a_wrong_command_line() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let run = sandbox.run(["ship", "env", "s3://envs/x.zip", "--format", "tar.gz"]);
    run.fails_with(2).says(&["`x.zip`", "tar.gz", "hint: "]);
    let target = format!("file://{}/", sandbox.work("out").display());
    let linked = ["ship", "env", &target, "--format", "zip", "--zip-symlinks", "--for", "spark-submit"];
    let run = sandbox.run(linked).fails_with(1).says(&["symbolic links", "hint: "]);
    assert!(!run.stderr().contains("scanning"), "refused before any work: {run}");
}

#[test]
fn what_a_store_refuses_is_known_before_the_build() {
    let sandbox = Sandbox::new().with_s3();
    // A build would fail with exit code 3, or name the channel.
    sandbox
        .write("environment.yml", "channels:\n  - http://127.0.0.1:9/channel\ndependencies:\n  - python\n");
    let bucket = required("ENVSHIP_TEST_S3_BUCKET");
    let ship = |sandbox: &Sandbox, url: &str| sandbox.run(["ship", "environment.yml", url]);
    ship(&sandbox, "s3://no-such-bucket/envs/").fails_with(1).says(&["no-such-bucket", "hint: "]);

    let wrong = Sandbox::new().with_s3().with("AWS_SECRET_ACCESS_KEY", "wrong");
    fs::copy(sandbox.work("environment.yml"), wrong.work("environment.yml")).unwrap();
    ship(&wrong, &format!("s3://{bucket}/envs/")).fails_with(1).says(&[&bucket, "hint: "]);

    let refused = Sandbox::new().with_s3().with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    fs::copy(sandbox.work("environment.yml"), refused.work("environment.yml")).unwrap();
    ship(&refused, &format!("s3://{bucket}/envs/")).fails_with(3).says(&["127.0.0.1:9"]);

    ship(&sandbox, "file:///no/such/folder/").fails_with(1).says(&["/no/such/folder", "hint: "]);
}

#[test]
fn only_whole_archives_under_fitting_names_are_published() {
    let sandbox = Sandbox::new();
    let interpreter = python("3.11");
    venv(&sandbox, "env", &interpreter, &["tabulate"]);
    let thin = &thin(&interpreter);
    fs::create_dir(sandbox.work("store")).unwrap();
    sandbox.run(["pack", "env", "-o", "env.tar.gz", thin]).success();
    sandbox.run(["pack", "env", "-o", "tree/", thin]).success();
    sandbox.run(["publish", "tree", "store/"]).fails_with(1).says(&["tree", "hint: "]);
    sandbox
        .run(["publish", "env.tar.gz", "store/env.zip"])
        .fails_with(1)
        .says(&["env.zip", "tar.gz", "hint: "]);
    let whole = fs::read(sandbox.work("env.tar.gz")).unwrap();
    sandbox.write("cut.tar.gz", &whole[..whole.len() - 1000]);
    sandbox.run(["publish", "cut.tar.gz", "store/"]).fails_with(1).says(&["cut.tar.gz", "hint: "]);
    assert_eq!(listing(&sandbox.work("store")), Vec::<String>::new());
    // Nothing else was wrong with it.
    sandbox.run(["publish", "env.tar.gz", "store/"]).success();
}

#[test]
fn an_engine_gets_no_archive_without_a_python() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["envship-glibc"], &[]));
    fs::create_dir(sandbox.work("store")).unwrap();
    let run = sandbox.run(["ship", "environment.yml", "store/", "--for", "spark-submit"]);
    run.fails_with(1).says(&["bin/python", "hint: "]);
    assert_eq!(listing(&sandbox.work("store")), Vec::<String>::new());
}
