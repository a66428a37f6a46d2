//! The surroundings in which an environment is tried.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;
use walkdir::WalkDir;

use super::error::Error;
use crate::error::Result;

/// Who tries it where root allows: `nobody`, since root writes through modes.
const NOBODY: u32 = 65534;

/// Where a node's own libraries lie, which Hadoop and others put on
/// `LD_LIBRARY_PATH`.
const LIBRARIES: [&str; 4] =
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// An unpacked environment and what is around it while it is tried.
pub struct Trial {
    /// Absolute, with no link in it, as the kernel tells it of mapped files.
    root: PathBuf,
    /// Holds home, temporary files and, where it was unpacked for this trial,
    /// the environment.
    folder: TempDir,
    user: Option<u32>,
}

/// What a process finds in its environment variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// Nothing but places for a home and for temporary files.
    Empty,
    /// A user site that shadows every module, a foreign `PYTHONPATH` and
    /// `LD_LIBRARY_PATH`, and another environment's activation.
    Hostile,
}

/// The name of the environment inside a trial's folder: with spaces, since
/// paths have them.
const UNPACKED: &str = "an unpacked environment";

/// The first folder on the way to `path` that nobody may not enter.
fn closed_to_nobody(path: &Path) -> Option<PathBuf> {
    let mut folders: Vec<&Path> = path.ancestors().collect();
    folders.reverse();
    let closed = |folder: &&Path| {
        fs_err::metadata(folder).is_ok_and(|found| {
            let enter = if found.uid() == NOBODY { 0o100 } else { 0o001 };
            found.mode() & enter == 0
        })
    };
    folders.into_iter().find(closed).map(Path::to_owned)
}

impl Trial {
    /// A folder in which an environment is unpacked at [`Trial::root`], and
    /// which is gone after the trial.
    ///
    /// # Errors
    /// If the folder for temporary files can't be written.
    pub fn new() -> Result<Self> {
        let mut trial = Trial::around(Path::new(""))?;
        trial.root = trial.folder.path().join(UNPACKED);
        Ok(trial)
    }

    /// Tries an environment where it lies.
    ///
    /// # Errors
    /// If there is none, or the folder for temporary files can't be written.
    pub fn in_place(root: &Path) -> Result<Self> {
        // Another user may not be able to read it, and it is not ours to make
        // read-only.
        let mut trial = Trial::around(&fs_err::canonicalize(root)?)?;
        trial.user = None;
        Ok(trial)
    }

    fn around(root: &Path) -> Result<Self> {
        let wanted = std::env::temp_dir();
        let temporary =
            fs_err::canonicalize(&wanted).map_err(|source| Error::Prepare { path: wanted, source })?;
        let prepare = |source| Error::Prepare { path: temporary.clone(), source };
        let folder =
            tempfile::Builder::new().prefix("envship verify ").tempdir_in(&temporary).map_err(prepare)?;
        let user = geteuid().is_root().then_some(NOBODY);
        if let (Some(_), Some(path)) = (user, closed_to_nobody(&temporary)) {
            return Err(Error::Closed { path }.into());
        }
        let trial = Trial { root: root.to_owned(), folder, user };
        // `tempdir` makes it for its owner alone.
        set_mode(trial.folder.path(), 0o755)?;
        for name in ["home", "tmp", "hostile home", "foreign"] {
            let path = trial.folder.path().join(name);
            fs_err::create_dir(&path)?;
            set_mode(&path, 0o777)?;
        }
        fs_err::write(trial.inner("foreign/envship_foreign.py"), "")?;
        Ok(trial)
    }

    /// The environment lies in a folder of what was unpacked.
    pub fn enter(&mut self, below: &str) {
        self.root.push(below);
    }

    /// Where the environment is, or is to be unpacked.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the permission to write from everything that was unpacked.
    ///
    /// # Errors
    /// If that isn't possible.
    pub fn make_read_only(&self) -> Result<()> {
        for entry in WalkDir::new(&self.root).contents_first(true).into_iter().flatten() {
            if !entry.file_type().is_symlink() {
                let mode = fs_err::symlink_metadata(entry.path())?.permissions().mode();
                set_mode(entry.path(), mode & 0o555)?;
            }
        }
        Ok(())
    }

    /// Who runs what is tried, for people.
    #[must_use]
    pub fn user(&self) -> &'static str {
        if self.user.is_some() { "nobody" } else { "the current user" }
    }

    fn inner(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a module that fails into the hostile user site for each of these.
    pub(super) fn shadow<'a>(&self, python: &str, modules: impl Iterator<Item = &'a str>) -> Result<()> {
        let site = self.inner("hostile home").join(format!(".local/lib/python{python}/site-packages"));
        fs_err::create_dir_all(&site)?;
        for module in modules.filter(|module| !module.contains('.')) {
            fs_err::write(
                site.join(format!("{module}.py")),
                "raise ImportError('shadowed by the user site')\n",
            )?;
        }
        Ok(())
    }

    /// A command in these surroundings, as the trial's user.
    pub(super) fn command(&self, program: &Path, surroundings: Surroundings) -> Command {
        let mut command = self.own(program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        if surroundings == Surroundings::Hostile {
            let libraries: Vec<&str> =
                LIBRARIES.into_iter().filter(|folder| Path::new(folder).is_dir()).collect();
            command
                .env("HOME", self.inner("hostile home"))
                .env("PYTHONPATH", self.inner("foreign"))
                .env("LD_LIBRARY_PATH", libraries.join(":"))
                .env("PATH", "/opt/another/bin:/usr/bin:/bin")
                .env("CONDA_PREFIX", "/opt/another")
                .env("CONDA_DEFAULT_ENV", "another")
                .env("CONDA_SHLVL", "1")
                .env("VIRTUAL_ENV", "/opt/another")
                .env("PYTHONSTARTUP", "/opt/another/startup.py");
        }
        command
    }

    /// The same in an empty environment and as the user who runs envship, who
    /// alone may be able to read the original environment.
    pub(super) fn own(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.inner("home"))
            .env("TMPDIR", self.inner("tmp"))
            .current_dir(self.inner("tmp"));
        command
    }

    pub(super) fn python(&self, surroundings: Surroundings) -> Command {
        let mut command = self.command(&self.root.join("bin/python"), surroundings);
        // What stays behind after the trial would be a change.
        command.args(["-B", "-W", "ignore"]);
        command
    }
}

/// Folders that may not be written can't be removed by their owner either.
impl Drop for Trial {
    fn drop(&mut self) {
        if self.root.starts_with(self.folder.path()) {
            for entry in WalkDir::new(&self.root).into_iter().flatten() {
                if entry.file_type().is_dir() {
                    let _ = set_mode(entry.path(), 0o755);
                }
            }
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
}
