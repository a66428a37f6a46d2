//! Folders that are no environment, or a damaged one.

use fs_err as fs;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{as_nobody, listing, open_to_everybody, pack_fails};
use crate::environments::{conda_environment, python, venv};
use crate::util::Sandbox;

#[test]
fn a_folder_that_is_no_environment_is_refused() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.work("folder")).unwrap();
    pack_fails(&sandbox, "folder", 1).says(&["folder", "hint: "]);
    sandbox.run(["pack", "-p", "missing"]).fails_with(1).says(&["missing", "hint: "]);
    sandbox.run(["pack", "-n", "no-such-environment"]).fails_with(1).says(&["no-such-environment", "hint: "]);
    sandbox.run(["pack"]).fails_with(1).says(&["hint: "]);
}

#[test]
fn an_active_environment_that_is_gone_is_told_from_a_wrong_path() {
    let sandbox = Sandbox::new().with("VIRTUAL_ENV", "/no/such/venv");
    sandbox.run(["pack"]).fails_with(1).says(&["/no/such/venv", "VIRTUAL_ENV"]);
}

#[test]
fn a_dangling_interpreter_is_named() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    for name in ["python", "python3", "python3.11"] {
        let _ = fs::remove_file(prefix.join("bin").join(name));
        symlink("/no/such/python3.11", prefix.join("bin").join(name)).unwrap();
    }
    pack_fails(&sandbox, "env", 1).says(&["bin/python", "hint: "]);
}

#[test]
fn a_python_that_may_not_be_entered_is_told_from_one_that_is_gone() {
    let sandbox = Sandbox::new();
    open_to_everybody(&sandbox);
    sandbox.write("private/bin/python3.11", "an interpreter");
    let home = sandbox.work("private/bin");
    sandbox.write("linked/pyvenv.cfg", format!("home = {}\nversion = 3.11.7\n", home.display()));
    sandbox.write("linked/lib/python3.11/site-packages/a.py", "");
    fs::create_dir(sandbox.work("linked/bin")).unwrap();
    symlink(home.join("python3.11"), sandbox.work("linked/bin/python")).unwrap();
    let mut copy = sandbox.command("cp");
    copy.args(["-r", "linked", "copied"]);
    sandbox.finish(copy).success();
    fs::remove_file(sandbox.work("copied/bin/python")).unwrap();
    sandbox.write("copied/bin/python", "an interpreter");
    fs::set_permissions(sandbox.work("private"), std::fs::Permissions::from_mode(0o700)).unwrap();
    for environment in ["linked", "copied"] {
        let mut command = as_nobody(&sandbox);
        command.args(["pack", environment, "-o"]).arg(sandbox.path("out/out.tar"));
        let run = sandbox.finish(command).fails_with(1);
        run.says(&["can't be entered", "private/bin/python3.11", "Permission denied", "hint: run as a user"]);
    }
    fs::remove_dir_all(sandbox.work("private")).unwrap();
    pack_fails(&sandbox, "linked", 1).says(&["which is not there"]);
}

#[test]
fn an_unreadable_file_is_named() {
    let sandbox = Sandbox::new();
    // Where anybody can read the interpreter.
    let prefix = conda_environment(&sandbox, "env", &["python=3.11"]);
    let secret = prefix.join("lib/python3.11/site-packages/secret.py");
    fs::write(&secret, "x = 1\n").unwrap();
    fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, so somebody else packs.
    open_to_everybody(&sandbox);
    let mut share = sandbox.command("chmod");
    share.args(["-R", "a+rX", "env/conda-meta"]);
    sandbox.finish(share).success();
    let mut command = as_nobody(&sandbox);
    command.args(["pack", "env", "-o"]).arg(sandbox.path("out/out.tar.gz"));
    sandbox.finish(command).fails_with(1).says(&["secret.py", "hint: "]);
    assert_eq!(listing(&sandbox.path("out")), Vec::<String>::new());
}

#[test]
fn a_link_to_a_file_elsewhere_is_packed_as_the_file_and_told() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.write("secret", "password");
    std::os::unix::fs::symlink(sandbox.work("secret"), prefix.join("netrc")).unwrap();
    let target = sandbox.work("secret").display().to_string();
    sandbox.run(["pack", "env", "-o", "out.tar"]).success().says(&["warning: `netrc` links to", &target]);
    let run = sandbox.run(["pack", "env", "-o", "without.tar", "--exclude", "netrc"]).success();
    assert!(!run.stderr().contains("netrc"), "{run}");
}

#[test]
fn an_environment_without_its_python_is_told() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let run = sandbox.run(["pack", "env", "-o", "out.tar", "--exclude", "*"]).success();
    run.says(&["warning: there is no Python in the archive"]);
}

#[test]
fn options_that_only_a_spec_heeds_are_refused_for_what_is_installed() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    for (options, named) in [
        (&["--python", "3.8"][..], "--python"),
        (&["-c", "conda-forge"], "--channel"),
        (&["-c", "conda-forge", "--override-channels", "--python", "3.8"], "--python and --channel"),
        (&["--channel-alias", "https://host/"], "--channel-alias"),
    ] {
        let run = sandbox.run(["pack", "env"].iter().chain(options));
        run.fails_with(2).says(&[named, "`env`", "installed already", "hint: "]);
    }
    sandbox.write("environment.yml", "dependencies: [python]\n");
    let run = sandbox.run(["pack", "environment.yml", "--python", "3.8"]);
    run.fails_with(2).says(&["--python", "`environment.yml`"]);

    let run = sandbox.run(["pack", "env", "-o", "old.tar", "--target-glibc", "2.5"]).success();
    run.says(&["warning: its interpreter needs glibc 2.", "--target-glibc says 2.5"]);
}

#[test]
fn files_that_conda_packages_lost_are_told_and_are_an_error_when_strict() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "env", &["python=3.11", "envship-greet"]);
    fs::remove_file(prefix.join("bin/greet")).unwrap();
    sandbox.run(["pack", "env", "-o", "out.tar"]).success().says(&["envship-greet"]);
    let run = sandbox.run(["pack", "env", "-o", "strict.tar", "--strict"]);
    run.fails_with(1).says(&["envship-greet", "bin/greet", "hint: "]);
    assert!(!sandbox.work("strict.tar").exists());
}

#[test]
fn a_name_that_is_not_utf_8_is_told_and_can_be_excluded() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let name = OsStr::from_bytes(b"caf\xe9");
    for folder in ["share", "share/deep"] {
        fs::create_dir_all(prefix.join(folder).join(name)).unwrap();
        fs::write(prefix.join(folder).join(name).join(name), "").unwrap();
    }
    pack_fails(&sandbox, "env", 1).says(&["share/caf\u{fffd}` is not UTF-8", "--exclude"]);
    sandbox
        .run(["pack", "env", "-o", "out.tar", "--exclude", "share/caf*"])
        .fails_with(1)
        .says(&["deep/caf"]);
    sandbox.run(["pack", "env", "-o", "out.tar", "--exclude", "share/*caf*"]).success();
}

#[test]
fn an_environment_may_lie_where_no_name_is_utf_8() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &["envship-only"]);
    let folder = sandbox.work(".").join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).unwrap();
    fs::rename(prefix, folder.join("env")).unwrap();
    let out = folder.join("out.tar");
    sandbox
        .run([OsStr::new("pack"), folder.join("env").as_os_str(), OsStr::new("-o"), out.as_os_str()])
        .success();
    let unpacked = sandbox.work("unpacked");
    sandbox.run([OsStr::new("unpack"), out.as_os_str(), unpacked.as_os_str()]).success();
    sandbox.finish(sandbox.command(unpacked.join("bin/python"))).success();
}
