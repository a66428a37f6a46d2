//! An archive that landed on a node: unpacked by a plain tool at an awkward
//! path, read-only, used by another user with an empty environment.

use fs_err as fs;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::util::{Run, Sandbox};

/// A path that no rewriter may stumble over.
pub const AWKWARD: &str = "it's a \"$HOME\" of `spaces`";

pub struct Landed<'a> {
    pub root: PathBuf,
    sandbox: &'a Sandbox,
}

impl<'a> Landed<'a> {
    /// Unpacks `archive` of the working folder by `tar` or Python's `zipfile`
    /// with modes, whichever its name asks for, and takes all write
    /// permissions away.
    pub fn new(sandbox: &'a Sandbox, archive: &str, folder: &str) -> Self {
        let root = sandbox.path("nodes").join(folder);
        fs::create_dir_all(&root).unwrap();
        let mut unpack = match archive {
            name if name.ends_with(".zip") => {
                let mut unzip = sandbox.command("python3");
                unzip.args(["-c", UNZIP, name]).arg(&root);
                unzip
            }
            name => {
                let mut tar = sandbox.command("tar");
                tar.args(["-xf", name, "-C"]).arg(&root);
                tar
            }
        };
        unpack.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        sandbox.finish(unpack).success();
        let mut seal = sandbox.command("chmod");
        seal.args(["-R", "a-w,a+rX"]).arg(&root);
        sandbox.finish(seal).success();
        Landed { root, sandbox }
    }

    /// A program of the environment, as nobody, with nothing in the environment.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("setpriv");
        command
            .env_clear()
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(self.root.join(program))
            .current_dir("/");
        command
    }

    pub fn run<I: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = I>) -> Run {
        let mut command = self.command(program);
        command.args(arguments);
        self.sandbox.finish(command)
    }

    /// What a Python program prints.
    #[track_caller]
    pub fn python(&self, program: &str) -> String {
        self.run("bin/python", ["-c", program]).success().stdout().trim().to_owned()
    }

    /// Every file below it that holds the text in its bytes, its name or its
    /// link target.
    pub fn search(&self, text: &str) -> Vec<String> {
        let finder = memchr::memmem::Finder::new(text);
        let mut found: Vec<String> = walkdir::WalkDir::new(&self.root)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| {
                let inside = match entry.file_type() {
                    kind if kind.is_symlink() => {
                        fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
                    }
                    kind if kind.is_file() => fs::read(entry.path()).unwrap(),
                    _ => Vec::new(),
                };
                let name = entry.path().strip_prefix(&self.root).unwrap().to_string_lossy().into_owned();
                finder.find(&inside).is_some() || name.contains(text)
            })
            .map(|entry| entry.path().strip_prefix(&self.root).unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        found
    }
}

/// Moves the original away, so that nothing can work because of it.
pub fn gone(prefix: &Path) {
    fs::rename(prefix, prefix.with_extension("gone")).unwrap();
}

const UNZIP: &str = r"
import os, sys, zipfile
archive, root = zipfile.ZipFile(sys.argv[1]), sys.argv[2]
for member in archive.infolist():
    path = archive.extract(member, root)
    os.chmod(path, (member.external_attr >> 16) & 0o777)
";
