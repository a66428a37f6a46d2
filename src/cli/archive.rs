//! How an environment is archived; the flags that `pack` and `ship` share.

use clap::Args;

use crate::archive::Links;
use crate::artifact::Format;
use crate::complete::{ActivateAs, Bytecode, CompleteOptions, Hook, Interpreter, OutsideLibraries, UserSite};
use crate::ops::{CacheUse, PackOptions};
use crate::prefix::{Editable, Filters, MissingFiles, ScanOptions};

use super::filter::FilterArgs;
use super::{absolute, explained};

#[derive(Debug, Args)]
#[command(next_help_heading = "Archive")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag as it is typed; options() makes enums of them"
)]
pub struct ArchiveArgs {
    #[command(flatten)]
    filters: FilterArgs,

    /// tar.gz, tar, tar.zst, zip or directory; by default what the output's name says, else tar.gz.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// 0 (fastest) to 9 (smallest) for tar.gz and zip, by default 2; 1 to 19 for
    /// tar.zst, by default 3.
    #[arg(long, value_name = "LEVEL")]
    compress_level: Option<u32>,

    /// The number of threads; by default one for each core, up to 16, and fewer where they would
    /// take much memory.
    #[arg(short = 'j', long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    n_threads: Option<usize>,

    /// Make everything anew, and keep nothing for the next time; see `envship cache --help`.
    #[arg(long)]
    no_cache: bool,

    /// Put everything below this folder inside the archive. Engines expect `bin` at the top.
    #[arg(long, value_name = "PATH")]
    arcroot: Option<String>,

    /// Store links in a zip as links; by default the files that they point to are stored.
    #[arg(long)]
    zip_symlinks: bool,

    /// The Python is on the nodes, installed in this folder: link to it instead of packing it.
    #[arg(long, value_name = "DIR", value_parser = absolute)]
    python_prefix: Option<String>,

    /// The environment will lie in this folder: write it wherever a path is needed.
    #[arg(long, value_name = "DIR", value_parser = absolute)]
    dest_prefix: Option<String>,

    /// Let the packages in the home of the node's user shadow those of the environment.
    #[arg(long)]
    user_site: bool,

    /// Don't activate the environment in every Python that starts in it.
    #[arg(long)]
    no_activation_hook: bool,

    /// What names the environment when it is active: conda (`CONDA_PREFIX`) or venv
    /// (`VIRTUAL_ENV`); by default what the tool that made it would set.
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    activate_as: Option<ActivateAs>,

    /// compile: make what is missing or outdated; keep: make nothing; strip: leave it out, but for what
    /// has no source; checked: as compile, for those who change .py files in an unpacked environment.
    #[arg(long, value_name = "HOW", default_value = "compile", value_parser = explained::<Bytecode>, help_heading = "What goes in")]
    bytecode: Bytecode,

    /// Libraries of this machine that the environment needs and nodes may not have: bundle them, warn
    /// and leave them out, or error.
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "bundle",
        conflicts_with = "python_prefix",
        help_heading = "What goes in"
    )]
    outside_libs: OutsideLibraries,

    /// Pack even if packages are installed in editable mode; their code stays outside.
    #[arg(long, help_heading = "What goes in")]
    ignore_editable_packages: bool,

    /// Leave out files that conda packages lost (this is the default).
    #[arg(long, conflicts_with = "strict", help_heading = "What goes in")]
    ignore_missing_files: bool,

    /// Fail if files of conda packages were deleted or replaced.
    #[arg(long, help_heading = "What goes in")]
    strict: bool,
}

impl ArchiveArgs {
    pub fn options(self) -> PackOptions {
        PackOptions {
            scan: ScanOptions {
                filters: Filters(self.filters.0),
                editable: if self.ignore_editable_packages { Editable::LeaveOut } else { Editable::Refuse },
                missing: if self.strict { MissingFiles::Refuse } else { MissingFiles::Tolerate },
            },
            completion: CompleteOptions {
                interpreter: self
                    .python_prefix
                    .map_or(Interpreter::Bundle, |prefix| Interpreter::OnNodes(prefix.into())),
                bytecode: self.bytecode,
                user_site: if self.user_site { UserSite::On } else { UserSite::Off },
                activation_hook: if self.no_activation_hook { Hook::Off } else { Hook::On },
                activate_as: self.activate_as,
                outside_libraries: self.outside_libs,
            },
            destination: self.dest_prefix,
            format: self.format,
            level: self.compress_level,
            arcroot: self.arcroot,
            zip_links: if self.zip_symlinks { Links::Keep } else { Links::Dereference },
            threads: self.n_threads,
            cache: if self.no_cache { CacheUse::Off } else { CacheUse::On },
        }
    }
}

/// conda-pack's -1 means all cores; so does leaving the flag out.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse::<i64>() {
        Ok(-1) => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        Ok(count @ 1..=1024) => usize::try_from(count).map_err(|error| error.to_string()),
        _ => Err("a number from 1 to 1024, or -1 for all cores".to_owned()),
    }
}
