//! Whole environments, crafted by hand: small, and right in what is looked at.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::entry::{Content, Entry, Measured, Node, Rewrite};
use crate::fs::sha256;
use crate::prefix::{self, Editable, Filter, Filters, Inventory, MissingFiles, ScanOptions};
use crate::progress::Silent;

/// A folder with whatever a test puts into it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, path: &str) -> PathBuf {
        fs_err::canonicalize(self.0.path()).unwrap().join(path)
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        self
    }

    fn link(self, path: &str, target: impl AsRef<std::path::Path>) -> Self {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    /// A source build of Python 3.11 in `base`.
    fn base(self) -> Self {
        self.file("base/bin/python3.11", "ELF")
            .link("base/bin/python", "python3.11")
            .file("base/lib/python3.11/os.py", "")
            .file("base/lib/python3.11/test/test_os.py", "")
            .file("base/lib/python3.11/unittest/test/test_case.py", "")
            .file("base/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a", "")
            .file("base/lib/python3.11/site-packages/requests.py", "")
            .file(
                "base/lib/python3.11/site-packages/requests-1.dist-info/METADATA",
                "Name: requests\nVersion: 1\n\n",
            )
            .file("base/lib/python3.11/site-packages/requests-1.dist-info/RECORD", "requests.py,,\n")
            .file("base/lib/python3.11/site-packages/demo_old.py", "")
            .file(
                "base/lib/python3.11/site-packages/demo-0.1.dist-info/METADATA",
                "Name: demo\nVersion: 0.1\n\n",
            )
            .file(
                "base/lib/python3.11/site-packages/demo-0.1.dist-info/RECORD",
                "demo_old.py,,\ndemo-0.1.dist-info/METADATA,,\n",
            )
            .file("base/lib/python3.11/__pycache__/os.cpython-310.pyc", "old")
            .file("base/include/python3.11/patchlevel.h", "#define PY_VERSION             \"3.11.7\"\n")
    }

    /// A virtual environment in `env`, with the project `demo` in it.
    fn venv(self, cfg: &str) -> Self {
        let base = self.path("base");
        let text = format!("home = {}\nversion = 3.11.7\n{cfg}", base.join("bin").display());
        self.file("env/pyvenv.cfg", &text)
            .link("env/bin/python", base.join("bin/python"))
            .link("env/bin/python3", "python")
            .link("env/bin/python3.11", "python")
            .link("env/lib64", "lib")
            .file("env/bin/activate", "VIRTUAL_ENV=/was/made/here\n")
            .file("env/bin/activate.fish", "")
            .file("env/pip.conf", "[global]\nindex-url = https://u:secret@host/\n")
            .file("env/bin/demo", "#!/env/bin/python\n")
            .file("env/lib/python3.11/site-packages/demo.py", "x = 1\n")
            .file("env/lib/python3.11/site-packages/demo-1.0.dist-info/METADATA", "Name: Demo\nVersion: 1.0\n\n")
            .file("env/lib/python3.11/site-packages/demo-1.0.dist-info/INSTALLER", "pip\n")
            .file("env/lib/python3.11/site-packages/demo-1.0.dist-info/direct_url.json", r#"{"url": "file:///me"}"#)
            .file(
                "env/lib/python3.11/site-packages/demo-1.0.dist-info/RECORD",
                "demo.py,sha256=x,1\ndemo-1.0.dist-info/RECORD,,\ndemo-1.0.dist-info/direct_url.json,sha256=x,1\n../../../bin/demo,sha256=x,1\n",
            )
    }

    /// A conda environment in `env` with Python and a package.
    fn conda(self) -> Self {
        let python = r#"{"name": "python", "version": "3.11.7", "build": "0", "subdir": "linux-64", "sha256": "00",
            "paths_data": {"paths": [
              {"_path": "bin/python3.11", "path_type": "hardlink", "file_mode": "binary", "prefix_placeholder": "/opt/long"},
              {"_path": "bin/python", "path_type": "softlink"}, {"_path": "lib/python3.11/os.py", "path_type": "hardlink"}]},
            "files": ["bin/python", "bin/python3.11", "lib/python3.11/os.py"], "link": {"source": "/cache", "type": 1}}"#;
        let demo = r#"{"name": "demo", "version": "1.0", "build": "py_0", "subdir": "noarch",
            "paths_data": {"paths": [
              {"_path": "etc/demo.cfg", "path_type": "hardlink", "file_mode": "text", "prefix_placeholder": "/opt/long"},
              {"_path": "share/gone", "path_type": "hardlink", "sha256": "00"}]},
            "files": ["etc/demo.cfg", "share/gone"]}"#;
        self.file("env/conda-meta/history", "==> 2026-01-01 00:00:00 <==\n# cmd: conda create\n")
            .file("env/conda-meta/python-3.11.7-0.json", python)
            .file("env/conda-meta/demo-1.0-py_0.json", demo)
            .file("env/conda-meta/pixi", "{}")
            .file("env/bin/python3.11", "ELF")
            .link("env/bin/python", "python3.11")
            .file("env/lib/python3.11/os.py", "")
            .file("env/etc/demo.cfg", "/opt/long")
            .file("env/pkgs/cache.conda", "")
            .file("env/notes.txt", "")
    }

    fn scan(&self, options: &ScanOptions) -> Result<Inventory> {
        prefix::scan(&prefix::open(&self.path("env"))?, options, &Silent)
    }

    fn complete(&self) -> Inventory {
        complete(self.scan(&ScanOptions::default()).unwrap(), &CompleteOptions::default(), &Silent).unwrap()
    }
}

fn paths(inventory: &Inventory) -> Vec<&str> {
    inventory.iter().map(|entry| &*entry.path).collect()
}

fn text(inventory: &Inventory, path: &str) -> String {
    match &inventory.file(path).unwrap_or_else(|| panic!("no file {path}")).content {
        Content::Memory(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::Disk { path, .. } => fs_err::read_to_string(path.to_path()).unwrap(),
    }
}

fn target<'a>(inventory: &'a Inventory, path: &str) -> &'a str {
    match &inventory.get(path).unwrap_or_else(|| panic!("nothing at {path}")).node {
        Node::Link(target) => target,
        node => panic!("{path} is {node:?}"),
    }
}

/// What measuring does, without relocation.
fn measured(inventory: &Inventory) -> Vec<Measured> {
    let measure = |entry: Arc<Entry>| {
        let bytes = match &entry.node {
            Node::File(_) => text(inventory, &entry.path).into_bytes(),
            _ => return Measured::empty(entry),
        };
        Measured { size: bytes.len() as u64, sha256: sha256(&bytes), ..Measured::empty(entry) }
    };
    inventory.entries().into_iter().map(measure).collect()
}

#[test]
fn a_virtual_environment_becomes_whole() {
    let folder = Folder::new().base().venv("");
    let inventory = folder.complete();
    assert_eq!(
        paths(&inventory),
        [
            "bin/activate",
            "bin/activate.csh",
            "bin/activate.fish",
            "bin/deactivate.csh",
            "bin/demo",
            "bin/python",
            "bin/python3",
            "bin/python3.11",
            "include/python3.11/patchlevel.h",
            "lib/python3.11/os.py",
            "lib/python3.11/site-packages/_envship_activate.pth",
            "lib/python3.11/site-packages/_envship_activate.py",
            "lib/python3.11/site-packages/demo-1.0.dist-info/INSTALLER",
            "lib/python3.11/site-packages/demo-1.0.dist-info/METADATA",
            "lib/python3.11/site-packages/demo-1.0.dist-info/RECORD",
            "lib/python3.11/site-packages/demo.py",
            "lib64",
            "pyvenv.cfg",
            "share/envship/manifest.json",
        ]
    );
    assert_eq!(text(&inventory, "bin/python"), "ELF");
    assert_eq!(target(&inventory, "bin/python3.11"), "python");
    assert_eq!(text(&inventory, "pyvenv.cfg"), "include-system-site-packages = false\n");
}

#[test]
fn every_spelling_of_the_original_place_is_known() {
    let folder = Folder::new().base().venv("").link("alias", "env");
    let opened = prefix::open(&folder.path("alias")).unwrap();
    let spellings = opened.spellings();
    for expected in [folder.path("alias"), folder.path("env"), folder.path("base"), "/was/made/here".into()] {
        assert!(spellings.contains(&expected), "{expected:?} not in {spellings:?}");
    }
    assert_eq!(opened.python.unwrap().info().version, "3.11.7");
}

#[test]
fn packages_of_the_base_come_where_they_are_seen_and_not_shadowed() {
    let inventory = Folder::new().base().venv("include-system-site-packages = true\n").complete();
    let paths = paths(&inventory);
    assert!(paths.contains(&"lib/python3.11/site-packages/requests.py"));
    assert!(!paths.iter().any(|path| path.contains("demo_old") || path.contains("demo-0.1")), "{paths:?}");
    let names: Vec<_> =
        inventory.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    assert_eq!(names, ["demo 1.0", "requests 1"]);
}

#[test]
fn the_nodes_interpreter_is_linked_to() {
    let folder = Folder::new().base().venv("");
    let options = CompleteOptions { interpreter: Interpreter::OnNodes("/usr".into()), ..Default::default() };
    let inventory = complete(folder.scan(&ScanOptions::default()).unwrap(), &options, &Silent).unwrap();
    assert_eq!(target(&inventory, "bin/python"), "/usr/bin/python3.11");
    assert_eq!(text(&inventory, "pyvenv.cfg"), "home = /usr/bin\ninclude-system-site-packages = false\n");
    assert!(inventory.get("lib/python3.11/os.py").is_none());
    let conda = Folder::new().conda();
    assert!(complete(conda.scan(&ScanOptions::default()).unwrap(), &options, &Silent).is_err());
}

#[test]
fn records_follow_what_is_archived() {
    let folder = Folder::new().base().venv("");
    let inventory = folder.complete();
    let archived = records(measured(&inventory), &inventory).unwrap();
    let find = |path: &str| archived.iter().find(|item| &*item.entry.path == path).unwrap();
    let record = find("lib/python3.11/site-packages/demo-1.0.dist-info/RECORD");
    let Node::File(file) = &record.entry.node else { panic!() };
    let Content::Memory(bytes) = &file.content else { panic!() };
    let lines: Vec<_> =
        std::str::from_utf8(bytes).unwrap().lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["../../../bin/demo", "demo-1.0.dist-info/RECORD", "demo.py"]);
    assert_eq!((record.size, record.sha256), (bytes.len() as u64, sha256(bytes)));
}

#[test]
fn a_conda_environment_keeps_what_its_packages_declare() {
    let inventory = Folder::new().conda().complete();
    assert_eq!(
        paths(&inventory),
        [
            "bin/activate",
            "bin/activate.csh",
            "bin/activate.fish",
            "bin/deactivate.csh",
            "bin/python",
            "bin/python3.11",
            "conda-meta/demo-1.0-py_0.json",
            "conda-meta/history",
            "conda-meta/python-3.11.7-0.json",
            "etc/demo.cfg",
            "lib/python3.11/os.py",
            "lib/python3.11/site-packages/_envship_activate.pth",
            "lib/python3.11/site-packages/_envship_activate.py",
            "notes.txt",
            "pyvenv.cfg",
            "share/envship/manifest.json",
        ]
    );
    assert_eq!(inventory.file("bin/python").unwrap().rewrite, Rewrite::Binary { placeholder: 9 });
    assert_eq!(inventory.file("etc/demo.cfg").unwrap().rewrite, Rewrite::Text);
    assert_eq!(inventory.file("notes.txt").unwrap().rewrite, Rewrite::Search);
    assert_eq!(inventory.platform, "linux-64");
    assert_eq!(inventory.remarks[0], "demo 1.0: 1 file (share/gone) missing and left out");
}

#[test]
fn missing_files_are_an_error_if_asked() {
    let options = ScanOptions { missing: MissingFiles::Refuse, ..Default::default() };
    let folder = Folder::new().conda();
    let error = folder.scan(&options).unwrap_err().to_string();
    assert!(error.contains("demo 1.0") && error.contains("share/gone"), "{error}");
    let filters = Filters(vec![Filter::Exclude("share/*".into())]);
    assert!(folder.scan(&ScanOptions { filters, ..options }).is_ok());
}

#[test]
fn what_pip_replaced_is_searched_and_told() {
    let folder = Folder::new()
        .conda()
        .file("env/lib/python3.11/site-packages/demo-2.0.dist-info/METADATA", "Name: demo\nVersion: 2.0\n\n")
        .file("env/lib/python3.11/site-packages/demo-2.0.dist-info/INSTALLER", "pip")
        .file("env/lib/python3.11/site-packages/demo-2.0.dist-info/RECORD", "../../../etc/demo.cfg,,\n");
    let inventory = folder.scan(&ScanOptions::default()).unwrap();
    assert_eq!(inventory.file("etc/demo.cfg").unwrap().rewrite, Rewrite::Search);
    assert!(
        inventory.remarks[0].contains("etc/demo.cfg) replaced by demo 2.0 of pip"),
        "{:?}",
        inventory.remarks
    );
}

#[test]
fn the_user_site_stays_on_if_asked() {
    let folder = Folder::new().conda();
    let options = CompleteOptions { user_site: UserSite::On, ..Default::default() };
    let inventory = complete(folder.scan(&ScanOptions::default()).unwrap(), &options, &Silent).unwrap();
    assert!(inventory.get("pyvenv.cfg").is_none());
}

#[test]
fn an_unpacked_archive_can_be_packed_again() {
    let folder = Folder::new()
        .file("env/pyvenv.cfg", "include-system-site-packages = false\n")
        .file("env/bin/python", "ELF")
        .link("env/bin/python3", "python")
        .file("env/lib/python3.11/os.py", "")
        .file("env/include/python3.11/patchlevel.h", "#define PY_VERSION \"3.11.7\"\n");
    let inventory = folder.complete();
    assert_eq!(text(&inventory, "pyvenv.cfg"), "include-system-site-packages = false\n");
    assert_eq!(text(&inventory, "bin/python"), "ELF");
    assert_eq!(inventory.get("lib/python3.11/os.py").unwrap().group, crate::entry::Group::Interpreter);
}

#[test]
fn an_editable_project_and_a_folder_outside_are_refused_or_left_out() {
    for (name, message) in [
        ("__editable__.project-1.0.pth", "installed as editable: `project` from `/home/me/project`"),
        ("x.pth", "on Python's search path but outside the environment: `/home/me/project` by `lib/"),
    ] {
        let path = format!("lib/python3.11/site-packages/{name}");
        let folder = Folder::new().base().venv("").file(&format!("env/{path}"), "/home/me/project\n");
        let error = folder.scan(&ScanOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(error.hint().unwrap().contains("--ignore-editable-packages"));
        let options = ScanOptions { editable: Editable::LeaveOut, ..Default::default() };
        assert!(folder.scan(&options).unwrap().get(&path).is_none());
    }
}

#[test]
fn broken_environments_are_named() {
    let failure = |folder: Folder| prefix::open(&folder.path("env")).unwrap_err().to_string();
    let gone =
        Folder::new().file("env/pyvenv.cfg", "home = /gone/bin\n").link("env/bin/python", "/gone/bin/python");
    fs_err::create_dir_all(gone.path("env/lib/python3.11")).unwrap();
    assert!(failure(gone).contains("points to `/gone/bin/python`, which is not there"));
    let copied = Folder::new().file("env/pyvenv.cfg", "home = /gone/bin\n").file("env/bin/python", "ELF");
    fs_err::create_dir_all(copied.path("env/lib/python3.11")).unwrap();
    assert!(failure(copied).contains("is gone from `/gone/bin`"));
    assert!(failure(Folder::new()).contains("no such environment"));
    let other = Folder::new().file("env/Dockerfile", "");
    assert!(failure(other).contains("a folder with Dockerfile"));
}

#[test]
fn the_operating_systems_python_comes_in_the_standard_layout() {
    if !std::path::Path::new("/usr/lib/python3.11/os.py").exists() {
        return;
    }
    let folder = Folder::new()
        .file("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n")
        .link("env/bin/python", "/usr/bin/python3.11")
        .file("env/lib/python3.11/site-packages/x.py", "");
    let inventory = folder.complete();
    for path in ["bin/python", "lib/python3.11/os.py", "lib/python3.11/dist-packages/envship.pth"] {
        assert!(inventory.file(path).is_some(), "{path}");
    }
    for path in ["sitecustomize.py", "EXTERNALLY-MANAGED"] {
        assert!(inventory.get(&format!("lib/python3.11/{path}")).is_none(), "{path}");
    }
    for (module, before) in [
        ("sysconfig", "prefix_scheme = 'posix_local'"),
        ("_distutils_system_mod", "return sys.base_prefix != sys.prefix"),
    ] {
        let file = inventory.file(&format!("lib/python3.11/{module}.py")).unwrap();
        let Content::Memory(text) = &file.content else { panic!("{module} is not changed") };
        assert!(!String::from_utf8_lossy(text).contains(before), "{module}");
    }
    let options = CompleteOptions { interpreter: Interpreter::OnNodes("/usr".into()), ..Default::default() };
    let scanned = folder.scan(&ScanOptions::default()).unwrap();
    assert!(complete(scanned, &options, &Silent).unwrap().get("lib/python3.11/os.py").is_none());
}
