//! `envship inspect` shows what is in an environment, and what it asks of a node.

use serde_json::Value;

use crate::environments::{conda_environment, python, venv};
use crate::util::{Run, Sandbox, required};

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn package<'a>(report: &'a Value, name: &str) -> &'a Value {
    let packages = report["packages"].as_array().unwrap();
    packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn packages_are_told_with_their_sizes_in_every_format_and_in_the_folder() {
    let sandbox = Sandbox::new();
    conda_environment(&sandbox, "env", &["python=3.11", "numpy"]);
    let unpacked = json(&sandbox.run(["inspect", "env", "--json"]).success());
    assert!(package(&unpacked, "numpy")["packed"].is_null());
    for format in ["tar", "tar.gz", "tar.zst", "zip"] {
        let output = format!("env.{format}");
        let level = if format == "tar" { "0" } else { "1" };
        sandbox.run(["pack", "env", "-o", &output, "--compress-level", level]).success();
        let report = json(&sandbox.run(["inspect", &output, "--json"]).success());
        assert_eq!(report["format"], format);
        assert_eq!(report["platform"], "linux-64");
        assert!(report["python"]["version"].as_str().unwrap().starts_with("3.11."), "{format}");
        let numpy = package(&report, "numpy");
        assert_eq!(
            (&numpy["kind"], &numpy["version"]),
            (&"conda".into(), &package(&unpacked, "numpy")["version"])
        );
        let (size, packed) = (numpy["size"].as_u64().unwrap(), numpy["packed"].as_u64().unwrap());
        assert!(size > 10_000_000, "{format}: {size}");
        // Headers come on top where nothing is compressed.
        let least = if format == "tar" { size } else { size / 10 };
        assert!((least..size + size / 5).contains(&packed), "{format}: {packed} of {size}");
        let total = report["total"]["packed"].as_u64().unwrap();
        assert!(total <= report["archive_size"].as_u64().unwrap(), "{format}");
        assert!(report["glibc"]["version"].as_str().unwrap().starts_with("2."), "{format}");
        assert!(report["glibc"]["files"][0].is_string());
    }
}

#[test]
fn a_system_that_is_too_old_is_told_with_the_files_and_packages() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &["numpy"]);
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    let run = sandbox.run(["inspect", "env.tar", "--target-glibc", "manylinux1"]);
    assert_eq!(run.code(), Some(1), "{run}");
    let table = run.stdout();
    assert!(table.contains("too new for the target"), "{table}");
    assert!(table.contains("numpy (PyPI)"), "{table}");
    run.says(&["`manylinux1`", "--target-glibc manylinux1"])
        .says(&["1 package and files of no package", "portable Python"]);
    sandbox
        .run(["pack", "env", "-o", "bare.tar", "--exclude", "lib/python3.11/site-packages/numpy*"])
        .success();
    let bare = sandbox.run(["inspect", "bare.tar", "--target-glibc", "manylinux1"]);
    assert_eq!(bare.code(), Some(1), "{bare}");
    let bare = bare.says(&["`manylinux1` offers less than files of no package need", "portable Python"]);
    assert!(!bare.stderr().contains("pack the spec again"), "{bare}");
    let all = json(&sandbox.run(["inspect", "env.tar", "--target-glibc", "manylinux1", "--json"]));
    let files: Vec<_> = all["unmet"].as_array().unwrap().iter().map(|row| row["files"].to_string()).collect();
    for needed in ["libpython3.11.so.1.0", "lib-dynload/math.", "_multiarray_umath."] {
        assert!(files.iter().any(|files| files.contains(needed)), "{needed}: {files:?}");
    }
    let folder = json(&sandbox.run(["inspect", "env", "--json"]).success());
    assert!(folder["python"]["version"].as_str().unwrap().starts_with("3.11."), "{folder}");
    assert!(folder["remarks"][0].as_str().unwrap().ends_with("and are not counted here"), "{folder}");
    let run = sandbox.run(["inspect", "env.tar", "--target-glibc", "2.99", "--json"]).success();
    assert_eq!(json(&run)["unmet"].as_array().unwrap().len(), 0);
    sandbox.run(["inspect", "env.tar", "--target-glibc", "windows"]).fails_with(2).says(&["rhel8"]);
}

#[test]
fn a_published_archive_is_read_where_it_lies() {
    let sandbox = Sandbox::new().with_s3();
    venv(&sandbox, "env", &python("3.12"), &[]);
    for format in ["tar.gz", "zip"] {
        let url = format!("s3a://{}/{}/env.{format}", required("ENVSHIP_TEST_S3_BUCKET"), sandbox.id());
        sandbox.run(["ship", "env", &url, "--compress-level", "1"]).success();
        let report = json(&sandbox.run(["inspect", &url, "--json"]).success());
        assert_eq!(report["format"], format);
        assert!(report["total"]["files"].as_u64().unwrap() > 500, "{format}");
        let missing = url.replace("env.", "another.");
        sandbox.run(["inspect", &missing]).fails_with(1).says(&[
            "there is no archive at",
            "another.",
            "hint:",
        ]);
    }
}

#[test]
fn what_can_not_be_read_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("text.tar.gz", "text");
    sandbox.write("empty.zip", "");
    sandbox
        .run(["inspect", "missing.tar.gz"])
        .fails_with(1)
        .says(&["`missing.tar.gz` does not exist", "hint:"]);
    sandbox.run(["inspect", "text.tar.gz"]).fails_with(1).says(&["text.tar.gz", "hint:"]);
    sandbox.run(["inspect", "empty.zip"]).fails_with(1).says(&["empty.zip"]);
    sandbox.run(["inspect", "ftp://host/env.tar.gz"]).fails_with(2).says(&["ftp"]);
    fs_err::create_dir(sandbox.work("bare")).unwrap();
    sandbox.write("project/a.py", "");
    for (path, what) in [("bare", "an empty folder"), ("project", "a folder with a.py")] {
        let told = sandbox.run(["inspect", path]).fails_with(1);
        told.says(&["no environment: ", what, "hint: give a conda environment"]);
    }
    let mut elf = b"\x7fELF".to_vec();
    elf.resize(4096, 0xff);
    sandbox.write("folder/lib/broken.so", elf);
    sandbox.write("folder/pyvenv.cfg", "");
    let report = json(&sandbox.run(["inspect", "folder", "--json"]).success());
    assert_eq!(report["total"]["files"], 2);
    assert!(report["glibc"].is_null());
    assert_eq!(report["unloadable"][0]["path"], "lib/broken.so");
}

#[test]
fn names_that_a_terminal_would_obey_are_shown_without_their_control_characters() {
    let program = r#"
import io, tarfile
evil = "ev\x1b]0;title\x07il\x1b[2J\x9b31m"
site = "lib/python3.12/site-packages/"
info = site + evil + "-1.dist-info/"
files = {
    info + "METADATA": "Name: " + evil + "\nVersion: 1\x1b[1m\n\n",
    info + "RECORD": evil + ".py,,\nlost" + evil + ".so,,\n",
    site + evil + ".py": "x = 1\n" * 3000,
    site + "copy" + evil + ".py": "x = 1\n" * 3000,
}
with tarfile.open("evil.tar", "w") as archive:
    for name, text in files.items():
        member = tarfile.TarInfo(name)
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
with tarfile.open("outside.tar", "w") as archive:
    archive.addfile(tarfile.TarInfo("../" + evil))
"#;
    let sandbox = Sandbox::new();
    let mut make = sandbox.command("python3");
    make.args(["-c", program]);
    sandbox.finish(make).success();
    let inspected = sandbox.run(["inspect", "evil.tar"]).success();
    let verified = sandbox.run(["verify", "evil.tar"]);
    assert_eq!(verified.code(), Some(1), "{verified}");
    let refused = sandbox.run(["unpack", "outside.tar", "out"]).fails_with(1);
    for run in [&inspected, &verified, &refused] {
        let text = run.stdout() + &run.stderr();
        let control = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{run}");
    }
    for run in [&inspected, &verified, &refused] {
        let text = run.stdout() + &run.stderr();
        assert!(text.contains("ev\u{fffd}]0;title\u{fffd}il"), "{run}");
    }
    assert!(inspected.stdout().contains("duplicates"), "{inspected}");
    let told = sandbox.run(["inspect", "evil.tar", "--json"]).success().stdout();
    assert!(!told.contains('\x1b') && told.contains("\\u001b"), "{told}");
}
