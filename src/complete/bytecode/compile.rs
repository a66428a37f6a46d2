//! Missing bytecode, made on all cores.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rayon::prelude::*;
use tempfile::TempDir;

use super::cache::{Cache, Known};
use super::magic::Magic;
use super::modules::{Compiled, Module};
use super::worker::Worker;
use super::{Archived, bytes};
use crate::error::Result;
use crate::interrupt;
use crate::parallel;
use crate::prefix::{Inventory, Python};
use crate::progress::{Progress, Step};

/// What came out.
pub(super) struct All {
    pub modules: Vec<Compiled>,
    pub scratch: Option<TempDir>,
}

/// Takes modules from the cache and compiles the others.
pub(super) fn all(
    inventory: &Inventory,
    python: &Python,
    cache: Cache<'_>,
    missing: Vec<Module>,
    threads: usize,
    archived: &Archived<'_>,
    progress: &dyn Progress,
) -> Result<All> {
    let magic = cache.magic;
    let (mut modules, mut jobs, mut refused) = (Vec::new(), Vec::new(), 0);
    let known: Vec<_> = missing.par_iter().map(|module| cache.get(module)).collect();
    interrupt::check()?;
    for (module, known) in missing.into_iter().zip(known) {
        match known {
            Some(Known::Compiled(content)) => modules.push(Compiled { module, content }),
            Some(Known::Refused) => refused += 1,
            None => jobs.push(module),
        }
    }
    let cached = modules.len();
    if jobs.is_empty() {
        if refused > 0 {
            progress.note(&format!("without bytecode: {}", unfit(refused)));
        }
    } else {
        let run = Run {
            inventory,
            python,
            magic,
            cache: &cache,
            archived,
            progress,
            next: AtomicUsize::new(0),
            jobs: &jobs,
            made: Mutex::default(),
        };
        match Worker::start(python, magic) {
            Ok(first) => {
                let made = run.on_threads(first, threads)?;
                tell(made.len(), jobs.len() - made.len() + refused, cached, progress);
                modules.extend(made);
            }
            Err(error) => {
                interrupt::check()?;
                progress.warn(&format!(
                    "{} without bytecode, which every process will compile anew: the environment's Python can't \
                     run here ({error})",
                    count(jobs.len(), "module"),
                ));
            }
        }
    }
    modules.sort_by(|a, b| a.module.path.cmp(&b.module.path));
    Ok(All { modules, scratch: cache.into_scratch() })
}

fn tell(made: usize, failed: usize, cached: usize, progress: &dyn Progress) {
    let mut parts = vec![format!("compiled: {}", count(made, "module"))];
    if cached > 0 {
        parts.push(format!("{cached} more were cached"));
    }
    if failed > 0 {
        parts.push(unfit(failed));
    }
    progress.note(&parts.join(", "));
}

fn unfit(number: usize) -> String {
    format!("{number} can't be compiled")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The jobs and what all threads need for them.
struct Run<'a> {
    inventory: &'a Inventory,
    python: &'a Python,
    magic: Magic,
    cache: &'a Cache<'a>,
    archived: &'a Archived<'a>,
    progress: &'a dyn Progress,
    jobs: &'a [Module],
    next: AtomicUsize,
    made: Mutex<Vec<Compiled>>,
}

impl Run<'_> {
    fn on_threads(self, first: Worker, threads: usize) -> Result<Vec<Compiled>> {
        let threads = parallel::count(threads).min(self.jobs.len());
        self.progress.begin(Step::Compile, Some(self.jobs.len() as u64));
        let mut first = Some(first);
        let finished = thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|_| {
                    let worker = first.take();
                    thread::Builder::new().spawn_scoped(scope, || self.work(worker))
                })
                .collect();
            let finished = running
                .into_iter()
                .map(|thread| thread?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            // All are joined before the first error is looked at.
            finished.collect::<Vec<Result<()>>>()
        });
        self.progress.end();
        finished.into_iter().collect::<Result<()>>()?;
        Ok(self.made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does jobs until there are no more.
    fn work(&self, mut worker: Option<Worker>) -> Result<()> {
        while let Some(module) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            interrupt::check()?;
            let Some(file) = self.inventory.file(&module.source_path) else { continue };
            let source = (self.archived)(&module.source_path, file, &bytes(file)?);
            let interpreter = match worker.take() {
                Some(interpreter) => interpreter,
                None => Worker::start(self.python, self.magic).or_else(|error| {
                    interrupt::check()?;
                    Err(crate::error::Error::from(error))
                })?,
            };
            // A source may crash the compiler; then the next gets another one.
            match compiled(interpreter, &source, &mut worker) {
                Ok(Some(code)) => {
                    let pyc = [&self.magic.bytes[..], &header(module.source_hash), &code].concat();
                    let content = self.cache.put(module, &pyc)?;
                    let compiled = Compiled { module: module.clone(), content };
                    self.made.lock().unwrap_or_else(PoisonError::into_inner).push(compiled);
                }
                Ok(None) => self.cache.put_refused(module)?,
                // Not the source's fault for sure: it is tried again next time.
                Err(_) => interrupt::check()?,
            }
            self.progress.advance(1);
        }
        Ok(())
    }
}

/// Compiles a source and puts the interpreter back if it survived.
fn compiled(mut worker: Worker, source: &[u8], back: &mut Option<Worker>) -> io::Result<Option<Vec<u8>>> {
    let code = worker.compile(source)?;
    *back = Some(worker);
    Ok(code)
}

/// Flags and source hash of PEP 552; relocation sets the flags that were asked
/// for, so that the cache is the same for all.
fn header(source_hash: [u8; 8]) -> Vec<u8> {
    const UNCHECKED: u32 = 0b01;
    [&UNCHECKED.to_le_bytes()[..], &source_hash].concat()
}
