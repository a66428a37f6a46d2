//! environment → measured entries with their digest: all that is known before
//! the first byte is compressed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::cache::{CacheUse, RunCache};
use super::environment::Environment;
use super::pass::Pass;
use super::stranded;
use crate::archive::{self, Early, Layout, Links, Readings, Spool, Written};
use crate::artifact::{ContentDigest, Format, GlibcFloor, Manifest, PythonInfo};
use crate::baseline::GlibcTarget;
use crate::cache;
use crate::complete::{self, CompleteOptions, Scratch};
use crate::entry::{File, Measured, Node};
use crate::error::{Explain, Kind, Result};
use crate::fs;
use crate::memory;
use crate::prefix::{self, Inventory, PrefixKind, ScanOptions};
use crate::progress::Progress;
use crate::relocate::{Destination, Interpreter, Relocator};

/// How an environment is packed.
#[derive(Clone, Debug)]
pub struct PackOptions {
    pub scan: ScanOptions,
    pub completion: CompleteOptions,
    /// Where the environment will lie, if that is known.
    pub destination: Option<String>,
    /// What was asked for; otherwise the output's name decides.
    pub format: Option<Format>,
    pub level: Option<u32>,
    pub arcroot: Option<String>,
    pub zip_links: Links,
    pub threads: Option<usize>,
    pub cache: CacheUse,
}

/// An output whose name says nothing about its format.
#[derive(Debug, thiserror::Error)]
#[error("the format of the archive can't be told from its name: `{name}`")]
struct UnknownFormat {
    name: String,
}

impl Explain for UnknownFormat {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        let known = Format::ALL.map(Format::name).join(", ");
        Some(format!("end the name in .tar.gz, .tar, .tar.zst, .zip or /, or give --format ({known})"))
    }
}

impl PackOptions {
    /// The format for an output of this name.
    ///
    /// # Errors
    /// If neither an option nor the name tells.
    pub(super) fn format_for(&self, name: Option<&str>) -> Result<Format> {
        match (self.format, name) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::TarGz),
            (None, Some(name)) => {
                Format::of_name(name).ok_or_else(|| UnknownFormat { name: name.to_owned() }.into())
            }
        }
    }

    /// The layout in this format.
    ///
    /// # Errors
    /// If an option doesn't fit the format.
    pub(super) fn layout(&self, format: Format) -> Result<Layout> {
        let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
        let layout = Layout {
            level: self.level.unwrap_or_else(|| Layout::default_level(format)),
            arcroot: self.arcroot.clone(),
            links: self.zip_links,
            time: archive::timestamp(epoch.as_deref())?,
            ..Layout::new(format)
        };
        layout.check()?;
        Ok(layout)
    }

    fn destination(&self) -> Destination {
        self.destination.clone().map_or(Destination::Anywhere, Destination::Fixed)
    }

    /// 0 means one for each core, up to 16.
    pub(super) fn threads(&self) -> usize {
        self.threads.unwrap_or(0)
    }
}

/// What is known of an environment before it is compressed.
pub(super) struct Assembly {
    pub measured: Vec<Measured>,
    pub digest: ContentDigest,
    pub manifest: Manifest,
    portability: Portability,
    layout: Layout,
    cache: RunCache,
    /// What was compressed already.
    spool: Option<Spool>,
    /// Of what reading the files found.
    readings: Option<cache::Key>,
    /// Bytecode of which only this run knows.
    _scratch: Vec<Scratch>,
}

impl Assembly {
    /// Reads an environment once: completes it, relocates every file, and
    /// fixes order, sizes and digests. If it is known where the archive will lie, what
    /// can be compressed meanwhile is, and waits there; who has something to do with
    /// the first bytes of an archive as soon as they are there doesn't say.
    pub fn new(
        environment: &Environment,
        options: &PackOptions,
        format: Format,
        cache: RunCache,
        target: Option<&Path>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let layout = options.layout(format)?;
        let workers = archive::workers(options.threads())?;
        workers.install(|| Assembly::gather(environment, options, layout, cache, target, progress))
    }

    /// As [`Assembly::new`], on the threads that it is called in.
    fn gather(
        environment: &Environment,
        options: &PackOptions,
        layout: Layout,
        cache: RunCache,
        target: Option<&Path>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let inventory = prefix::scan(&environment.prefix, &options.scan, progress)?;
        let mut inventory = complete::complete(inventory, &options.completion, progress)?;
        memory::give_back();
        environment.describe(&mut inventory);
        let interpreter = interpreter(&inventory);
        let reading = reading(&inventory, options, &interpreter);
        let relocator = Arc::new(Relocator::new(&inventory.prefixes, options.destination(), interpreter));
        let archived = |path: &str, file: &File, bytes: &[u8]| {
            relocator.relocated(path, file.executable, &file.rewrite, bytes)
        };
        let bytecode = options.completion.bytecode;
        let threads = options.threads();
        let compile = |inventory: &mut Inventory| {
            complete::compile(inventory, bytecode, cache.get(), threads, &archived, progress)
        };
        let mut scratch = vec![compile(&mut inventory)?];
        // What was built for this run alone is never read again.
        let kept = cache.get().filter(|_| environment.is_lasting());
        let key = kept.map(|_| reading);
        let readings = kept.map_or_else(Readings::none, |cache| Readings::load(cache, reading));
        let target = target.filter(|_| layout.compresses());
        let measure = |inventory: &Inventory, spool: Option<&Spool>| {
            let early = spool.map(|spool| Early::new(&layout, cache.get(), spool, threads));
            let entries = archive::adapt(inventory.entries(), &layout, progress);
            let pass = Pass::new(&relocator, &layout);
            archive::measure(entries, &pass, &readings, early.as_ref(), progress)
        };
        let mut spool = target.and_then(Spool::beside);
        let mut survey = measure(&inventory, spool.as_ref())?;
        // What is compiled now is sound, whatever a second pass would make of it.
        if !survey.damaged.is_empty() {
            complete::discard(&mut inventory, &survey.damaged, progress);
            scratch.push(compile(&mut inventory)?);
            spool = target.and_then(Spool::beside);
            survey = measure(&inventory, spool.as_ref())?;
        }
        stranded::warn(&survey.measured, &relocator, progress)?;
        let measured = complete::records(survey.measured, &inventory)?;
        let mut measured = archive::arrange(measured, &layout)?;
        let recipe = archive::recipe(&measured, &layout);
        let (manifest, text) = complete::manifest(&inventory, survey.placeholders, recipe)?;
        archive::check_length(&manifest, &text)?;
        let digest = archive::seal(&mut measured, text);
        warn_of_floor(&manifest, environment.target_glibc, progress);
        if !holds_python(&measured) {
            progress.warn("there is no Python in the archive");
        }
        let portability = Portability::of(&inventory, &options.completion.interpreter);
        Ok(Assembly {
            measured,
            digest,
            manifest,
            portability,
            layout,
            cache,
            spool,
            readings: key,
            _scratch: scratch,
        })
    }

    /// Compresses into `sink`, in the order of the layout.
    ///
    /// # Errors
    /// If a file changed since it was measured, or the sink fails.
    pub fn write(
        &self,
        sink: &mut (dyn Write + Send),
        options: &PackOptions,
        progress: &dyn Progress,
    ) -> Result<Written> {
        memory::give_back();
        let (cache, spool) = (self.cache.get(), self.spool.as_ref());
        archive::write(&self.measured, &self.layout, cache, spool, options.threads(), sink, progress)
            .inspect_err(|error| self.doubt(error))
    }

    /// Fills a directory, and tells how many bytes are in its files.
    ///
    /// # Errors
    /// If a file changed since it was measured, or the directory can't be
    /// filled.
    pub fn write_directory(&self, target: &Path, threads: usize, progress: &dyn Progress) -> Result<u64> {
        archive::write_directory(&self.measured, target, threads, progress)
            .inspect_err(|error| self.doubt(error))
    }

    /// Forgets what reading the files found, which may be what is wrong: a file
    /// can change and keep its times. The next run reads them.
    fn doubt(&self, error: &crate::error::Error) {
        if let (Some(cache), Some(key)) = (self.cache.get(), &self.readings)
            && error.kind() != Kind::Interrupted
        {
            cache.forget(cache::Kind::Readings, key);
        }
    }

    /// Ends the run: tells what was wrong with the cache.
    pub fn close(self, progress: &dyn Progress) {
        self.cache.close(progress);
    }

    /// Whether there is what an engine starts.
    pub fn has_interpreter(&self) -> bool {
        self.measured.iter().any(|item| &*item.entry.path == "bin/python")
    }

    /// Whether links are stored where most readers can't make them.
    pub fn has_zip_links(&self) -> bool {
        self.layout.format == Format::Zip
            && self.measured.iter().any(|item| matches!(item.entry.node, Node::Link(_)))
    }

    /// What a summary tells.
    pub fn contents(&self) -> Contents {
        let files = self.measured.iter().filter(|item| !matches!(item.entry.node, Node::Directory));
        Contents {
            packages: self.manifest.packages.len(),
            files: files.count(),
            unpacked_size: self.measured.iter().map(|item| item.size).sum(),
            platform: self.manifest.platform.clone(),
            python: self.manifest.python.clone(),
            glibc: self.manifest.glibc.clone(),
            portability: self.portability,
            placeholders: self.manifest.placeholders.len(),
        }
    }
}

/// Whether there is an interpreter, on the nodes or with a standard library.
fn holds_python(measured: &[Measured]) -> bool {
    let python = measured.iter().find(|item| item.entry.path.ends_with("bin/python"));
    python.is_some_and(|python| match &python.entry.node {
        Node::Link(_) => true,
        _ => measured.iter().any(|item| item.entry.path.contains("/encodings/__init__.py")),
    })
}

/// Tells if the cluster is older than what the environment was made for.
fn warn_of_floor(manifest: &Manifest, target: Option<GlibcTarget>, progress: &dyn Progress) {
    let (Some(floor), Some(target)) = (&manifest.glibc, target) else { return };
    let parsed = |version: &Option<String>| version.as_ref()?.parse::<GlibcTarget>().ok();
    let needed =
        [("its interpreter needs", parsed(&floor.interpreter)), ("its wheels need", parsed(&floor.wheels))];
    for (what, needed) in needed {
        if let Some(needed) = needed.filter(|needed| *needed > target) {
            progress.warn(&format!(
                "{what} glibc {needed}, and --target-glibc says {target}: `envship inspect --target-glibc \
                 {target}` lists what won't load there"
            ));
        }
    }
}

/// Everything that decides what reading a file finds, apart from the file: the
/// program too, since the next one may know more.
fn reading(inventory: &Inventory, options: &PackOptions, interpreter: &Interpreter) -> cache::Key {
    let program = std::env::current_exe().and_then(fs_err::metadata);
    let program = program.map(|program| (program.len(), program.modified().ok()));
    let known = (&inventory.prefix.root, &inventory.prefixes, options.destination(), interpreter);
    fs::sha256(format!("{program:?} {known:?}").as_bytes())
}

/// The names by which scripts call the environment's Python.
fn interpreter(inventory: &Inventory) -> Interpreter {
    let versioned = inventory.prefix.python.as_ref().map(|python| python.name.clone());
    let names = ["python", "python3"].map(str::to_owned).into_iter().chain(versioned).collect();
    let programs = inventory.below("bin/").filter_map(|entry| entry.path.strip_prefix("bin/"));
    Interpreter { program: "python".to_owned(), names, programs: programs.map(str::to_owned).collect() }
}

/// What is in an archive, in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Contents {
    pub packages: usize,
    /// Links included.
    pub files: usize,
    /// Of all files, in bytes.
    pub unpacked_size: u64,
    pub platform: String,
    pub python: Option<PythonInfo>,
    pub glibc: Option<GlibcFloor>,
    pub portability: Portability,
    /// Places that `envship unpack` finishes.
    pub placeholders: usize,
}

/// How far the interpreter of an archive was made for other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Portability {
    /// As its maker meant it.
    AsBuilt,
    /// The operating system's, made for that release of it.
    OperatingSystem,
}

impl Portability {
    fn of(inventory: &Inventory, interpreter: &complete::Interpreter) -> Self {
        match (&inventory.prefix.kind, interpreter) {
            (PrefixKind::Venv(base), complete::Interpreter::Bundle) if base.is_system() => {
                Portability::OperatingSystem
            }
            _ => Portability::AsBuilt,
        }
    }
}
