//! Shipping and publishing to an S3 server and to folders.

use fs_err as fs;
use std::process::Stdio;

use crate::environments::{python, thin, venv};
use crate::util::{Run, Sandbox, required};

fn bucket() -> String {
    required("ENVSHIP_TEST_S3_BUCKET")
}

/// A place of this sandbox alone.
fn url(sandbox: &Sandbox, scheme: &str, rest: &str) -> String {
    format!("{scheme}://{}/{}/{rest}", bucket(), sandbox.id())
}

/// Asks the S3 server by another client.
fn boto(sandbox: &Sandbox, program: &str) -> String {
    let prelude = "import boto3, os, sys, json
s3 = boto3.client('s3', endpoint_url=os.environ['AWS_ENDPOINT_URL'], region_name='us-east-1')
bucket = os.environ['BUCKET']\n";
    let mut python = sandbox.command(required("ENVSHIP_TEST_TOOLS_PYTHON"));
    python
        .env("AWS_ENDPOINT_URL", required("ENVSHIP_TEST_S3_ENDPOINT"))
        .env("AWS_ACCESS_KEY_ID", required("ENVSHIP_TEST_S3_KEY"))
        .env("AWS_SECRET_ACCESS_KEY", required("ENVSHIP_TEST_S3_SECRET"))
        .env("BUCKET", bucket())
        .args(["-c", &format!("{prelude}{program}")]);
    sandbox.finish(python).success().stdout().trim().to_owned()
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn what_is_there_with_the_same_digest_is_skipped_and_said_so() {
    let sandbox = Sandbox::new().with_s3();
    let interpreter = python("3.11");
    venv(&sandbox, "skip/.venv", &interpreter, &[]);
    for url in [url(&sandbox, "s3", "skip/"), "store/".to_owned()] {
        fs::create_dir_all(sandbox.work("store")).unwrap();
        let ship = || sandbox.run(["ship", "skip/.venv", &url, "--json", &thin(&interpreter)]).success();
        let first = json(&ship());
        assert_eq!(first["skipped"], false);
        let again = ship();
        assert_eq!(json(&again)["skipped"], true);
        for key in ["url", "sha256", "digest", "size"] {
            assert_eq!(json(&again)[key], first[key], "{key}");
        }
        let name = first["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let digest = first["digest"].as_str().unwrap();
        assert_eq!(name, format!("skip-{}.tar.gz", &digest[..12]));

        sandbox.run(["pack", "skip/.venv", "-o", "skip.tar.gz", "--force", &thin(&interpreter)]).success();
        let published = json(&sandbox.run(["publish", "skip.tar.gz", &url, "--json"]).success());
        assert_eq!(published["skipped"], true, "packed and published, it is the same archive");
        assert_eq!((&published["url"], &published["digest"]), (&first["url"], &first["digest"]));
    }
}

#[test]
fn an_object_carries_its_digest_and_its_checksum_lies_beside_it() {
    let sandbox = Sandbox::new().with_s3();
    venv(&sandbox, "meta/.venv", &python("3.11"), &[]);
    let run = sandbox
        .run(["ship", "meta/.venv", &url(&sandbox, "s3", "meta/"), "--json", "--compress-level", "1"])
        .success();
    let shipped = json(&run);
    let key = shipped["url"].as_str().unwrap().splitn(4, '/').nth(3).unwrap().to_owned();
    let found = boto(
        &sandbox,
        &format!(
            "import hashlib
o = s3.get_object(Bucket=bucket, Key='{key}')
body = o['Body'].read()
side = s3.get_object(Bucket=bucket, Key='{key}.sha256')['Body'].read().decode()
print(json.dumps([hashlib.sha256(body).hexdigest(), len(body), sorted(o['Metadata'].values()), side]))"
        ),
    );
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0], shipped["sha256"]);
    assert_eq!(found[1], shipped["size"]);
    assert!(found[2].as_array().unwrap().contains(&shipped["digest"]), "{found}");
    assert!(found[3].as_str().unwrap().starts_with(shipped["sha256"].as_str().unwrap()));
}

#[test]
fn a_different_object_at_an_explicit_name_is_kept_unless_forced() {
    let sandbox = Sandbox::new().with_s3();
    let interpreter = python("3.11");
    venv(&sandbox, "one/.venv", &interpreter, &[]);
    venv(&sandbox, "two/.venv", &interpreter, &["tabulate"]);
    let ship = |source: &str, url: &str, more: &[&str]| {
        sandbox.run([&["ship", source, url, &thin(&interpreter)][..], more].concat())
    };
    fs::create_dir_all(sandbox.work("store")).unwrap();
    for url in [url(&sandbox, "s3", "explicit/env.tar.gz"), "store/env.tar.gz".to_owned()] {
        let first = json(&ship("one/.venv", &url, &["--json", "--force"]).success());
        let run = ship("two/.venv", &url, &[]).fails_with(1);
        run.says(&["env.tar.gz", "--force"]);
        let again = json(&ship("one/.venv", &url, &["--json"]).success());
        assert_eq!((&again["skipped"], &again["sha256"]), (&true.into(), &first["sha256"]));
        let forced = json(&ship("two/.venv", &url, &["--force", "--json"]).success());
        assert_ne!(forced["sha256"], first["sha256"]);
    }
}

#[test]
fn an_archive_is_uploaded_while_it_is_packed_and_with_no_copy_on_disk() {
    let sandbox = Sandbox::new().with_s3();
    let mut command = ship_slowly(&sandbox, "streamed/");
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let watched = watch(&sandbox, child, None);
    assert!(watched.open_uploads > 0, "no multipart upload was seen while it packed");
    assert!(watched.temporary_bytes < 1 << 20, "{} bytes in temporary files", watched.temporary_bytes);
    assert_eq!(watched.code, Some(0));
}

#[test]
fn interrupting_an_upload_leaves_nothing_in_the_store() {
    let sandbox = Sandbox::new().with_s3();
    let mut command = ship_slowly(&sandbox, "interrupted/");
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let watched = watch(&sandbox, child, Some("-INT"));
    assert_eq!(watched.code, Some(130));
    let program = "print([u['Key'] for u in s3.list_multipart_uploads(Bucket=bucket).get('Uploads', []) if u['Key'].startswith('ID/')],
      [o['Key'] for o in s3.list_objects_v2(Bucket=bucket, Prefix='ID/').get('Contents', [])])";
    let left = boto(&sandbox, &program.replace("ID", &sandbox.id()));
    assert_eq!(left, "[] []");
}

/// Ships an environment that takes some seconds to compress.
fn ship_slowly(sandbox: &Sandbox, folder: &str) -> std::process::Command {
    venv(sandbox, "large", &python("3.11"), &["numpy", "pandas"]);
    let mut command = sandbox.envship();
    command.args(["ship", "large", &url(sandbox, "s3", folder), &thin(&python("3.11"))]);
    command.args(["-j", "1", "--compress-level", "7", "--bytecode", "keep", "--no-cache"]);
    command
}

struct Watched {
    open_uploads: usize,
    temporary_bytes: u64,
    code: Option<i32>,
}

/// Watches the store's open uploads and the temporary folders until the child
/// ends; sends it a signal once an upload is open.
fn watch(sandbox: &Sandbox, mut child: std::process::Child, signal: Option<&str>) -> Watched {
    let mut watched = Watched { open_uploads: 0, temporary_bytes: 0, code: None };
    let mut signalled = false;
    let before = bytes_on_disk(sandbox);
    let program = format!(
        "print(sum(u['Key'].startswith('{}/') for u in s3.list_multipart_uploads(Bucket=bucket).get('Uploads', [])))",
        sandbox.id()
    );
    while child.try_wait().unwrap().is_none() {
        let open: usize = boto(sandbox, &program).parse().unwrap();
        watched.open_uploads = watched.open_uploads.max(open);
        watched.temporary_bytes = watched.temporary_bytes.max(bytes_on_disk(sandbox) - before);
        if let (Some(signal), false, true) = (signal, signalled, open > 0) {
            let mut kill = sandbox.command("kill");
            kill.args([signal, &child.id().to_string()]);
            sandbox.finish(kill).success();
            signalled = true;
        }
    }
    let output = child.wait_with_output().unwrap();
    watched.code = output.status.code();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    watched
}

/// In the folders where a copy of an archive could be.
fn bytes_on_disk(sandbox: &Sandbox) -> u64 {
    let files = walkdir::WalkDir::new(sandbox.path(".")).into_iter().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

#[test]
fn an_archive_that_was_packed_before_can_be_published() {
    let sandbox = Sandbox::new().with_s3();
    venv(&sandbox, "packed/.venv", &python("3.11"), &[]);
    sandbox.run(["pack", "packed/.venv", "--compress-level", "1"]).success();
    let url = url(&sandbox, "s3a", "published/");
    let first = json(&sandbox.run(["publish", "packed.tar.gz", &url, "--json"]).success());
    assert!(first["url"].as_str().unwrap().starts_with(&format!("{url}packed-")));
    let again = json(&sandbox.run(["publish", "packed.tar.gz", &url, "--json"]).success());
    assert_eq!((&again["skipped"], &again["url"]), (&true.into(), &first["url"]));
    fs::create_dir(sandbox.work("store")).unwrap();
    let local = sandbox.run(["publish", "packed.tar.gz", "store/env.tar.gz"]).success();
    assert_eq!(local.stdout(), "store/env.tar.gz\n");
    assert_eq!(
        fs::read(sandbox.work("store/env.tar.gz")).unwrap(),
        fs::read(sandbox.work("packed.tar.gz")).unwrap()
    );
    sandbox.run(["unpack", "store/env.tar.gz", "out"]).success();
}
