//! What the user can point at, and that all of it ends up in the archive.

use fs_err as fs;

use crate::environments::{channel_url, conda_environment, index_url, python, venv};
use crate::landed::Landed;
use crate::util::{Run, Sandbox};

/// The name of the archive that was packed.
fn packed(run: &Run) -> String {
    run.stdout().trim().to_owned()
}

#[test]
fn the_active_environment_is_packed_when_nothing_is_given() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "shop/.venv", &python("3.11"), &[]);
    let mut command = sandbox.envship();
    command.arg("pack").env("VIRTUAL_ENV", prefix);
    assert_eq!(packed(&sandbox.finish(command).success()), "shop.tar.gz");
    let conda = conda_environment(&sandbox, "analytics", &["python=3.11"]);
    let mut command = sandbox.envship();
    command.args(["pack", "--env-name", "Other Name"]).env("CONDA_PREFIX", conda);
    assert_eq!(packed(&sandbox.finish(command).success()), "other-name.tar.gz");
}

#[test]
fn a_conda_environment_is_found_by_its_name() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "envs/analytics", &["python=3.11"]);
    let mut command = sandbox.envship();
    command.args(["pack", "-n", "analytics"]).env("CONDA_ENVS_PATH", prefix.parent().unwrap());
    assert_eq!(packed(&sandbox.finish(command).success()), "analytics.tar.gz");
    fs::create_dir_all(sandbox.home().join(".conda")).unwrap();
    fs::write(sandbox.home().join(".conda/environments.txt"), format!("{}\n", prefix.display())).unwrap();
    sandbox.run(["pack", "-n", "analytics", "--force"]).success();
}

#[test]
fn a_pip_section_installs_everything_that_it_names() {
    let sandbox = Sandbox::new();
    let project = |name: &str| {
        let text = format!(
            "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"{name}\"\nversion = \"1\"\n"
        );
        sandbox.write(&format!("spec/{name}/pyproject.toml"), text);
        sandbox.write(&format!("spec/{name}/src/{name}/__init__.py"), "VALUE = 7\n");
    };
    project("editable_one");
    project("local_two");
    sandbox.write("spec/more.txt", "tabulate  # from a file of its own\n");
    sandbox.write("spec/limits.txt", "numpy<2\n");
    let spec = format!(
        "name: whole
channels: [\"{}\"]
variables:
  GREETING: hello
dependencies:
  - python=3.11
  - pip:
    - --index-url {}
    - -r more.txt
    - -c limits.txt
    - -e editable_one
    - ./local_two
    - numpy
    - nonsense; python_version < '3'
",
        channel_url(),
        index_url()
    );
    sandbox.write("spec/environment.yml", spec);
    let run = sandbox.run(["pack", "spec/environment.yml"]).success();
    assert_eq!(packed(&run), "whole.tar.gz");
    fs::remove_dir_all(sandbox.work("spec")).unwrap();
    let landed = Landed::new(&sandbox, "whole.tar.gz", "whole");
    let program = "import tabulate, numpy, editable_one, local_two
from importlib.metadata import version
print(editable_one.VALUE + local_two.VALUE, version('numpy'))";
    assert_eq!(landed.python(program), "14 1.26.4");
    let state = fs::read_to_string(landed.root.join("conda-meta/state")).unwrap();
    assert!(state.contains("GREETING"), "{state}");
}

#[test]
fn the_python_of_requirements_is_chosen_by_option_file_or_channel() {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", format!("--index-url {}\ntabulate\n", index_url()));
    let version = |archive: &str, more: &[&str]| {
        let channel = format!("--channel={}", channel_url());
        let pythons = std::env::join_paths(
            ["3.10", "3.12"].map(|version| python(version).parent().unwrap().to_owned()),
        );
        let mut command = sandbox.envship();
        command.args(["pack", "requirements.txt", &channel, "-o", archive]).args(more);
        command.env("PATH", format!("{}:/usr/bin:/bin", pythons.unwrap().to_str().unwrap()));
        sandbox.finish(command).success();
        let landed = Landed::new(&sandbox, archive, archive);
        landed.python("import sys, tabulate; print('%d.%d' % sys.version_info[:2])")
    };
    assert_eq!(version("path.tar.gz", &["--python", python("3.9").to_str().unwrap()]), "3.9");
    assert_eq!(version("version.tar.gz", &["--python", "3.12"]), "3.12");
    assert_eq!(version("conda.tar.gz", &["--python", "conda:3.11"]), "3.11");
    sandbox.write(".python-version", "3.10\n");
    assert_eq!(version("file.tar.gz", &[]), "3.10");
}

#[test]
fn a_virtual_environment_of_uv_is_one() {
    let sandbox = Sandbox::new();
    let mut create = sandbox.command(crate::util::required("ENVSHIP_TEST_UV"));
    create.args(["venv", "--quiet", "--python"]).arg(python("3.12")).arg("uv-made");
    sandbox.finish(create).success();
    sandbox.run(["pack", "uv-made"]).success();
    fs::rename(sandbox.work("uv-made"), sandbox.work("gone")).unwrap();
    assert_eq!(Landed::new(&sandbox, "uv-made.tar.gz", "landed").python("print(1)"), "1");
}
