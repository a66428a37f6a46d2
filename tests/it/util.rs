//! The sandbox in which a test runs `envship` as a user would, and what a
//! failure shows of it.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Part of every sandbox's home: a name that exists nowhere else, so that a
/// search for it finds whatever leaked.
pub const USER: &str = "quillon-varga";

/// A value that `scripts/test` provides; a test that lacks its server fails.
pub fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by scripts/test"))
}

/// The package caches that all tests share: what they hold is checked by hash.
pub fn package_caches() -> PathBuf {
    PathBuf::from(required("ENVSHIP_TEST_CACHE")).join("packages-of-tests")
}

/// A home and a working folder of a user whom nobody else knows.
pub struct Sandbox {
    root: TempDir,
    environment: Vec<(String, String)>,
}

impl Sandbox {
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("envship-test-").tempdir().unwrap();
        // Other users come here too.
        fs_err::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let sandbox = Sandbox { root, environment: Vec::new() };
        fs_err::create_dir_all(sandbox.home()).unwrap();
        fs_err::create_dir_all(sandbox.path("work")).unwrap();
        sandbox
    }

    /// A name that no other sandbox has.
    pub fn id(&self) -> String {
        self.root.path().file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Adds a variable to the environment of every command.
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_str().unwrap().to_owned()));
        self
    }

    /// With the credentials of the S3 server.
    pub fn with_s3(self) -> Self {
        self.with("AWS_ENDPOINT_URL", required("ENVSHIP_TEST_S3_ENDPOINT"))
            .with("AWS_ACCESS_KEY_ID", required("ENVSHIP_TEST_S3_KEY"))
            .with("AWS_SECRET_ACCESS_KEY", required("ENVSHIP_TEST_S3_SECRET"))
            .with("AWS_REGION", "us-east-1")
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home").join(USER)
    }

    /// A path below the sandbox, which need not exist.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// A path below the working folder.
    pub fn work(&self, relative: &str) -> PathBuf {
        self.path("work").join(relative)
    }

    /// Writes a file below the working folder.
    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work(relative);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    /// `envship` in the working folder, with nothing of the caller's
    /// environment but what a user has.
    pub fn envship(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_envship"));
        command
            .env("RATTLER_CACHE_DIR", package_caches().join("rattler"))
            .env("UV_CACHE_DIR", package_caches().join("uv"))
            .env("ENVSHIP_CACHE_DIR", package_caches().join("envship"))
            .env("UV", required("ENVSHIP_TEST_UV"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Any program, likewise.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            .env("USER", USER)
            .env("TMPDIR", self.tmp())
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    /// The temporary folder of the commands.
    pub fn tmp(&self) -> PathBuf {
        let tmp = self.path("tmp");
        fs_err::create_dir_all(&tmp).unwrap();
        tmp
    }

    /// Runs `envship` with these arguments.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Run {
        let mut command = self.envship();
        command.args(arguments);
        self.finish(command)
    }

    /// Runs any command to its end.
    pub fn finish(&self, mut command: Command) -> Run {
        let shown = format!("{command:?}");
        let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}"));
        Run { shown, output, root: self.root.path().to_owned() }
    }
}

/// A command that ended.
pub struct Run {
    shown: String,
    output: Output,
    root: PathBuf,
}

impl Run {
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// It ended well.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.output.status.success(), "{self}");
        self
    }

    /// It failed with this exit code, and left stdout empty.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        assert_eq!(self.stdout(), "", "{self}");
        self
    }

    /// Stderr says all of this.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr().contains(part), "`{part}` is not said:\n{self}");
        }
        self
    }

    /// What a user sees, with the sandbox's paths and all times filtered.
    pub fn snapshot(&self) -> String {
        let text =
            format!("exit: {:?}\n--- stdout\n{}--- stderr\n{}", self.code(), self.stdout(), self.stderr());
        text.replace(&*self.root.to_string_lossy(), "[ROOT]")
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.shown)?;
        writeln!(f, "{}", self.snapshot())?;
        writeln!(f, "--- {}", self.root.display())?;
        for entry in walkdir::WalkDir::new(&self.root).max_depth(3).into_iter().flatten().take(60) {
            writeln!(f, "{}", entry.path().strip_prefix(&self.root).unwrap_or(Path::new("?")).display())?;
        }
        Ok(())
    }
}
