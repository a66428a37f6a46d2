//! Packages that are not what they should be.

use fs_err as fs;

use super::listing;
use crate::environments::{environment_yml, index_url, python};
use crate::util::{Sandbox, required};

#[test]
fn a_requirement_that_does_not_exist_is_named() {
    let sandbox = Sandbox::new();
    let lines = [&*format!("--index-url {}", index_url()), "no-such-project-anywhere"];
    sandbox.write("requirements.txt", lines.join("\n"));
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(1).says(&["no-such-project-anywhere"]);
    assert_eq!(listing(&sandbox.work(".")), ["requirements.txt"]);
}

#[test]
fn a_requirement_with_another_hash_is_refused() {
    let sandbox = Sandbox::new();
    let hash = "0".repeat(64);
    let text = format!("--index-url {}\ntabulate==0.9.0 --hash=sha256:{hash}\n", index_url());
    sandbox.write("requirements.txt", text);
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(1).says(&["tabulate"]);
}

#[test]
fn a_requirement_that_is_none_is_told_from_one_that_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "tabulate ===== 1\n");
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(1).says(&["a requirement can't be understood", "tabulate", "hint: write it as"]);
}

#[test]
fn an_unreachable_index_is_worth_another_try() {
    // uv itself tries no more than once again.
    let sandbox = Sandbox::new().with("UV_HTTP_RETRIES", "1");
    sandbox.write("requirements.txt", "--index-url http://127.0.0.1:9/simple/\ntabulate\n");
    let interpreter = python("3.11");
    let run = sandbox.run(["pack", "requirements.txt", "--python", interpreter.to_str().unwrap()]);
    run.fails_with(3).says(&["127.0.0.1:9"]);
}

#[test]
fn a_package_that_was_corrupted_in_the_cache_is_fetched_again() {
    let sandbox = Sandbox::new();
    let own_cache = sandbox.path("cache");
    sandbox.write("environment.yml", environment_yml(&["envship-broken-hash"], &[]));
    let pack = |output: &str| {
        let mut command = sandbox.envship();
        command.env("RATTLER_CACHE_DIR", &own_cache).args(["pack", "environment.yml", "-o", output]);
        sandbox.finish(command).success()
    };
    pack("first.tar");
    let cached: Vec<_> = walkdir::WalkDir::new(own_cache.join("pkgs"))
        .into_iter()
        .flatten()
        .filter(|file| {
            file.file_type().is_file() && file.path().to_string_lossy().contains("envship-broken-hash")
        })
        .filter(|file| !file.path().to_string_lossy().contains("/info/"))
        .filter(|file| file.path().extension().is_none_or(|extension| extension != "lock"))
        .collect();
    assert!(!cached.is_empty());
    for file in &cached {
        fs::remove_file(file.path()).unwrap();
        fs::write(file.path(), "corrupt").unwrap();
    }
    pack("second.tar");
    assert!(fs::read(sandbox.work("first.tar")).unwrap() == fs::read(sandbox.work("second.tar")).unwrap());
}

#[test]
fn a_package_with_another_checksum_is_refused() {
    let sandbox = Sandbox::new();
    let channel = sandbox.path("channel");
    let mut copy = sandbox.command("cp");
    copy.args(["-r", &required("ENVSHIP_TEST_CHANNEL")]).arg(&channel);
    sandbox.finish(copy).success();
    for folder in ["noarch", "linux-64"] {
        for file in fs::read_dir(channel.join(folder)).unwrap().flatten() {
            if file.file_name().to_string_lossy().starts_with("envship-broken-hash") {
                let mut bytes = fs::read(file.path()).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::remove_file(file.path()).unwrap();
                fs::write(file.path(), bytes).unwrap();
            }
        }
    }
    sandbox.write(
        "environment.yml",
        format!("channels: [\"file://{}\"]\ndependencies: [envship-broken-hash]\n", channel.display()),
    );
    let mut command = sandbox.envship();
    command.env("RATTLER_CACHE_DIR", sandbox.path("cache")).args([
        "pack",
        "environment.yml",
        "-o",
        "out.tar.gz",
    ]);
    sandbox.finish(command).fails_with(1).says(&["envship-broken-hash", "hint: "]);
    assert!(!sandbox.work("out.tar.gz").exists());
}

#[test]
fn what_uv_and_pip_refuse_is_named_with_the_users_file_line_and_index() {
    let index = index_url().replace("http://", "http://quillon:hunter2@");
    let shown = index_url().replace("http://", "http://****@");
    let hash = "0".repeat(64);
    let interpreter = python("3.11");
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        sandbox.write("requirements.txt", format!("--index-url {index}\n\n-r more/base.txt\nsix\n"));
        let base = sandbox.work("more/base.txt");
        let lines = [
            ("no-such-project-anywhere>=2", "can't be found or its versions don't fit together"),
            ("tabulate==77", "can't be found or its versions don't fit together"),
            ("python-dateutil\nsix==1.3", "can't be found or its versions don't fit together"),
            (&*format!("tabulate==0.9.0 --hash=sha256:{hash}"), "does not have the hash that is required"),
        ];
        for (line, message) in lines {
            sandbox.write("more/base.txt", format!("# why\n{line}\n"));
            let mut command = sandbox.envship();
            command.env("UV", &uv).args(["pack", "requirements.txt", "--python"]).arg(&interpreter);
            let last = line.lines().next_back().unwrap().split(" --hash").next().unwrap();
            let number = 1 + line.lines().count();
            let named = format!("`{last}` in line {number} of `{}`", base.display());
            // Hashes are wanted of all or none.
            if line.contains("--hash") {
                sandbox.write("requirements.txt", format!("--index-url {index}\n-r more/base.txt\n"));
            }
            let run = sandbox.finish(command).fails_with(1);
            assert!(!run.stderr().contains("hunter2"), "{run}");
            run.says(&[message, &named, &format!("(asked of `{shown}`"), "hint: "]);
        }
    }
}

#[test]
fn a_requirement_of_a_pip_section_is_named_with_its_line() {
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        let index = format!("--index-url {}", index_url());
        let pip = [&*index, "tabulate", "\"six<1; python_version>'3'\""];
        let text = environment_yml(&["python=3.11"], &pip);
        let number = 1 + text.lines().position(|line| line.contains("six<1")).unwrap();
        sandbox.write("environment.yml", text);
        let mut command = sandbox.envship();
        command.env("UV", &uv).args(["pack", "environment.yml"]);
        let named = format!("`six<1; python_version>'3'` in line {number} of `environment.yml`");
        sandbox.finish(command).fails_with(1).says(&[&named, &index_url(), "hint: "]);
    }
}

#[test]
fn interrupting_a_build_leaves_no_temporary_files() {
    for uv in [required("ENVSHIP_TEST_UV"), String::new()] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "slow/pyproject.toml",
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
             [project]\nname = 'slow'\nversion = '1'\n",
        );
        let started = sandbox.path("started");
        sandbox.write(
            "slow/backend.py",
            format!(
                "import tempfile, time\ndef build_wheel(*_):\n    tempfile.mkdtemp()\n    \
                 open({started:?}, 'w').close()\n    time.sleep(600)\nbuild_editable = build_wheel\n\
                 prepare_metadata_for_build_wheel = build_wheel\n"
            ),
        );
        sandbox.write("requirements.txt", "./slow\n");
        let mut command = sandbox.envship();
        command.env("UV", &uv).args(["pack", "requirements.txt", "--python"]).arg(python("3.11"));
        let pipe = std::process::Stdio::piped;
        let mut child = command.stdout(pipe()).stderr(pipe()).spawn().unwrap();
        while !started.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let mut kill = sandbox.command("kill");
        kill.args(["-INT", &child.id().to_string()]);
        sandbox.finish(kill).success();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert_eq!(listing(&sandbox.tmp()), Vec::<String>::new(), "uv: {uv:?}");
        assert_eq!(listing(&sandbox.work(".")), ["requirements.txt", "slow"], "uv: {uv:?}");
    }
}
