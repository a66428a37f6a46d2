//! What the user can point at, and that all of it ends up in the archive.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use fs_err as fs;

use crate::environments::{
    channel_url, conda_environment, environment_yml, index_url, pip_install, python, venv,
};
use crate::landed::{AWKWARD, Landed, gone};
use crate::util::{Run, Sandbox, USER, required};

/// The name of the archive that was packed.
fn packed(run: &Run) -> String {
    run.stdout().trim().to_owned()
}

#[test]
fn the_active_environment_is_packed_when_nothing_is_given() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "shop/.venv", &python("3.11"), &[]);
    let mut command = sandbox.envship();
    command.args(["pack", "--compress-level", "1"]).env("VIRTUAL_ENV", prefix);
    assert_eq!(packed(&sandbox.finish(command).success()), "shop.tar.gz");
    let conda = conda_environment(&sandbox, "analytics", &["python=3.11"]);
    let mut command = sandbox.envship();
    command.args(["pack", "--env-name", "Other Name", "--compress-level", "1"]).env("CONDA_PREFIX", conda);
    assert_eq!(packed(&sandbox.finish(command).success()), "other-name.tar.gz");
}

#[test]
fn a_conda_environment_is_found_by_its_name() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "envs/analytics", &["python=3.11"]);
    let mut command = sandbox.envship();
    command
        .args(["pack", "-n", "analytics", "--compress-level", "1"])
        .env("CONDA_ENVS_PATH", prefix.parent().unwrap());
    assert_eq!(packed(&sandbox.finish(command).success()), "analytics.tar.gz");
    fs::create_dir_all(sandbox.home().join(".conda")).unwrap();
    fs::write(sandbox.home().join(".conda/environments.txt"), format!("{}\n", prefix.display())).unwrap();
    sandbox.run(["pack", "-n", "analytics", "--force", "--compress-level", "1"]).success();
}

#[test]
fn a_pip_section_installs_everything_that_it_names() {
    let sandbox = Sandbox::new();
    let project = |name: &str| {
        let text = format!("{PROJECT}name = \"{name}\"\nversion = \"1\"\n");
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
    let run = sandbox.run(["pack", "spec/environment.yml", "--compress-level", "1"]).success();
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
    assert_eq!(version("path.tar", &["--python", python("3.9").to_str().unwrap()]), "3.9");
    assert_eq!(version("version.tar", &["--python", "3.12"]), "3.12");
    assert_eq!(version("conda.tar", &["--python", "conda:3.11"]), "3.11");
    sandbox.write(".python-version", "3.10\n");
    assert_eq!(version("file.tar", &[]), "3.10");
}

#[test]
fn a_virtual_environment_of_uv_is_one() {
    let sandbox = Sandbox::new();
    let mut create = sandbox.command(required("ENVSHIP_TEST_UV"));
    create.args(["venv", "--quiet", "--python"]).arg(python("3.12")).arg("uv-made");
    sandbox.finish(create).success();
    sandbox.run(["pack", "uv-made", "--compress-level", "1"]).success();
    fs::rename(sandbox.work("uv-made"), sandbox.work("gone")).unwrap();
    assert_eq!(Landed::new(&sandbox, "uv-made.tar.gz", "landed").python("print(1)"), "1");
}

#[test]
fn an_environment_of_virtualenv_is_one() {
    let sandbox = Sandbox::new();
    let prefix = sandbox.work("virtualenv-made");
    let mut create = sandbox.command(required("ENVSHIP_TEST_VIRTUALENV"));
    create.args(["--quiet", "--python"]).arg(python("3.9")).arg(&prefix);
    sandbox.finish(create).success();
    // In old Pythons it patches distutils at every start.
    assert!(prefix.join("lib/python3.9/site-packages/_virtualenv.pth").exists());
    pip_install(&sandbox, &prefix, &["envship-only"]);
    sandbox.run(["pack", "virtualenv-made", "-o", "env.tar"]).success();
    gone(&prefix);
    let landed = Landed::new(&sandbox, "env.tar", AWKWARD);
    let program = "import sys, envship_only, _virtualenv; print(sys.prefix); print(sys.base_prefix)";
    let root = landed.root.display();
    assert_eq!(landed.python(program), format!("{root}\n{root}"));
    assert_ne!(landed.run("bin/envship-only", [""; 0]).success().stdout(), "");
    assert_eq!(landed.search(prefix.to_str().unwrap()), Vec::<String>::new());
}

#[test]
fn repositories_and_files_on_a_server_are_installed_whole() {
    let sandbox = Sandbox::new();
    let repository = git_repository(&sandbox, "from_git");
    let server = serve("tabulate  # from a file on a server\n");
    let lines = [
        format!("--index-url {}", index_url()),
        format!("from-git @ git+file://{}", repository.display()),
        format!("-r http://{server}/requirements-more.txt"),
    ];
    sandbox.write("requirements.txt", lines.join("\n"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "pip"], &lines));
    let interpreter = format!("--python={}", python("3.11").display());
    let by_uv = || sandbox.envship();
    let by_pip = || {
        let mut command = sandbox.envship();
        command.env_remove("UV");
        command
    };
    for (archive, mut command, source) in [
        ("uv.tar", by_uv(), &["requirements.txt", &interpreter][..]),
        ("section-uv.tar", by_uv(), &["environment.yml"]),
        ("section-pip.tar", by_pip(), &["environment.yml"]),
    ] {
        command.args(["pack", "-o", archive]).args(source);
        sandbox.finish(command).success();
        let landed = Landed::new(&sandbox, archive, archive);
        let program = "import from_git, tabulate
from importlib.metadata import distribution
for name in 'from-git', 'tabulate':
    files = distribution(name).files
    assert len(files) > 3 and all(file.locate().is_file() for file in files), files
print(from_git.VALUE, from_git.data())";
        assert_eq!(landed.python(program), "7 whole", "{archive}");
        for local in [USER, "/envship-test-", &server] {
            assert_eq!(landed.search(local), Vec::<String>::new(), "{archive}: {local}");
        }
    }
}

/// A project in a repository below the user's home, with a file beside its code.
fn git_repository(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.home().join("repository");
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "pyproject.toml",
        &format!(
            "{PROJECT}name = \"{name}\"\nversion = \"1\"\n[tool.setuptools.package-data]\n{name} = [\"*.txt\"]\n"
        ),
    );
    let code = "from importlib.resources import files\nVALUE = 7\ndef data():\n    return files(__name__).joinpath('data.txt').read_text()\n";
    write(&format!("src/{name}/__init__.py"), code);
    write(&format!("src/{name}/data.txt"), "whole");
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "commit", "-qm", "all of it"],
    ] {
        let mut git = sandbox.command("git");
        git.arg("-C").arg(&folder).args(arguments);
        sandbox.finish(git).success();
    }
    folder
}

/// The address of a server that answers everything with this text.
fn serve(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The end of a request without a body is an empty line.
            let request = BufReader::new(client.try_clone().unwrap()).lines().map_while(Result::ok);
            request.take_while(|line| !line.is_empty()).for_each(drop);
            let length = text.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = client.write_all((head + text).as_bytes());
        }
    });
    address
}

/// What every project of these tests begins with.
const PROJECT: &str = "[build-system]
requires = [\"setuptools\"]
build-backend = \"setuptools.build_meta\"
[project]
";
