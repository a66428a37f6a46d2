//! Archives that are damaged or hostile.

use fs_err as fs;
use std::path::Path;

use super::listing;
use crate::environments::{python, venv};
use crate::util::{Sandbox, required};

#[test]
fn a_directory_that_is_there_stays_the_same_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let sandbox = Sandbox::new();
    sandbox.write("content/file", "x");
    let mut pack = sandbox.command("tar");
    pack.args(["-cf", "a.tar", "-C", "content", "."]);
    sandbox.finish(pack).success();
    let directory = sandbox.work("directory");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o750)).unwrap();
    let before = fs::metadata(&directory).unwrap();
    sandbox.run(["unpack", "a.tar", "directory"]).success();
    let after = fs::metadata(&directory).unwrap();
    assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
    assert_eq!(listing(&directory), ["file"]);
}

#[test]
fn an_archive_that_is_none_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("text.tar.gz", "no archive at all");
    sandbox.write("empty.tar.gz", "");
    for name in ["text.tar.gz", "empty.tar.gz", "missing.tar.gz"] {
        sandbox.run(["unpack", name, "out"]).fails_with(1).says(&[name]);
        assert!(!sandbox.work("out").exists());
    }
}

#[test]
fn a_working_directory_that_is_gone_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("content/file", "x");
    let archive = sandbox.work("a.tar");
    let mut pack = sandbox.command("tar");
    pack.arg("-cf").arg(&archive).args(["-C", "content", "."]);
    sandbox.finish(pack).success();
    let run = |command: &str| {
        let mut shell = sandbox.envship();
        let (program, working) = (shell.get_program().to_owned(), sandbox.work("gone"));
        fs::create_dir(&working).unwrap();
        let mut moved = sandbox.command("sh");
        moved.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        moved.args(["-c", &format!("cd gone && rmdir ../gone && exec \"$0\" {command}")]).arg(program);
        shell = moved;
        sandbox.finish(shell)
    };
    let archive = archive.display();
    run(&format!("unpack {archive} out")).fails_with(1).says(&[
        "the working directory is gone",
        "`out`",
        "hint: ",
    ]);
    run("pack env").fails_with(1).says(&["hint: "]);
    run(&format!("unpack {archive} {}", sandbox.work("out").display())).success();
    assert_eq!(listing(&sandbox.work("out")), ["file"]);
}

#[test]
fn a_truncated_archive_leaves_nothing() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    for format in ["tar.gz", "tar", "tar.zst", "zip"] {
        let name = format!("env.{format}");
        sandbox.run(["pack", "env", "-o", &name, "--compress-level", "1"]).success();
        let whole = fs::read(sandbox.work(&name)).unwrap();
        sandbox.write(&name, &whole[..whole.len() / 2]);
        let before = listing(&sandbox.work("."));
        sandbox.run(["unpack", &name, "out"]).fails_with(1).says(&[&name]);
        assert_eq!(listing(&sandbox.work(".")), before);
    }
}

#[test]
fn an_unpack_into_a_folder_that_holds_something_is_refused() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    sandbox.write("out/precious.txt", "here first");
    sandbox.run(["unpack", "env.tar", "out"]).fails_with(1).says(&["out", "hint: "]);
    assert_eq!(listing(&sandbox.work("out")), ["precious.txt"]);
}

#[test]
fn archives_that_reach_outside_are_refused() {
    let hostile = r#"
import io, sys, tarfile
def tar(name, *members):
    with tarfile.open(name, "w:gz") as archive:
        for kind, path, target in members:
            info = tarfile.TarInfo(path)
            if kind == "file":
                info.size = 4
                archive.addfile(info, io.BytesIO(b"evil"))
            else:
                info.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "device": tarfile.CHRTYPE,
                             "pipe": tarfile.FIFOTYPE}[kind]
                info.linkname = target
                archive.addfile(info)
tar("dotdot.tar.gz", ("file", "../escaped", ""))
tar("deep.tar.gz", ("file", "a/../../escaped", ""))
tar("absolute.tar.gz", ("file", "/tmp/envship-escaped", ""))
tar("link.tar.gz", ("link", "a", "../.."))
tar("chain.tar.gz", ("link", "a", "."), ("link", "b", "a/.."), ("file", "b/escaped", ""))
tar("through.tar.gz", ("link", "a", "/tmp"), ("file", "a/envship-escaped", ""))
tar("hard.tar.gz", ("hard", "a", "../../etc/passwd"))
tar("device.tar.gz", ("device", "null", ""))
tar("pipe.tar.gz", ("pipe", "pipe", ""))
"#;
    let sandbox = Sandbox::new();
    let mut make = sandbox.command("python3");
    make.args(["-c", hostile]);
    sandbox.finish(make).success();
    let before = listing(&sandbox.work("."));
    for name in ["dotdot", "deep", "absolute", "link", "chain", "through", "hard", "device", "pipe"] {
        let name = format!("{name}.tar.gz");
        for flags in [&[][..], &["--allow-absolute-links"]] {
            let mut arguments = vec!["unpack", &name, "out"];
            arguments.extend(flags);
            sandbox.run(arguments).fails_with(1).says(&["error: ", "hint: "]);
            assert_eq!(listing(&sandbox.work(".")), before, "{name} {flags:?}");
            assert!(!Path::new("/tmp/envship-escaped").exists());
        }
    }
}

#[test]
fn an_absolute_link_is_made_only_when_allowed_and_never_followed() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let mut peer = sandbox.command(required("ENVSHIP_TEST_VENV_PACK"));
    peer.args(["-q", "-p"]).arg(&prefix).args(["-o", "peer.tar.gz"]);
    sandbox.finish(peer).success();
    sandbox
        .run(["unpack", "peer.tar.gz", "out"])
        .fails_with(1)
        .says(&["--allow-absolute-links", "bin/python"]);
    assert!(!sandbox.work("out").exists());
    sandbox.run(["unpack", "peer.tar.gz", "out", "--allow-absolute-links"]).success();
    let links = fs::read_dir(sandbox.work("out/bin")).unwrap().flatten();
    assert!(
        links.into_iter().any(|link| fs::read_link(link.path()).is_ok_and(|target| target.is_absolute()))
    );
}
