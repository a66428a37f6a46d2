//! Scripts that will not start where the archive lands.

use std::collections::HashSet;
use std::io::Read;

use crate::entry::{Content, File, Measured, Node};
use crate::error::Result;
use crate::progress::Progress;
use crate::relocate::{Relocator, Stranded};

/// How much of a script tells what it starts, in bytes.
const HEAD: usize = 8192;

/// How many of them are named.
const NAMED: usize = 3;

/// Warns, in a line for each reason, about scripts in `bin/` whose interpreter
/// will not be there.
///
/// # Errors
/// If a script can't be read.
pub(super) fn warn(measured: &[Measured], relocator: &Relocator, progress: &dyn Progress) -> Result<()> {
    let paths: HashSet<&str> = measured.iter().map(|item| &*item.entry.path).collect();
    let (mut missing, mut unplaced) = (Vec::new(), Vec::new());
    for item in measured {
        let path = &item.entry.path;
        let Node::File(file) = &item.entry.node else { continue };
        if !file.executable || !path.starts_with("bin/") {
            continue;
        }
        match relocator.stranded(path, &head(file)?, &|path| paths.contains(path)) {
            Some(Stranded::Missing(program)) => missing.push(format!("`{path}` calls `{program}`")),
            Some(Stranded::Unplaced(program)) => unplaced.push(format!("`{path}` calls `{program}`")),
            None => {}
        }
    }
    tell(missing, "will not start, for what they call is not in the archive", progress);
    tell(unplaced, "will start only where `envship unpack` puts them", progress);
    Ok(())
}

fn tell(mut stranded: Vec<String>, what: &str, progress: &dyn Progress) {
    stranded.sort();
    let scripts = match stranded.len() {
        0 => return,
        1 => "1 script".to_owned(),
        count => format!("{count} scripts"),
    };
    let more = if stranded.len() > NAMED { ", …" } else { "" };
    let named = stranded[..stranded.len().min(NAMED)].join(", ");
    progress.warn(&format!("{scripts} {what}: {named}{more}"));
}

fn head(file: &File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    match &file.content {
        Content::Memory(bytes) => head.extend(bytes.iter().take(HEAD)),
        Content::Disk { path, .. } => {
            fs_err::File::open(path.to_path())?.take(HEAD as u64).read_to_end(&mut head)?;
        }
    }
    Ok(head)
}
