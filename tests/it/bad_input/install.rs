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
