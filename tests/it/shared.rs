//! Environments that many tests read and none changes: each is made and packed
//! once, at a path of a user whom nobody else knows, and its original is moved
//! away before the first test sees the archive.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use fs_err as fs;

use crate::environments::{conda_of_everything, minor, pythons, venv};
use crate::landed::gone;
use crate::util::Sandbox;

/// The formats of archives.
pub const FORMATS: [&str; 4] = ["tar.gz", "tar", "tar.zst", "zip"];

/// An environment that was packed and whose original is gone.
pub struct Packed {
    /// Where the original was.
    pub prefix: PathBuf,
    place: PathBuf,
}

impl Packed {
    fn new(prefix: PathBuf, formats: &[&str]) -> Self {
        let place = prefix.with_extension("packed");
        fs::create_dir(&place).unwrap();
        let packed = Packed { prefix, place };
        for format in formats {
            let source = packed.prefix.to_str().unwrap();
            sandbox().run(["pack", source, "-o", &packed.archive(format), "--compress-level", "1"]).success();
        }
        gone(&packed.prefix);
        packed
    }

    /// The archive of a format.
    pub fn archive(&self, format: &str) -> String {
        self.place.join(format!("env.{format}")).to_str().unwrap().to_owned()
    }
}

/// A conda environment of Python 3.11 in each of [`FORMATS`].
pub fn conda() -> &'static Packed {
    static CONDA: OnceLock<Packed> = OnceLock::new();
    CONDA.get_or_init(|| {
        // Below the home, so that the home is in every file that holds the prefix.
        let prefix = sandbox().home().join("envs/conda");
        conda_of_everything(sandbox(), prefix.to_str().unwrap());
        Packed::new(prefix, &FORMATS)
    })
}

/// A virtual environment of each Python as `tar`, with two packages and the
/// scripts of [`write_scripts`].
pub fn venv_of(python: &Path) -> &'static Packed {
    static VENVS: OnceLock<Vec<(PathBuf, OnceLock<Packed>)>> = OnceLock::new();
    let venvs = VENVS.get_or_init(|| pythons().into_iter().map(|python| (python, OnceLock::new())).collect());
    let (_, packed) = venvs.iter().find(|(known, _)| known == python).unwrap();
    packed.get_or_init(|| {
        let prefix = sandbox().home().join(format!("project-{}/.venv", minor(python)));
        venv(sandbox(), prefix.to_str().unwrap(), python, &["envship-only", "tabulate"]);
        write_scripts(&prefix);
        Packed::new(prefix, &["tar"])
    })
}

/// Scripts as people write them, for the environment's interpreter.
fn write_scripts(prefix: &Path) {
    let scripts: [(&str, &[u8]); 4] = [
        (
            "future",
            b"\"\"\"Usage: future\n\nAll of it.\"\"\"\nfrom __future__ import annotations\nprint(repr(__doc__), annotations.compiler_flag > 0)\n",
        ),
        ("plain", b"# A comment.\n'''Usage: plain'''\nimport sys\nprint(repr(__doc__), sys.argv[1:])\n"),
        ("bare", b"from __future__ import (\n    division,\n    annotations)\nprint(repr(__doc__))\n"),
        ("latin", b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n"),
    ];
    for (name, body) in scripts {
        let path = prefix.join("bin").join(name);
        let shebang = format!("#!{}/bin/python\n", prefix.display());
        fs::write(&path, [shebang.as_bytes(), body].concat()).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, executable).unwrap();
    }
}

/// Where all this lies. No static is ever dropped, so a shell waits for the
/// end of the tests, in which its pipe closes, and cleans up.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<(Sandbox, Child)> = OnceLock::new();
    let (sandbox, _) = SANDBOX.get_or_init(|| {
        let sandbox = Sandbox::new();
        let mut cleaner = Command::new("sh");
        cleaner.args(["-c", "trap '' INT TERM; read _; rm -rf \"$0\""]).arg(sandbox.path(""));
        let cleaner =
            cleaner.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        (sandbox, cleaner)
    });
    sandbox
}
