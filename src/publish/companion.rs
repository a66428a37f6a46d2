//! The `.sha256` file beside an archive.
//!
//! One line as `sha256sum` prints it. Where the store keeps no metadata, a
//! comment follows, which `sha256sum --check` skips, with the content digest
//! and, so that it is not believed for an archive that somebody replaced by
//! hand, the size of the archive.

use std::fmt::Write;

use crate::artifact::ContentDigest;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Companion {
    /// Of the archive's bytes.
    pub sha256: [u8; 32],
    /// Where the store itself can't keep it.
    pub content: Option<Content>,
}

/// What the comment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub digest: ContentDigest,
    /// In bytes.
    pub size: u64,
}

const COMMENT: &str = "# envship content digest ";

impl Companion {
    /// The name of the companion of `name`.
    pub fn name_of(name: &str) -> String {
        format!("{name}.sha256")
    }

    /// The text of the companion of `name`.
    pub fn render(&self, name: &str) -> String {
        let mut text = format!("{}  {name}\n", hex::encode(self.sha256));
        if let Some(Content { digest, size }) = self.content {
            let _ = writeln!(text, "{COMMENT}{digest} of {size} bytes");
        }
        text
    }

    /// Reads a companion; nothing if it is none.
    pub fn parse(text: &str) -> Option<Companion> {
        let mut lines = text.lines();
        let sha256 = digest(lines.next()?.split(' ').next()?)?;
        let content = lines.find_map(|line| {
            let (digest_text, size) =
                line.strip_prefix(COMMENT)?.strip_suffix(" bytes")?.split_once(" of ")?;
            Some(Content { digest: ContentDigest(digest(digest_text)?), size: size.parse().ok()? })
        });
        Some(Companion { sha256, content })
    }
}

/// Sixty-four hexadecimal digits.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes() {
        let content = Content { digest: ContentDigest([7; 32]), size: 12 };
        for content in [None, Some(content)] {
            let companion = Companion { sha256: [1; 32], content };
            assert_eq!(Companion::parse(&companion.render("e.tar.gz")), Some(companion));
        }
    }

    #[test]
    fn the_first_line_is_what_sha256sum_prints() {
        let text = Companion { sha256: [0xab; 32], content: None }.render("e.tar.gz");
        assert_eq!(text, format!("{}  e.tar.gz\n", "ab".repeat(32)));
    }

    #[test]
    fn anything_else_is_no_companion() {
        for text in ["", "abc  e.tar.gz\n", "<html>"] {
            assert_eq!(Companion::parse(text), None);
        }
    }

    #[test]
    fn sha256sum_accepts_it() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("e.tar.gz"), "bytes").unwrap();
        let content = Some(Content { digest: ContentDigest([7; 32]), size: 5 });
        let text = Companion { sha256: crate::fs::sha256(b"bytes"), content }.render("e.tar.gz");
        fs_err::write(folder.path().join("e.tar.gz.sha256"), text).unwrap();
        let checked = std::process::Command::new("sha256sum")
            .args(["--check", "--strict", "e.tar.gz.sha256"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&checked.stdout), "e.tar.gz: OK\n");
        assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    }
}
