//! `envship inspect`

use std::path::PathBuf;

use crate::artifact::{PackageKind, Reason};
use crate::baseline::System;
use crate::cli::explained_text;
use crate::error::Result;
use crate::inspect::{Floor, Report, Sizes};
use crate::ops::{self, Inspected};
use crate::term::{self, Table, Terminal};

/// Show what is in an environment, and what it asks of a node.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  envship inspect env.tar.gz
  envship inspect .venv --top 30
  envship inspect s3a://bucket/envs/my-0123456789ab.tar.gz --json
  envship inspect https://host/envs/my-0123456789ab.zip
  envship inspect env.tar.gz --target-glibc centos7      # exit 1 if something won't load there

Nothing is run. Sizes are those of files, and what they take in the archive. The floors are the highest
symbol versions that ELF files ask of the node's glibc and libstdc++. Libraries from outside are those
that neither the environment nor every Linux node has.")]
pub struct Args {
    /// An archive, a folder, or the URL of a published archive.
    #[arg(value_name = "ARCHIVE")]
    what: PathBuf,

    /// The system to compare with: a glibc version, a manylinux tag, or a name such as rhel8.
    #[arg(long, value_name = "SYSTEM", value_parser = explained_text::<System>)]
    target_glibc: Option<(String, System)>,

    /// How many packages, files and duplicates are listed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

impl Args {
    pub fn run(self, json: bool, terminal: &Terminal) -> Result<()> {
        let system = self.target_glibc.as_ref().map(|(_, system)| system);
        let inspected = ops::inspect(&self.what, system, self.top, terminal)?;
        if json {
            terminal.json(&inspected)?;
        } else {
            terminal.data(&text(&inspected, self.top))?;
        }
        let name = self.target_glibc.map(|(name, _)| name).unwrap_or_default();
        ops::require_met(&inspected, &name)
    }
}

fn text(inspected: &Inspected, top: usize) -> String {
    let report = &inspected.report;
    let mut parts = vec![overview(report).text(), packages(report, top).text()];
    let mut section = |heading: &str, table: Table| {
        if !table.is_empty() {
            parts.push(format!("{heading}\n{}", table.text()));
        }
    };
    section("largest files", files(report));
    section("duplicates", duplicates(report));
    section("programs and libraries that can't be loaded", unloadable(report, top));
    section("libraries from outside", outside(report));
    section("libraries for graphics cards", cuda(report));
    section("placeholders, which `envship unpack` finishes", leftovers(report, top));
    section("too new for the target", unmet(inspected));
    parts.join("\n")
}

fn overview(report: &Report) -> Table {
    let mut table = Table::default();
    let mut row = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row([label.to_owned(), value]);
        }
    };
    let packed = report.archive_size.map(|size| format!(", {} packed", term::bytes(size)));
    row("format", report.format.map(|format| format.to_string()));
    row("platform", report.platform.clone());
    row("python", report.python.as_ref().map(|python| format!("{} ({})", python.version, python.abi)));
    row(
        "files",
        Some(format!(
            "{} ({}{})",
            report.total.files,
            term::bytes(report.total.size),
            packed.unwrap_or_default()
        )),
    );
    row("packages", Some(report.packages.len().to_string()));
    row("needs glibc", report.glibc.as_ref().map(floor));
    row("needs libstdc++", report.libstdcxx.as_ref().map(|found| format!("GLIBCXX_{}", floor(found))));
    row("needs CPU", report.cpu.as_ref().map(floor));
    let placeholders: Vec<_> =
        report.placeholders.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    row("placeholders", (!placeholders.is_empty()).then(|| placeholders.join(", ")));
    row("packed by", report.envship.as_ref().map(|version| format!("envship {version}")));
    for remark in &report.remarks {
        row("remark", Some(remark.clone()));
    }
    table
}

fn floor(floor: &Floor) -> String {
    match floor.files.as_slice() {
        [] => floor.version.clone(),
        [file] => format!("{} ({file})", floor.version),
        [first, rest @ ..] => format!("{} ({first} and {} more)", floor.version, rest.len()),
    }
}

fn sizes(sizes: &Sizes) -> [String; 3] {
    [sizes.files.to_string(), term::bytes(sizes.size), sizes.packed.map(term::bytes).unwrap_or_default()]
}

fn packages(report: &Report, top: usize) -> Table {
    let mut table = Table::new(["package", "version", "from", "files", "size", "packed"]);
    for package in report.packages.iter().take(top) {
        let [files, size, packed] = sizes(&package.sizes);
        let kind = match package.kind {
            PackageKind::Conda => "conda",
            PackageKind::Pypi => "PyPI",
        };
        table.row([package.name.clone(), package.version.clone(), kind.to_owned(), files, size, packed]);
    }
    if let Some(rest) = report.packages.len().checked_sub(top).filter(|rest| *rest > 0) {
        table.row([format!("{rest} more")]);
    }
    let [files, size, packed] = sizes(&report.loose);
    table.row(["of no package".to_owned(), String::new(), String::new(), files, size, packed]);
    table
}

fn files(report: &Report) -> Table {
    let mut table = Table::default();
    for file in &report.largest_files {
        let packed = file.packed.map(term::bytes).unwrap_or_default();
        table.row([term::bytes(file.size), packed, file.path.clone()]);
    }
    table
}

fn duplicates(report: &Report) -> Table {
    let mut table = Table::default();
    for duplicate in &report.duplicates {
        table.row([
            format!("{} × {}", duplicate.paths.len(), term::bytes(duplicate.size)),
            duplicate.paths.join(", "),
        ]);
    }
    table
}

fn outside(report: &Report) -> Table {
    let mut table = Table::default();
    for library in &report.outside {
        table.row([library.name.clone(), some(&library.needed_by)]);
    }
    table
}

fn unloadable(report: &Report, top: usize) -> Table {
    let mut table = Table::default();
    for file in report.unloadable.iter().take(top) {
        table.row([file.path.clone(), file.reason.clone()]);
    }
    if let Some(rest) = report.unloadable.len().checked_sub(top).filter(|rest| *rest > 0) {
        table.row([format!("{rest} more")]);
    }
    table
}

fn cuda(report: &Report) -> Table {
    let mut table = Table::default();
    for library in &report.cuda {
        let place = if library.inside { "in the environment" } else { "expected on the node" };
        table.row([library.name.clone(), place.to_owned()]);
    }
    table
}

fn leftovers(report: &Report, top: usize) -> Table {
    let mut table = Table::default();
    for leftover in report.leftovers.iter().take(top) {
        let reason = leftover.reason.map(Reason::about).unwrap_or_default().to_owned();
        table.row([leftover.places.to_string(), leftover.path.clone(), reason]);
    }
    if let Some(rest) = report.leftovers.len().checked_sub(top).filter(|rest| *rest > 0) {
        table.row([format!("{rest} more")]);
    }
    table
}

fn unmet(inspected: &Inspected) -> Table {
    let mut table = Table::default();
    for unmet in &inspected.unmet {
        let package = unmet.package.clone().unwrap_or_else(|| "of no package".to_owned());
        table.row([package, unmet.version.clone(), some(&unmet.files)]);
    }
    table
}

/// The first paths of a list, and how many there are.
fn some(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = paths.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(rest) => format!("{shown} and {rest} more"),
    }
}
