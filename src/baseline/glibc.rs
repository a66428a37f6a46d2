//! The glibc of the cluster, which may be older than that of this machine.

use std::fmt;
use std::str::FromStr;

/// The glibc that packages and wheels may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcTarget {
    pub major: u32,
    pub minor: u32,
}

/// A row of [`PRESETS`].
type Preset = (&'static str, u32, Option<u32>, &'static str);

/// Names for `--target-glibc`, with the minor version of glibc 2, that of
/// `GLIBCXX_3.4` in the system's libstdc++ where one is known (GCC's ABI
/// history), and the reason of each row: what the platform itself ships, or the
/// platform tag's own number (PEP 599, PEP 600).
const PRESETS: &[Preset] = &[
    ("manylinux1", 5, None, "PEP 513"),
    ("manylinux2010", 12, None, "PEP 571"),
    ("manylinux2014", 17, Some(19), "PEP 599"),
    ("centos7", 17, Some(19), "CentOS 7 ships glibc 2.17 and the libstdc++ of GCC 4.8"),
    ("rhel7", 17, Some(19), "Red Hat Enterprise Linux 7 ships glibc 2.17 and the libstdc++ of GCC 4.8"),
    (
        "rhel8",
        28,
        Some(25),
        "Red Hat Enterprise Linux 8, Rocky 8 and AlmaLinux 8 ship glibc 2.28 and the libstdc++ of GCC 8",
    ),
    (
        "rhel9",
        34,
        Some(29),
        "Red Hat Enterprise Linux 9, Rocky 9 and AlmaLinux 9 ship glibc 2.34 and the libstdc++ of GCC 11",
    ),
    ("rhel10", 39, Some(33), "Red Hat Enterprise Linux 10 ships glibc 2.39 and the libstdc++ of GCC 14"),
    ("debian10", 28, Some(25), "Debian 10 ships glibc 2.28 and the libstdc++ of GCC 8"),
    ("debian11", 31, Some(28), "Debian 11 ships glibc 2.31 and the libstdc++ of GCC 10"),
    ("debian12", 36, Some(30), "Debian 12 ships glibc 2.36 and the libstdc++ of GCC 12"),
    ("debian13", 41, Some(33), "Debian 13 ships glibc 2.41 and the libstdc++ of GCC 14"),
    ("ubuntu18.04", 27, Some(25), "Ubuntu 18.04 ships glibc 2.27 and the libstdc++ of GCC 8"),
    ("ubuntu20.04", 31, Some(28), "Ubuntu 20.04 ships glibc 2.31 and the libstdc++ of GCC 10"),
    ("ubuntu22.04", 35, Some(30), "Ubuntu 22.04 ships glibc 2.35 and the libstdc++ of GCC 12"),
    ("ubuntu24.04", 39, Some(33), "Ubuntu 24.04 ships glibc 2.39 and the libstdc++ of GCC 14"),
    ("amazonlinux2", 26, Some(24), "Amazon Linux 2 ships glibc 2.26 and the libstdc++ of GCC 7"),
    ("amazonlinux2023", 34, Some(29), "Amazon Linux 2023 ships glibc 2.34 and the libstdc++ of GCC 11"),
    ("emr6", 26, Some(24), "EMR 6 runs on Amazon Linux 2"),
    ("emr7", 34, Some(29), "EMR 7 runs on Amazon Linux 2023"),
];

/// What else people call those systems, and systems that are rebuilt from them.
const ALIASES: [(&str, &str); 9] = [
    ("al", "amazonlinux"),
    ("amazon", "amazonlinux"),
    ("alma", "rhel"),
    ("almalinux", "rhel"),
    ("centos", "rhel"),
    ("centosstream", "rhel"),
    ("oraclelinux", "rhel"),
    ("rocky", "rhel"),
    ("rockylinux", "rhel"),
];

/// The preset of this name, whatever stands between its words and numbers:
/// `debian:11`, `Rocky-8`, `ubuntu2004`.
fn preset(text: &str) -> Option<&'static Preset> {
    let bare = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = bare(text);
    let number = wanted.find(|c: char| c.is_ascii_digit())?;
    let (name, number) = wanted.split_at(number);
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    PRESETS.iter().find(|(preset, ..)| bare(preset) == format!("{name}{number}"))
}

impl GlibcTarget {
    /// The names that `--target-glibc` knows, each with its version and reason.
    pub fn presets() -> impl Iterator<Item = (&'static str, GlibcTarget, &'static str)> {
        PRESETS.iter().map(|&(name, minor, _, reason)| (name, GlibcTarget { major: 2, minor }, reason))
    }
}

impl fmt::Display for GlibcTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for GlibcTarget {
    type Err = String;

    /// `2.17`, `manylinux_2_28` (PEP 600) or the name of a preset.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, minor, ..)) = preset(text) {
            return Ok(GlibcTarget { major: 2, minor: *minor });
        }
        let numbers = match text.strip_prefix("manylinux_") {
            Some(numbers) => numbers.split_once('_'),
            None => text.split_once('.'),
        };
        let number = |digits: &str| digits.parse().ok();
        numbers
            .and_then(|(major, minor)| Some(GlibcTarget { major: number(major)?, minor: number(minor)? }))
            .filter(|target| target.major == 2)
            .ok_or_else(|| {
                let names: Vec<_> = Self::presets().map(|(name, ..)| name).collect();
                format!(
                    "give a version such as 2.17, a tag such as manylinux_2_28, or one of {}",
                    names.join(", ")
                )
            })
    }
}

/// What the nodes of a cluster offer to libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    pub glibc: GlibcTarget,
    /// The highest `GLIBCXX_3.4.x` of its libstdc++, where known.
    pub libstdcxx: Option<u32>,
}

impl FromStr for System {
    type Err = String;

    /// As a [`GlibcTarget`]; the name of a preset tells more.
    fn from_str(text: &str) -> Result<Self, String> {
        let glibc = text.parse()?;
        Ok(System { glibc, libstdcxx: preset(text).and_then(|(_, _, libstdcxx, _)| *libstdcxx) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tags_and_names_are_understood() {
        for (text, minor) in [
            ("2.17", 17),
            ("manylinux_2_28", 28),
            ("CentOS7", 17),
            ("ubuntu20.04", 31),
            ("ubuntu2004", 31),
            ("debian:11", 31),
            ("Rocky-8", 28),
            ("centos_7", 17),
            ("al2023", 34),
        ] {
            assert_eq!(text.parse(), Ok(GlibcTarget { major: 2, minor }), "{text}");
        }
        for text in ["", "2", "2.x", "3.1", "musl", "manylinux_2"] {
            assert!(text.parse::<GlibcTarget>().is_err(), "{text}");
        }
    }
}
