//! `envship verify` tells what would fail where an archive lands.

use fs_err as fs;

use crate::environments::{conda_environment, python, venv};
use crate::shared;
use crate::util::{Run, Sandbox};

/// A project of one module, put into an environment's site-packages by hand.
fn module(sandbox: &Sandbox, environment: &str, name: &str, source: &str) {
    sandbox.write(&format!("{environment}/lib/python3.12/site-packages/{name}.py"), source);
}

fn report(run: &Run) -> Vec<serde_json::Value> {
    let report: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
    report["checks"].as_array().unwrap().clone()
}

fn outcome(checks: &[serde_json::Value], area: &str, name: &str) -> String {
    let found = checks.iter().find(|check| check["area"] == area && check["name"] == name);
    found.unwrap_or_else(|| panic!("{area} {name} wasn't tried"))["outcome"].as_str().unwrap().to_owned()
}

fn tar(sandbox: &Sandbox, arguments: &[&str]) {
    let mut command = sandbox.command("tar");
    command.args(arguments);
    sandbox.finish(command).success();
}

#[test]
fn an_archive_that_runs_passes_in_an_empty_and_in_a_hostile_environment() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["numpy", "tabulate"]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let run = sandbox.run(["verify", "env.tar", "--json"]).success();
    let checks = report(&run);
    assert!(checks.iter().all(|check| check["outcome"] != "failed"), "{run}");
    for (area, name) in [
        ("files", "the whole archive"),
        ("interpreter", "sys.prefix"),
        ("import", "numpy"),
        ("import", "_ssl"),
        ("hostile-import", "numpy"),
        ("hostile-import", "tabulate"),
        ("script", "bin/f2py"),
    ] {
        assert_eq!(outcome(&checks, area, name), "passed", "{area} {name}");
    }
    let left: Vec<_> = fs::read_dir(sandbox.tmp()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn what_unpack_has_finished_is_as_it_was_packed() {
    let sandbox = Sandbox::new();
    sandbox.run(["unpack", &shared::conda().archive("tar"), "placed"]).success();
    let run = sandbox.run(["verify", "placed"]).success();
    assert!(!run.stdout().contains("failed:"), "{run}");
}

#[test]
fn a_library_that_was_deleted_is_named_with_its_module() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "env", &["python=3.11", "numpy"]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let core = walkdir::WalkDir::new(&prefix)
        .into_iter()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("_multiarray_umath."))
        .unwrap();
    let core = core.path().strip_prefix(&prefix).unwrap().to_str().unwrap().to_owned();
    fs::create_dir(sandbox.work("out")).unwrap();
    tar(&sandbox, &["-xf", "env.tar", "-C", "out", "--exclude", &core]);
    tar(&sandbox, &["-cf", "env.tar", "-C", "out", "."]);
    let run = sandbox.run(["verify", "env.tar"]);
    assert_eq!(run.code(), Some(1), "{run}");
    let table = run.stdout();
    assert!(table.contains("imports, hostile environment"), "{table}");
    assert!(table.contains("failed: imports: numpy"), "{table}");
    let numpy = table.lines().find(|line| line.starts_with("failed: imports: numpy")).unwrap();
    assert!(numpy.contains("_multiarray_umath'"), "the cause is not told: {table}");
    assert!(table.contains(&format!("failed: files: {core} (numpy): listed, but not there")), "{table}");
    assert!(table.contains("the whole archive: its entries are not those that were packed"), "{table}");
    run.says(&["checks failed", "--original"]);
}

/// Changes the modes of entries where they stand: in a zip's central directory
/// and in tar headers.
const CHANGE_MODES: &str = r"
import io, struct, sys, tarfile, zipfile
archive, modes = sys.argv[1], {path: int(mode, 8) for path, mode in (item.split('=') for item in sys.argv[2:])}
data = bytearray(open(archive, 'rb').read())
if archive.endswith('.zip'):
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        at = opened.start_dir
        for entry in opened.infolist():
            name, extra, comment = struct.unpack_from('<HHH', data, at + 28)
            if entry.filename in modes:
                struct.pack_into('<H', data, at + 40, 0o100000 | modes[entry.filename])
            at += 46 + name + extra + comment
else:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        for entry in opened:
            if entry.name in modes:
                at = entry.offset_data - 512
                data[at + 100:at + 108] = b'%07o\0' % modes[entry.name]
                data[at + 148:at + 156] = b' ' * 8
                data[at + 148:at + 156] = b'%06o\0 ' % sum(data[at:at + 512])
open(archive, 'wb').write(data)
";

#[test]
fn a_mode_that_was_changed_in_the_archive_is_named_with_its_entry() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.12"), &[]);
    for archive in ["env.tar", "env.zip"] {
        sandbox.run(["pack", "env", "-o", archive, "--compress-level", "1"]).success();
        sandbox.run(["verify", archive]).success();
        let mut change = sandbox.command(prefix.join("bin/python"));
        change.args(["-c", CHANGE_MODES, archive, "lib/python3.12/abc.py=0200", "bin/python=4755"]);
        sandbox.finish(change).success();
        let run = sandbox.run(["verify", archive]);
        assert_eq!(run.code(), Some(1), "{run}");
        let told = run.stdout();
        for line in [
            "failed: files: the whole archive: its entries are not those that were packed",
            "failed: files: lib/python3.12/abc.py: its mode in the archive is 0200 instead of 0644",
            "failed: files: bin/python: its mode in the archive is 4755 instead of 0755",
        ] {
            assert!(told.contains(line), "{line}\n{run}");
        }
        sandbox.run(["unpack", archive, &format!("{archive}.d")]).success();
    }
}

#[test]
fn a_file_that_was_appended_to_the_archive_is_named() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.12"), &[]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    sandbox.run(["pack", "env", "-o", "env.zip", "--compress-level", "1"]).success();
    sandbox.write("bin/added", "added\n");
    tar(&sandbox, &["-rf", "env.tar", "bin/added"]);
    let mut append = sandbox.command(prefix.join("bin/python"));
    append.args(["-c", "import zipfile; zipfile.ZipFile('env.zip', 'a').write('bin/added')"]);
    sandbox.finish(append).success();
    for archive in ["env.tar", "env.zip"] {
        let run = sandbox.run(["verify", archive]);
        assert_eq!(run.code(), Some(1), "{run}");
        let told = run.stdout();
        assert!(told.contains("failed: files: bin/added: it was added to the archive after"), "{run}");
        assert!(told.contains("the whole archive: its entries are not those that were packed\n"), "{run}");
    }
}

#[test]
fn a_module_of_the_standard_library_that_was_deleted_is_named() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.12"), &[]);
    sandbox.run(["pack", "env", "-o", "unpacked/"]).success();
    let modules = sandbox.work("unpacked/lib/python3.12/lib-dynload");
    for entry in fs::read_dir(&modules).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("_ssl.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let run = sandbox.run(["verify", "unpacked"]);
    assert_eq!(run.code(), Some(1), "{run}");
    assert!(
        run.stdout().contains("failed: imports: _ssl (the standard library): ModuleNotFoundError"),
        "{run}"
    );
}

#[test]
fn what_fails_in_the_original_too_does_not_count() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.12"), &[]);
    module(&sandbox, "env", "windows_only", "import winreg\n");
    module(&sandbox, "env", "chatty", "print('{\"error\": null}')\nimport sys; sys.stdout.flush()\n");
    module(&sandbox, "env", "crasher", "import os; os.abort()\n");
    sandbox
        .write("env/lib/python3.12/site-packages/broken-1.dist-info/METADATA", "Name: broken\nVersion: 1\n");
    sandbox.write(
        "env/lib/python3.12/site-packages/broken-1.dist-info/entry_points.txt",
        "[console_scripts]\nbroken = windows_only:main\n",
    );
    let source = format!("#!{}\nimport windows_only\n", sandbox.work("env/bin/python").display());
    let script = sandbox.write("env/bin/broken", source);
    fs::set_permissions(&script, fs::metadata(sandbox.work("env/bin/python")).unwrap().permissions())
        .unwrap();
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let alone = sandbox.run(["verify", "env.tar", "--json"]);
    assert_eq!(alone.code(), Some(1), "{alone}");
    let checks = report(&alone);
    assert_eq!(outcome(&checks, "import", "windows_only"), "failed");
    assert_eq!(outcome(&checks, "import", "crasher"), "failed");
    assert_eq!(outcome(&checks, "import", "chatty"), "passed");
    assert_eq!(outcome(&checks, "script", "bin/broken"), "failed");
    let told = sandbox.run(["verify", "env.tar", "--original", "env", "--json"]).success();
    let checks = report(&told);
    assert_eq!(outcome(&checks, "import", "windows_only"), "tolerated");
    assert_eq!(outcome(&checks, "import", "crasher"), "tolerated");
    assert_eq!(outcome(&checks, "script", "bin/broken"), "tolerated");
}

#[test]
fn an_import_that_hangs_is_ended_and_told() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.12"), &[]);
    module(&sandbox, "env", "sleeper", "import subprocess; subprocess.run(['sleep', '1000'])\n");
    sandbox.run(["pack", "env", "-o", "env/"]).fails_with(1);
    sandbox.run(["pack", "env", "-o", "unpacked/"]).success();
    let begun = std::time::Instant::now();
    let run = sandbox.run(["verify", "unpacked", "--timeout", "5"]);
    assert_eq!(run.code(), Some(1), "{run}");
    assert!(run.stdout().contains("failed: imports: sleeper: the import doesn't end within 5 s"), "{run}");
    assert!(begun.elapsed().as_secs() < 500, "the sleep was waited for");
}

#[test]
fn nothing_is_published_that_does_not_run() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["numpy"]);
    fs::create_dir_all(sandbox.work("store")).unwrap();
    let ship = |more: &[&str]| {
        let arguments = ["ship", "env", "store/", "--format", "tar", "--verify"];
        sandbox.run(arguments.iter().chain(more))
    };
    let run = ship(&["--exclude", "*/_multiarray_umath.*"]).fails_with(1);
    run.says(&["warning: imports: numpy: ", "checks failed"]);
    assert_eq!(fs::read_dir(sandbox.work("store")).unwrap().count(), 0, "something was published");
    let url = ship(&[]).success().stdout();
    assert!(url.trim().ends_with(".tar"), "{url}");
    assert!(fs::read_dir(sandbox.work("store")).unwrap().count() > 0);
}

#[test]
fn what_can_not_be_tried_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("text.tar.gz", "text");
    sandbox.run(["verify", "missing.tar.gz"]).fails_with(1).says(&["`missing.tar.gz` does not exist"]);
    sandbox.run(["verify", "text.tar.gz"]).fails_with(1).says(&["text.tar.gz", "hint:"]);
    sandbox.run(["verify", "text.tar.gz", "--timeout", "0"]).fails_with(2);
    sandbox.run(["verify", "text.tar.gz", "--original", "nowhere"]).fails_with(1).says(&["nowhere"]);
    fs::create_dir_all(sandbox.work("empty")).unwrap();
    sandbox.run(["verify", "empty"]).fails_with(1).says(&["no environment: ", "an empty folder", "hint:"]);
    sandbox.write("bare/pyvenv.cfg", "");
    let run = sandbox.run(["verify", "bare"]);
    assert_eq!(run.code(), Some(1), "{run}");
    assert!(run.stdout().contains("failed: interpreter: bin/python: there is no Python in it"), "{run}");
}

#[test]
fn a_folder_that_nobody_may_not_enter_is_no_place_for_a_trial() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.12"), &[]);
    sandbox.run(["pack", "env", "-o", "env.tar", "--bytecode", "keep"]).success();
    let closed = sandbox.work("closed");
    fs::create_dir_all(&closed).unwrap();
    let mode =
        |mode| fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o700);
    let sandbox = sandbox.with("TMPDIR", &closed);
    sandbox
        .run(["verify", "env.tar"])
        .fails_with(1)
        .says(&["closed` is closed to the user `nobody`", "TMPDIR"]);
    std::os::unix::fs::chown(&closed, Some(65534), None).unwrap();
    sandbox.run(["verify", "env.tar"]).success();
}

#[test]
fn peers_archives_can_be_tried_too() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.12"), &[]);
    let mut pack = sandbox.command(crate::util::required("ENVSHIP_TEST_VENV_PACK"));
    pack.args(["-q", "-p"]).arg(&prefix).args(["-o", "peer.tar.gz"]);
    sandbox.finish(pack).success();
    let run = sandbox.run(["verify", "peer.tar.gz"]);
    assert_eq!(run.code(), Some(1), "its interpreter is a link to one that nobody else may enter: {run}");
    let told = run.stdout();
    assert!(told.contains("failed: interpreter: bin/python: it can't be run: Permission denied"), "{run}");
    let target = fs::read_link(prefix.join("bin/python3")).unwrap();
    let target =
        if target.is_absolute() { target } else { fs::read_link(prefix.join("bin/python")).unwrap() };
    assert!(told.contains(&format!("is a link to `{}`, outside the environment", target.display())), "{run}");
    assert!(told.contains("it runs as nobody"), "{run}");
}
