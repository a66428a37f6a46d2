//! What is kept from one pack for the next changes how long it takes, and
//! nothing else.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fs_err as fs;

use crate::environments::{index_url, python, thin, venv};
use crate::util::Sandbox;

/// A sandbox with a cache of its own and an environment in `env`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", cache);
    venv(&sandbox, "env", &python("3.11"), &["tabulate", "envship-only"]);
    sandbox
}

fn pack(sandbox: &Sandbox, archive: &str, flags: &[&str]) -> (Vec<u8>, String) {
    let thin = thin(&python("3.11"));
    let run = sandbox.run(["pack", "env", "-o", archive, "--force", &thin].iter().chain(flags)).success();
    (fs::read(sandbox.work(archive)).unwrap(), run.stderr())
}

fn segments(sandbox: &Sandbox) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(sandbox.path("cache/segments")).into_iter().flatten();
    files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn an_archive_is_the_same_whatever_the_cache_holds() {
    let sandbox = sandbox();
    for archive in ["env.tar.gz", "env.tar.zst", "env.zip"] {
        let (anew, _) = pack(&sandbox, archive, &["--no-cache"]);
        let before = segments(&sandbox).len();
        let (cold, _) = pack(&sandbox, archive, &[]);
        let between = segments(&sandbox).len();
        assert!(between > before, "{archive}: nothing was kept");
        let (warm, _) = pack(&sandbox, archive, &[]);
        assert_eq!(segments(&sandbox).len(), between, "{archive}: something was made anew");
        assert!(anew == cold && anew == warm, "{archive}");
    }
    let half = segments(&sandbox);
    half.iter().step_by(2).for_each(|path| fs::remove_file(path).unwrap());
    for archive in ["env.tar.gz", "env.tar.zst", "env.zip"] {
        let (anew, _) = pack(&sandbox, archive, &["--no-cache"]);
        let (mixed, _) = pack(&sandbox, archive, &[]);
        assert!(anew == mixed, "{archive}");
    }
}

/// Through memory a file can change and keep its times: one in memory always does.
#[test]
fn what_was_read_is_read_again_after_it_turned_out_to_be_wrong() {
    let sandbox = sandbox();
    let in_memory = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
    symlink(in_memory.path(), sandbox.work("env/data.txt")).unwrap();
    let program = "import mmap, sys
with open(sys.argv[1], 'w+b') as file:
    file.write(b'1' * 4096)
    file.flush()
    memory = mmap.mmap(file.fileno(), 4096)
    for line in sys.stdin:
        memory[:4] = line.strip().encode()
        print('written', flush=True)";
    let mut writer = sandbox.command("python3");
    writer.args(["-c", program]).arg(in_memory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    let (mut tell, mut told) = (writer.stdin.take().unwrap(), BufReader::new(writer.stdout.take().unwrap()));
    let mut write = |text: &str| {
        writeln!(tell, "{text}").unwrap();
        told.read_line(&mut String::new()).unwrap();
    };
    write("2222");
    // Nothing is kept of what changed a moment ago.
    std::thread::sleep(Duration::from_secs(5));
    let changed = |archive: &str| {
        let thin = thin(&python("3.11"));
        let run = sandbox.run(["pack", "env", "-o", archive, "--force", &thin]);
        run.stderr().contains("data.txt` changed while it was being packed")
    };
    assert!(!changed("env.tar.gz"));
    write("3333");
    assert!(changed("env.tar.zst"));
    assert!(!changed("env.tar.zst"), "it is read again");
    let (anew, _) = pack(&sandbox, "env.tar.zst", &["--no-cache"]);
    assert!(pack(&sandbox, "env.tar.zst", &[]).0 == anew);
    drop(tell);
    writer.wait().unwrap();
}

#[test]
fn many_processes_fill_one_cache_while_it_is_emptied() {
    let sandbox = sandbox();
    let (anew, _) = pack(&sandbox, "env.tar.gz", &["--no-cache"]);
    std::thread::scope(|scope| {
        let archives = ["a.tar.gz", "b.tar.gz", "c.tar.gz", "d.tar.gz"];
        let packs = archives.map(|archive| scope.spawn(|| pack(&sandbox, archive, &[]).0));
        // Waits for those that have begun, and whoever comes later begins with nothing.
        sandbox.run(["cache", "clean"]).success();
        for made in packs {
            assert!(made.join().unwrap() == anew);
        }
    });
    let (_, stderr) = pack(&sandbox, "env.tar.gz", &[]);
    assert!(!stderr.contains("damaged"), "{stderr}");
}

#[test]
fn a_damaged_piece_is_made_anew_and_told_once() {
    let sandbox = sandbox();
    let (first, _) = pack(&sandbox, "env.tar.gz", &[]);
    for (number, path) in segments(&sandbox).iter().take(2).enumerate() {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, if number == 0 { bytes } else { Vec::new() }).unwrap();
    }
    let (second, stderr) = pack(&sandbox, "env.tar.gz", &[]);
    assert!(first == second);
    assert_eq!(stderr.matches("warning: 2 pieces of the cache were damaged").count(), 1, "{stderr}");
    let (_, stderr) = pack(&sandbox, "env.tar.gz", &[]);
    assert!(!stderr.contains("damaged"), "{stderr}");
}

#[test]
fn a_file_that_changed_is_read_again_whatever_its_time_says() {
    let sandbox = sandbox();
    let module = module(&sandbox.work("env"));
    // What was installed a moment ago is not trusted.
    std::thread::sleep(std::time::Duration::from_secs(4));
    let (first, _) = pack(&sandbox, "env.tar.gz", &["--bytecode", "strip"]);
    let times = fs::metadata(&module).unwrap().modified().unwrap();
    let mut bytes = fs::read(&module).unwrap();
    let last = bytes.len() - 1;
    bytes[last] = b' ';
    fs::write(&module, &bytes).unwrap();
    fs::File::open(&module).unwrap().file().set_modified(times).unwrap();
    let (warm, _) = pack(&sandbox, "env.tar.gz", &["--bytecode", "strip"]);
    let (anew, _) = pack(&sandbox, "env.tar.gz", &["--bytecode", "strip", "--no-cache"]);
    assert!(first != warm, "the change was not seen");
    assert!(warm == anew);
}

fn module(prefix: &Path) -> PathBuf {
    prefix.join("lib/python3.11/site-packages/tabulate/__init__.py")
}

#[test]
fn readings_hold_for_one_way_to_pack_only() {
    let sandbox = sandbox();
    std::thread::sleep(std::time::Duration::from_secs(4));
    pack(&sandbox, "env.tar.gz", &[]);
    for flags in [
        &["--bytecode", "keep"][..],
        &["--bytecode", "checked"],
        &["--dest-prefix", "/opt/env"],
        &["--compress-level", "1"],
        &["--activate-as", "conda"],
    ] {
        let (warm, _) = pack(&sandbox, "env.tar.gz", flags);
        let (anew, _) = pack(&sandbox, "env.tar.gz", &[flags, &["--no-cache"]].concat());
        assert!(warm == anew, "{flags:?}");
    }
}

#[test]
fn a_cache_that_can_not_be_written_is_told_and_does_no_harm() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("file", "");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", file.join("below"));
    venv(&sandbox, "env", &python("3.11"), &["tabulate"]);
    let (_, stderr) = pack(&sandbox, "env.tar.gz", &[]);
    assert_eq!(stderr.matches("kept for the next time").count(), 1, "{stderr}");
}

#[test]
fn the_cache_can_be_looked_at_and_emptied() {
    let sandbox = sandbox();
    let folder = sandbox.path("cache").display().to_string();
    assert_eq!(sandbox.run(["cache", "dir"]).success().stdout(), format!("{folder}\n"));
    let sizes = |arguments: &[&str]| -> (u64, Vec<u64>) {
        let run = sandbox.run(arguments).success();
        let value: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
        assert_eq!(value["folder"], folder);
        let contents = value["contents"].as_array().unwrap();
        let of = |content: &serde_json::Value| content["size"].as_u64().unwrap();
        (value["size"].as_u64().unwrap(), contents.iter().map(of).collect())
    };
    assert_eq!(sizes(&["cache", "info", "--json"]), (0, vec![0; 3]));
    pack(&sandbox, "env.tar.gz", &[]);
    let (whole, parts) = sizes(&["cache", "info", "--json"]);
    assert_eq!(whole, parts.iter().sum::<u64>());
    assert!(parts[1] > 0, "{parts:?}");
    sandbox.run(["cache", "info"]).success();
    assert_eq!(sizes(&["cache", "clean", "--json"]).0, whole);
    assert_eq!(sizes(&["cache", "info", "--json"]).0, 0);
    pack(&sandbox, "env.tar.gz", &[]);
}

#[test]
fn a_cache_keeps_below_its_limit() {
    let sandbox = sandbox();
    pack(&sandbox, "env.tar.gz", &[]);
    // An hour must pass before a piece counts as idle.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(5);
    for path in segments(&sandbox) {
        fs::File::open(path).unwrap().file().set_modified(long_ago).unwrap();
    }
    let old = segments(&sandbox);
    let sandbox = sandbox.with("ENVSHIP_CACHE_SIZE", "1K");
    let (_, stderr) = pack(&sandbox, "env.zip", &[]);
    assert!(!stderr.contains("cache"), "{stderr}");
    assert!(old.iter().all(|path| !path.exists()));
    assert!(!segments(&sandbox).is_empty(), "what was made just now stays");
    let sandbox = sandbox.with("ENVSHIP_CACHE_SIZE", "lots");
    sandbox.run(["pack", "env", "-o", "other.tar"]).fails_with(2).says(&[
        "ENVSHIP_CACHE_SIZE",
        "`lots`",
        "20G",
    ]);
    sandbox.run(["pack", "missing.yml"]).fails_with(2).says(&["`lots`"]);
}

#[test]
fn nothing_is_kept_of_where_an_environment_lay_that_is_gone() {
    let sandbox = Sandbox::new();
    let cache = sandbox.path("cache");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &cache);
    sandbox.write("requirements.txt", format!("--index-url {}\ntabulate\n", index_url()));
    let python = python("3.11");
    let python = python.to_str().unwrap();
    sandbox.run(["pack", "requirements.txt", "--python", python, "-o", "env.tar.gz"]).success();
    assert!(cache.join("segments").exists());
    assert!(!cache.join("readings").exists());
}

#[test]
fn a_cache_where_a_file_lies_is_no_cache() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("notes", "mine");
    let sandbox = sandbox.with("ENVSHIP_CACHE_DIR", &file);
    for command in ["info", "clean"] {
        let run = sandbox.run(["cache", command]).fails_with(1);
        run.says(&["notes`, which is no directory", "hint: let ENVSHIP_CACHE_DIR name a directory"]);
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}
