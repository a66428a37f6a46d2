//! Bytecode is complete, canonical and valid, judged by the interpreters
//! themselves.

use fs_err as fs;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use envship::entry::{Rewrite, SourceCheck};
use envship::relocate::{Destination, Interpreter, Relocator};

use crate::environments::{conda_environment, index_url, minor, python, pythons, thin, venv};
use crate::landed::{Landed, gone};
use crate::util::{Sandbox, package_caches, required};

/// A virtual environment made by uv, which compiles nothing unless it is told.
fn uv_venv(sandbox: &Sandbox, folder: &str, packages: &[&str], more: &[&str]) -> PathBuf {
    let prefix = sandbox.work(folder);
    let cache = package_caches().join("uv");
    let mut create = sandbox.command(required("ENVSHIP_TEST_UV"));
    create.args(["venv", "--quiet", "--python"]).arg(python("3.11")).arg(&prefix).env("UV_CACHE_DIR", &cache);
    sandbox.finish(create).success();
    let mut install = sandbox.command(required("ENVSHIP_TEST_UV"));
    install
        .args(["pip", "install", "--quiet", "--index-url", &index_url(), "--python"])
        .arg(prefix.join("bin/python"))
        .args(more)
        .args(packages)
        .env("UV_CACHE_DIR", &cache);
    sandbox.finish(install).success();
    prefix
}

fn modules_compiled(stderr: &str) -> Vec<&str> {
    let from_source = |line: &&str| line.contains("code object from ") && line.trim_end().ends_with(".py");
    stderr.lines().filter(from_source).collect()
}

#[test]
fn prefixes_of_any_length_pack_to_the_same_bytes_with_or_without_bytecode() {
    let sandbox = Sandbox::new();
    let packages = ["numpy", "tabulate", "envship-only"];
    // Of equal length, of another one, and compiled when it was installed.
    uv_venv(&sandbox, "one/env", &packages, &[]);
    uv_venv(&sandbox, "two/env", &packages, &[]);
    uv_venv(&sandbox, "a/rather/longer/path/env", &packages, &[]);
    uv_venv(&sandbox, "compiled/env", &packages, &["--compile-bytecode"]);
    let folders = ["one/env", "two/env", "a/rather/longer/path/env", "compiled/env"];
    let archives: Vec<Vec<u8>> = folders
        .iter()
        .map(|folder| {
            let run = sandbox.run(["pack", folder, "-o", "env.tar.gz", "--force", "--env-name", "same"]);
            run.success();
            fs::read(sandbox.work("env.tar.gz")).unwrap()
        })
        .collect();
    for (folder, archive) in folders.iter().zip(&archives) {
        assert!(*archive == archives[0], "{folder} gives other bytes than {}", folders[0]);
    }
}

#[test]
fn conda_prefixes_of_any_length_pack_to_the_same_bytes() {
    let sandbox = Sandbox::new();
    let packages = ["python=3.11", "numpy", "envship-greet"];
    let archives: Vec<Vec<u8>> = ["one/env", "two/env", "a/rather/longer/path/env"]
        .iter()
        .map(|folder| {
            conda_environment(&sandbox, folder, &packages);
            sandbox.run(["pack", folder, "-o", "env.tar", "--force"]).success();
            fs::read(sandbox.work("env.tar")).unwrap()
        })
        .collect();
    assert!(archives[0] == archives[1], "equal lengths give other bytes");
    assert!(archives[0] == archives[2], "other lengths give other bytes");
}

#[test]
fn nothing_is_compiled_on_a_node_even_if_the_installer_left_it_all_out() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    let prefix = uv_venv(&sandbox, "env", &["numpy"], &[]);
    sandbox.run(["pack", "env", "-o", "env.tar.gz"]).success().says(&["note: compiled: "]);
    sandbox.run(["pack", "env", "-o", "env.zip"]).success();
    sandbox.run(["pack", "env", "-o", "keep.tar.gz", "--bytecode", "keep"]).success();
    gone(&prefix);
    let import = ["-v", "-c", "import numpy, sysconfig; sysconfig.get_config_vars()"];
    for archive in ["env.tar.gz", "env.zip"] {
        let landed = Landed::new(&sandbox, archive, archive);
        let stderr = landed.run("bin/python", import).success().stderr();
        assert!(stderr.contains("code object from "), "{stderr}");
        assert_eq!(modules_compiled(&stderr), [""; 0], "{archive}");
    }
    let kept = Landed::new(&sandbox, "keep.tar.gz", "keep");
    let stderr = kept.run("bin/python", import).success().stderr();
    assert!(modules_compiled(&stderr).iter().any(|line| line.contains("numpy")), "{stderr}");
}

#[test]
fn a_second_pack_takes_what_the_first_compiled_unless_it_was_damaged() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    uv_venv(&sandbox, "env", &["tabulate", "envship-only"], &[]);
    let pack = |archive: &str| sandbox.run(["pack", "env", "-o", archive]).success();
    pack("first.tar").says(&["note: compiled: "]);
    let second = pack("second.tar");
    assert!(!second.stderr().contains("compiled: "), "{second}");

    let files: Vec<PathBuf> = walkdir::WalkDir::new(&cache)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    let damaged = files.iter().find(|path| path.extension().is_some_and(|it| it == "pyc")).unwrap();
    let mut bytes = fs::read(damaged).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(damaged, bytes).unwrap();
    pack("third.tar").says(&["note: compiled: 1 module, ", "warning: a piece of the cache was damaged"]);
    let read = |archive: &str| fs::read(sandbox.work(archive)).unwrap();
    assert!(read("first.tar") == read("second.tar") && read("first.tar") == read("third.tar"));
}

#[test]
fn without_a_cache_it_is_compiled_all_the_same() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("file", "");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", file.join("below"));
    uv_venv(&sandbox, "env", &["tabulate"], &[]);
    let run = sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let landed = Landed::new(&sandbox, "env.tar", "landed");
    run.says(&["note: compiled: ", "nothing is kept for the next time"]);
    let site = landed.root.join("lib/python3.11/site-packages/tabulate/__pycache__");
    assert!(fs::read_dir(site).unwrap().count() > 0);
    assert_eq!(fs::read_dir(sandbox.tmp()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_compiled_is_tried_once() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    let python = python("3.11");
    let prefix = venv(&sandbox, "env", &python, &[]);
    let broken = prefix.join("lib/python3.11/site-packages/broken.py");
    fs::write(&broken, "def (:\n").unwrap();
    let pack = || sandbox.run(["pack", "env", "-o", "env.tar", "--force", &thin(&python)]).success();
    // Our own hook is the other one.
    pack().says(&["note: compiled: 1 module, 1 can't be compiled"]);
    let second = pack().says(&["note: without bytecode: 1 can't be compiled"]);
    assert!(!second.stderr().contains("note: compiled: "), "it was tried again\n{second}");
    fs::write(&broken, "answer = 42\n").unwrap();
    let third = pack().says(&["note: compiled: 1 module, 1 more were cached\n"]);
    assert!(!third.stderr().contains("can't be compiled"), "{third}");
}

/// A conda environment with a module to be compiled, by this instead of its
/// interpreter.
fn conda_environment_run_by(sandbox: &Sandbox, program: &str) {
    let prefix = conda_environment(sandbox, "env", &["python=3.11"]);
    fs::write(prefix.join("lib/python3.11/site-packages/fresh.py"), "answer = 42\n").unwrap();
    let interpreter = prefix.join("bin/python3.11");
    // It may be a link to what other environments share.
    fs::remove_file(&interpreter).unwrap();
    sandbox.write("env/bin/python3.11", program);
    fs::set_permissions(&interpreter, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn an_interpreter_that_cannot_run_here_is_told_and_the_rest_is_packed() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    let told =
        "without bytecode, which every process will compile anew: the environment's Python can't run here";
    for (program, reason) in [
        // Of another machine, as far as the kernel can see.
        ("\x7fELF of another machine", "Exec format error"),
        ("#!/bin/sh\nexit 1\n", "(it ends at once)"),
        ("#!/bin/sh\necho abcd\n", "(its magic number is another one)"),
    ] {
        conda_environment_run_by(&sandbox, program);
        let run = sandbox.run(["pack", "env", "-o", "env.tar", "--force", "--compress-level", "1"]);
        run.success().says(&["warning: ", told, reason]);
        fs::remove_dir_all(sandbox.work("env")).unwrap();
    }
}

#[test]
fn interrupting_a_source_that_takes_for_ever_to_compile_ends_at_once() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    let started = sandbox.path("started");
    // Answers with the magic number of 3.11, and never again.
    let program =
        format!("#!/bin/sh\nprintf '\\247\\r\\r\\n'\ntouch '{}'\nexec sleep 600\n", started.display());
    conda_environment_run_by(&sandbox, &program);
    let mut command = sandbox.envship();
    command.args(["pack", "env", "-o", "env.tar"]);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdout(pipe()).stderr(pipe()).spawn().unwrap();
    while !started.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let begun = std::time::Instant::now();
    let mut kill = sandbox.command("kill");
    kill.args(["-INT", &child.id().to_string()]);
    sandbox.finish(kill).success();
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed().as_secs() < 60, "it waited for the interpreter");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(!sandbox.work("env.tar").exists());
}

#[test]
fn each_way_to_treat_bytecode_does_what_it_says() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &["tabulate"]);
    let site = "lib/python3.11/site-packages";
    // A distribution without its source, and a source that can't be compiled.
    fs::write(prefix.join(site).join("secret.py"), "answer = 42\n").unwrap();
    let mut compile = sandbox.command(prefix.join("bin/python"));
    compile.args(["-m", "compileall", "-q", "-b"]).arg(prefix.join(site).join("secret.py"));
    sandbox.finish(compile).success();
    fs::remove_file(prefix.join(site).join("secret.py")).unwrap();
    fs::write(prefix.join(site).join("broken.py"), "def (:\n").unwrap();
    fs::write(prefix.join(site).join("fresh.py"), "answer = 1\n").unwrap();

    let landed = |how: &str| {
        let archive = format!("{how}.tar");
        sandbox.run(["pack", "env", "-o", &archive, "--bytecode", how]).success();
        Landed::new(&sandbox, &archive, how)
    };
    let header = |landed: &Landed, name: &str| {
        let path = landed.root.join(site).join("__pycache__").join(format!("{name}.cpython-311.pyc"));
        fs::read(path).ok().map(|bytes| bytes[4])
    };
    for (how, expected, fresh) in [
        ("compile", Some(1), Some(1)),
        ("keep", Some(1), None),
        ("strip", None, None),
        ("checked", Some(3), Some(3)),
    ] {
        let landed = landed(how);
        assert_eq!(header(&landed, "fresh"), fresh, "{how}");
        let tabulate = walkdir::WalkDir::new(landed.root.join(site).join("tabulate"))
            .into_iter()
            .flatten()
            .find(|entry| entry.file_name() == "__init__.cpython-311.pyc");
        assert_eq!(tabulate.map(|entry| fs::read(entry.path()).unwrap()[4]), expected, "{how}");
        assert_eq!(landed.python("import secret, fresh, tabulate; print(secret.answer)"), "42");
    }
    sandbox
        .run(["pack", "env", "--bytecode", "sometimes"])
        .fails_with(2)
        .says(&["compile, keep, strip, checked"]);
}

#[test]
fn bytecode_that_only_its_header_makes_valid_is_compiled_again_or_left_out() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let site = "lib/python3.11/site-packages";
    for name in ["cut", "overwritten", "whole"] {
        let source = prefix.join(site).join(name).with_extension("py");
        fs::write(&source, "def answer():\n    return 42\n").unwrap();
        let mut compile = sandbox.command(prefix.join("bin/python"));
        compile.args(["-m", "compileall", "-q"]).arg(source);
        sandbox.finish(compile).success();
    }
    let cached = |name: &str| format!("{site}/__pycache__/{name}.cpython-311.pyc");
    let cut = fs::read(prefix.join(cached("cut"))).unwrap();
    fs::write(prefix.join(cached("cut")), &cut[..cut.len() / 2]).unwrap();
    let mut overwritten = fs::read(prefix.join(cached("overwritten"))).unwrap();
    overwritten[16..].fill(0);
    fs::write(prefix.join(cached("overwritten")), overwritten).unwrap();

    let load = "import marshal, sys; marshal.loads(open(sys.argv[1], 'rb').read()[16:])";
    for (number, (how, compiled)) in
        [("compile", true), ("checked", true), ("keep", false), ("compile", true)].into_iter().enumerate()
    {
        let archive = format!("{number}.tar");
        let run = sandbox.run(["pack", "env", "-o", &archive, "--bytecode", how]).success();
        run.says(&["note: left out: 2 bytecode files that are damaged"]);
        let landed = Landed::new(&sandbox, &archive, &number.to_string());
        for (name, expected) in [("cut", compiled), ("overwritten", compiled), ("whole", true)] {
            let path = landed.root.join(cached(name));
            assert_eq!(path.exists(), expected, "{how}: {name}");
            if expected {
                landed.run("bin/python", ["-c", load, path.to_str().unwrap()]).success();
            }
        }
        assert_eq!(
            landed.python("import cut, overwritten; print(cut.answer() + overwritten.answer())"),
            "84"
        );
    }
    let read = |archive: &str| fs::read(sandbox.work(archive)).unwrap();
    assert!(read("0.tar") == read("3.tar"), "what is compiled again gives other bytes");
}

#[test]
fn checked_bytecode_notices_an_edit() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let module = "lib/python3.11/site-packages/patched.py";
    fs::write(prefix.join(module), "answer = 1\n").unwrap();
    for (how, expected) in [("checked", "2"), ("compile", "1")] {
        sandbox.run(["pack", "env", "-o", &format!("{how}/"), "--bytecode", how]).success();
        fs::write(sandbox.work(how).join(module), "answer = 2\n").unwrap();
        let mut run = sandbox.command(sandbox.work(how).join("bin/python"));
        run.args(["-c", "import patched; print(patched.answer)"]);
        assert_eq!(sandbox.finish(run).success().stdout().trim(), expected, "{how}");
    }
}

#[test]
fn a_path_in_compiled_code_is_the_one_that_envship_unpacks_to() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let module = format!(
        "PATH = '{0}/share'\ndef where():\n    return b'{0}', ('-I{0}/include', 'é {0}')\n",
        prefix.display()
    );
    fs::write(prefix.join("lib/python3.11/site-packages/paths.py"), module).unwrap();
    sandbox.run(["pack", "env", "-o", "env.tar.gz"]).success();
    gone(&prefix);
    for place in ["x", "ein schöner/and/much/longer/place"] {
        sandbox.run(["unpack", "env.tar.gz", place]).success();
        let root = sandbox.work(place);
        let mut run = sandbox.command(root.join("bin/python"));
        run.args(["-v", "-c", "import paths; print(ascii((paths.PATH, paths.where()))); print(paths.where.__code__.co_filename)"]);
        let run = sandbox.finish(run).success();
        let told = run.stdout();
        let ascii = |text: String| {
            text.chars()
                .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\x{:02x}", u32::from(c)) })
                .collect::<String>()
        };
        let text = ascii(root.display().to_string());
        let bytes = root.display().to_string().bytes().fold(String::new(), |text, byte| {
            if byte.is_ascii() {
                text + &char::from(byte).to_string()
            } else {
                text + &format!("\\x{byte:02x}")
            }
        });
        let expected = format!("('{text}/share', (b'{bytes}', ('-I{text}/include', '\\xe9 {text}')))");
        assert_eq!(told.lines().next().unwrap(), expected);
        assert!(told.contains(&format!("{place}/lib/python3.11/site-packages/paths.py")), "{told}");
        assert!(!modules_compiled(&run.stderr()).iter().any(|line| line.contains("paths")), "{run}");
    }
}

/// Compiles a standard library in a process that has little loaded or much; or
/// compares what comes of it with fresh code, recursively.
const STDLIB: &str = r"
import marshal, os, struct, sys, types
job, out = sys.argv[1], sys.argv[2]
library = os.path.dirname(os.__file__)
def sources():
    for root, folders, files in os.walk(library):
        folders[:] = sorted(f for f in folders if f not in ('site-packages', '__pycache__', 'test', 'tests', 'lib2to3'))
        for name in sorted(files):
            if name.endswith('.py'):
                path = os.path.join(root, name)
                yield os.path.relpath(path, library)[:-3], path
def code(path, name):
    with open(path, 'rb') as file:
        return compile(file.read(), name, 'exec', dont_inherit=True, optimize=0)
def same(one, other, where):
    assert type(one) is type(other), (where, one, other)
    if isinstance(one, types.CodeType):
        for field in dir(one):
            value = getattr(one, field)
            if field.startswith('co_') and not callable(value):
                if field == 'co_filename':
                    assert value == FILE, (where, value)
                elif field != 'co_lnotab':
                    same(value, getattr(other, field), where + '.' + field)
    elif isinstance(one, (tuple, frozenset)):
        assert len(one) == len(other), where
        if isinstance(one, frozenset):
            key = lambda item: (str(type(item)), repr(sorted(item, key=repr)) if isinstance(item, frozenset) else repr(item))
            one, other = sorted(one, key=key), sorted(other, key=key)
        for number, (a, b) in enumerate(zip(one, other)):
            same(a, b, '%s[%d]' % (where, number))
    elif isinstance(one, (float, complex)):
        assert repr(one) == repr(other), where
    else:
        assert one == other, (where, one, other)
import _frozen_importlib_external as external
count = 0
for name, path in sources():
    if job == 'compile':
        if sys.argv[3] == 'loaded':
            import asyncio, csv, ctypes, email.mime.text, http.server, logging.config, unittest.mock, xml.dom.minidom
            keep = [sys.intern(chr(letter)) for letter in range(256)], list(range(5000))
        made = marshal.dumps(code(path, '/built/' + sys.argv[3] + '/' + name + '.py'))
        target = os.path.join(out, name + '.pyc')
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, 'wb') as file:
            file.write(external.MAGIC_NUMBER + bytes(12) + made)
    else:
        FILE = '/.envship/lib/' + name + '.py'
        with open(os.path.join(out, name + '.pyc'), 'rb') as file:
            loaded = marshal.loads(file.read()[16:])
        same(loaded, code(path, 'x'), name)
    count += 1
print(count)
";

#[test]
fn canonical_code_is_the_same_from_any_process_and_loads_as_what_was_compiled() {
    let names = vec!["python".to_owned()];
    let relocator = Relocator::new(
        &["/built/bare".into(), "/built/loaded".into()],
        Destination::Anywhere,
        Interpreter { program: "python".to_owned(), names, programs: BTreeSet::new() },
    );
    let rewrite = Rewrite::Bytecode { source_hash: *b"01234567", check: SourceCheck::Unchecked };
    for interpreter in pythons() {
        let sandbox = Sandbox::new();
        let run = |job: &str, folder: &Path, state: &str| {
            let mut command = sandbox.command(&interpreter);
            command.args(["-W", "ignore", "-c", STDLIB, job]).arg(folder).arg(state);
            sandbox.finish(command).success().stdout().trim().parse::<usize>().unwrap()
        };
        let [bare, loaded] = ["bare", "loaded"].map(|state| {
            let folder = sandbox.work(state);
            assert!(run("compile", &folder, state) > 400);
            folder
        });
        let out = sandbox.work("canonical");
        let mut different = 0;
        for entry in walkdir::WalkDir::new(&bare).into_iter().flatten() {
            if !entry.file_type().is_file() {
                continue;
            }
            let name = entry.path().strip_prefix(&bare).unwrap().to_str().unwrap();
            let module = name.strip_suffix(".pyc").unwrap();
            let (folder, stem) =
                module.rsplit_once('/').map_or((String::new(), module), |(f, s)| (format!("{f}/"), s));
            let path = format!("lib/{folder}__pycache__/{stem}.cpython-3.pyc");
            let made = |bytes: &[u8]| relocator.relocated(&path, false, &rewrite, bytes);
            let (one, other) = (fs::read(entry.path()).unwrap(), fs::read(loaded.join(name)).unwrap());
            different += usize::from(one != other);
            let canonical = made(&one);
            assert!(canonical == made(&other), "{name} of Python {}", minor(&interpreter));
            assert!(canonical == made(&canonical), "{name} changes again");
            assert!(memchr::memmem::find(&canonical, b"/built/").is_none(), "{name}");
            let target = out.join(name);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, canonical).unwrap();
        }
        assert!(different > 400, "all {different} were the same before");
        run("compare", &out, "");
    }
}
