//! Bad input: the right exit code, a message that names the thing, a hint, an
//! empty stdout, and nothing half-made.

mod command_line;
mod install;
mod output;
mod prefix;
mod publish;
mod solve;
mod spec;
mod unpack;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use fs_err as fs;

use crate::util::{Run, Sandbox};

/// What is left in a folder, hidden files included.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Packs one file of the working folder, which must fail and leave only that file.
#[track_caller]
fn pack_fails(sandbox: &Sandbox, spec: &str, code: i32) -> Run {
    let before = listing(&sandbox.work("."));
    let run = sandbox.run(["pack", spec, "-o", "out.tar.gz"]).fails_with(code);
    assert_eq!(listing(&sandbox.work(".")), before, "{run}");
    assert_eq!(listing(&sandbox.tmp()), Vec::<String>::new(), "{run}");
    run.says(&["error: "])
}

/// Lets any user go through the sandbox and write to `out`.
fn open_to_everybody(sandbox: &Sandbox) {
    fs::create_dir_all(sandbox.path("out")).unwrap();
    for folder in [sandbox.path("."), sandbox.tmp(), sandbox.path("out"), sandbox.home()] {
        fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
}

/// `envship` as a user without rights, from a place that user can read.
fn as_nobody(sandbox: &Sandbox) -> Command {
    let program = sandbox.path("envship");
    if !program.exists() {
        // By another process: what this one has open for writing, its children may have open, too, and
        // then the program is busy.
        let mut copy = sandbox.command("cp");
        copy.arg(env!("CARGO_BIN_EXE_envship")).arg(&program);
        sandbox.finish(copy).success();
    }
    let mut command = sandbox.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
    command
}
