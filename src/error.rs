//! What went wrong, whose fault it is, and what to do next.
//!
//! Every stage has an enum of its own that names the path or URL and chains
//! its cause. Implementing [`Explain`] gives it an exit code and a hint, kept
//! apart from the message; [`Error`] carries any of them up to `main`.

use std::fmt;

/// Whose fault an error is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was given is at fault: spec, environment, archive, output path,
    /// full disk, credentials, bucket, permission.
    Input,
    /// The command line is wrong whatever the files hold.
    Usage,
    /// The network or a server is at fault; trying again may help.
    Retry,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Kind {
    /// The documented exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Input => 1,
            Kind::Usage => 2,
            Kind::Retry => 3,
            Kind::Interrupted => 130,
        }
    }
}

/// An error that knows whose fault it is and what the user can do.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// Whose fault it is.
    fn kind(&self) -> Kind {
        Kind::Input
    }

    /// What to do next, as an imperative sentence without a final period.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any stage's error.
pub struct Error(Box<dyn Explain>);

/// The result of everything that can fail for a reason a user should hear.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The causes below the message, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        std::iter::successors(self.0.source(), |cause| cause.source()).map(ToString::to_string)
    }
}

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Self {
        Error(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.causes().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// I/O errors come from `fs_err`, so that their text names the path.
impl Explain for std::io::Error {
    fn hint(&self) -> Option<String> {
        use std::io::ErrorKind::{
            FileTooLarge, InvalidFilename, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        let hint = match self.kind() {
            StorageFull | QuotaExceeded => {
                "free some space, or choose another place (TMPDIR names the one for temporary files)"
            }
            FileTooLarge => "raise the limit of file sizes (`ulimit -f`), or choose another file system",
            PermissionDenied => "check the permissions of the path and of the folders above it",
            ReadOnlyFilesystem => "choose a place that can be written",
            InvalidFilename => "choose a place whose file system takes longer names",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
