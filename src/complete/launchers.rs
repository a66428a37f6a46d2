//! Scripts whose interpreter can't read past a line for the shell: what R and
//! awk take for a comment, the shell does too. Such a script moves to
//! `share/envship/scripts`, and a launcher that finds it takes its place.
//!
//! Scripts in other languages become their own launchers when they are
//! relocated.

use std::path::{Path, PathBuf};

use crate::entry::{Content, Entry, FIND_SCRIPT, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::prefix::Inventory;

/// The interpreters, by their names in `bin`.
const INTERPRETERS: [&str; 5] = ["Rscript", "awk", "gawk", "mawk", "nawk"];

/// No script is longer.
const LONGEST: u64 = 1 << 20;

/// Where the scripts go.
const FOLDER: &str = "share/envship/scripts";

/// Gives those scripts launchers.
pub(super) fn write(inventory: &mut Inventory) -> Result<()> {
    let candidates: Vec<(String, Group, PathBuf)> = inventory
        .below("bin/")
        .filter_map(|entry| match &entry.node {
            Node::File(File { executable: true, content: Content::Disk { path, size }, .. })
                if *size <= LONGEST =>
            {
                Some((entry.path.to_string(), entry.group.clone(), path.to_path()))
            }
            _ => None,
        })
        .collect();
    for (path, group, disk) in candidates {
        let bytes = fs_err::read(disk)?;
        let Some((command, rest)) = parse(&bytes, &inventory.prefixes) else { continue };
        let moved = format!("{FOLDER}/{}", path.trim_start_matches("bin/"));
        // The line that went away still counts in messages.
        let script = [b"#\n", rest].concat();
        let file = |executable, content: Vec<u8>, rewrite| {
            Node::File(File { executable, content: Content::Memory(content.into()), rewrite })
        };
        let launcher = launcher(&command, &moved);
        let entry = |path: String, node| Entry { path: path.into(), group: group.clone(), node };
        inventory.put(entry(moved, file(false, script, Rewrite::Search)));
        inventory.put(entry(path, file(true, launcher.into_bytes(), Rewrite::Keep)));
    }
    Ok(())
}

/// The name and arguments of an interpreter that a script names by the prefix,
/// and what follows that line.
fn parse<'a>(bytes: &'a [u8], prefixes: &[PathBuf]) -> Option<(String, &'a [u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = std::str::from_utf8(bytes[..end].strip_prefix(b"#!")?).ok()?.trim();
    let (program, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (folder, name) = program.rsplit_once('/')?;
    let ours = prefixes.iter().any(|prefix| prefix.join("bin") == Path::new(folder));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:=+/ ".contains(&byte);
    let known = ours && INTERPRETERS.contains(&name) && arguments.bytes().all(plain);
    known.then(|| (format!("{name} {}", arguments.trim()).trim_end().to_owned(), &bytes[end + 1..]))
}

fn launcher(command: &str, script: &str) -> String {
    let (name, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let arguments = if arguments.is_empty() { String::new() } else { format!(" {arguments}") };
    format!(
        "#!/bin/sh\n\
         {FIND_SCRIPT} && \
         envship_root=${{envship_script%/*/*}} && \
         exec \"$envship_root/bin/{name}\"{arguments} \"$envship_root/{script}\" \"$@\"; exit 127\n"
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_what_the_prefix_has_and_no_other_module_can_start_gets_a_launcher() {
        let prefixes = ["/envs/e1".into()];
        let found = parse(b"#!/envs/e1/bin/awk -f\n{ print }\n", &prefixes);
        assert_eq!(found, Some(("awk -f".to_owned(), &b"{ print }\n"[..])));
        let found = parse(b"#! /envs/e1/bin/Rscript\ncat(1)\n", &prefixes);
        assert_eq!(found, Some(("Rscript".to_owned(), &b"cat(1)\n"[..])));
        for other in ["#!/envs/e12/bin/awk -f\n", "#!/usr/bin/awk -f\n", "#!/envs/e1/bin/perl\n", "awk\n", ""]
        {
            assert_eq!(parse(other.as_bytes(), &prefixes), None, "{other}");
        }
    }

    #[test]
    fn a_launcher_starts_its_script_through_links_and_odd_paths() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's a $path");
        fs_err::create_dir_all(root.join("bin")).unwrap();
        fs_err::create_dir_all(root.join(FOLDER)).unwrap();
        fs_err::write(root.join(FOLDER).join("sum"), "#\n{ total += $1 }\nEND { print total, NR }\n")
            .unwrap();
        symlink("/usr/bin/awk", root.join("bin/awk")).unwrap();
        let script = root.join("bin/sum");
        fs_err::write(&script, launcher("awk -f", &format!("{FOLDER}/sum"))).unwrap();
        fs_err::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        fs_err::write(folder.path().join("numbers"), "1\n2\n").unwrap();
        let link = folder.path().join("link");
        symlink(&script, &link).unwrap();
        let output =
            Command::new("sh").arg(&link).arg(folder.path().join("numbers")).env_clear().output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "3 2\n", "{output:?}");
    }
}
