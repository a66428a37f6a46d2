//! What an archive promises, on real environments whose originals are gone.

use fs_err as fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::environments::{
    base_of, conda_environment, index_url, minor, pip_install, python, pythons, thin, venv,
};
use crate::landed::{AWKWARD, Landed, gone};
use crate::shared::{FORMATS, conda, venv_of};
use crate::util::{Sandbox, USER};

/// Where an interpreter believes to be, told in one line each.
const SELF: &str = "import sys, os, site
print(os.path.dirname(os.path.dirname(sys.executable)))
print(sys.prefix)
print(sys.base_prefix)
print(os.path.dirname(os.path.dirname(os.path.dirname(os.__file__))))
print(site.ENABLE_USER_SITE)";

fn assert_at_home(landed: &Landed) {
    let root = landed.root.to_str().unwrap();
    let told = landed.python(SELF);
    assert_eq!(told.lines().collect::<Vec<_>>(), [root, root, root, root, "False"]);
}

#[test]
fn a_venv_of_every_python_runs_where_it_lands() {
    for interpreter in pythons() {
        let sandbox = Sandbox::new();
        let landed = Landed::new(&sandbox, &venv_of(&interpreter).archive("tar"), AWKWARD);
        assert_at_home(&landed);
        assert_eq!(landed.python("import tabulate, ssl, ctypes, sqlite3; print('ok')"), "ok");
        assert!(landed.run("bin/envship-only", [""; 0]).success().stdout().lines().count() > 0);
        // Nothing of the base Python is loaded.
        let maps = landed.python("import ssl, ctypes, zlib; print(open('/proc/self/maps').read())");
        let base = base_of(&interpreter).to_str().unwrap();
        assert!(!maps.contains(base), "{maps}");
        assert_eq!(landed.search(base), Vec::<String>::new(), "Python {}", minor(&interpreter));
    }
}

#[test]
fn a_conda_environment_runs_where_it_lands_from_every_format() {
    let sandbox = Sandbox::new();
    for format in FORMATS {
        let landed = Landed::new(&sandbox, &conda().archive(format), &format!("{AWKWARD} {format}"));
        assert_at_home(&landed);
        assert_eq!(landed.python("import numpy; print(int(numpy.arange(5).sum()))"), "10");
        landed.run("bin/greet", [""; 0]).success();
    }
    let prefix = conda_environment(&sandbox, "env", &["python=3.11"]);
    sandbox.run(["pack", "env", "-o", "tree/"]).success();
    gone(&prefix);
    let mut tree = sandbox.command(sandbox.work("tree/bin/python"));
    tree.args(["-c", SELF]);
    assert!(sandbox.finish(tree).success().stdout().contains("/work/tree\n"));
}

#[test]
fn python_is_a_real_file_and_its_versioned_names_are_links() {
    let sandbox = Sandbox::new();
    for (env, packed) in [("venv", venv_of(&python("3.11"))), ("conda", conda())] {
        let landed = Landed::new(&sandbox, &packed.archive("tar"), env);
        assert!(fs::symlink_metadata(landed.root.join("bin/python")).unwrap().is_file());
        for name in ["python3", "python3.11"] {
            assert_eq!(fs::read_link(landed.root.join("bin").join(name)).unwrap(), Path::new("python"));
        }
    }
}

#[test]
fn console_scripts_run_from_anywhere() {
    let sandbox = Sandbox::new();
    let long = format!("{}/{AWKWARD}", ["a-rather-long-folder-name-of-forty-signs"; 7].join("/"));
    let landed = Landed::new(&sandbox, &venv_of(&python("3.11")).archive("tar"), &long);
    assert!(landed.root.as_os_str().len() > 300);
    let script = landed.root.join("bin/envship-only");
    let expected = landed.run("bin/envship-only", [""; 0]).success().stdout();
    assert_ne!(expected, "");

    let link = sandbox.work("a link");
    std::os::unix::fs::symlink(&script, &link).unwrap();
    let mut through_link = sandbox.command(&link);
    through_link.env_clear().current_dir("/");
    assert_eq!(sandbox.finish(through_link).success().stdout(), expected);

    let mut relative = sandbox.command("./envship-only");
    relative.env_clear().current_dir(landed.root.join("bin"));
    assert_eq!(sandbox.finish(relative).success().stdout(), expected);

    let mut by_path = sandbox.command("sh");
    by_path
        .env("PATH", format!("{}:/usr/bin:/bin", landed.root.join("bin").display()))
        .args(["-c", "envship-only"]);
    assert_eq!(sandbox.finish(by_path).success().stdout(), expected);
}

/// Installers write another shebang there, and each its own.
#[test]
fn scripts_of_an_environment_with_a_space_in_its_path_run_where_they_land() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "a folder/env", &["python=3.11", "pip", "envship-greet"]);
    pip_install(&sandbox, &prefix, &["envship-only"]);
    for script in ["greet", "envship-only"] {
        let text = fs::read_to_string(prefix.join("bin").join(script)).unwrap();
        assert!(text.starts_with("#!/bin/sh\n'''exec' \""), "{script}: {text}");
    }
    let run = sandbox.run(["pack", "a folder/env", "-o", "env.tar"]).success();
    gone(&prefix);
    let landed = Landed::new(&sandbox, "env.tar", AWKWARD);
    for script in ["bin/greet", "bin/envship-only"] {
        assert!(!run.stderr().contains(script), "it is told not to start: {run}");
        assert_ne!(landed.run(script, [""; 0]).success().stdout(), "");
    }
}

#[test]
fn scripts_that_will_not_start_are_told_in_one_line() {
    let sandbox = Sandbox::new();
    // pip quotes a path with a space, and forgets the quote in it.
    let prefix = venv(&sandbox, "q\"u e", &python("3.11"), &["envship-only"]);
    let script = |name: &str, shebang: &str| {
        let path = prefix.join("bin").join(name);
        fs::write(&path, format!("{shebang}\n")).unwrap();
        fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    script("a-stale", "#!/home/quillon/old/bin/python");
    script("b-fine", "#!/usr/bin/env bash");
    let run = sandbox.run(["pack", "q\"u e", "-o", "env.tar"]).success();
    let stderr = run.stderr();
    let warnings: Vec<&str> = stderr.lines().filter(|line| line.contains("will not start")).collect();
    let [warning] = warnings[..] else { panic!("{run}") };
    assert!(warning.contains("`bin/a-stale` calls `/home/quillon/old/bin/python`"), "{run}");
    assert!(warning.contains("`bin/envship-only` calls `\"/"), "{run}");
    assert!(!warning.contains("b-fine"), "{run}");
}

#[test]
fn hand_written_scripts_keep_docstring_future_imports_and_encoding() {
    for interpreter in pythons() {
        let sandbox = Sandbox::new();
        let landed = Landed::new(&sandbox, &venv_of(&interpreter).archive("tar"), AWKWARD);
        let prints =
            |name: &str, arguments: &[&str]| landed.run(&format!("bin/{name}"), arguments).success().stdout();
        assert_eq!(prints("future", &[]), "'Usage: future\\n\\nAll of it.' True\n");
        assert_eq!(prints("plain", &["a b", "$c"]), "'Usage: plain' ['a b', '$c']\n");
        assert_eq!(prints("bare", &[]), "None\n");
        assert_eq!(prints("latin", &[]), "'\\xe9'\n");
    }
}

#[test]
fn venv_pip_multiprocessing_and_subprocess_work_inside() {
    let sandbox = Sandbox::new();
    // With the pip that it comes with.
    let prefix = sandbox.work("env");
    let mut create = sandbox.command(python("3.12"));
    create.args(["-m", "venv"]).arg(&prefix);
    sandbox.finish(create).success();
    pip_install(&sandbox, &prefix, &["tabulate"]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    gone(&prefix);
    let landed = Landed::new(&sandbox, "env.tar", AWKWARD);
    let program = sandbox.write(
        "inside.py",
        "import multiprocessing, subprocess, sys, tempfile, os
def square(n):
    import tabulate
    return n * n
if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(2) as pool:
        assert pool.map(square, [1, 2, 3]) == [1, 4, 9]
    subprocess.run([sys.executable, '-c', 'import tabulate'], check=True)
    subprocess.run([sys.executable, '-m', 'pip', '--version'], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        child = os.path.join(folder, 'a child')
        subprocess.run([sys.executable, '-m', 'venv', child], check=True)
        subprocess.run([child + '/bin/python', '-m', 'pip', '--version'], check=True, stdout=subprocess.DEVNULL)
    print('done')
",
    );
    assert_eq!(landed.run("bin/python", [program]).success().stdout(), "done\n");
}

#[test]
fn bytecode_stays_valid_for_another_user_on_a_read_only_tree() {
    let sandbox = Sandbox::new();
    let original = conda_environment(&sandbox, "env", &["python=3.11", "numpy"]);
    let import = ["-v", "-c", "import numpy"];
    let compiled = |stderr: String| {
        let from_source =
            |line: &&str| line.contains("code object from ") && line.trim_end().ends_with(".py");
        stderr.lines().filter(from_source).count()
    };
    let mut command = sandbox.command(original.join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").args(import);
    let expected = compiled(sandbox.finish(command).success().stderr());
    for format in ["tar.gz", "zip"] {
        let landed = Landed::new(&sandbox, &conda().archive(format), format);
        let stderr = landed.run("bin/python", import).success().stderr();
        assert!(stderr.contains("code object from "), "{stderr}");
        assert!(compiled(stderr) <= expected, "{format}");
    }
}

#[test]
fn nothing_local_is_in_the_archive() {
    let sandbox = Sandbox::new();
    for (name, packed) in [("conda", conda()), ("venv", venv_of(&python("3.10")))] {
        let landed = Landed::new(&sandbox, &packed.archive("tar"), name);
        let place = packed.prefix.parent().unwrap();
        assert!(place.to_str().unwrap().contains(USER), "it could leak");
        for secret in [USER, packed.prefix.to_str().unwrap(), place.to_str().unwrap(), "/envship-test-"] {
            assert_eq!(landed.search(secret), Vec::<String>::new(), "{name}: {secret}");
        }
        landed.python("import envship_only");
    }
}

#[test]
fn secrets_appear_nowhere() {
    const SECRET: &str = "hunter2-of-the-index";
    let sandbox = Sandbox::new()
        .with("AWS_SECRET_ACCESS_KEY", SECRET)
        .with("AWS_SESSION_TOKEN", SECRET)
        .with("PIP_INDEX_URL", format!("http://user:{SECRET}@127.0.0.1:9/simple"));
    fs::write(sandbox.home().join(".netrc"), format!("machine 127.0.0.1 login user password {SECRET}\n"))
        .unwrap();
    fs::create_dir_all(sandbox.home().join(".config/pip")).unwrap();
    let pip = format!("[global]\nextra-index-url = http://user:{SECRET}@127.0.0.1:9/simple\n");
    fs::write(sandbox.home().join(".config/pip/pip.conf"), &pip).unwrap();
    let index = index_url().replace("http://", &format!("http://user:{SECRET}@"));
    let channel = crate::environments::channel_url().replace("http://", &format!("http://user:{SECRET}@"));
    let spec = |requirement: &str| {
        format!(
            "name: secrets\nchannels: [\"{channel}\"]\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n    - --index-url {index}\n    - {requirement}\n"
        )
    };
    sandbox.write("environment.yml", spec("envship-only"));
    let run = sandbox.run(["pack", "environment.yml", "-o", "env.tar"]).success();
    assert!(!run.snapshot().contains(SECRET), "{run}");
    let landed = Landed::new(&sandbox, "env.tar", "secrets");
    assert_eq!(landed.search(SECRET), Vec::<String>::new());

    sandbox.write("environment.yml", spec("no-such-project-anywhere"));
    let run = sandbox.run(["pack", "environment.yml", "-o", "fails.tar"]).fails_with(1);
    assert!(!run.snapshot().contains(SECRET), "{run}");

    let prefix = venv(&sandbox, "venv", &python("3.11"), &[]);
    fs::write(prefix.join("pip.conf"), &pip).unwrap();
    let run = sandbox.run(["pack", "venv", "-o", "venv.tar"]).success();
    assert!(!run.snapshot().contains(SECRET), "{run}");
    assert_eq!(Landed::new(&sandbox, "venv.tar", "venv").search(SECRET), Vec::<String>::new());
}

#[test]
fn a_compiled_program_finds_its_data_wherever_envship_unpacks_it() {
    let sandbox = Sandbox::new();
    // The environment's own Python is not needed.
    let prefix = conda_environment(&sandbox, "env", &["envship-prefix"]);
    let mut original = sandbox.command(prefix.join("bin/read-data"));
    original.env_clear();
    let expected = sandbox.finish(original).success().stdout();
    assert_ne!(expected, "");
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    gone(&prefix);
    for place in ["first", "a second/place with spaces"] {
        sandbox.run(["unpack", "env.tar", place]).success();
        let mut program = sandbox.command(sandbox.work(place).join("bin/read-data"));
        program.env_clear();
        assert_eq!(sandbox.finish(program).success().stdout(), expected);
        let text = fs::read_to_string(sandbox.work(place).join("etc/envship-prefix.conf")).unwrap();
        assert!(text.contains(sandbox.work(place).to_str().unwrap()), "{text}");
    }
}

#[test]
fn a_library_of_any_size_takes_little_memory() {
    /// Of the library, in bytes, and of what a process may allocate, in KiB: on
    /// one core, since each thread has buffers of its own.
    const SIZE: usize = 300 << 20;
    const MOST: usize = 150_000;
    let sandbox = Sandbox::new();
    let python = python("3.11");
    let prefix = venv(&sandbox, "env", &python, &[]);
    let path = prefix.join("lib/data.bin");
    let original = format!("\0{}/share/data\0", prefix.display());
    let mut part: Vec<u8> =
        (0..1_u32 << 18).flat_map(|number| number.wrapping_mul(number).to_be_bytes()).collect();
    part[..original.len()].copy_from_slice(original.as_bytes());
    let mut file = fs::File::create(&path).unwrap();
    (0..SIZE / part.len()).for_each(|_| file.write_all(&part).unwrap());
    let cores = fs::read_to_string("/proc/self/status").unwrap();
    let cores = cores.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    let core = cores.split(['-', ',']).next().unwrap();
    let limited = |arguments: &[&str]| {
        let mut shell = sandbox.command("sh");
        shell.args(["-c", &format!("ulimit -d {MOST} && exec taskset -c {core} \"$0\" \"$@\"")]);
        shell.arg(sandbox.envship().get_program()).args(arguments);
        sandbox.finish(shell).success()
    };
    limited(&["pack", "env", &thin(&python), "-o", "env.tar.zst", "--no-cache"]);
    limited(&["unpack", "env.tar.zst", "e", "--allow-absolute-links"]);
    // As much of the new path as there is room for, filled up with slashes.
    let new = sandbox.work("e").display().to_string();
    let filled = format!("{new:/<width$}", width = prefix.to_str().unwrap().len());
    part[1..=filled.len()].copy_from_slice(filled.as_bytes());
    let mut placed = fs::File::open(sandbox.work("e/lib/data.bin")).unwrap();
    let mut found = vec![0; part.len()];
    for _ in 0..SIZE / part.len() {
        placed.read_exact(&mut found).unwrap();
        assert!(found == part);
    }
}

#[test]
fn a_known_destination_is_written_where_a_path_is_needed() {
    let sandbox = Sandbox::new();
    conda_environment(&sandbox, "env", &["envship-prefix"]);
    let destination = sandbox.path("srv/env");
    sandbox
        .run([
            "pack".as_ref(),
            "env".as_ref(),
            "-o".as_ref(),
            "env.tar".as_ref(),
            "--dest-prefix".as_ref(),
            destination.as_os_str(),
        ])
        .success();
    fs::create_dir_all(&destination).unwrap();
    let mut tar = sandbox.command("tar");
    tar.args(["-xf", "env.tar", "-C"]).arg(&destination);
    sandbox.finish(tar).success();
    gone(&sandbox.work("env"));
    let mut program = sandbox.command(destination.join("bin/read-data"));
    program.env_clear();
    assert_ne!(sandbox.finish(program).success().stdout(), "");
}

#[test]
fn with_a_python_prefix_the_nodes_interpreter_is_used() {
    for version in ["3.9", "3.11"] {
        let sandbox = Sandbox::new();
        let interpreter = python(version);
        let base = base_of(&interpreter);
        venv(&sandbox, "env", &interpreter, &["tabulate"]);
        sandbox
            .run([
                "pack".as_ref(),
                "env".as_ref(),
                "-o".as_ref(),
                "env.tar.gz".as_ref(),
                "--python-prefix".as_ref(),
                base.as_os_str(),
            ])
            .success();
        sandbox.run(["unpack", "env.tar.gz", "refused"]).fails_with(1).says(&["--allow-absolute-links"]);
        sandbox.run(["unpack", "env.tar.gz", "out", "--allow-absolute-links"]).success();
        let mut run = sandbox.command(sandbox.work("out/bin/python"));
        run.args(["-c", "import sys, tabulate; print(sys.prefix); print(sys.base_prefix)"]);
        let expected = format!("{}\n{}\n", sandbox.work("out").display(), base.display());
        assert_eq!(sandbox.finish(run).success().stdout(), expected);
        assert!(!sandbox.work(&format!("out/lib/python{version}/os.py")).exists());
    }
}

#[test]
fn activate_works_from_where_it_lies() {
    let sandbox = Sandbox::new();
    let venv = venv_of(&python("3.11"));
    for (name, packed, variable) in [("venv", venv, "VIRTUAL_ENV"), ("conda", conda(), "CONDA_PREFIX")] {
        let landed = Landed::new(&sandbox, &packed.archive("tar"), &format!("{AWKWARD} {name}"));
        for shell in ["bash", "zsh"] {
            let script = format!(
                "cd \"$1\" && . bin/activate && echo \"${variable}\" && command -v python && deactivate && echo \"left:${variable}\""
            );
            let mut command = sandbox.command(shell);
            command.args(["-c", &script, shell]).arg(&landed.root);
            let root = landed.root.display();
            assert_eq!(
                sandbox.finish(command).success().stdout(),
                format!("{root}\n{root}/bin/python\nleft:\n"),
                "{shell}"
            );
        }
    }
}

#[test]
fn an_editable_project_is_refused_by_name_and_can_be_ignored() {
    let sandbox = Sandbox::new();
    let prefix = venv(&sandbox, "env", &python("3.11"), &["pip", "setuptools", "wheel"]);
    sandbox.write("project/pyproject.toml", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"own-project\"\nversion = \"1\"\n");
    sandbox.write("project/src/own_project/__init__.py", "");
    let mut install = sandbox.command(prefix.join("bin/python"));
    install.args(["-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "-e", "project"]);
    sandbox.finish(install).success();
    let run = sandbox.run(["pack", "env", "-o", "env.tar"]).fails_with(1);
    run.says(&["own-project", sandbox.work("project").to_str().unwrap(), "--ignore-editable-packages"]);
    let thin = thin(&python("3.11"));
    sandbox.run(["pack", "env", "-o", "env.tar", "--ignore-editable-packages", &thin]).success();
    let landed = Landed::new(&sandbox, "env.tar", "ignored");
    assert_eq!(landed.search(USER), Vec::<String>::new());
}

#[test]
fn an_environment_is_never_changed_by_packing_it() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "env", &["python=3.11", "envship-greet", "envship-prefix"]);
    let state = |prefix: &Path| -> Vec<_> {
        let entries = walkdir::WalkDir::new(prefix).sort_by_file_name().into_iter().map(Result::unwrap);
        entries
            .map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap()))
            .collect()
    };
    let before = state(&prefix);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    assert_eq!(state(&prefix), before);
}

#[test]
fn the_manifest_says_what_it_is() {
    let sandbox = Sandbox::new();
    let landed = Landed::new(&sandbox, &conda().archive("tar"), "manifest");
    let text = fs::read_to_string(landed.root.join("share/envship/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["schema"], 1);
    assert_eq!(manifest["source"], "conda-prefix");
    assert_eq!(manifest["platform"], "linux-64");
    assert_eq!(manifest["python"]["abi"], "cp311");
    let find = |name: &str| {
        manifest["packages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|package| package["name"] == name)
            .cloned()
            .unwrap()
    };
    assert_eq!(find("numpy")["kind"], "conda");
    assert!(find("numpy")["hash"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(find("tabulate")["kind"], "pypi");
    // Every placeholder that is listed is there, and no other.
    let placeholders = manifest["placeholders"].as_array().unwrap();
    assert!(placeholders.iter().any(|placeholder| placeholder["path"] == "bin/read-data"));
    for placeholder in placeholders {
        let bytes = fs::read(landed.root.join(placeholder["path"].as_str().unwrap())).unwrap();
        let offset = usize::try_from(placeholder["offset"].as_u64().unwrap()).unwrap();
        assert_eq!(&bytes[offset..offset + 9], b"/.envship", "{placeholder}");
    }
}

#[test]
fn the_glibc_of_the_cluster_decides_what_is_solved_and_installed() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", crate::environments::environment_yml(&["envship-glibc"], &[]));
    let version = |archive: &str, more: &[&str]| {
        sandbox.run([&["pack", "environment.yml", "-o", archive], more].concat()).success();
        let landed = Landed::new(&sandbox, archive, archive);
        fs::read_to_string(landed.root.join("share/envship-glibc.txt")).unwrap()
    };
    assert_eq!(version("here.tar.gz", &[]), "2\n");
    assert_eq!(version("old.tar.gz", &["--target-glibc", "2.17"]), "1\n");
    assert_eq!(version("named.tar.gz", &["--target-glibc", "rhel8"]), "2\n");
}
