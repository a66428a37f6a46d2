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
fn a_relative_destination_is_refused() {
    let sandbox = Sandbox::new();
    for option in ["--dest-prefix", "--python-prefix"] {
        sandbox.run(["pack", "env", option, "relative/path"]).fails_with(2).says(&["absolute"]);
    }
}
