//! Environments that tests pack.

use std::path::{Path, PathBuf};

use crate::util::{Sandbox, required};

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
    let output = std::process::Command::new(python).args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A virtual environment in the sandbox's working folder, with packages from
/// the local index, as a user makes it.
pub fn venv(sandbox: &Sandbox, folder: &str, python: &Path, packages: &[&str]) -> PathBuf {
    let prefix = sandbox.work(folder);
    let mut create = sandbox.command(python);
    create.args(["-m", "venv"]).arg(&prefix);
    sandbox.finish(create).success();
    if !packages.is_empty() {
        pip_install(sandbox, &prefix, packages);
    }
    prefix
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
        .args(packages);
    sandbox.finish(install).success();
    prefix
}

/// Installs wheels of the local index into an environment with its own pip.
pub fn pip_install(sandbox: &Sandbox, prefix: &Path, packages: &[&str]) {
    let mut install = sandbox.command(prefix.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--index-url",
        &index_url(),
    ]);
    install.args(packages);
    sandbox.finish(install).success();
}
