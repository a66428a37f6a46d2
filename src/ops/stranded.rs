//! Scripts that will not start where the archive lands.

use std::collections::HashSet;
use std::io::Read;

use crate::entry::{Content, File, Measured, Node};
use crate::error::Result;
use crate::progress::Progress;
use crate::relocate::Relocator;

/// How much of a script tells what it starts, in bytes.
const HEAD: usize = 8192;

/// How many of them are named.
const NAMED: usize = 3;

/// Warns, in one line, about scripts in `bin/` whose interpreter will not be
/// there.
///
/// # Errors
/// If a script can't be read.
pub(super) fn warn(measured: &[Measured], relocator: &Relocator, progress: &dyn Progress) -> Result<()> {
    let paths: HashSet<&str> = measured.iter().map(|item| item.entry.path.as_str()).collect();
    let mut stranded = Vec::new();
    for item in measured {
        let path = &item.entry.path;
        let Node::File(file) = &item.entry.node else { continue };
        if !file.executable || !path.starts_with("bin/") {
            continue;
        }
        if let Some(interpreter) = relocator.stranded(path, &head(file)?, &|path| paths.contains(path)) {
            stranded.push(format!("`{path}` calls `{interpreter}`"));
        }
    }
    stranded.sort();
    let scripts = match stranded.len() {
        0 => return Ok(()),
        1 => "1 script".to_owned(),
        count => format!("{count} scripts"),
    };
    let more = if stranded.len() > NAMED { ", …" } else { "" };
    let named = stranded[..stranded.len().min(NAMED)].join(", ");
    progress
        .warn(&format!("{scripts} will not start, for what they call is not in the archive: {named}{more}"));
    Ok(())
}

fn head(file: &File) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    match &file.content {
        Content::Memory(bytes) => head.extend(bytes.iter().take(HEAD)),
        Content::Disk { path, .. } => {
            fs_err::File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
        }
    }
    Ok(head)
}
