//! Packages of `PyPI` into an environment, by uv or by its own pip.
//!
//! Both get the same requirements file. Where several indexes are given both
//! take the best version of all of them: that is what pip does and what
//! requirements files are written for, and pip has no other way; uv is told to
//! (`--index-strategy unsafe-best-match`). Whoever fears that a public index
//! shadows a private name gives one index (`--index-url`), or hashes.
//!
//! Neither compiles bytecode: a later stage does so in a way that gives the
//! same bytes each time.

use std::path::Path;
use std::process::Command;

use super::asked::Request;
use super::error::InstallError;
use super::tool::{self, Tool};
use super::{failure, records};
use crate::artifact::Installer;
use crate::baseline::GlibcTarget;
use crate::net;
use crate::process;
use crate::progress::{Progress, Step};
use crate::spec::PipSpec;

/// How packages are installed.
#[derive(Clone, Debug)]
pub struct PypiOptions {
    /// What installs them.
    pub tool: Tool,
    /// The glibc that wheels may need, instead of this machine's.
    pub glibc: Option<GlibcTarget>,
}

/// Installs what a `pip:` section or a requirements file asks for into the
/// environment of `interpreter`, and returns what installed it.
///
/// Project folders are built and installed whole. Index URLs go to the
/// installer in a file that only this user can read, never on its command line.
///
/// # Errors
/// If a requirement is not there, its hash is wrong, a build fails, or an
/// index can't be reached.
pub fn install(
    spec: &PipSpec,
    interpreter: &Path,
    options: &PypiOptions,
    progress: &dyn Progress,
) -> Result<Installer, InstallError> {
    // The installer runs in a folder of its own.
    let interpreter = &std::path::absolute(interpreter)?;
    // Its mode is 0700: the files may hold passwords.
    let folder = tempfile::tempdir()?;
    let (name, version) = match &options.tool {
        Tool::Uv { version, .. } => ("uv", version.clone()),
        Tool::Pip => ("pip", pip_version(interpreter)?),
    };
    let mut command = match &options.tool {
        Tool::Uv { program, .. } => uv(program, interpreter, spec, options.glibc, progress),
        Tool::Pip => pip(interpreter, spec, options.glibc, folder.path())?,
    };
    let request = hand_over(spec, &options.tool, folder.path(), &mut command)?;
    let before = records::of_environment(interpreter)?;
    progress.begin(Step::Install, None);
    let finished = process::run_with_scratch(&mut command);
    progress.end();
    let finished = finished?;
    if !finished.status.success() {
        let log = fs_err::read_to_string(folder.path().join(PIP_LOG)).unwrap_or_default();
        return Err(failure::of_output(name, &finished.output(), &log, &request));
    }
    warnings(&finished.stderr).for_each(|warning| progress.warn(&net::redact(warning)));
    records::clean(interpreter, &before)?;
    Ok(Installer { name: name.into(), version: Some(version) })
}

/// What pip says at length, to tell a missing package from a broken index.
const PIP_LOG: &str = "pip.log";

/// Writes the files that both installers read.
fn hand_over<'a>(
    spec: &'a PipSpec,
    tool: &'a Tool,
    folder: &Path,
    command: &mut Command,
) -> Result<Request<'a>, InstallError> {
    let (requirements, constraints) = (folder.join("requirements.txt"), folder.join("constraints.txt"));
    fs_err::write(&requirements, spec.to_requirements_txt())?;
    command.arg("-r").arg(&requirements);
    if !spec.constraints.is_empty() {
        let lines: Vec<&str> = spec.constraints.iter().map(|one| one.text.as_str()).collect();
        fs_err::write(&constraints, lines.join("\n") + "\n")?;
        command.arg("-c").arg(&constraints);
    }
    // `python -m` imports from the working directory, and uv reads its
    // configuration from there upwards.
    command.current_dir(folder);
    Ok(Request { spec, tool, requirements, constraints })
}

/// uv, with the options that it ignores in files given as flags.
fn uv(
    program: &Path,
    interpreter: &Path,
    spec: &PipSpec,
    glibc: Option<GlibcTarget>,
    progress: &dyn Progress,
) -> Command {
    let mut command = tool::command(program);
    command.args(["pip", "install", "--no-progress", "--color", "never", "--no-python-downloads"]);
    command.args([
        "--no-compile-bytecode",
        "--break-system-packages",
        "--index-strategy",
        "unsafe-best-match",
    ]);
    command.arg("--python").arg(interpreter);
    if spec.index_url.is_some() {
        // uv would prefer them to the index of the spec; pip does not.
        command.env_remove("UV_DEFAULT_INDEX").env_remove("UV_INDEX_URL");
    }
    if spec.pre {
        command.args(["--prerelease", "allow"]);
    }
    if spec.checks_hashes() {
        command.arg("--require-hashes");
    }
    if spec.has_local_projects() {
        // uv takes a project for unchanged while its pyproject.toml is.
        command.arg("--refresh");
    }
    command.args(spec.trusted_hosts.iter().flat_map(|host| ["--allow-insecure-host", host]));
    if let Some(glibc) = glibc {
        if glibc < OLDEST {
            progress.warn(&format!("uv knows no glibc older than {OLDEST}: wheels may need that one"));
        }
        command.args(["--python-platform", &uv_platform(glibc)]);
    }
    if spec.prefer_binary || !spec.features.is_empty() {
        progress.warn("uv has no `--prefer-binary` and no `--use-feature`: they are left out");
    }
    command
}

/// What uv's oldest platform, `manylinux2014`, stands for.
const OLDEST: GlibcTarget = GlibcTarget { major: 2, minor: 17 };

/// The newest platform of uv's list (`uv pip install --help`) whose glibc the
/// cluster has.
fn uv_platform(glibc: GlibcTarget) -> String {
    let minor = match glibc.minor {
        0..28 => return format!("{}-manylinux2014", std::env::consts::ARCH),
        28..31 => 28,
        minor => minor.min(40),
    };
    format!("{}-manylinux_2_{minor}", std::env::consts::ARCH)
}

/// The environment's own pip.
fn pip(
    interpreter: &Path,
    spec: &PipSpec,
    glibc: Option<GlibcTarget>,
    folder: &Path,
) -> Result<Command, InstallError> {
    let mut command = tool::command(interpreter);
    command.args(["-m", "pip", "install", "--no-compile", "--no-color", "--progress-bar", "off", "--log"]);
    command.arg(folder.join(PIP_LOG));
    // As variables, since an old pip refuses flags that it doesn't know.
    command.envs([
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_NO_INPUT", "1"),
        ("PIP_NO_WARN_SCRIPT_LOCATION", "1"),
        ("PIP_ROOT_USER_ACTION", "ignore"),
        ("PIP_BREAK_SYSTEM_PACKAGES", "1"),
        ("PIP_REQUIRE_VIRTUALENV", "0"),
        ("PIP_USER", "0"),
    ]);
    for elsewhere in ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"] {
        command.env_remove(elsewhere);
    }
    let flags = [
        (spec.pre, "--pre"),
        (spec.require_hashes, "--require-hashes"),
        (spec.prefer_binary, "--prefer-binary"),
    ];
    command.args(flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
    command.args(spec.trusted_hosts.iter().flat_map(|host| ["--trusted-host", host]));
    command.args(spec.features.iter().flat_map(|feature| ["--use-feature", feature]));
    if let Some(glibc) = glibc {
        // pip's `--platform` can't install in place. PEP 600 has a module of
        // the system say what it is compatible with, so we are the system.
        fs_err::write(folder.join("_manylinux.py"), manylinux_module(glibc))?;
        command.env("PYTHONPATH", folder);
    }
    Ok(command)
}

fn manylinux_module(glibc: GlibcTarget) -> String {
    format!(
        "def manylinux_compatible(major, minor, arch):\n    return (major, minor) <= ({}, {})\n",
        glibc.major, glibc.minor
    )
}

fn pip_version(interpreter: &Path) -> Result<String, InstallError> {
    let finished =
        process::run(tool::command(interpreter).args(["-m", "pip", "--version"]).current_dir("/"))?;
    // `pip 24.0 from /… (python 3.11)`
    match finished.stdout.split_whitespace().collect::<Vec<_>>()[..] {
        ["pip", version, ..] => Ok(version.to_owned()),
        _ => Err(InstallError::NoInstaller { interpreter: interpreter.display().to_string() }),
    }
}

/// What an installer that succeeded warns about; that it copies files between
/// file systems is nothing to warn about.
fn warnings(stderr: &str) -> impl Iterator<Item = &str> {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("warning: ").or_else(|| line.strip_prefix("WARNING: ")))
        .filter(|warning| !warning.contains("Failed to hardlink"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glibc_becomes_the_newest_platform_that_it_can_load() {
        let arch = std::env::consts::ARCH;
        for (minor, platform) in [
            (12, "manylinux2014"),
            (17, "manylinux2014"),
            (26, "manylinux2014"),
            (28, "manylinux_2_28"),
            (30, "manylinux_2_28"),
            (35, "manylinux_2_35"),
            (41, "manylinux_2_40"),
        ] {
            assert_eq!(uv_platform(GlibcTarget { major: 2, minor }), format!("{arch}-{platform}"));
        }
    }

    #[test]
    fn warnings_are_passed_on_but_for_copies() {
        let stderr = "Resolved 1 package\nwarning: `a==1` is yanked\nwarning: Failed to hardlink files; falling back\nWARNING: b\n";
        assert_eq!(warnings(stderr).collect::<Vec<_>>(), ["`a==1` is yanked", "b"]);
    }
}
