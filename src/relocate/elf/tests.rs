use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::entry::Rewrite;
use crate::relocate::{Destination, Interpreter, Outcome, Relocated, Relocator, splice};

/// Long enough for `$ORIGIN/../lib` to fit.
const LONG: &str = "/home/u/envs/an-environment";
const SHORT: &str = "/env";

fn relocator(prefix: &str) -> Relocator {
    let interpreter = Interpreter { program: "python".to_owned(), names: vec![], programs: [].into() };
    Relocator::new(&[prefix.into()], Destination::Anywhere, interpreter)
}

fn compile(arguments: &[&str], source: &str, output: &Path) {
    let source_file = output.with_extension("c");
    fs_err::create_dir_all(output.parent().unwrap()).unwrap();
    fs_err::write(&source_file, source).unwrap();
    let status =
        Command::new("cc").args(["-o".as_ref(), output, &source_file]).args(arguments).status().unwrap();
    assert!(status.success());
    fs_err::remove_file(source_file).unwrap();
}

const LIBRARY: &str = "
    __thread int forty = 40;
    static int one;
    __attribute__((constructor)) static void begin(void) { one = 1; }
    int answer(void) { return forty + one; }
    int lib(void) { return 1; }";

const PROGRAM: &str = "
    #include <stdio.h>
    int answer(void), lib(void);
    int main(void) { printf(\"%d\\n%s\\n%s\\n\", answer() + lib(), PREFIX, \"environment\"); return 0; }";

/// `bin/program`, which needs `lib/libanswer.so`, as if installed at the prefix.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn at(prefix: &str, run_path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("lib/libanswer.so");
        compile(&["-shared", "-fPIC", "-Wl,-soname,libanswer.so"], LIBRARY, &library);
        let prefix = format!("-DPREFIX=\"{prefix}\"");
        let run_path = format!("-Wl,--enable-new-dtags,-rpath,{run_path}");
        let search = format!("-L{}", folder.path().join("lib").display());
        let arguments = [&prefix, "-lanswer", &search, &run_path];
        compile(&arguments, PROGRAM, &folder.path().join("bin/program"));
        Installed { folder }
    }

    fn program(&self) -> Vec<u8> {
        fs_err::read(self.folder.path().join("bin/program")).unwrap()
    }

    /// What the program prints with these bytes; `None` if it doesn't start.
    fn run(&self, bytes: &[u8]) -> Option<String> {
        let program = self.folder.path().join("bin/program");
        // In place: the mode stays, and no descriptor of this process is left
        // open for writing while another thread starts a child (ETXTBSY).
        let staged = self.folder.path().join("staged");
        fs_err::write(&staged, bytes).unwrap();
        assert!(Command::new("cp").arg(&staged).arg(&program).status().unwrap().success());
        let output = Command::new(&program).env_clear().output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

fn relocate(prefix: &str, path: &str, bytes: &[u8]) -> (Relocated, Vec<u8>) {
    let relocated = relocator(prefix).relocate(path, true, &Rewrite::Search, bytes);
    let output = splice(bytes, &relocated.edits);
    let again = relocator(prefix).relocate(path, true, &Rewrite::Search, &output);
    assert_eq!(again, Relocated::default(), "relocating twice is relocating once");
    (relocated, output)
}

fn run_paths(bytes: &[u8]) -> Vec<String> {
    let dynamic = Dynamic::parse(bytes).unwrap();
    let values = dynamic.run_paths.iter().map(|one| bytes[one.range.clone()].to_vec());
    values.map(|value| String::from_utf8(value).unwrap()).collect()
}

#[test]
fn a_run_path_that_fits_is_written_in_place() {
    let installed = Installed::at(LONG, &format!("{LONG}/lib:/usr/lib/other"));
    let original = installed.program();
    assert_eq!(installed.run(&original), None, "the library isn't found yet");
    let (relocated, output) = relocate(LONG, "bin/program", &original);
    assert_eq!(relocated.outcome, Outcome::RunPath);
    assert_eq!(output.len(), original.len());
    assert_eq!(run_paths(&output), ["$ORIGIN/../lib:/usr/lib/other"]);
    assert_eq!(installed.run(&output).as_deref(), Some("42\n/.envship\nenvironment\n"));
}

#[test]
fn a_run_path_that_is_too_long_rebuilds_the_file() {
    let installed = Installed::at(SHORT, &format!("{SHORT}/lib"));
    let (relocated, output) = relocate(SHORT, "bin/program", &installed.program());
    assert_eq!(relocated.outcome, Outcome::RunPath);
    assert_eq!(run_paths(&output), ["$ORIGIN/../lib"]);
    assert_eq!(memchr::memmem::find(&output, b"/env/"), None);
    assert!(installed.run(&output).unwrap().starts_with("42\n"));
    // A placeholder is where the list says, in the rebuilt file too.
    let placed = crate::relocate::place(&output, &relocated.placeholders, SHORT);
    assert_eq!((placed.edits.len(), placed.unfit), (1, vec![]));
    assert_eq!(installed.run(&splice(&output, &placed.edits)).as_deref(), Some("42\n/env\nenvironment\n"));
}

#[test]
fn a_library_of_the_node_does_not_come_first() {
    for prefix in [LONG, SHORT] {
        let installed = Installed::at(prefix, &format!("{prefix}/lib"));
        assert!(Dynamic::parse(&installed.program()).unwrap().runpath_tag.is_some(), "the linker's default");
        let (_, output) = relocate(prefix, "bin/program", &installed.program());
        assert_eq!(Dynamic::parse(&output).unwrap().runpath_tag, None);
        let foreign = installed.folder.path().join("foreign/libanswer.so");
        compile(&["-shared", "-fPIC", "-Wl,-soname,libanswer.so"], "int other(void) { return 0; }", &foreign);
        installed.run(&output).unwrap();
        let program = installed.folder.path().join("bin/program");
        let node = Command::new(program).env("LD_LIBRARY_PATH", foreign.parent().unwrap()).output().unwrap();
        assert!(node.status.success(), "{node:?}");
    }
}

#[test]
fn a_symbol_that_is_the_tail_of_the_run_path_keeps_its_name() {
    // `lib` is imported, and linkers store it as the end of `…/lib`.
    let installed = Installed::at(LONG, &format!("{LONG}/lib"));
    let original = installed.program();
    let dynamic = Dynamic::parse(&original).unwrap();
    let tail = dynamic.run_paths[0].range.end - "lib".len();
    assert!(dynamic.references.contains(&tail), "the linker shares tails");
    let (relocated, output) = relocate(LONG, "bin/program", &original);
    assert_eq!(
        (relocated.outcome, run_paths(&output)),
        (Outcome::RunPath, vec!["$ORIGIN/../lib".to_owned()])
    );
    assert!(installed.run(&output).unwrap().starts_with("42\n"));
}

#[test]
fn a_file_with_something_appended_is_never_rebuilt() {
    let installed = Installed::at(SHORT, &format!("{SHORT}/lib"));
    let mut bytes = installed.program();
    bytes.extend(b"payload");
    let (relocated, output) = relocate(SHORT, "bin/program", &bytes);
    assert_eq!(relocated.outcome, Outcome::RunPathStays);
    assert_eq!(output.len(), bytes.len());
    assert!(!relocated.placeholders.is_empty());
}

#[test]
fn what_the_package_calls_text_is_still_no_text() {
    let original = Installed::at(LONG, &format!("{LONG}/lib:/usr/lib/other")).program();
    let as_text = relocator(LONG).relocate("bin/program", true, &Rewrite::Text, &original);
    assert_eq!(as_text, relocator(LONG).relocate("bin/program", true, &Rewrite::Search, &original));
}

fn relative_to(path: &str, run_path: &str) -> Option<String> {
    let prefixes = Prefixes::new(&["/p".into(), "/base".into()]);
    relative(run_path.as_bytes(), path, &prefixes).map(|value| String::from_utf8(value).unwrap())
}

#[test]
fn entries_are_relative_to_the_directory_of_the_file() {
    for (path, run_path, expected) in [
        ("bin/x", "/p/lib", "$ORIGIN/../lib"),
        ("lib/x.so", "/p/lib", "$ORIGIN"),
        ("lib/x.so", "/p/lib/", "$ORIGIN"),
        ("lib/x.so", "/p", "$ORIGIN/.."),
        ("x.so", "/p/lib", "$ORIGIN/lib"),
        ("lib/a/b/x.so", "/p/lib/c", "$ORIGIN/../../c"),
        ("lib/x.so", "$ORIGIN/y:/p/lib:/usr/lib", "$ORIGIN/y:$ORIGIN:/usr/lib"),
        ("bin/x", "/p/lib:/base/lib:/p//lib/./y/..", "$ORIGIN/../lib"),
    ] {
        assert_eq!(relative_to(path, run_path).as_deref(), Some(expected), "{path} {run_path}");
    }
}

#[test]
fn an_entry_that_leads_out_of_the_prefix_is_dropped() {
    assert_eq!(relative_to("bin/x", "/p/../secret:/p/lib").as_deref(), Some("$ORIGIN/../lib"));
}

#[test]
fn other_run_paths_stay() {
    for run_path in ["", "$ORIGIN/../lib", "/usr/lib", "/p2/lib", "/x/p/lib"] {
        assert_eq!(relative_to("bin/x", run_path), None, "{run_path}");
    }
}

static PROGRAMS: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [LONG, SHORT].map(|prefix| Installed::at(prefix, &format!("{prefix}/lib")).program()));

proptest! {
    #[test]
    fn a_damaged_file_is_relocated_or_left_alone(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        headers in any::<bool>(),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        for (prefix, program) in [LONG, SHORT].into_iter().zip(&*PROGRAMS) {
            let mut bytes = program.clone();
            let reach = if headers { 1024 } else { bytes.len() };
            for (at, byte) in &damage {
                bytes[at.index(reach)] = *byte;
            }
            if cut {
                bytes.truncate(length.index(program.len()));
            }
            let relocated = relocator(prefix).relocate("bin/program", true, &Rewrite::Search, &bytes);
            prop_assert!(splice(&bytes, &relocated.edits).len() <= program.len() + 8 * 1024 * 1024);
        }
    }
}
