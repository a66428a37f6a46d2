//! `conda-meta/history`: conda takes a folder for an environment because of
//! it and reads from it what the user asked for. It also holds command lines,
//! paths and times.

use super::scrub;
use crate::entry::{Content, Group};
use crate::error::Result;
use crate::prefix::Inventory;

const PATH: &str = "conda-meta/history";

/// Leaves what conda needs of it.
pub(super) fn clean(inventory: &mut Inventory) -> Result<()> {
    let Some(Content::Disk { path, .. }) = inventory.file(PATH).map(|file| &file.content) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&fs_err::read(path.to_path())?).into_owned();
    inventory.put_text(PATH, Group::Loose, cleaned(&text));
    Ok(())
}

fn cleaned(text: &str) -> String {
    let mut clean = String::new();
    for line in text.lines() {
        let specs =
            line.starts_with("# ") && line.split(':').next().is_some_and(|key| key.ends_with("specs"));
        // Lines of packages begin with a sign.
        if line.starts_with("==> ") {
            clean.push_str("==> 1980-01-01 00:00:00 <==");
        } else if line.starts_with(['+', '-']) || specs {
            clean.push_str(&scrub::text(line));
        } else {
            continue;
        }
        clean.push('\n');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_paths_and_times_go() {
        let text = "==> 2026-11-21 16:00:00 <==\n\
                    # cmd: /home/me/conda/bin/conda create -p /home/me/env numpy\n\
                    # conda version: 24.1.0\n\
                    +file:///home/me/channel/linux-64::numpy-1.26.4-py311_0\n\
                    +conda-forge/noarch::six-1.17.0-py_0\n\
                    # update specs: ['numpy', 'https://me:secret@host/chan::six']\n";
        let expected = "==> 1980-01-01 00:00:00 <==\n\
                        +file:///channel/linux-64::numpy-1.26.4-py311_0\n\
                        +conda-forge/noarch::six-1.17.0-py_0\n\
                        # update specs: ['numpy', 'https://host/chan::six']\n";
        assert_eq!(cleaned(text), expected);
    }
}
