//! How stages tell what they are doing, without knowing who listens.
//!
//! Only `term` prints; a stage is handed a [`Progress`].

/// The steps a user watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Choosing versions.
    Solve,
    /// Downloading packages.
    Fetch,
    /// Installing packages.
    Install,
    /// Listing what is in the environment.
    Scan,
    /// Compiling modules to bytecode.
    Compile,
    /// Reading and relocating every file.
    Read,
    /// Compressing.
    Pack,
    /// Reading an archive to its end.
    Check,
    /// Fetching an archive.
    Download,
    /// Uploading.
    Upload,
    /// Unpacking.
    Unpack,
    /// Trying modules and scripts of an unpacked environment.
    Try,
}

/// Listens to a running command. Methods are called from several threads.
pub trait Progress: Send + Sync {
    /// A step begins; `total` is its length where known (bytes where
    /// archives are written or read, items elsewhere).
    fn begin(&self, step: Step, total: Option<u64>);

    /// The current step got `amount` further.
    fn advance(&self, amount: u64);

    /// The current step is over.
    fn end(&self);

    /// Something the user should know but that does not stop the work.
    fn warn(&self, message: &str);

    /// A fact worth a line.
    fn note(&self, message: &str);
}

/// Nobody listens.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Step, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn warn(&self, _: &str) {}
    fn note(&self, _: &str) {}
}
