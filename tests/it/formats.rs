//! Formats: every reader reads them, and the same environment gives the same bytes.

use fs_err as fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::environments::{conda_environment, environment_yml, index_url, python, pythons, thin, venv};
use crate::landed::Landed;
use crate::shared::FORMATS;
use crate::util::Sandbox;

fn pack(sandbox: &Sandbox, arguments: &[&str]) -> Vec<u8> {
    let output = sandbox.work("packed");
    let given = ["pack", "--force", "-o", "packed", "--compress-level", "1", "--no-cache"];
    let run = sandbox.run([&given[..], arguments].concat()).success();
    assert_eq!(run.stdout(), "packed\n");
    fs::read(output).unwrap()
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let sandbox = Sandbox::new();
    conda_environment(&sandbox, "env", &["python=3.11", "numpy", "envship-prefix"]);
    for format in FORMATS {
        let pack =
            |threads| pack(&sandbox, &["env", "--format", format, "--bytecode", "keep", "-j", threads]);
        let (one, two) = (pack("1"), pack("2"));
        assert!(one == two, "{format}");
    }
}

#[test]
fn two_packs_of_one_prefix_are_the_same() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &["rich"]);
    let first = pack(&sandbox, &["env", "--format", "tar.gz"]);
    // Access by another path and a touched folder are no change.
    symlink(&prefix, sandbox.work("alias")).unwrap();
    fs::write(prefix.join("new"), "").unwrap();
    fs::remove_file(prefix.join("new")).unwrap();
    assert!(first == pack(&sandbox, &["env", "--format", "tar.gz"]));
}

#[test]
fn a_lock_installed_twice_packs_to_the_same_bytes() {
    let pip = format!("--index-url {}", index_url());
    let spec =
        environment_yml(&["python=3.11", "numpy", "envship-greet", "pip"], &[&pip, "envship-only", "rich"]);
    let packs: Vec<_> = (0..2)
        .map(|_| {
            let sandbox = Sandbox::new();
            sandbox.write("environment.yml", &spec);
            pack(&sandbox, &["environment.yml", "--format", "tar.gz"])
        })
        .collect();
    assert!(packs[0] == packs[1]);
}

#[test]
fn plain_tools_read_every_format() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["tabulate"]);
    for format in FORMATS {
        sandbox.run(["pack", "env", "-o", &format!("env.{format}"), "--compress-level", "1"]).success();
    }
    for (program, arguments) in [
        ("gzip", &["-t", "env.tar.gz"][..]),
        ("tar", &["-tzf", "env.tar.gz"]),
        ("tar", &["-tf", "env.tar"]),
        ("zstd", &["-tq", "env.tar.zst"]),
        ("unzip", &["-tqq", "env.zip"]),
        ("python3", &["-m", "tarfile", "-t", "env.tar.gz"]),
        ("python3", &["-m", "zipfile", "-t", "env.zip"]),
    ] {
        let mut command = sandbox.command(program);
        command.args(arguments);
        sandbox.finish(command).success();
    }
    // One gzip member: a reader that stops after the first has everything.
    // What it holds is what the plain tar holds, but for the manifest, which tells the format.
    let program = "import io, tarfile, zlib
d = zlib.decompressobj(31)
out = d.decompress(open('env.tar.gz', 'rb').read())
assert d.eof and not d.unused_data
def members(tar):
    manifest = 'share/envship/manifest.json'
    return [(m.name, m.type, m.mode, m.isfile() and tar.extractfile(m).read()) for m in tar if m.name != manifest]
assert members(tarfile.open(fileobj=io.BytesIO(out))) == members(tarfile.open('env.tar'))";
    let mut member = sandbox.command("python3");
    member.args(["-c", program]);
    sandbox.finish(member).success();
}

/// That of a response or of a pipe, which can't be read twice.
#[test]
fn every_python_reads_a_stream() {
    let sandbox = Sandbox::new();
    let python = python("3.11");
    venv(&sandbox, "env", &python, &[]);
    sandbox.run(["pack", "env", "-o", "env.tar.gz", &thin(&python)]).success();
    let program = "import tarfile
with open('env.tar.gz', 'rb') as file:
    print('bin/activate' in [m.name for m in tarfile.open(fileobj=file, mode='r|gz')])";
    for python in pythons() {
        let mut stream = sandbox.command(&python);
        stream.args(["-c", program]);
        assert_eq!(sandbox.finish(stream).success().stdout(), "True\n", "{}", python.display());
    }
}

#[test]
fn a_zip_has_its_links_dereferenced_unless_asked() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    assert!(prefix.join("lib64").is_symlink(), "venv makes this link");
    let links = |archive: &str| {
        let program = "import sys, stat, zipfile
for i in zipfile.ZipFile(sys.argv[1]).infolist():
    if stat.S_ISLNK(i.external_attr >> 16): print(i.filename)
    if i.filename.startswith('lib64/'): print('doubled', i.filename)
    if i.file_size > 200 and i.compress_type == 0: print('stored', i.filename)";
        let mut list = sandbox.command("python3");
        list.args(["-c", program, archive]);
        sandbox.finish(list).success().stdout()
    };
    sandbox.run(["pack", "env", "-o", "env.zip", "--compress-level", "1"]).success();
    assert_eq!(links("env.zip"), "");
    sandbox.run(["pack", "env", "-o", "links.zip", "--zip-symlinks", "--compress-level", "1"]).success();
    assert!(links("links.zip").lines().any(|line| line == "bin/python3"));
    sandbox.run(["unpack", "links.zip", "out"]).success();
    assert!(sandbox.work("out/bin/python3").is_symlink());
}

#[test]
fn arcroot_puts_everything_below_a_folder() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    sandbox.run(["pack", "env", "-o", "env.tar", "--arcroot", "some/where"]).success();
    let landed = Landed::new(&sandbox, "env.tar", "arcroot");
    let names: Vec<_> =
        fs::read_dir(&landed.root).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["some"]);
    assert_eq!(landed.run("some/where/bin/python", ["-c", "print(1)"]).success().stdout(), "1\n");
}

#[test]
fn filters_apply_in_the_order_in_which_they_are_given() {
    let sandbox = Sandbox::new();
    let interpreter = python("3.11");
    venv(&sandbox, "env", &interpreter, &["tabulate"]);
    let has = |arguments: &[&str]| {
        let given = ["pack", "env", "--force", "-o", "env.tar", &thin(&interpreter)];
        sandbox.run([&given[..], arguments].concat()).success();
        let mut list = sandbox.command("tar");
        list.args(["-tf", "env.tar"]);
        let names = sandbox.finish(list).success().stdout();
        ["/tabulate/__init__.py", "/tabulate-"].map(|part| names.contains(part))
    };
    assert_eq!(has(&[]), [true, true]);
    assert_eq!(has(&["--exclude", "*/tabulate*"]), [false, false]);
    assert_eq!(has(&["--exclude", "*/tabulate*", "--include", "*/tabulate/*"]), [true, false]);
    assert_eq!(has(&["--include", "*/tabulate/*", "--exclude", "*/tabulate*"]), [false, false]);
}

#[test]
fn the_format_follows_the_name_unless_it_is_given() {
    let sandbox = Sandbox::new();
    let interpreter = python("3.11");
    venv(&sandbox, "My Project/.venv", &interpreter, &[]);
    let pack = |arguments: &[&str]| {
        sandbox.run([&["pack", "My Project/.venv", &thin(&interpreter)][..], arguments].concat())
    };
    let magic = |name: &str| fs::read(sandbox.work(name)).unwrap()[..4].to_vec();
    pack(&[]).success();
    assert_eq!(magic("my-project.tar.gz")[..2], [0x1f, 0x8b]);
    pack(&["--format", "zip"]).success();
    assert_eq!(magic("my-project.zip"), b"PK\x03\x04");
    pack(&["-o", "x.tzst"]).success();
    assert_eq!(magic("x.tzst"), [0x28, 0xb5, 0x2f, 0xfd]);
    pack(&["-o", "x.rar"]).fails_with(2).says(&["x.rar", "hint: "]);
}

#[test]
fn an_archive_follows_the_umask_and_its_members_do_not() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let mut shell = sandbox.command("sh");
    let envship = sandbox.envship();
    shell.envs(envship.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.args([
        "-c",
        "umask 022; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_envship"),
        "pack",
        "env",
        "-o",
        "env.tar",
    ]);
    sandbox.finish(shell).success();
    let mode = |path: PathBuf| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o7777
    };
    assert_eq!(mode(sandbox.work("env.tar")), 0o644);
    let program = "import tarfile
print(sorted({(oct(m.mode), m.type.decode(), m.uid, m.gid, m.uname, m.mtime) for m in tarfile.open('env.tar')}))";
    let mut list = sandbox.command("python3");
    list.args(["-c", program]);
    assert_eq!(
        sandbox.finish(list).success().stdout(),
        "[('0o644', '0', 0, 0, '', 315532800), ('0o755', '0', 0, 0, '', 315532800), ('0o755', '5', 0, 0, '', 315532800), ('0o777', '2', 0, 0, '', 315532800)]\n"
    );
}

#[test]
fn interrupting_leaves_nothing() {
    interrupted_by(&["-INT"]);
}

/// As `timeout` and terminals do, which signal a process and its group.
#[test]
fn two_signals_at_once_leave_nothing() {
    interrupted_by(&["-TERM", "-INT"]);
}

fn interrupted_by(signals: &[&str]) {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["numpy"]);
    let mut command = sandbox.envship();
    command.args(["pack", "env", "-o", "env.tar.gz", "--compress-level", "9", "-j", "1", "--no-cache"]);
    command.arg(thin(&python("3.11")));
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Until it writes.
    let staged = || {
        let entries = fs::read_dir(sandbox.work(".")).unwrap().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(".envship-"))
            .any(|entry| entry.metadata().unwrap().len() > 0)
    };
    while !staged() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kills: Vec<_> = signals.iter().map(|signal| format!("kill {signal} {}", child.id())).collect();
    let mut kill = sandbox.command("sh");
    kill.args(["-c", &kills.join("; ")]);
    sandbox.finish(kill).success();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(output.stdout.is_empty());
    let names: Vec<_> =
        fs::read_dir(sandbox.work(".")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["env"]);
}

#[test]
fn a_large_environment_needs_little_memory_and_runs() {
    let sandbox = Sandbox::new();
    let packages = ["python=3.11", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "sympy"];
    let prefix = conda_environment(&sandbox, "env", &packages);
    let files =
        walkdir::WalkDir::new(&prefix).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
    let sizes: Vec<u64> = files.map(|file| file.metadata().unwrap().len()).collect();
    assert!(sizes.len() >= 14_000 && sizes.iter().sum::<u64>() >= 600_000_000, "{} files", sizes.len());

    let program = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut measured = sandbox.command("python3");
    measured.args(["-c", program, env!("CARGO_BIN_EXE_envship"), "pack", "env", "-o", "env.tar.gz"]);
    measured.args(["--compress-level", "1"]);
    let kilobytes: u64 = sandbox.finish(measured).success().stdout().trim().parse().unwrap();
    assert!(kilobytes < 150_000, "{kilobytes} kB");

    fs::rename(&prefix, sandbox.work("gone")).unwrap();
    let landed = Landed::new(&sandbox, "env.tar.gz", "large");
    let program = "import pandas, pyarrow, scipy.stats, sklearn.ensemble, sympy
print(int(pandas.DataFrame({'a': [1, 2, 3]}).a.sum()), pyarrow.array([1]).to_pylist(), sympy.Integer(6) * 7)";
    assert_eq!(landed.python(program), "6 [1] 42");
}
