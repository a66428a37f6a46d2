use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::entry::Rewrite;
use crate::relocate::{Destination, Interpreter, Outcome, Relocated, Relocator, Stranded, splice};

const PREFIX: &str = "/home/u/envs/e1";

fn relocate(path: &str, bytes: &[u8]) -> Relocated {
    let names = ["python", "python3", "python3.11"].map(str::to_owned).to_vec();
    let interpreter =
        Interpreter { program: "python".to_owned(), names, programs: ["perl".to_owned()].into() };
    let relocator = Relocator::new(&[PREFIX.into()], Destination::Anywhere, interpreter);
    let relocated = relocator.relocate(path, true, &Rewrite::Search, bytes);
    let output = splice(bytes, &relocated.edits);
    let again = relocator.relocate(path, true, &Rewrite::Search, &output);
    assert_eq!(again, Relocated::default(), "relocating twice is relocating once");
    relocated
}

fn rewritten(path: &str, bytes: &[u8]) -> Vec<u8> {
    let relocated = relocate(path, bytes);
    assert_eq!(relocated.outcome, Outcome::Script);
    splice(bytes, &relocated.edits)
}

/// The interpreter behind `python3`, which may be a launcher itself.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    String::from_utf8(python.stdout).unwrap().trim_end().into()
});

/// A directory with a Python in `bin/`.
struct Environment {
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Environment {
    /// Below a temporary folder, in a directory of this name.
    fn at(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        fs_err::create_dir_all(root.join("bin")).unwrap();
        fs_err::os::unix::fs::symlink(&*PYTHON, root.join("bin/python")).unwrap();
        Environment { root, _folder: folder }
    }

    fn add(&self, path: &str, bytes: &[u8]) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let file = self.root.join(path);
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        // Written by another process, so that no thread of this one that is just
        // starting a child holds it open for writing (ETXTBSY).
        let staged = file.with_extension("staged");
        fs_err::write(&staged, bytes).unwrap();
        assert!(Command::new("cp").arg(&staged).arg(&file).status().unwrap().success());
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn run(script: &Path) -> String {
    stdout(&Command::new(script).output().unwrap())
}

const SHOW: &str = "#!/home/u/envs/e1/bin/python3.11 -ES
import sys
print(sys.executable, sys.argv[1:], sys.flags.ignore_environment, __doc__, sep='|')
";

#[test]
fn the_launcher_names_no_path_of_its_own() {
    let script = rewritten("bin/x", b"#!/home/u/envs/e1/bin/python3.11 -I  -X utf8\nimport x\n");
    let expected = r#"#!/bin/sh
''':' && { envship_script=$(PATH=/usr/bin:/bin${PATH:+:$PATH} readlink -f -- "$0" 2>&-) || envship_script=$(CDPATH= cd -P -- "${0%/*}" 2>&- && pwd -P)/${0##*/}; } && exec "${envship_script%/*/*}/bin/python" -I -X utf8 "$0" "$@"; exit 127
' '''; __doc__ = None
import x
"#;
    assert_eq!(String::from_utf8(script).unwrap(), expected);
}

#[test]
fn a_script_starts_from_everywhere() {
    let long = "d".repeat(150);
    for name in ["plain", "with space", "q'u\"o`t$e$(false)s\\", "-n", "* [é]", &format!("{long}/{long}")] {
        for path in ["bin/show", "bin/sub/show", "lib/python3.11/site-packages/show.py"] {
            let environment = Environment::at(name);
            let script = environment.add(path, &rewritten(path, SHOW.as_bytes()));
            let link = environment.root.parent().unwrap().join("link to show");
            fs_err::os::unix::fs::symlink(&script, &link).unwrap();
            let executable = fs_err::canonicalize(&environment.root).unwrap().join("bin/python");
            let expected = format!("{}|['a b', '$c']|1|None\n", executable.display());

            for start in [&script, &link] {
                let mut command = Command::new(start);
                command.args(["a b", "$c"]).current_dir("/");
                assert_eq!(stdout(&command.output().unwrap()), expected, "{}", start.display());
                let cleared = command.env_clear().output().unwrap();
                assert_eq!(stdout(&cleared), expected, "without an environment: {}", start.display());
            }
            let (directory, file) = (script.parent().unwrap(), script.file_name().unwrap());
            let relative = Path::new(".").join(file);
            let mut command = Command::new("sh");
            command.arg(relative).args(["a b", "$c"]).current_dir(directory);
            assert_eq!(stdout(&command.output().unwrap()), expected, "relative to its directory");
        }
    }
}

#[test]
fn a_script_starts_where_there_is_no_readlink() {
    let environment = Environment::at("an env");
    let script = String::from_utf8(rewritten("bin/show", SHOW.as_bytes())).unwrap();
    let script = environment.add("bin/show", script.replace("readlink", "missing").as_bytes());
    let root = fs_err::canonicalize(&environment.root).unwrap();
    let shown = format!("{}/bin/python|[]|1|None\n", root.display());
    assert_eq!(run(&script), shown);
    for (folder, name) in [("bin", "./show"), ("", "bin/show"), ("lib", "../bin/show")] {
        let folder = environment.root.join(folder);
        fs_err::create_dir_all(&folder).unwrap();
        let output = Command::new("sh").arg(name).current_dir(folder).output().unwrap();
        assert_eq!(stdout(&output), shown, "{name}");
    }
}

#[test]
fn every_shell_starts_it() {
    let environment = Environment::at("an env");
    let script = environment.add("bin/show", &rewritten("bin/show", SHOW.as_bytes()));
    let shells: [&[&str]; 6] =
        [&["sh"], &["dash"], &["bash"], &["bash", "--posix"], &["busybox", "sh"], &["zsh"]];
    for shell in shells {
        let Ok(output) = Command::new(shell[0]).args(&shell[1..]).arg(&script).arg("x").output() else {
            continue;
        };
        assert!(stdout(&output).ends_with("|['x']|1|None\n"), "{shell:?}");
    }
}

#[test]
fn the_search_path_of_the_caller_does_not_matter() {
    let environment = Environment::at("env");
    let script = environment.add("bin/show", &rewritten("bin/show", SHOW.as_bytes()));
    for path in ["/nonexistent", "", "."] {
        let output = Command::new(&script).env("PATH", path).current_dir(&environment.root).output();
        assert!(stdout(&output.unwrap()).ends_with("|[]|1|None\n"), "{path}");
    }
}

#[test]
fn a_script_is_called_what_it_was_called() {
    let environment = Environment::at("env");
    let source = b"#!/usr/bin/env python3\nimport sys; print(sys.argv[0])\n";
    let script = environment.add("bin/tool", &rewritten("bin/tool", source));
    let link = environment.root.join("bin/tool3");
    fs_err::os::unix::fs::symlink("tool", &link).unwrap();
    assert_eq!(run(&link), format!("{}\n", link.display()));
    assert_eq!(run(&script), format!("{}\n", script.display()));
}

#[test]
fn docstrings_and_future_imports_mean_what_they_meant() {
    let environment = Environment::at("env");
    let openings = [
        "",
        "'doc'",
        "'doc' # comment",
        "# comment\n\n'''\ndoc /home/u/envs/e1/share\n'''\n",
        "r'''d\\oc'''\nfrom __future__ import annotations",
        "'one' \\\n  u'two'; from __future__ import annotations; y = 1",
        "('one' # comment\n 'two')\nfrom __future__ import (\n  annotations, # comment\n  division,\n)\n",
        "from __future__ import division\n# between\nfrom __future__ import annotations # comment",
        "f'not a doc'",
        "b'not a doc'",
        "'not' + 'a doc'",
        "'not a doc'.upper()",
        "'''it isn''' \"'\" '''t'''",
        "\"\"\"Usage: x [--help]\n\nOptions:\n  -h  \\\"\"\"help\\\"\"\"\n\"\"\"\nfrom __future__ import annotations\n",
        "x = 1\n'not a doc'\n",
    ];
    let rest = "\nimport sys\ndef f(x: undefined) -> None: pass\nprint(repr(__doc__))\n";
    let lazy = "\nprint(repr(__doc__))\n";
    for opening in openings {
        let rest = if opening.contains("annotations") { rest } else { lazy };
        let body = format!("{opening}{rest}");
        let original = environment.add("original", format!("#!{}\n{body}", PYTHON.display()).as_bytes());
        let source = format!("#!{PREFIX}/bin/python\n{body}");
        let script = environment.add("bin/x", &rewritten("bin/x", source.as_bytes()));
        assert_eq!(run(&script), run(&original).replace(PREFIX, "/.envship"), "{opening}");
    }
}

#[test]
fn placeholders_are_listed_where_the_moved_docstring_has_them() {
    let source = format!("#!{PREFIX}/bin/python\n'{PREFIX}'\nfrom __future__ import division\n'{PREFIX}'\n");
    let relocated = relocate("bin/x", source.as_bytes());
    let output = splice(source.as_bytes(), &relocated.edits);
    let found: Vec<u64> = memchr::memmem::find_iter(&output, "/.envship").map(|at| at as u64).collect();
    let listed: Vec<u64> = relocated.placeholders.iter().map(|one| one.offset).collect();
    assert_eq!((found.len(), listed), (2, found));
}

#[test]
fn an_encoding_stays_in_force() {
    let environment = Environment::at("env");
    let source = b"#!/home/u/envs/e1/bin/python\n# -*- coding: latin-1 -*-\n'\xe4'\nprint(ascii(__doc__), ascii('\xfc'))\n";
    let script = environment.add("bin/x", &rewritten("bin/x", source));
    assert_eq!(run(&script), "'\\xe4' '\\xfc'\n");
}

#[test]
fn launchers_for_long_paths_become_relative() {
    let environment = Environment::at("env");
    for interpreter in [
        "/home/u/envs/e1/bin/python",
        "\"/home/u/envs/e1/bin/python3\"",
        "'/home/u/envs/e1/bin/python3.11'",
        "\"/home/u/envs/e1/bin/python\" -E",
    ] {
        // As distlib and uv write it, and as conda and rattler do.
        for end in ["\n' '''", " #'''"] {
            let source =
                format!("#!/bin/sh\n'''exec' {interpreter} \"$0\" \"$@\"{end}\n'doc'\nprint(__doc__)\n");
            let script = environment.add("bin/x", &rewritten("bin/x", source.as_bytes()));
            assert_eq!(run(&script), "doc\n", "{interpreter}{end}");
        }
    }
}

#[test]
fn a_shebang_that_is_too_long_becomes_relative() {
    let prefix = format!("/home/u/{}", "a-long-name/".repeat(20));
    let prefix = prefix.trim_end_matches('/');
    let names = vec!["python".to_owned()];
    let interpreter = Interpreter { program: "python".to_owned(), names, programs: [].into() };
    let relocator = Relocator::new(&[prefix.into()], Destination::Anywhere, interpreter);
    let source = format!("#!{prefix}/bin/python\nprint('runs')\n");
    assert!(source.len() > 127);
    let environment = Environment::at("env");
    let script = relocator.relocated("bin/x", true, &Rewrite::Search, source.as_bytes());
    assert_eq!(run(&environment.add("bin/x", &script)), "runs\n");
}

#[test]
fn what_an_installer_leaves_to_env_is_started_by_the_environment() {
    let environment = Environment::at("env");
    for arguments in ["python", "python3 -E", "-S python -E"] {
        let source = format!("#!/usr/bin/env {arguments}\nimport sys; print(sys.flags.ignore_environment)\n");
        let script = environment.add("bin/x", &rewritten("bin/x", source.as_bytes()));
        let expected = if arguments.ends_with("-E") { "1\n" } else { "0\n" };
        let unactivated = Command::new(&script).env_clear().output().unwrap();
        assert_eq!(stdout(&unactivated), expected, "{arguments}");
    }
    for other in ["-i python", "X=1 python", "-S X=1 python", "-S -i python"] {
        let source = format!("#!/usr/bin/env {other}\n");
        assert_eq!(relocate("bin/x", source.as_bytes()), Relocated::default(), "{other}");
    }
}

#[test]
fn a_script_that_carries_an_archive_stays_intact() {
    let payload: Vec<u8> = (0..=255).cycle().take(4096).collect();
    let shell = [b"#!/bin/sh\ntail -n +3 \"$0\" | tar xz\n".as_slice(), &payload].concat();
    assert_eq!(relocate("bin/installer.sh", &shell), Relocated::default());
    // What Python reads from the end of a file has to stay there.
    let zipped = [format!("#!{PREFIX}/bin/python\n").as_bytes(), &payload].concat();
    assert!(rewritten("bin/tool.pex", &zipped).ends_with(&payload));
}

#[test]
fn a_zipped_application_starts() {
    let environment = Environment::at("env");
    let package = environment.root.join("package");
    fs_err::create_dir(&package).unwrap();
    fs_err::write(package.join("__main__.py"), "import sys; print(sys.argv[1:], __file__)\n").unwrap();
    let archive = environment.root.join("archive");
    let made = Command::new(&*PYTHON)
        .args(["-m", "zipapp", "-p", "/home/u/envs/e1/bin/python", "-o"])
        .args([&archive, &package])
        .status();
    assert!(made.unwrap().success());
    let script = environment.add("bin/x", &rewritten("bin/x", &fs_err::read(&archive).unwrap()));
    let output = Command::new(&script).arg("a").output().unwrap();
    assert_eq!(stdout(&output), format!("['a'] {}/__main__.py\n", script.display()));
}

#[test]
fn what_is_no_script_of_the_environment_keeps_its_shebang() {
    for (path, text) in [
        ("bin/x", "#!/usr/bin/env python3.9\n"),
        ("bin/x", "#!/usr/bin/env bash\n"),
        ("bin/x", "#!/usr/bin/python3\n"),
        ("bin/x", "#!/home/u/envs/e12/bin/python\n"),
        ("bin/x", "\u{feff}#!/usr/bin/env python\n"),
        ("bin/x", "#!/usr/bin/env python\r\n"),
        ("lib/x", "#!/usr/bin/env python\n"),
        (
            "bin/x",
            "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python3' \"$0\" \"$@\"\n' '''\n",
        ),
    ] {
        assert_eq!(relocate(path, text.as_bytes()), Relocated::default(), "{text}");
    }
}

#[test]
fn what_never_started_is_plain_text() {
    for text in [
        "#!/home/u/envs/e1/bin/python\r\nx\r\n",
        "#!/home/u/envs/e1/bin/python \"-E\"\n",
        "#!/home/u/envs/e1/bin/python2\n",
        "#!/home/u/envs/e1/bin/python/x\n",
    ] {
        assert_eq!(relocate("bin/x", text.as_bytes()).outcome, Outcome::Text, "{text}");
    }
}

#[test]
fn a_module_is_a_script_only_if_it_is_executable() {
    let relocator = Relocator::new(
        &[PREFIX.into()],
        Destination::Anywhere,
        Interpreter { program: "python".to_owned(), names: vec!["python".to_owned()], programs: [].into() },
    );
    let relocated =
        relocator.relocate("lib/x.py", false, &Rewrite::Search, b"#!/home/u/envs/e1/bin/python\n");
    assert_eq!((relocated.outcome, relocated.placeholders.len()), (Outcome::Text, 1));
}

#[test]
fn scripts_whose_interpreter_will_not_be_there_are_found() {
    let interpreter =
        Interpreter { program: "python".to_owned(), names: vec!["python".to_owned()], programs: [].into() };
    let relocator = Relocator::new(&[PREFIX.into()], Destination::Anywhere, interpreter.clone());
    let has = |path: &str| matches!(path, "bin/python" | "bin/perl" | "bin/own-shell");
    let stranded = |text: &str| relocator.stranded("bin/x", text.as_bytes(), &has);
    for (text, interpreter) in [
        ("#!/home/u/envs/e12/bin/python\n", "/home/u/envs/e12/bin/python"),
        ("#! /home/u/old/bin/python3 -E\nx", "/home/u/old/bin/python3"),
        ("#!/home/u/envs/e1/bin/gone\n", "/home/u/envs/e1/bin/gone"),
        ("#!/home/u/envs/e1/bin/python\r\n", "/home/u/envs/e1/bin/python\\r"),
        ("#!/usr/bin/env /home/u/old/bin/python3 -E\n", "/home/u/old/bin/python3"),
        ("#!/usr/bin/env -S /home/u/envs/e1/bin/gone -E\n", "/home/u/envs/e1/bin/gone"),
        ("#!python\n", "python"),
        ("#!/usr/local/envs/e/bin/python\n", "/usr/local/envs/e/bin/python"),
        ("#!/bin/sh\n'''exec' \"/q\"u e/bin/python\" \"$0\" \"$@\"\n' '''\n", "\"/q\"u e/bin/python\""),
        ("#!/bin/sh\n'''exec' '/old e/bin/python' \"$0\" \"$@\"\n' '''\n", "/old e/bin/python"),
        ("#!/bin/sh\n'''exec' /old/bin/python \"$0\" \"$@\"\n' '''\n", "/old/bin/python"),
        ("#!/bin/sh\n'''exec' \"/old e/bin/python\" \"$0\" \"$@\" #'''\n", "/old e/bin/python"),
    ] {
        assert_eq!(stranded(text), Some(Stranded::Missing(interpreter.to_owned())), "{text}");
    }
    for (text, program) in [
        ("#!/home/u/envs/e1/bin/own-shell\n", "/home/u/envs/e1/bin/own-shell"),
        ("#!/usr/bin/env /home/u/envs/e1/bin/own-shell\n", "/home/u/envs/e1/bin/own-shell"),
        ("#!/home/u/envs/e1/bin/perl -e 'a b'\n", "/home/u/envs/e1/bin/perl"),
    ] {
        assert_eq!(stranded(text), Some(Stranded::Unplaced(program.to_owned())), "{text}");
        let placed = Destination::Fixed("/opt/env".to_owned());
        let relocator = Relocator::new(&[PREFIX.into()], placed, interpreter.clone());
        assert_eq!(relocator.stranded("bin/x", text.as_bytes(), &has), None, "{text}");
    }
    for text in [
        "",
        "#!/bin/sh\necho\n",
        "#!/usr/bin/env old\n",
        "#!/usr/bin/env -S old /home/u/old\n",
        "#!/usr/bin/env /usr/bin/python3 -E\n",
        "#!/usr/bin/env /home/u/envs/e1/bin/python\n",
        "#!/usr/bin/python3 -E\n",
        "#!/home/u/envs/e1/bin/python\n",
        "#!/home/u/envs/e1/bin/perl -w\n",
        "\x7fELF",
        "#!/bin/sh\n'''exec' \"/home/u/envs/e1/bin/python\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python3' \"$0\" \"$@\"\n' '''\n",
    ] {
        assert_eq!(stranded(text), None, "{text}");
    }
    let own = rewritten("bin/x", b"#!/home/u/envs/e1/bin/python\n");
    assert_eq!(relocator.stranded("bin/x", &own, &has), None);
}

/// A script in an environment that has this interpreter of the machine.
fn in_language(program: &str, arguments: &str, body: &str) -> (Environment, PathBuf) {
    let environment = Environment::at(&"a path 'with' $ and spaces".repeat(6));
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(!found.is_empty(), "{program} is missing: the tests need it");
    fs_err::os::unix::fs::symlink(found.trim_end(), environment.root.join("bin").join(program)).unwrap();
    let source = format!("#!{PREFIX}/bin/{program}{arguments}\n{body}");
    let script = environment.add("bin/tool", &rewritten("bin/tool", source.as_bytes()));
    (environment, script)
}

#[test]
fn scripts_of_other_languages_start_their_interpreter_too() {
    let perl =
        "use strict;\nmy @a = @ARGV;\nprint \"@a $^W \", __LINE__, \"\\n\";\nprint <DATA>;\n__DATA__\ndata\n";
    let node = "'use strict';\nconst strict = (function () { return !this })();\n\
                console.log(process.argv.slice(2).join(' '), strict);\n";
    let tcl = "puts \"$argv $argc\"\n";
    let bash =
        "a=(\"$@\")\n[[ $- == *u* ]] && echo \"${a[0]-}|$#|${ENVSHIP_STARTED-none}|${BASH_VERSION:+bash}\"\n";
    let languages = [
        ("perl", " -w", perl, "1 2 1 4\ndata\n"),
        ("node", "", node, "1 2 true\n"),
        ("tclsh", "", tcl, "{1 2} 1\n"),
        ("bash", " -u", bash, "1 2|1|none|bash\n"),
    ];
    for (program, arguments, body, expected) in languages {
        let (_environment, script) = in_language(program, arguments, body);
        assert_eq!(stdout(&Command::new(&script).arg("1 2").output().unwrap()), expected, "{program}");
        let link = script.with_file_name("link");
        fs_err::os::unix::fs::symlink("tool", &link).unwrap();
        let unactivated = Command::new(&link).arg("1 2").env_clear().current_dir("/").output();
        assert_eq!(stdout(&unactivated.unwrap()), expected, "{program}");
    }
}

#[test]
fn a_shell_script_can_read_another_as_a_library() {
    let (environment, script) = in_language("bash", "", ". \"${0%/*}/lib.sh\"\ngreet \"$@\"\n");
    let library =
        format!("#!{PREFIX}/bin/bash\nset -eu\ngreet() {{ echo \"hello $1 ${{BASH_VERSION:+bash}}\"; }}\n");
    let library = environment.add("bin/lib.sh", &rewritten("bin/lib.sh", library.as_bytes()));
    let started = Command::new("timeout").arg("10").arg(&script).arg("you").output().unwrap();
    assert_eq!(stdout(&started), "hello you bash\n");
    let program = "set -eu; . \"$1\"; greet there";
    let sourced = Command::new("bash").args(["-c", program, "-"]).arg(&library).output().unwrap();
    assert_eq!(stdout(&sourced), "hello there bash\n");
}

#[test]
fn the_lines_of_a_shell_script_keep_their_numbers_where_they_can() {
    for first in ["# unpacks itself", "", "  # unpacks (itself", "set -eu", "cd / && unset x"] {
        let body = format!("{first}\ntail -n +5 \"$0\"; echo \"$LINENO\"\nexit 0\npayload\n");
        let (_environment, script) = in_language("bash", "", &body);
        assert_eq!(stdout(&Command::new(&script).output().unwrap()), "payload\n3\n");
    }
}

#[test]
fn what_env_is_told_to_split_may_begin_with_the_prefix() {
    let source = format!("#!/usr/bin/env -S {PREFIX}/bin/python -u -X dev\nprint(1)\n");
    let by_env = rewritten("bin/tool", source.as_bytes());
    let plain = rewritten("bin/tool", source.replace("/usr/bin/env -S ", "").as_bytes());
    assert_eq!(String::from_utf8(by_env).unwrap(), String::from_utf8(plain).unwrap());
}

#[test]
fn what_env_is_told_to_start_may_lie_below_the_prefix() {
    for arguments in ["", " -u -X dev"] {
        let plain = format!("#!{PREFIX}/bin/python3{arguments}\nprint(1)\n");
        let by_env = plain.replace("#!", "#!/usr/bin/env ");
        for path in ["bin/tool", "libexec/tool"] {
            let by_env = rewritten(path, by_env.as_bytes());
            let plain = rewritten(path, plain.as_bytes());
            assert_eq!(String::from_utf8(by_env).unwrap(), String::from_utf8(plain).unwrap(), "{path}");
        }
    }
    let perl = rewritten("libexec/tool", format!("#!/usr/bin/env {PREFIX}/bin/perl\nprint 1;\n").as_bytes());
    assert!(String::from_utf8(perl).unwrap().ends_with("\n#!perl\nprint 1;\n"));
}

#[test]
fn what_env_would_find_in_the_environment_is_the_environments() {
    let known = rewritten("bin/tool", b"#!/usr/bin/env perl\nprint 1;\n");
    assert!(String::from_utf8(known).unwrap().ends_with("\n#!perl\nprint 1;\n"));
    for other in [&b"#!/usr/bin/env ruby\n"[..], b"#!/usr/bin/perl\n", b"#!/usr/bin/env Rscript\n"] {
        assert_eq!(relocate("bin/tool", other), Relocated::default());
    }
    assert_eq!(relocate("share/tool", b"#!/usr/bin/env perl\n"), Relocated::default());
}

#[test]
fn only_names_of_interpreters_with_a_version_are_languages() {
    use super::language::Language;
    for known in ["perl", "perl5.36.0", "tclsh8.6", "bash", "ruby3.1"] {
        assert!(Language::of(known).is_some(), "{known}");
    }
    for other in ["perldoc", "shed", "node-gyp", "Rscript", ""] {
        assert_eq!(Language::of(other), None, "{other}");
    }
}
