//! Libraries of the packing machine, and nodes that have none of them.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::environments::{index_url, python, thin, venv};
use crate::landed::{Landed, gone};
use crate::shared;
use crate::util::{Run, Sandbox, required};

/// What a node has in any case: the C library and the compiler's.
const BASELINE: [&str; 9] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libgcc_s.so.1",
    "libstdc++.so.6",
];

/// Every module of the standard library that leans on a library.
const MODULES: &str =
    "import bz2, ctypes, curses, decimal, hashlib, lzma, readline, sqlite3, ssl, sys, uuid, zlib
import xml.parsers.expat, sysconfig
assert sys.prefix == sys.base_prefix == '/env', sys.prefix
assert sysconfig.get_path('purelib').endswith('site-packages')
assert sqlite3.connect(':memory:').execute('select 42').fetchone() == (42,)
hashlib.new('sha3_256')
ssl.create_default_context()
";

/// A machine with the C library, a shell, and nothing else.
struct EmptyRoot<'a> {
    sandbox: &'a Sandbox,
    root: PathBuf,
}

impl<'a> EmptyRoot<'a> {
    /// With the archive unpacked at `/env`.
    fn with(sandbox: &'a Sandbox, archive: &str) -> Self {
        let root = sandbox.path("root");
        for folder in ["bin", "dev", "env", "lib64", "proc", "tmp"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let mut known = sandbox.command("/sbin/ldconfig");
        known.arg("-p");
        let known = sandbox.finish(known).success().stdout();
        let find = |name: &str| {
            let line = known.lines().find(|line| line.trim().starts_with(&format!("{name} ("))).unwrap();
            line.rsplit(" => ").next().unwrap().to_owned()
        };
        let loader = "/lib64/ld-linux-x86-64.so.2".to_owned();
        for library in BASELINE.iter().map(|name| find(name)).chain([loader]) {
            let copy = root.join(library.trim_start_matches('/'));
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(fs::canonicalize(&library).unwrap(), copy).unwrap();
        }
        fs::copy("/bin/dash", root.join("bin/sh")).unwrap();
        fs::write(root.join("dev/null"), "").unwrap();
        let mut tar = sandbox.command("tar");
        tar.args(["-xf", archive, "-C"]).arg(root.join("env"));
        sandbox.finish(tar).success();
        EmptyRoot { sandbox, root }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Run {
        const ENTER: &str = "mount -t proc proc \"$0/proc\" && mount --bind /dev/null \"$0/dev/null\" \
                             && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot \"$0\" \"$@\"";
        let mut command = self.sandbox.command("unshare");
        command.args(["--mount", "sh", "-c", ENTER]).arg(&self.root).arg(program).args(arguments);
        self.sandbox.finish(command)
    }

    #[track_caller]
    fn python(&self, program: &str) -> String {
        self.run("/env/bin/python", &["-c", program]).success().stdout().trim().to_owned()
    }
}

/// A virtual environment of the operating system's Python.
fn venv_of_debian(sandbox: &Sandbox, folder: &str, packages: &[&str]) -> PathBuf {
    assert!(Path::new("/etc/debian_version").exists(), "the tests need Debian's Python");
    let prefix = sandbox.work(folder);
    let mut create = sandbox.command("/usr/bin/python3");
    create.args(["-m", "venv", "--without-pip"]).arg(&prefix);
    sandbox.finish(create).success();
    let mut uv = sandbox.command(required("ENVSHIP_TEST_UV"));
    uv.args(["pip", "install", "--quiet", "--no-cache", "--index-url", &index_url(), "--python"]);
    uv.arg(prefix.join("bin/python")).args(packages);
    sandbox.finish(uv).success();
    prefix
}

#[test]
fn an_environment_of_debians_python_runs_where_there_is_no_python() {
    let sandbox = Sandbox::new();
    let prefix = venv_of_debian(&sandbox, "env", &["tabulate", "pip"]);
    let run = sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    run.says(&[
        "needs glibc  2.",
        "advice  the operating system's Python; uv's",
        "libssl.so",
        "libexpat.so.1",
    ]);
    gone(&prefix);
    let root = EmptyRoot::with(&sandbox, "env.tar");
    assert_eq!(
        root.python(&format!("{MODULES}import tabulate; print(tabulate.tabulate([[1]], tablefmt='plain'))")),
        "1"
    );
    let path =
        root.python("import sys; print([entry for entry in sys.path if not entry.startswith('/env/')])");
    assert_eq!(path, "['']");
    // pip sees, installs and removes as in a standard layout.
    let pip =
        |arguments: &[&str]| root.run("/env/bin/python", &[&["-m", "pip"], arguments].concat()).success();
    assert!(pip(&["list"]).stdout().contains("tabulate"));
    pip(&["uninstall", "--yes", "tabulate"]);
    let wheel = root.root.join("tmp/a_project-1-py3-none-any.whl");
    write_wheel(&sandbox, &wheel);
    pip(&["install", "--no-index", "/tmp/a_project-1-py3-none-any.whl"]);
    assert!(
        root.python("import a_project; print(a_project.__file__)").contains("/site-packages/a_project.py")
    );
    if Path::new("/usr/share/python-wheels").is_dir() {
        root.run("/env/bin/python", &["-m", "venv", "/tmp/child"]).success();
        root.run("/tmp/child/bin/python", &["-m", "pip", "--version"]).success();
    }
}

/// A wheel of one module.
fn write_wheel(sandbox: &Sandbox, path: &Path) {
    const WRITE: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('a_project.py', '')
    info = 'a_project-1.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: a-project\\nVersion: 1\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')";
    let mut write = sandbox.command(python("3.11"));
    write.args(["-c", WRITE]).arg(path);
    sandbox.finish(write).success();
}

#[test]
fn debians_own_packages_come_along_where_they_are_seen() {
    let sandbox = Sandbox::new();
    let prefix = sandbox.work("env");
    let mut create = sandbox.command("/usr/bin/python3");
    create.args(["-m", "venv", "--without-pip", "--system-site-packages"]).arg(&prefix);
    sandbox.finish(create).success();
    let mut ask = sandbox.command(prefix.join("bin/python"));
    ask.args([
        "-c",
        "import glob; print(*sorted(glob.glob('/usr/lib/python3/dist-packages/*/__init__.py'))[:1])",
    ]);
    let found = sandbox.finish(ask).success().stdout();
    let package = Path::new(found.trim()).parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let landed = Landed::new(&sandbox, "env.tar", "node");
    let program = format!("import importlib.util; print(importlib.util.find_spec('{package}').origin)");
    assert!(landed.python(&program).starts_with(landed.root.to_str().unwrap()));
}

#[test]
fn an_environment_of_a_source_built_python_runs_where_there_is_no_python() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &["numpy==2.2.6"]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    gone(&prefix);
    let root = EmptyRoot::with(&sandbox, "env.tar");
    // Its wheel takes zlib from the node.
    assert_eq!(root.python(&format!("{MODULES}import numpy; print(int(numpy.arange(5).sum()))")), "10");
    // There is neither a `readlink` nor a /dev/null.
    assert_eq!(root.run("/env/bin/numpy-config", &["--version"]).success().stdout(), "2.2.6\n");
}

#[test]
fn a_conda_environment_runs_where_there_is_no_python() {
    let sandbox = Sandbox::new();
    let root = EmptyRoot::with(&sandbox, &shared::conda().archive("tar"));
    assert_eq!(root.python(&format!("{MODULES}import numpy; print(int(numpy.arange(5).sum()))")), "10");
}

/// A shared library without any content but what it needs.
fn library(sandbox: &Sandbox, path: &Path, arguments: &[&str]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let soname = format!("-Wl,-soname,{}", path.file_name().unwrap().to_str().unwrap());
    let source = sandbox.write("library.c", "int nothing(void) { return 0; }\n");
    let mut cc = sandbox.command("cc");
    cc.args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,--enable-new-dtags", &soname, "-o"]);
    cc.arg(path).arg(source).args(arguments);
    sandbox.finish(cc).success();
}

#[test]
fn libraries_on_the_search_path_of_a_node_do_not_come_first() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "venv", &python("3.11"), &["numpy==2.2.6"]);
    venv_of_debian(&sandbox, "debian", &["tabulate"]);
    sandbox.run(["pack", "venv", "-o", "venv.tar"]).success();
    sandbox.run(["pack", "debian", "-o", "debian.tar"]).success();
    let foreign = sandbox.path("foreign");
    for name in [
        "libpython3.11.so.1.0",
        "libz.so.1",
        "libssl.so.3",
        "libcrypto.so.3",
        "libsqlite3.so.0",
        "libffi.so.8",
        "libexpat.so.1",
        "liblzma.so.5",
    ] {
        library(&sandbox, &foreign.join(name), &[]);
    }
    let archives = [("venv.tar".to_owned(), "numpy"), ("debian.tar".to_owned(), "tabulate")];
    for (archive, package) in archives.into_iter().chain([(shared::conda().archive("tar"), "numpy")]) {
        let landed = Landed::new(&sandbox, &archive, package);
        let mut command = landed.command("bin/python");
        command.env("LD_LIBRARY_PATH", &foreign);
        command
            .args(["-c", &format!("import ssl, sqlite3, ctypes, lzma, zlib, xml.parsers.expat, {package}")]);
        sandbox.finish(command).success();
    }
}

#[test]
fn what_packages_need_from_outside_is_brought_or_told() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &[]);
    let place = |name: &str| sandbox.path("outer").join(name);
    let outer = sandbox.path("outer").to_str().unwrap().to_owned();
    library(&sandbox, &place("libdeep.so.1"), &[]);
    let deep = [place("libdeep.so.1").to_str().unwrap().to_owned(), format!("-Wl,-rpath,{outer}")];
    library(&sandbox, &place("libouter.so.1"), &[&deep[0], &deep[1]]);
    library(&sandbox, &place("libghost.so.1"), &[]);
    library(&sandbox, &place("libGL.so.1"), &[]);
    let packages = prefix.join("lib/python3.11/site-packages");
    let needs = |name: &str| place(name).to_str().unwrap().to_owned();
    // Both kinds of run paths: one to the library, one that has nothing to do with it.
    library(
        &sandbox,
        &packages.join("one/one.so"),
        &[&needs("libouter.so.1"), &format!("-Wl,-rpath,{outer}")],
    );
    library(
        &sandbox,
        &packages.join("two/two.so"),
        &[&needs("libdeep.so.1"), "-Wl,-rpath,$ORIGIN/../two.libs"],
    );
    library(&sandbox, &packages.join("ghost.so"), &[&needs("libghost.so.1"), &needs("libGL.so.1")]);
    fs::remove_file(place("libghost.so.1")).unwrap();
    let run = |what: &str| {
        let mut envship = sandbox.envship();
        // The build of an index's package finds such libraries by this variable.
        envship.env("LD_LIBRARY_PATH", &outer);
        envship.args(["pack", "env", "-o", &format!("{what}.tar"), "--outside-libs", what]);
        sandbox.finish(envship)
    };

    run("error").fails_with(1).says(&[
        "libraries lie outside the environment: ",
        "libouter.so.1 (for lib/python3.11/site-packages/one/one.so)",
        "libssl.so.3 (for lib/python3.11/lib-dynload/",
        "libGL.so.1 (for lib/python3.11/site-packages/ghost.so)",
        "--outside-libs bundle",
    ]);
    assert!(!sandbox.work("error.tar").exists());

    run("warn").success().says(&[
        "warning: libraries stay outside: the nodes must have ",
        "libouter.so.1 (for lib/python3.11/site-packages/one/one.so)",
    ]);
    let landed = Landed::new(&sandbox, "warn.tar", "warn");
    for name in ["libouter.so.1", "libssl.so.3"] {
        assert!(!landed.root.join("lib").join(name).exists(), "{name}");
    }

    run("bundle").success().says(&[
        "note: brought along libraries of the packing machine: ",
        "libdeep.so.1, libffi.so",
        "libouter.so.1",
        "warning: left out: libraries of a desktop, which only nodes have: libGL.so.1 (for lib/python3.11/site-packages/ghost.so)",
        "warning: libraries that were found nowhere: libghost.so.1 (for lib/python3.11/site-packages/ghost.so)",
    ]);
    fs::rename(sandbox.path("outer"), sandbox.path("outer.gone")).unwrap();
    let landed = Landed::new(&sandbox, "bundle.tar", "bundle");
    assert_eq!(landed.search(&outer), Vec::<String>::new());
    let manifest = fs::read_to_string(landed.root.join("share/envship/manifest.json")).unwrap();
    assert!(manifest.contains("found nowhere: libghost.so.1"), "{manifest}");
    for name in ["one/one.so", "two/two.so"] {
        let load =
            format!("import ctypes, sysconfig; ctypes.CDLL(sysconfig.get_path('purelib') + '/{name}')");
        landed.python(&load);
    }
}

#[test]
fn modules_that_only_some_nodes_can_load_are_told_in_one_line() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.12"), &[]);
    let run = sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let line = "modules that start only where the node has their libraries: _crypt (libcrypt.so.1), \
                _tkinter (libtcl8.6.so, libtk8.6.so), nis (";
    run.says(&[&format!("note: {line}")]);
    let inspected = sandbox.run(["inspect", "env.tar"]).success();
    assert!(inspected.stdout().contains(line), "{inspected}");
    let run = sandbox.run(["pack", "env", "-o", "less.tar", "--exclude", "*/lib-dynload/*"]).success();
    assert!(!run.stderr().contains("start only"), "{run}");
}

#[test]
fn libraries_that_no_node_can_load_are_told_with_the_reason() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.12"), &[]);
    let packages = prefix.join("lib/python3.12/site-packages");
    let made = sandbox.path("whole.so");
    library(&sandbox, &made, &["-lm"]);
    let whole = fs::read(&made).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(packages.join(name), bytes).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    put("cut.so", &whole[..whole.len() / 4]);
    put("class.so", &with(4, 9));
    let name = memchr::memmem::find(&whole, b"\0libm.so.6\0").unwrap();
    put("needs.so", &with(name + 2, 0x1b));
    put("narrow.cpython-312-x86_64-linux-gnu.so", &with(4, 1));
    put("helper.so", &with(18, 0xb7));
    let thin = thin(&python("3.12"));
    let run = sandbox.run(["pack", "env", "-o", "env.tar", &thin]).success();
    let site = "lib/python3.12/site-packages";
    assert!(!run.stderr().contains("helper.so"), "who starts it may be another process: {run}");
    run.says(&[
        &format!("{site}/cut.so (it is cut short)"),
        &format!("{site}/class.so (its headers make no sense)"),
        &format!("{site}/needs.so (what it needs has no proper name)"),
        "warning: modules for another processor than Python's: ",
        &format!("{site}/narrow.cpython-312-x86_64-linux-gnu.so (x86-64, 32 bits)"),
    ]);
    let told = sandbox.run(["inspect", "env.tar"]).success().stdout();
    for file in ["cut.so", "class.so", "needs.so", "narrow", "helper.so"] {
        assert!(told.contains(&format!("{site}/{file}")), "{file}: {told}");
    }
    assert!(told.contains("it is for another processor: aarch64"), "{told}");
}
