//! Environments that tests pack.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::util::{Sandbox, package_caches, required};

/// The interpreters to test with, oldest first.
pub fn pythons() -> Vec<PathBuf> {
    let mut pythons: Vec<PathBuf> = std::env::split_paths(&required("ENVSHIP_TEST_PYTHONS")).collect();
    pythons.sort_by_key(|python| {
        minor(python).split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>()
    });
    pythons
}

/// The interpreter of a minor version such as `3.11`.
pub fn python(version: &str) -> PathBuf {
    pythons()
        .into_iter()
        .find(|python| minor(python) == version)
        .unwrap_or_else(|| panic!("no Python {version}"))
}

/// `3.11` of an interpreter.
pub fn minor(python: &Path) -> String {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = Command::new(python).args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A virtual environment in the sandbox's working folder, as `python -m venv`
/// makes it, with packages from the local index. Its own pip, which takes
/// longer to install than all the rest, is left out: the interpreter's pip
/// installs, unless `pip` is among the packages.
pub fn venv(sandbox: &Sandbox, folder: &str, python: &Path, packages: &[&str]) -> PathBuf {
    let prefix = sandbox.work(folder);
    let mut create = sandbox.command(python);
    create.args(["-m", "venv", "--without-pip"]).arg(&prefix);
    sandbox.finish(create).success();
    if !packages.is_empty() {
        let mut pip = sandbox.command(python);
        pip.args(["-m", "pip", "--python"]).arg(prefix.join("bin/python"));
        install(sandbox, pip, packages);
    }
    prefix
}

/// What makes `pack` keep the interpreter out of an archive of `python`'s
/// virtual environments, where a test isn't about what is in them: a hundred
/// megabytes less to read and to compress.
pub fn thin(python: &Path) -> String {
    format!("--python-prefix={}", base_of(python).display())
}

/// Where an interpreter is installed.
pub fn base_of(python: &Path) -> &Path {
    python.parent().unwrap().parent().unwrap()
}

/// An `environment.yml` on the fixture channel.
pub fn environment_yml(packages: &[&str], pip: &[&str]) -> String {
    let mut text =
        format!("name: fixture\nchannels:\n  - {}\n  - nodefaults\ndependencies:\n", channel_url());
    for package in packages {
        text += &format!("  - {package}\n");
    }
    if !pip.is_empty() {
        text += "  - pip:\n";
        for line in pip {
            text += &format!("    - {line}\n");
        }
    }
    text
}

/// The fixture channel over HTTP.
pub fn channel_url() -> String {
    required("ENVSHIP_TEST_CHANNEL_URL")
}

/// The fixture index over HTTP.
pub fn index_url() -> String {
    required("ENVSHIP_TEST_INDEX_URL")
}

/// A conda environment in the sandbox's working folder that envship had no
/// hand in, at its own path.
pub fn conda_environment(sandbox: &Sandbox, folder: &str, packages: &[&str]) -> PathBuf {
    let prefix = sandbox.work(folder);
    let mut install = sandbox.command(required("ENVSHIP_TEST_TOOLS_PYTHON"));
    install
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/install.py"))
        .arg(format!("file://{}", required("ENVSHIP_TEST_CHANNEL")))
        .arg(&prefix)
        .args(packages)
        // Shared like that of envship's own installations, and linked to like any user's.
        .env("RATTLER_CACHE_DIR", package_caches().join("py-rattler"));
    sandbox.finish(install).success();
    prefix
}

/// A conda environment with all that an archive has to cope with: compiled
/// packages, placeholders in text and in programs, links, scripts that run on
/// installation and on activation, and packages that came by pip.
pub fn conda_of_everything(sandbox: &Sandbox, folder: &str) -> PathBuf {
    let packages = [
        "python=3.11",
        "numpy",
        "pip",
        "envship-activate",
        "envship-greet",
        "envship-linked",
        "envship-prefix",
    ];
    let prefix = conda_environment(sandbox, folder, &packages);
    pip_install(sandbox, &prefix, &["envship-only", "tabulate"]);
    prefix
}

/// Installs wheels of the local index into an environment with its own pip.
pub fn pip_install(sandbox: &Sandbox, prefix: &Path, packages: &[&str]) {
    let mut pip = sandbox.command(prefix.join("bin/python"));
    pip.args(["-m", "pip"]);
    install(sandbox, pip, packages);
}

fn install(sandbox: &Sandbox, mut pip: Command, packages: &[&str]) {
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--index-url", &index_url()]);
    pip.args(packages);
    sandbox.finish(pip).success();
}
