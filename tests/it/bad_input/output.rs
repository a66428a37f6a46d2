//! Places that can't take an archive.

use fs_err as fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{as_nobody, listing, open_to_everybody, pack_fails};
use crate::environments::{environment_yml, python, venv};
use crate::util::Sandbox;

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.write("out.tar.gz", "precious");
    pack_fails(&sandbox, "env", 1).says(&["out.tar.gz", "--force"]);
    assert_eq!(fs::read_to_string(sandbox.work("out.tar.gz")).unwrap(), "precious");
    sandbox.run(["pack", "env", "-o", "out.tar.gz", "--force", "--compress-level", "1"]).success();
    assert!(fs::metadata(sandbox.work("out.tar.gz")).unwrap().len() > 1_000_000);
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_the_build() {
    let sandbox = Sandbox::new();
    // A build would fail with exit code 3: this channel can't be reached.
    sandbox
        .write("environment.yml", "channels:\n  - http://127.0.0.1:9/channel\ndependencies:\n  - python\n");
    let run = sandbox.run(["pack", "environment.yml", "-o", "missing/out.tar.gz"]);
    run.fails_with(1).says(&["missing/out.tar.gz", "hint: "]);
    open_to_everybody(&sandbox);
    fs::set_permissions(sandbox.path("out"), std::fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = as_nobody(&sandbox);
    command.args(["pack", "environment.yml", "-o"]).arg(sandbox.path("out/out.tar.gz"));
    sandbox.finish(command).fails_with(1).says(&["out.tar.gz", "hint: "]);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let disk = Disk::mount(&sandbox, "2m");
    let run =
        sandbox.run(["pack".as_ref(), "env".as_ref(), "-o".as_ref(), disk.0.join("out.tar.gz").as_os_str()]);
    run.fails_with(1).says(&["out.tar.gz", "hint: free some space"]);
    assert_eq!(listing(&disk.0), Vec::<String>::new());

    sandbox.run(["pack", "env", "-o", "whole.tar"]).success();
    let out = disk.0.join("out");
    let run = sandbox.run(["unpack".as_ref(), "whole.tar".as_ref(), out.as_os_str()]);
    run.fails_with(1).says(&["can't write `", &format!("into `{}`", out.display()), "hint: free some space"]);
    assert_eq!(listing(&disk.0), Vec::<String>::new());
}

#[test]
fn a_limit_of_file_sizes_leaves_nothing() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let envship = sandbox.envship();
    let mut shell = sandbox.command("sh");
    shell.envs(envship.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let limited = "ulimit -f 2000; exec \"$0\" pack env -o out.tar.gz --no-cache";
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_envship")]);
    sandbox.finish(shell).fails_with(1).says(&["out.tar.gz", "hint: raise the limit of file sizes"]);
    assert_eq!(listing(&sandbox.work(".")), ["env"]);
}

#[test]
fn a_package_cache_without_room_is_told_from_a_broken_channel() {
    let sandbox = Sandbox::new();
    let disk = Disk::mount(&sandbox, "2m");
    sandbox.write("environment.yml", environment_yml(&["python=3.11"], &[]));
    let mut command = sandbox.envship();
    command.env("RATTLER_CACHE_DIR", &disk.0).args(["pack", "environment.yml", "-o", "out.tar.gz"]);
    sandbox.finish(command).fails_with(1).says(&["no room for the package", "hint: free some space"]);
    assert!(!sandbox.work("out.tar.gz").exists());
}

/// A small file system.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(sandbox: &Sandbox, size: &str) -> Self {
        let folder = sandbox.path("disk");
        fs::create_dir(&folder).unwrap();
        let mut mount = sandbox.command("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&folder);
        sandbox.finish(mount).success();
        Disk(folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn an_archive_inside_the_environment_that_is_packed_is_refused() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let before = listing(&prefix);
    sandbox.run(["pack", "env", "-o", "env/out.tar.gz"]).fails_with(1).says(&["env/out.tar.gz", "hint: "]);
    assert_eq!(listing(&prefix), before);
}

#[test]
fn a_directory_is_kept_even_when_forced() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.write("out/precious", "precious");
    let packed = |flags: &[&str]| sandbox.run([&["pack", "env", "-o", "out/"], flags].concat()).fails_with(1);
    packed(&[]).says(&["`out/` is not empty\n", "hint: remove it, or choose"]);
    packed(&["--force"]).says(&["`out/` is not empty, and --force replaces files only", "hint: remove it"]);
    assert_eq!(fs::read_to_string(sandbox.work("out/precious")).unwrap(), "precious");
    sandbox.run(["pack", "env", "-o", "new/", "--force"]).success();
}

#[test]
fn devices_and_the_environment_itself_take_no_archive() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let mut pipe = sandbox.command("mkfifo");
    pipe.arg("pipe.tar.gz");
    sandbox.finish(pipe).success();
    sandbox.run(["pack", "env", "-o", "pipe.tar.gz", "--force"]).fails_with(1).says(&["is a device, a pipe"]);
    sandbox.run(["ship", "env", "env/"]).fails_with(1).says(&["lies inside the environment"]);
    sandbox.run(["ship", "env", "file:///tmp/", "--format", "directory"]).fails_with(2).says(&["--format"]);
    sandbox.run(["pack", "env", "-o", "env.tar", "-j", "0"]).fails_with(2).says(&["-1 for all cores"]);
}
