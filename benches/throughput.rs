//! How many bytes a second go through what touches every byte of an
//! environment: the rewriters, one thread each, and the formats, on all cores.
//!
//!   cargo bench [FILTER]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use envship::archive::{self, Layout, Readings, Relocate};
use envship::artifact::Format;
use envship::entry::{Content, Edit, Entry, File, Group, Measured, Node, Placeholder, Rewrite, SourceCheck};
use envship::progress::Silent;
use envship::relocate::{Destination, Interpreter, Relocator};

const PREFIX: &str = "/home/somebody/envs/analytics";

fn relocator() -> Relocator {
    let names = ["python", "python3"].map(str::to_owned).to_vec();
    let interpreter = Interpreter { program: "python".to_owned(), names, programs: [].into() };
    Relocator::new(&[PathBuf::from(PREFIX)], Destination::Anywhere, interpreter)
}

/// Lines that look like a program's, with no two alike.
fn source(size: usize) -> Vec<u8> {
    let line = |number: usize| {
        format!("def function_{number}(first, second={}):\n    return first + second\n\n", number * 7919)
    };
    let mut text: Vec<u8> = (0..).flat_map(|number| line(number).into_bytes()).take(size).collect();
    text.push(b'\n');
    text
}

/// A module of the standard library, compiled by the machine's Python as if it
/// were installed below the prefix.
fn bytecode() -> Vec<u8> {
    let program = format!(
        "import argparse, importlib.util, marshal, sys
with open(argparse.__file__) as file:
    code = compile(file.read(), '{PREFIX}/lib/python3/argparse.py', 'exec')
sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))"
    );
    let output = Command::new("python3").args(["-c", &program]).output().expect("python3 is on PATH");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn rewriters(criterion: &mut Criterion) {
    let relocator = relocator();
    let plain = source(1 << 20);
    let mut text = plain.clone();
    for at in (0..text.len() - 100).step_by(4096) {
        text[at..at + PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
    }
    let script = [format!("#!{PREFIX}/bin/python\n").into_bytes(), source(20_000)].concat();
    let library = fs_err::read(std::env::current_exe().expect("a running program has a file"))
        .expect("a program can be read by who runs it");
    let valid = Rewrite::Bytecode { source_hash: *b"01234567", check: SourceCheck::Unchecked };
    let module = "lib/python3/__pycache__/argparse.cpython-3.pyc";
    let mut group = criterion.benchmark_group("relocate");
    for (name, path, rewrite, bytes) in [
        ("nothing", "lib/python3/plain.txt", &Rewrite::Search, &plain),
        ("text", "share/listing.txt", &Rewrite::Search, &text),
        ("script", "bin/tool", &Rewrite::Search, &script),
        ("elf", "lib/library.so", &Rewrite::Search, &library),
        ("bytecode", module, &valid, &bytecode()),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| relocator.relocate(path, path.starts_with("bin/"), rewrite, bytes));
        });
    }
}

/// Changes nothing.
struct Stay;

impl Relocate for Stay {
    fn needs_whole(&self, _: &str, _: bool, _: &Rewrite, _: &[u8]) -> bool {
        false
    }

    fn holds_prefix(&self, _: &[u8]) -> bool {
        false
    }

    fn overlap(&self) -> usize {
        0
    }

    fn relocate(
        &self,
        _: &str,
        _: bool,
        _: &Rewrite,
        _: &[u8],
    ) -> envship::error::Result<(Vec<Edit>, Vec<Placeholder>)> {
        Ok((Vec::new(), Vec::new()))
    }
}

/// Modules of many sizes and a library: 48 MB on disk.
fn environment(folder: &Path) -> Vec<Measured> {
    let library = source(32 << 20);
    let modules = (0..1000).map(|number| (format!("lib/module{number:04}.py"), &library[..number * 32]));
    let files = modules.chain([("lib/library.so".to_owned(), &library[..])]).map(|(path, bytes)| {
        let disk = folder.join(path.replace('/', "-"));
        fs_err::write(&disk, bytes).expect("the folder for temporary files has room");
        let content = Content::Disk { path: disk.into(), size: bytes.len() as u64 };
        let file = File { executable: false, content, rewrite: Rewrite::Search };
        Entry { path: path.into(), group: Group::Loose, node: Node::File(file) }
    });
    let folder = Entry { path: "lib".into(), group: Group::Directory, node: Node::Directory };
    let manifest =
        File { executable: false, content: Content::Memory(Arc::from(*b"{}")), rewrite: Rewrite::Keep };
    let manifest = Entry {
        path: envship::artifact::MANIFEST.into(),
        group: Group::Manifest,
        node: Node::File(manifest),
    };
    let entries = [folder, manifest].into_iter().chain(files).map(Arc::new).collect();
    archive::measure(entries, &Stay, &Readings::none(), None, &Silent)
        .expect("all of it was just written")
        .measured
}

fn formats(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
    let measured = environment(folder.path());
    let size = measured.iter().map(|item| item.size).sum();
    let mut group = criterion.benchmark_group("write");
    group.sample_size(10).throughput(Throughput::Bytes(size));
    for format in [Format::Tar, Format::TarGz, Format::TarZst, Format::Zip] {
        let layout = Layout::new(format);
        let entries = archive::arrange(measured.clone(), &layout).expect("no name is too long");
        group.bench_function(format.name(), |bencher| {
            bencher.iter(|| {
                archive::write(&entries, &layout, None, None, 0, &mut std::io::sink(), &Silent)
                    .expect("nothing changed")
            });
        });
    }
}

criterion_group!(benches, rewriters, formats);
criterion_main!(benches);
