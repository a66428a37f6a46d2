//! Archives of other makers, and our archives in other hands.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::*;

/// Runs a program that every Unix has.
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn populate(root: &Path) {
    let long: PathBuf = ["d".repeat(120), "e".repeat(120), "f".repeat(120)].iter().collect();
    fs_err::create_dir_all(root.join(&long)).unwrap();
    fs_err::create_dir_all(root.join("bin")).unwrap();
    fs_err::create_dir_all(root.join("empty")).unwrap();
    fs_err::write(root.join(long.join("naïve file")), b"long").unwrap();
    fs_err::write(root.join("bin/python3.11"), noise(2_500_000, 8)).unwrap();
    fs_err::set_permissions(root.join("bin/python3.11"), std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::os::unix::fs::symlink("python3.11", root.join("bin/python")).unwrap();
    fs_err::os::unix::fs::symlink("x".repeat(140), root.join("dangling")).unwrap();
    fs_err::hard_link(root.join("bin/python3.11"), root.join("bin/twin")).unwrap();
}

#[test]
fn tars_of_other_makers_are_unpacked() {
    for format in ["--format=gnu", "--format=pax", "--format=oldgnu"] {
        for compression in ["--gzip", "--no-auto-compress"] {
            let folder = tempfile::tempdir().unwrap();
            let source = folder.path().join("source");
            populate(&source);
            run(&source, "tar", &["-c", format, compression, "-f", "../archive", "."]);
            let out = folder.path().join("out");
            let archive = folder.path().join("archive");
            unpack(&given(&archive), &out, &refuse(), &|_, _, _| Default::default(), &Silent).unwrap();
            assert_eq!(listing(&out), listing(&source), "{format}");
        }
    }
}

#[test]
fn a_tar_may_begin_with_a_frame_to_skip_or_end_with_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    populate(&source);
    run(&source, "tar", &["-cf", "../tar", "."]);
    run(&source, "tar", &["-czf", "../tar.gz", "."]);
    let frame = ::zstd::encode_all(fs_err::File::open(folder.path().join("tar")).unwrap(), 1).unwrap();
    // As pzstd has it: how long the next frame is.
    let skipped = [b"\x50\x2a\x4d\x18\x04\0\0\0".as_slice(), &[0; 4]].concat();
    let member = fs_err::read(folder.path().join("tar.gz")).unwrap();
    for (number, archive) in [[skipped, frame].concat(), [member, vec![0; 512]].concat()].iter().enumerate() {
        let (path, out) = (folder.path().join("archive"), folder.path().join(number.to_string()));
        fs_err::write(&path, archive).unwrap();
        unpack(&given(&path), &out, &refuse(), &|_, _, _| Default::default(), &Silent).unwrap();
        assert_eq!(listing(&out), listing(&source), "{number}");
    }
}

#[test]
fn times_are_kept_since_bytecode_is_checked_against_them() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs_err::create_dir(&source).unwrap();
    fs_err::write(source.join("x.py"), b"").unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    fs_err::OpenOptions::new().write(true).open(source.join("x.py")).unwrap().set_modified(time).unwrap();
    run(&source, "tar", &["-czf", "../archive", "."]);
    let out = folder.path().join("out");
    unpack(&given(&folder.path().join("archive")), &out, &refuse(), &|_, _, _| Default::default(), &Silent)
        .unwrap();
    assert_eq!(fs_err::metadata(out.join("x.py")).unwrap().modified().unwrap(), time);
}

#[test]
fn of_two_files_with_one_name_the_later_counts() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs_err::create_dir(&source).unwrap();
    for content in ["first", "second", "third"] {
        fs_err::write(source.join("pyvenv.cfg"), content).unwrap();
        run(&source, "tar", &["-rf", "../archive", "pyvenv.cfg"]);
    }
    let out = folder.path().join("out");
    unpack(&given(&folder.path().join("archive")), &out, &refuse(), &|_, _, _| Default::default(), &Silent)
        .unwrap();
    assert_eq!(listing(&out), [described("pyvenv.cfg", false, b"third")]);
}

#[test]
fn other_tools_read_our_tars() {
    let long = format!("{}/{}/naïve file", "d".repeat(150), "e".repeat(150));
    let entries = || {
        vec![
            file("bin/python3.11", &noise(2_500_000, 8)),
            link("bin/python", "python3.11"),
            link("dangling", &"x".repeat(140)),
            file(&long, b"long"),
            directory("empty"),
        ]
    };
    let ours = tempfile::tempdir().unwrap();
    let layout = Layout::new(Format::Tar);
    unpack_bytes(&packed(entries(), &layout, 2), ours.path(), &refuse()).unwrap();
    for format in [Format::TarGz, Format::Tar] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar.gz");
        fs_err::write(&archive, packed(entries(), &Layout::new(format), 2)).unwrap();
        if format == Format::TarGz {
            run(folder.path(), "gzip", &["-t", "a.tar.gz"]);
        }
        let out = folder.path().join("out");
        fs_err::create_dir(&out).unwrap();
        run(&out, "tar", &["-xf", "../a.tar.gz"]);
        assert_eq!(listing(&out), listing(&ours.path().join("out")), "{format}");
    }
}
