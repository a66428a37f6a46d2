//! Bad input: the right exit code, a message that names the thing, a hint, an
//! empty stdout, and nothing half-made.

use fs_err as fs;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::environments::{channel_url, conda_environment, environment_yml, index_url, python, venv};
use crate::util::{Run, Sandbox, required};

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

#[test]
fn a_missing_spec_is_named() {
    let sandbox = Sandbox::new();
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "hint: "]);
}

#[test]
fn an_empty_spec_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", "");
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "empty", "hint: "]);
}

#[test]
fn a_binary_spec_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", [0u8, 159, 146, 150, 0, 1, 2]);
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "hint: "]);
}

#[test]
fn invalid_yaml_is_shown_with_line_and_column() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", "name: x\ndependencies:\n  - numpy\n bad: [\n");
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "line 4 column", "hint: "]);
}

#[test]
fn kinds_that_are_not_known_are_named_with_those_that_are() {
    for (name, text) in [
        ("pyproject.toml", "[project]\nname = \"x\"\n"),
        ("pixi.lock", "version: 6\nenvironments: {}\n"),
        ("uv.lock", "version = 1\n"),
        ("Dockerfile", "FROM python:3.11\n"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(name, text);
        pack_fails(&sandbox, name, 1).says(&[name, "environment.yml", "requirements.txt"]);
    }
}

#[test]
fn an_unknown_package_comes_with_the_nearest_names() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "nunpy"], &[]));
    pack_fails(&sandbox, "environment.yml", 1).says(&["nunpy", "numpy", "hint: "]);
}

#[test]
fn unsatisfiable_versions_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "envship-unsat"], &[]));
    pack_fails(&sandbox, "environment.yml", 1).says(&["envship-unsat", "numpy >=99"]);
}

#[test]
fn a_channel_that_does_not_exist_is_named() {
    let sandbox = Sandbox::new();
    let missing = channel_url().replace("/channel", "/no-such-channel");
    let spec = format!("channels:\n  - {missing}\ndependencies:\n  - python\n");
    sandbox.write("environment.yml", spec);
    pack_fails(&sandbox, "environment.yml", 1).says(&["no-such-channel", "hint: "]);
    sandbox.write("environment.yml", "channels:\n  - file:///no/such/channel\ndependencies:\n  - python\n");
    pack_fails(&sandbox, "environment.yml", 1).says(&["/no/such/channel", "hint: "]);
}

#[test]
fn an_unreachable_channel_is_worth_another_try() {
    let sandbox = Sandbox::new();
    sandbox
        .write("environment.yml", "channels:\n  - http://127.0.0.1:9/channel\ndependencies:\n  - python\n");
    pack_fails(&sandbox, "environment.yml", 3).says(&["127.0.0.1:9"]);
}

#[test]
fn a_requirement_that_does_not_exist_is_named() {
    let sandbox = Sandbox::new();
    let lines = [&*format!("--index-url {}", index_url()), "no-such-project-anywhere"];
    sandbox.write("requirements.txt", lines.join("\n"));
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(1).says(&["no-such-project-anywhere"]);
    assert_eq!(listing(&sandbox.work(".")), ["requirements.txt"]);
}

#[test]
fn a_requirement_with_another_hash_is_refused() {
    let sandbox = Sandbox::new();
    let hash = "0".repeat(64);
    let text = format!("--index-url {}\ntabulate==0.9.0 --hash=sha256:{hash}\n", index_url());
    sandbox.write("requirements.txt", text);
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(1).says(&["tabulate"]);
}

#[test]
fn what_uv_and_pip_refuse_is_named_with_the_users_file_line_and_index() {
    let index = index_url().replace("http://", "http://quillon:hunter2@");
    let shown = index_url().replace("http://", "http://****@");
    let hash = "0".repeat(64);
    let interpreter = python("3.11");
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        sandbox.write("requirements.txt", format!("--index-url {index}\n\n-r more/base.txt\nsix\n"));
        let base = sandbox.work("more/base.txt");
        for (line, message) in [
            ("no-such-project-anywhere>=2", "can't be found or its versions don't fit together"),
            ("tabulate==77", "can't be found or its versions don't fit together"),
            ("python-dateutil\nsix==1.3", "can't be found or its versions don't fit together"),
            (&*format!("tabulate==0.9.0 --hash=sha256:{hash}"), "does not have the hash that is required"),
        ] {
            sandbox.write("more/base.txt", format!("# why\n{line}\n"));
            let mut command = sandbox.envship();
            command.env("UV", &uv).args(["pack", "requirements.txt", "--python"]).arg(&interpreter);
            let last = line.lines().next_back().unwrap().split(" --hash").next().unwrap();
            let number = 1 + line.lines().count();
            let named = format!("`{last}` in line {number} of `{}`", base.display());
            // Hashes are wanted of all or none.
            if line.contains("--hash") {
                sandbox.write("requirements.txt", format!("--index-url {index}\n-r more/base.txt\n"));
            }
            let run = sandbox.finish(command).fails_with(1);
            assert!(!run.stderr().contains("hunter2"), "{run}");
            run.says(&[message, &named, &format!("(asked of `{shown}`"), "hint: "]);
        }
    }
}

#[test]
fn a_requirement_of_a_pip_section_is_named_with_its_line() {
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        let index = format!("--index-url {}", index_url());
        let pip = [&*index, "tabulate", "\"six<1; python_version>'3'\""];
        let text = environment_yml(&["python=3.11"], &pip);
        let number = 1 + text.lines().position(|line| line.contains("six<1")).unwrap();
        sandbox.write("environment.yml", text);
        let mut command = sandbox.envship();
        command.env("UV", &uv).args(["pack", "environment.yml"]);
        let named = format!("`six<1; python_version>'3'` in line {number} of `environment.yml`");
        sandbox.finish(command).fails_with(1).says(&[&named, &index_url(), "hint: "]);
    }
}

#[test]
fn an_unreachable_index_is_worth_another_try() {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "--index-url http://127.0.0.1:9/simple/\ntabulate\n");
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(3).says(&["127.0.0.1:9"]);
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

#[test]
fn a_python_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "tabulate\n");
    sandbox
        .run(["pack", "requirements.txt", "--python", "/no/such/python"])
        .fails_with(1)
        .says(&["/no/such/python", "hint: "]);
    sandbox.run(["pack", "requirements.txt", "--python", "3.99"]).fails_with(1).says(&["3.99", "hint: "]);
}

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
fn the_system_python_of_debian_is_refused_with_a_hint() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.work("env/bin")).unwrap();
    fs::create_dir_all(sandbox.work("env/lib/python3.11/site-packages")).unwrap();
    sandbox
        .write("env/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n");
    let system = Path::new("/usr/bin/python3");
    assert!(system.exists(), "the test machines are Debian with its Python");
    symlink(system, sandbox.work("env/bin/python")).unwrap();
    pack_fails(&sandbox, "env", 1).says(&["/usr", "hint: "]);
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
        fs::copy(env!("CARGO_BIN_EXE_envship"), &program).unwrap();
    }
    let mut command = sandbox.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
    command
}

#[test]
fn an_output_that_exists_is_kept_unless_forced() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.write("out.tar.gz", "precious");
    pack_fails(&sandbox, "env", 1).says(&["out.tar.gz", "--force"]);
    assert_eq!(fs::read_to_string(sandbox.work("out.tar.gz")).unwrap(), "precious");
    sandbox.run(["pack", "env", "-o", "out.tar.gz", "--force"]).success();
    assert!(fs::metadata(sandbox.work("out.tar.gz")).unwrap().len() > 1_000_000);
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
}

#[test]
fn interrupting_a_build_leaves_no_temporary_files() {
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "slow/pyproject.toml",
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
             [project]\nname = 'slow'\nversion = '1'\n",
        );
        let started = sandbox.path("started");
        sandbox.write(
            "slow/backend.py",
            format!(
                "import tempfile, time\ndef build_wheel(*_):\n    tempfile.mkdtemp()\n    \
                 open({started:?}, 'w').close()\n    time.sleep(600)\nbuild_editable = build_wheel\n\
                 prepare_metadata_for_build_wheel = build_wheel\n"
            ),
        );
        sandbox.write("requirements.txt", "./slow\n");
        let mut command = sandbox.envship();
        command.env("UV", &uv).args(["pack", "requirements.txt", "--python"]).arg(python("3.11"));
        let pipe = std::process::Stdio::piped;
        let mut child = command.stdout(pipe()).stderr(pipe()).spawn().unwrap();
        while !started.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let mut kill = sandbox.command("kill");
        kill.args(["-INT", &child.id().to_string()]);
        sandbox.finish(kill).success();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert_eq!(listing(&sandbox.tmp()), Vec::<String>::new(), "uv: {uv:?}");
        assert_eq!(listing(&sandbox.work(".")), ["requirements.txt", "slow"], "uv: {uv:?}");
    }
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
fn a_url_without_a_bucket_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("env.tar.gz", "x");
    sandbox.run(["publish", "env.tar.gz", "s3:///envs/"]).fails_with(2).says(&["bucket", "hint: "]);
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
fn a_truncated_archive_leaves_nothing() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    for format in ["tar.gz", "tar", "tar.zst", "zip"] {
        let name = format!("env.{format}");
        sandbox.run(["pack", "env", "-o", &name]).success();
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
    sandbox.run(["pack", "env", "-o", "env.tar.gz"]).success();
    sandbox.write("out/precious.txt", "here first");
    sandbox.run(["unpack", "env.tar.gz", "out"]).fails_with(1).says(&["out", "hint: "]);
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

#[test]
fn a_package_that_was_corrupted_in_the_cache_is_fetched_again() {
    let sandbox = Sandbox::new();
    let own_cache = sandbox.path("cache");
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "envship-broken-hash"], &[]));
    let pack = |output: &str| {
        let mut command = sandbox.envship();
        command.env("RATTLER_CACHE_DIR", &own_cache).args(["pack", "environment.yml", "-o", output]);
        sandbox.finish(command).success()
    };
    pack("first.tar.gz");
    let cached: Vec<_> = walkdir::WalkDir::new(own_cache.join("pkgs"))
        .into_iter()
        .flatten()
        .filter(|file| {
            file.file_type().is_file() && file.path().to_string_lossy().contains("envship-broken-hash")
        })
        .filter(|file| !file.path().to_string_lossy().contains("/info/"))
        .filter(|file| file.path().extension().is_none_or(|extension| extension != "lock"))
        .collect();
    assert!(!cached.is_empty());
    for file in &cached {
        fs::remove_file(file.path()).unwrap();
        fs::write(file.path(), "corrupt").unwrap();
    }
    pack("second.tar.gz");
    assert!(
        fs::read(sandbox.work("first.tar.gz")).unwrap() == fs::read(sandbox.work("second.tar.gz")).unwrap()
    );
}

#[test]
fn a_package_with_another_checksum_is_refused() {
    let sandbox = Sandbox::new();
    let channel = sandbox.path("channel");
    let mut copy = sandbox.command("cp");
    copy.args(["-r", &required("ENVSHIP_TEST_CHANNEL")]).arg(&channel);
    sandbox.finish(copy).success();
    for folder in ["noarch", "linux-64"] {
        for file in fs::read_dir(channel.join(folder)).unwrap().flatten() {
            if file.file_name().to_string_lossy().starts_with("envship-broken-hash") {
                let mut bytes = fs::read(file.path()).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::remove_file(file.path()).unwrap();
                fs::write(file.path(), bytes).unwrap();
            }
        }
    }
    sandbox.write(
        "environment.yml",
        format!("channels: [\"file://{}\"]\ndependencies: [envship-broken-hash]\n", channel.display()),
    );
    let mut command = sandbox.envship();
    command.env("RATTLER_CACHE_DIR", sandbox.path("cache")).args([
        "pack",
        "environment.yml",
        "-o",
        "out.tar.gz",
    ]);
    sandbox.finish(command).fails_with(1).says(&["envship-broken-hash", "hint: "]);
    assert!(!sandbox.work("out.tar.gz").exists());
}

#[test]
fn a_dropped_connection_is_tried_again() {
    let sandbox = Sandbox::new();
    let (address, dropped) = dropping_proxy(3);
    let channel = channel_url();
    let (_, path) = channel.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let spec = format!("channels: [\"http://{address}/{path}\"]\ndependencies: [envship-broken-hash]\n");
    sandbox.write("environment.yml", spec);
    let mut command = sandbox.envship();
    command.env("RATTLER_CACHE_DIR", sandbox.path("cache")).args([
        "pack",
        "environment.yml",
        "-o",
        "out.tar.gz",
    ]);
    sandbox.finish(command).success();
    assert_eq!(dropped.load(std::sync::atomic::Ordering::SeqCst), 3);
}

/// A proxy before the channel's server that drops the first connections in the
/// middle of a request.
fn dropping_proxy(drops: usize) -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{Read, copy};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};

    let server = channel_url().strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dropped = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = dropped.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if counter.load(Ordering::SeqCst) < drops {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = (&client).read(&mut [0; 16]);
                let _ = client.shutdown(Shutdown::Both);
                continue;
            }
            let upstream = TcpStream::connect(&server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || copy(&mut from, &mut to));
            let (mut from, mut to) = (upstream, client);
            std::thread::spawn(move || copy(&mut from, &mut to).map(|_| to.shutdown(Shutdown::Both)));
        }
    });
    (address, dropped)
}

#[test]
fn files_that_conda_packages_lost_are_told_and_are_an_error_when_strict() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "env", &["python=3.11", "envship-greet"]);
    fs::remove_file(prefix.join("bin/greet")).unwrap();
    sandbox.run(["pack", "env", "-o", "out.tar.gz"]).success().says(&["envship-greet"]);
    let run = sandbox.run(["pack", "env", "-o", "strict.tar.gz", "--strict"]);
    run.fails_with(1).says(&["envship-greet", "bin/greet", "hint: "]);
    assert!(!sandbox.work("strict.tar.gz").exists());
}

#[test]
fn only_whole_archives_under_fitting_names_are_published() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    fs::create_dir(sandbox.work("store")).unwrap();
    sandbox.run(["pack", "env", "-o", "env.tar.gz"]).success();
    sandbox.run(["pack", "env", "-o", "tree/"]).success();
    sandbox.run(["publish", "tree", "store/"]).fails_with(1).says(&["tree", "hint: "]);
    sandbox
        .run(["publish", "env.tar.gz", "store/env.zip"])
        .fails_with(1)
        .says(&["env.zip", "tar.gz", "hint: "]);
    let whole = fs::read(sandbox.work("env.tar.gz")).unwrap();
    sandbox.write("cut.tar.gz", &whole[..whole.len() - 1000]);
    sandbox.run(["publish", "cut.tar.gz", "store/"]).fails_with(1).says(&["cut.tar.gz", "hint: "]);
    assert_eq!(listing(&sandbox.work("store")), Vec::<String>::new());
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
fn an_engine_gets_no_archive_without_a_python() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["envship-glibc"], &[]));
    fs::create_dir(sandbox.work("store")).unwrap();
    let run = sandbox.run(["ship", "environment.yml", "store/", "--for", "spark-submit"]);
    run.fails_with(1).says(&["bin/python", "hint: "]);
    assert_eq!(listing(&sandbox.work("store")), Vec::<String>::new());
}

#[test]
fn a_relative_destination_is_refused() {
    let sandbox = Sandbox::new();
    for option in ["--dest-prefix", "--python-prefix"] {
        sandbox.run(["pack", "env", option, "relative/path"]).fails_with(2).says(&["absolute"]);
    }
}
