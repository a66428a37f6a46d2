//! Command lines that are wrong whatever the files hold.

use crate::util::Sandbox;

#[test]
fn a_wrong_command_line_is_told_from_wrong_input() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["pack", "--no-such-flag"][..],
        &["pack", "--format", "rar"],
        &["pack", "-n", "a", "-p", "b"],
        &["conf", "s3a://b/e.tar.gz", "--for", "no-such-engine"],
        &["conf", "s3a://b/e.tar.gz", "--for", "spark-submit", "--alias", "a/b"],
        &["publish", "x.tar.gz", "ftp://host/x"],
        &["ship", ".", "ftp://host/x"],
        &["pack", "--python", "3.11", "--n-threads", "0"],
        &["pack", "-j", "0"],
        &["pack", "-j", "-2"],
        &["verify", "x.tar.gz", "-j", "0"],
        &["verify", "x.tar.gz", "-j", "-2"],
        &["ship", ".", "s3a://b/envs/", "-j", "0"],
        &["conf", "file:///e.zip", "--for", "spark-submit", "--master", "local", "--spark-version", "3.5"],
    ] {
        sandbox.run(arguments).fails_with(2).says(&["error: "]);
    }
}

#[test]
fn a_format_that_the_engine_cannot_unpack_is_refused() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(["conf", "s3a://bucket/env.tar.zst", "--for", "spark-submit"]);
    run.fails_with(2).says(&["tar.zst", "tar.gz"]);
}

#[test]
fn a_home_that_no_shell_has_put_in_is_told() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(["conf", "~/env.tar.gz", "--for", "spark-submit"]);
    run.fails_with(2).says(&["`~` stands for nothing in `~/env.tar.gz`", "hint: ", "$HOME"]);
    sandbox.write("env.tar.gz", "x");
    sandbox.run(["publish", "env.tar.gz", "~/envs/"]).fails_with(2).says(&["`~/envs/`", "$HOME"]);
    sandbox
        .run(["unpack", "~/env.tar.gz", "out"])
        .fails_with(1)
        .says(&["`~/env.tar.gz` does not exist", "$HOME"]);
    // As conda-pack means it: all cores.
    sandbox.run(["pack", "-j", "-1", "-p", "missing"]).fails_with(1).says(&["missing"]);
}

#[test]
fn arguments_in_the_wrong_order_are_told_with_the_right_one() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", "dependencies: [python]\n");
    sandbox.write("env.tar.gz", "x");
    sandbox.write("folder/file", "x");
    for (arguments, right) in [
        (
            ["ship", "s3a://bucket/envs/", "environment.yml"],
            "envship ship environment.yml s3a://bucket/envs/",
        ),
        (["publish", "s3://bucket/envs/", "env.tar.gz"], "envship publish env.tar.gz s3://bucket/envs/"),
        (["unpack", "missing", "env.tar.gz"], "envship unpack env.tar.gz missing"),
        (["unpack", "folder", "env.tar.gz"], "envship unpack env.tar.gz folder"),
        (["unpack", "missing", "s3://bucket/e.zip"], "envship unpack s3://bucket/e.zip missing"),
    ] {
        sandbox.run(arguments).fails_with(2).says(&["wrong order", &format!("hint: write `{right}`")]);
    }
    for command in ["pack", "ship"] {
        let arguments = [command, "s3://bucket/environment.yml", "file:///srv/envs/"];
        let given = if command == "pack" { &arguments[..2] } else { &arguments[..] };
        sandbox.run(given).fails_with(1).says(&["`s3://bucket/environment.yml`", "hint: fetch it first"]);
    }
}

#[test]
fn a_target_that_is_named_twice_is_printed_once() {
    let sandbox = Sandbox::new();
    let conf = |targets: &[&str]| {
        let targets = targets.iter().flat_map(|target| ["--for", target]);
        sandbox.run(["conf", "s3a://b/e.tar.gz"].into_iter().chain(targets)).success().stdout()
    };
    let both = conf(&["spark-submit", "spark-defaults"]);
    assert_eq!(conf(&["spark-submit", "spark-submit"]), conf(&["spark-submit"]));
    assert_eq!(conf(&["spark-submit", "spark-defaults", "spark-submit"]), both);
    assert_ne!(both, conf(&["spark-defaults", "spark-submit"]), "the order is the user's");
}

#[test]
fn a_relative_destination_is_refused() {
    let sandbox = Sandbox::new();
    for option in ["--dest-prefix", "--python-prefix"] {
        sandbox.run(["pack", "env", option, "relative/path"]).fails_with(2).says(&["absolute"]);
    }
}
