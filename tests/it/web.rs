//! Archives at web addresses and in pipes, for every command that reads one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::environments::{python, thin, venv};
use crate::shared;
use crate::util::{Run, Sandbox, required};

/// How a server answers those who ask for a part of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Parts,
    /// With the file.
    Whole,
    /// With parts, the first two of which break off in the middle.
    BreaksOff,
    /// With parts of a file that is another one every time.
    Changes,
    /// With parts, and tells that they are encoded by gzip, as servers do that
    /// judge by the name of a `.tar.gz`.
    CallsItEncoded,
}

/// A web server of one folder.
struct Web {
    address: String,
    /// The path and the range of every request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn of(folder: &Path, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (folder, log, answers) = (folder.to_owned(), Arc::clone(&asked), AtomicUsize::new(0));
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &folder, manner, &log, &answers);
            }
        });
        Web { address, asked }
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(
    stream: TcpStream,
    folder: &Path,
    manner: Manner,
    log: &Mutex<Vec<String>>,
    answers: &AtomicUsize,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let found = headers.iter().filter_map(|line| line.split_once(": "));
        found.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let range = header("range").and_then(|range| {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    log.lock().unwrap().push(format!("{path} {range:?}"));
    let mut out = &stream;
    if path.starts_with("/private/") && header("authorization").is_none() {
        return write!(out, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    let name = path.trim_start_matches("/private").trim_start_matches('/').split('?').next().unwrap();
    let Ok(bytes) = fs_err::read(folder.join(name)) else {
        return write!(out, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let number = answers.fetch_add(1, Ordering::SeqCst);
    let (status, part, more) = match range {
        Some((first, last)) if manner != Manner::Whole && first < bytes.len() => {
            let last = last.min(bytes.len() - 1);
            let of = format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len());
            ("206 Partial Content", &bytes[first..=last], of)
        }
        Some(_) if manner != Manner::Whole => {
            ("416 Range Not Satisfiable", &bytes[..0], format!("content-range: bytes */{}\r\n", bytes.len()))
        }
        _ => ("200 OK", &bytes[..], String::new()),
    };
    let tag = if manner == Manner::Changes { number } else { 0 };
    let encoding = if manner == Manner::CallsItEncoded { "content-encoding: gzip\r\n" } else { "" };
    write!(
        out,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"{tag}\"\r\n{more}{encoding}connection: close\r\n\r\n",
        part.len()
    )?;
    let sent = if manner == Manner::BreaksOff && number < 2 { part.len() / 2 } else { part.len() };
    out.write_all(&part[..sent])
}

/// A virtual environment that is larger than what is asked for at once.
fn archive() -> &'static Path {
    static ARCHIVES: std::sync::OnceLock<(Sandbox, PathBuf)> = std::sync::OnceLock::new();
    let (_, folder) = ARCHIVES.get_or_init(|| {
        let sandbox = Sandbox::new();
        venv(&sandbox, "env", &python("3.12"), &["tabulate"]);
        for format in shared::FORMATS {
            sandbox.run(["pack", "env", "-o", &format!("env.{format}"), "--compress-level", "1"]).success();
        }
        let folder = sandbox.work(".");
        (sandbox, folder)
    });
    folder
}

fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn an_archive_at_a_web_address_is_read_by_parts() {
    let (sandbox, folder) = (Sandbox::new(), archive());
    for manner in [Manner::Parts, Manner::BreaksOff, Manner::CallsItEncoded] {
        for format in ["tar.gz", "zip"] {
            let web = Web::of(folder, manner);
            let name = format!("env.{format}");
            let here = folder.join(&name);
            let local = json(&sandbox.run(["inspect", here.to_str().unwrap(), "--json"]).success());
            let run = sandbox.run(["inspect", &web.url(&name), "--json"]).success();
            assert_eq!(json(&run), local);
            let asked = web.asked();
            assert!(asked.len() > 2 && asked.iter().all(|request| request.contains("Some(")), "{asked:?}");
        }
    }
}

#[test]
fn an_archive_at_a_web_address_is_unpacked_in_every_format_and_tried() {
    let (sandbox, folder) = (Sandbox::new(), archive());
    let web = Web::of(folder, Manner::Parts);
    for format in shared::FORMATS {
        let out = format!("out-{format}");
        sandbox.run(["unpack", &web.url(&format!("env.{format}")), &out]).success();
        let mut run = sandbox.command(sandbox.work(&out).join("bin/python"));
        run.args(["-c", "import tabulate"]);
        sandbox.finish(run).success();
        // Threads that read side by side fetch nothing twice.
        let mut asked = web.asked();
        let number = asked.len();
        asked.sort();
        asked.dedup();
        assert!(number <= asked.len() + 4, "{number} requests for {} parts", asked.len());
    }
    let run = sandbox.run(["verify", &web.url("env.tar.gz"), "--json"]).success();
    let checks = json(&run)["checks"].as_array().unwrap().clone();
    assert!(checks.iter().any(|check| check["name"] == "the whole archive" && check["outcome"] == "passed"));
}

#[test]
fn a_server_that_gives_no_parts_gives_the_whole_and_that_is_told() {
    let (sandbox, folder) = (Sandbox::new(), archive());
    let web = Web::of(folder, Manner::Whole);
    let run = sandbox.run(["unpack", &web.url("env.zip"), "out"]).success();
    run.says(&["note: the server of", "gives no parts of files"]);
    assert_eq!(web.asked().len(), 1);
    let local = folder.join("env.zip");
    let local = json(&sandbox.run(["inspect", local.to_str().unwrap(), "--json"]).success());
    assert_eq!(json(&sandbox.run(["inspect", &web.url("env.zip"), "--json", "-q"]).success()), local);
    let left: Vec<_> = fs_err::read_dir(sandbox.tmp()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_can_not_be_read_from_the_web_is_told() {
    let (sandbox, folder) = (Sandbox::new(), archive());
    sandbox.write("empty.tar.gz", "");
    sandbox.write("page.tar.gz", "<html>not found</html>");
    let web = Web::of(&sandbox.work("."), Manner::Parts);
    for command in [&["inspect"][..], &["verify"], &["unpack"]] {
        let run = |url: &str| {
            let mut arguments = command.to_vec();
            arguments.push(url);
            arguments.extend((command[0] == "unpack").then_some("out"));
            sandbox.run(arguments)
        };
        let missing = web.url("another.tar.gz?X-Signature=s3cret");
        let told = run(&missing).fails_with(1).says(&["there is no archive at", "another.tar.gz", "hint:"]);
        assert!(!told.stderr().contains("s3cret"), "{told}");
        run(&web.url("empty.tar.gz")).fails_with(1).says(&["empty.tar.gz` is empty"]);
        run(&web.url("page.tar.gz")).fails_with(1).says(&["page.tar.gz` is no archive"]);
        let private = web.url("private/env.tar.gz");
        run(&private).fails_with(1).says(&["private/env.tar.gz", "401 Unauthorized", ".netrc"]);
        assert!(!sandbox.work("out").exists());
    }
    let signed = Web::of(folder, Manner::Parts);
    let signed = signed.url("private/env.tar.gz").replace("http://", "http://me:pa55word@");
    sandbox.run(["inspect", &signed]).success();
    let changing = Web::of(folder, Manner::Changes);
    let run = sandbox.run(["unpack", &changing.url("env.tar"), "out"]);
    run.fails_with(3).says(&["env.tar` changed while it was being read", "hint:"]);
    sandbox.run(["inspect", "http://"]).fails_with(2).says(&["`http://` is no web address", "hint:"]);
    sandbox
        .run(["inspect", "ftp://host/env.zip"])
        .fails_with(2)
        .says(&["unknown kind", "http:, https:, file:"]);
    sandbox.run(["publish", &web.url("env.zip"), "out/"]).fails_with(1).says(&["fetch it first"]);
}

#[test]
fn a_web_server_that_is_not_there_is_worth_another_try() {
    let sandbox = Sandbox::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/env.zip");
    sandbox.run(["inspect", &url]).fails_with(3).says(&[
        &url,
        "refused",
        "hint: check that the server answers",
    ]);
}

#[test]
fn published_archives_are_unpacked_and_tried_where_they_lie() {
    let sandbox = Sandbox::new().with_s3();
    let interpreter = python("3.11");
    venv(&sandbox, "env", &interpreter, &["tabulate"]);
    let url = format!("s3a://{}/{}/env.zip", required("ENVSHIP_TEST_S3_BUCKET"), sandbox.id());
    sandbox.run(["ship", "env", &url, "--compress-level", "1"]).success();
    sandbox.run(["unpack", &url, "out"]).success();
    assert!(sandbox.work("out/bin/tabulate").exists());
    sandbox.run(["verify", &url]).success();
    let file = sandbox.work("env.tar");
    sandbox.run(["pack", "env", "-o", file.to_str().unwrap(), &thin(&interpreter)]).success();
    sandbox
        .run(["unpack", &format!("file://{}", file.display()), "thin", "--allow-absolute-links"])
        .success();
    let wrong = Sandbox::new().with_s3().with("AWS_SECRET_ACCESS_KEY", "wrong");
    let told = wrong.run(["inspect", &url]).fails_with(1).says(&["AWS_SECRET_ACCESS_KEY", "may read there"]);
    assert!(!told.stderr().contains("write"), "{told}");
}

#[test]
fn an_archive_may_come_through_a_pipe() {
    let sandbox = Sandbox::new();
    for format in ["tar.gz", "zip"] {
        let mut bytes = Vec::new();
        fs_err::File::open(archive().join(format!("env.{format}"))).unwrap().read_to_end(&mut bytes).unwrap();
        for arguments in [&["unpack", "/dev/stdin", format][..], &["inspect", "/dev/stdin"]] {
            let mut command = sandbox.envship();
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(&bytes).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        assert!(sandbox.work(format).join("bin/tabulate").exists());
    }
}

#[test]
fn what_has_no_end_is_not_read() {
    let sandbox = Sandbox::new();
    sandbox.write("env.tar", "");
    let _socket = UnixListener::bind(sandbox.work("socket")).unwrap();
    for (name, what) in [("/dev/zero", "a device"), ("socket", "a socket")] {
        for command in
            [&["inspect", name][..], &["verify", name], &["unpack", name, "out"], &["publish", name, "s/"]]
        {
            sandbox.run(command).fails_with(1).says(&[name, what, "hint:"]);
        }
    }
    sandbox.run(["conf", "/dev/zero", "--for", "spark-submit"]).fails_with(2);
    assert!(!sandbox.work("out").exists());
}
