//! The modes of entries: those that envship gives, and those that an archive
//! has.

use std::fmt;

use crate::entry::{File, Node};

/// Of `chmod`, for the node.
pub(super) fn permissions(node: &Node) -> u32 {
    match node {
        Node::Directory => DIRECTORY,
        Node::Link(_) => LINK,
        Node::File(File { executable, .. }) => of_file(*executable),
    }
}

/// With the kind above the permissions, as `stat` gives it and a zip holds it.
pub(super) fn whole(node: &Node) -> u32 {
    permissions(node)
        | match node {
            Node::Directory => Kind::Directory,
            Node::Link(_) => Kind::Link,
            Node::File(_) => Kind::File,
        }
        .bits()
}

const DIRECTORY: u32 = 0o755;
const LINK: u32 = 0o777;

fn of_file(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    Link,
    File,
}

impl Kind {
    /// Above the permissions.
    fn bits(self) -> u32 {
        match self {
            Kind::Directory => 0o040_000,
            Kind::Link => 0o120_000,
            Kind::File => 0o100_000,
        }
    }
}

/// The mode of an entry in an archive, beside the one that envship would have
/// given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// As it stands there; nothing where none can be read.
    found: Option<u32>,
    ours: u32,
}

impl Mode {
    /// In a tar header, which holds permissions only.
    pub(super) fn of_tar(found: Option<u32>, kind: Kind) -> Self {
        let ours = match kind {
            Kind::Directory => DIRECTORY,
            Kind::Link => LINK,
            Kind::File => of_file(is_executable(found)),
        };
        Mode { found, ours }
    }

    /// In the directory of a zip, with the kind above the permissions.
    pub(super) fn of_zip(found: Option<u32>, kind: Kind) -> Self {
        let Mode { ours, .. } = Mode::of_tar(found, kind);
        Mode { found, ours: ours | kind.bits() }
    }

    /// Of a file that nobody has to run.
    pub(super) fn of_plain_file(self) -> Self {
        Mode { ours: self.ours & !0o111, ..self }
    }

    /// Whether anybody may run the file.
    pub(super) fn is_executable(self) -> bool {
        is_executable(self.found)
    }

    /// Whether envship could have written it.
    pub(super) fn is_ours(self) -> bool {
        self.found == Some(self.ours)
    }
}

fn is_executable(found: Option<u32>) -> bool {
    found.is_some_and(|mode| mode & 0o111 != 0)
}

/// For people: of what is asked and what is there as much as tells them apart.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PERMISSIONS: u32 = 0o7777;
        match self.found {
            Some(found) if found & !PERMISSIONS == self.ours & !PERMISSIONS => {
                write!(f, "{:04o} instead of {:04o}", found & PERMISSIONS, self.ours & PERMISSIONS)
            }
            Some(found) => write!(f, "{found:04o} instead of {:04o}", self.ours),
            None => write!(f, "none instead of {:04o}", self.ours & PERMISSIONS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_ours_only_bit_by_bit() {
        for (found, kind, told) in [
            (0o755, Kind::Directory, None),
            (0o777, Kind::Link, None),
            (0o644, Kind::File, None),
            (0o755, Kind::File, None),
            (0o200, Kind::File, Some("0200 instead of 0644")),
            (0o744, Kind::File, Some("0744 instead of 0755")),
            (0o4755, Kind::File, Some("4755 instead of 0755")),
            (0o700, Kind::Directory, Some("0700 instead of 0755")),
            (0o755, Kind::Link, Some("0755 instead of 0777")),
        ] {
            let modes = [Mode::of_tar(Some(found), kind), Mode::of_zip(Some(found | kind.bits()), kind)];
            for mode in modes {
                assert_eq!((!mode.is_ours()).then(|| mode.to_string()).as_deref(), told, "{mode:?}");
            }
        }
    }

    #[test]
    fn a_kind_that_is_not_that_of_the_entry_shows_in_its_mode() {
        let pipe = Mode::of_zip(Some(0o010_644), Kind::File);
        assert!(!pipe.is_ours());
        assert_eq!(pipe.to_string(), "10644 instead of 100644");
        assert_eq!(Mode::of_tar(None, Kind::File).to_string(), "none instead of 0644");
    }
}
