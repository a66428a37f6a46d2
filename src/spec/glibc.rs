//! The glibc of the cluster, which may be older than that of this machine.

use std::fmt;
use std::str::FromStr;

/// The glibc that packages and wheels may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcTarget {
    pub major: u32,
    pub minor: u32,
}

/// Names for `--target-glibc`, with the reason of each row: what the platform
/// itself ships, or the platform tag's own number (PEP 599, PEP 600).
const PRESETS: &[(&str, u32, &str)] = &[
    ("manylinux1", 5, "PEP 513"),
    ("manylinux2010", 12, "PEP 571"),
    ("manylinux2014", 17, "PEP 599"),
    ("centos7", 17, "CentOS 7 ships glibc 2.17"),
    ("rhel7", 17, "Red Hat Enterprise Linux 7 ships glibc 2.17"),
    ("rhel8", 28, "Red Hat Enterprise Linux 8, Rocky 8 and AlmaLinux 8 ship glibc 2.28"),
    ("rhel9", 34, "Red Hat Enterprise Linux 9, Rocky 9 and AlmaLinux 9 ship glibc 2.34"),
    ("rhel10", 39, "Red Hat Enterprise Linux 10 ships glibc 2.39"),
    ("debian10", 28, "Debian 10 ships glibc 2.28"),
    ("debian11", 31, "Debian 11 ships glibc 2.31"),
    ("debian12", 36, "Debian 12 ships glibc 2.36"),
    ("debian13", 41, "Debian 13 ships glibc 2.41"),
    ("ubuntu18.04", 27, "Ubuntu 18.04 ships glibc 2.27"),
    ("ubuntu20.04", 31, "Ubuntu 20.04 ships glibc 2.31"),
    ("ubuntu22.04", 35, "Ubuntu 22.04 ships glibc 2.35"),
    ("ubuntu24.04", 39, "Ubuntu 24.04 ships glibc 2.39"),
    ("amazonlinux2", 26, "Amazon Linux 2 ships glibc 2.26"),
    ("amazonlinux2023", 34, "Amazon Linux 2023 ships glibc 2.34"),
    ("emr6", 26, "EMR 6 runs on Amazon Linux 2"),
    ("emr7", 34, "EMR 7 runs on Amazon Linux 2023"),
];

impl GlibcTarget {
    /// The names that `--target-glibc` knows, each with its version and reason.
    pub fn presets() -> impl Iterator<Item = (&'static str, GlibcTarget, &'static str)> {
        PRESETS.iter().map(|&(name, minor, reason)| (name, GlibcTarget { major: 2, minor }, reason))
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
        if let Some((_, target, _)) = Self::presets().find(|(name, ..)| name.eq_ignore_ascii_case(text)) {
            return Ok(target);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tags_and_names_are_understood() {
        for (text, minor) in [("2.17", 17), ("manylinux_2_28", 28), ("CentOS7", 17), ("ubuntu20.04", 31)] {
            assert_eq!(text.parse(), Ok(GlibcTarget { major: 2, minor }), "{text}");
        }
        for text in ["", "2", "2.x", "3.1", "musl", "manylinux_2"] {
            assert!(text.parse::<GlibcTarget>().is_err(), "{text}");
        }
    }
}
