//! The one module that prints.
//!
//! Data goes to stdout, everything else to stderr: progress as bars on a
//! terminal and as plain lines off it, notes, warnings, errors and the closing
//! summary.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};
use crate::progress::{Progress, Step};

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors and warnings.
    Quiet,
    /// Also progress, notes and the summary.
    Normal,
}

/// The user's terminal, or what stands for it.
pub struct Terminal {
    verbosity: Verbosity,
    interactive: bool,
    begun: Instant,
    step: Mutex<Option<Running>>,
    warnings: AtomicUsize,
}

struct Running {
    step: Step,
    begun: Instant,
    bar: ProgressBar,
}

impl Terminal {
    /// Prints to the process's own stdout and stderr.
    #[must_use]
    pub fn new(verbosity: Verbosity) -> Self {
        let interactive = verbosity > Verbosity::Quiet && io::stderr().is_terminal();
        Terminal {
            verbosity,
            interactive,
            begun: Instant::now(),
            step: Mutex::new(None),
            warnings: AtomicUsize::new(0),
        }
    }

    /// Prints data on stdout.
    ///
    /// # Errors
    /// If stdout can't be written; a closed pipe is no error, since a reader
    /// such as `head` may have had enough.
    pub fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Prints a value as one JSON object on stdout.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub fn json(&self, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        Ok(self.data(&format!("{text}\n"))?)
    }

    /// Prints the closing summary: the rows aligned, then the time since the
    /// command began and the number of warnings.
    pub fn close(&self, mut rows: Vec<(&str, String)>) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        rows.push(("time", duration(self.begun.elapsed())));
        match self.warnings.load(Ordering::Relaxed) {
            0 => {}
            count => rows.push(("warnings", count.to_string())),
        }
        let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let lines = rows.iter().fold(String::new(), |mut text, (label, value)| {
            let _ = writeln!(text, "{label:>width$}  {value}");
            text
        });
        self.line(lines.trim_end());
    }

    /// Prints an error with its causes and its hint.
    pub fn error(&self, error: &Error) {
        let mut text = format!("error: {}", indented(&error.to_string()));
        for cause in error.causes() {
            let _ = write!(text, "\ncaused by: {}", indented(&cause));
        }
        if let Some(hint) = error.hint() {
            let _ = write!(text, "\n\nhint: {}", indented(&hint));
        }
        self.line(&text);
    }

    /// A line on stderr that doesn't tear the bar apart. That stderr is gone
    /// is nothing one could tell anybody.
    fn line(&self, text: &str) {
        let text = harmless(text, &['\n', '\t']);
        let print = || drop(writeln!(io::stderr().lock(), "{text}"));
        match &*self.running() {
            Some(running) => running.bar.suspend(print),
            None => print(),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.step.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn bar(&self, step: Step, total: Option<u64>) -> ProgressBar {
        if !self.interactive {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match (total, counts_bytes(step)) {
            (Some(_), true) => "{msg:>10} [{bar:30}] {bytes}/{total_bytes} {eta}",
            (Some(_), false) => "{msg:>10} [{bar:30}] {pos}/{len}",
            (None, _) => "{msg:>10} {spinner} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(doing(step));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

impl Progress for Terminal {
    fn begin(&self, step: Step, total: Option<u64>) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        self.end();
        let bar = self.bar(step, total);
        *self.running() = Some(Running { step, begun: Instant::now(), bar });
    }

    fn advance(&self, amount: u64) {
        if let Some(running) = &*self.running() {
            running.bar.inc(amount);
        }
    }

    fn end(&self) {
        let Some(running) = self.running().take() else { return };
        let amount = running.bar.position();
        running.bar.finish_and_clear();
        // Whether it went well is not known here, so nothing is called done.
        let mut text = format!("{}: {}", doing(running.step), duration(running.begun.elapsed()));
        if amount > 0 {
            let amount = if counts_bytes(running.step) { bytes(amount) } else { amount.to_string() };
            let _ = write!(text, ", {amount}");
        }
        self.line(&text);
    }

    fn warn(&self, message: &str) {
        self.warnings.fetch_add(1, Ordering::Relaxed);
        self.line(&format!("warning: {}", indented(message)));
    }

    fn note(&self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.line(&format!("note: {}", indented(message)));
        }
    }
}

/// Rows of text in aligned columns.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With a row of headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Table { rows: vec![headings.map(str::to_owned).to_vec()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| harmless(&cell, &[])).collect());
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One line for each row; the last column is as wide as it wants.
    #[must_use]
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        self.rows.iter().fold(String::new(), |mut text, row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
            text
        })
    }
}

/// Lines after the first are set in, so that no name with a newline in it can
/// pass for a message of its own.
fn indented(message: &str) -> String {
    message.replace('\n', "\n  ")
}

/// Names come from archives of anybody, and a terminal obeys control
/// characters.
#[must_use]
pub fn harmless(text: &str, allowed: &[char]) -> String {
    text.chars()
        .map(|c| if c.is_control() && !allowed.contains(&c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// A size for people: `12.3 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}

/// A time for people: `0.8 s`, `2 min 5 s`.
#[must_use]
pub fn duration(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn counts_bytes(step: Step) -> bool {
    matches!(step, Step::Pack | Step::Check | Step::Download | Step::Upload | Step::Unpack)
}

fn doing(step: Step) -> &'static str {
    match step {
        Step::Solve => "solving",
        Step::Fetch => "fetching",
        Step::Install => "installing",
        Step::Scan => "scanning",
        Step::Compile => "compiling",
        Step::Read => "reading",
        Step::Pack => "packing",
        Step::Check => "checking",
        Step::Download => "downloading",
        Step::Upload => "uploading",
        Step::Unpack => "unpacking",
        Step::Try => "trying",
    }
}
