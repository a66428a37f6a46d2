//! What decides an archive's bytes, apart from its entries.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::error::Error;
use crate::artifact::Format;
use crate::entry::Measured;

/// 1980-01-01, where zip's calendar begins.
const EARLIEST: u64 = 315_532_800;

/// The last second that eleven octal digits of a tar header can tell, in 2242.
const LATEST: u64 = 0o777_7777_7777;

/// How entries become an archive. Everything here shows in the content
/// digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub format: Format,
    /// Of compression; see [`Layout::levels`]. Ignored where nothing is
    /// compressed.
    pub level: u32,
    /// A directory inside the archive into which everything goes.
    pub arcroot: Option<String>,
    /// What becomes of symbolic links in a zip; tar formats keep them.
    pub links: Links,
    /// The modification time of every entry, in seconds since 1970.
    pub time: u64,
}

/// What becomes of symbolic links in a zip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are replaced by what they lead to, since Hadoop, Java and Python
    /// unpack a link in a zip as a text file that holds its target.
    Dereference,
    /// They are stored as links.
    Keep,
}

impl Layout {
    /// The layout of a format when nothing else is asked for.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Layout {
            format,
            level: Layout::default_level(format),
            arcroot: None,
            links: Links::Dereference,
            time: EARLIEST,
        }
    }

    /// The levels of compression that a format knows; 0 alone where it
    /// compresses nothing.
    #[must_use]
    pub fn levels(format: Format) -> RangeInclusive<u32> {
        match format {
            Format::TarGz | Format::Zip => 0..=9,
            Format::TarZst => 1..=19,
            Format::Tar | Format::Directory => 0..=0,
        }
    }

    /// Puts an entry where it lies in the archive: below the arcroot, if there is one.
    pub(super) fn place(&self, item: &mut Measured) {
        if let Some(root) = &self.arcroot {
            let entry = Arc::make_mut(&mut item.entry);
            entry.path = format!("{root}/{}", entry.path).into();
        }
    }

    /// Whether anything is compressed.
    #[must_use]
    pub fn compresses(&self) -> bool {
        Layout::levels(self.format) != (0..=0)
    }

    /// The level that is used when none is asked for: for deflate the fastest
    /// that makes nothing much larger than zlib does at its level 4, for
    /// Zstandard what takes the time of its own default.
    #[must_use]
    pub fn default_level(format: Format) -> u32 {
        match format {
            Format::TarGz | Format::Zip => 2,
            Format::TarZst => 3,
            Format::Tar | Format::Directory => 0,
        }
    }

    /// Refuses what no archive can be made with.
    ///
    /// # Errors
    /// [`Error::Level`] and [`Error::Arcroot`].
    pub fn check(&self) -> Result<(), Error> {
        let levels = Layout::levels(self.format);
        if !levels.contains(&self.level) && self.compresses() {
            return Err(Error::Level {
                level: self.level,
                format: self.format,
                least: *levels.start(),
                most: *levels.end(),
            });
        }
        match &self.arcroot {
            Some(root) if !is_plain(root) => Err(Error::Arcroot { arcroot: root.clone() }),
            _ => Ok(()),
        }
    }
}

/// Whether a path is relative, `/`-separated and without empty, `.` and `..`
/// components.
pub(super) fn is_plain(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|component| !matches!(component, "" | "." | ".."))
}

/// The time of every entry: `SOURCE_DATE_EPOCH` if it is set, else 1980-01-01.
///
/// # Errors
/// [`Error::Time`] if the variable holds anything but a number of seconds.
pub fn timestamp(source_date_epoch: Option<&str>) -> Result<u64, Error> {
    source_date_epoch.filter(|value| !value.is_empty()).map_or(Ok(EARLIEST), |value| {
        let seconds = value.trim().parse().ok().filter(|seconds| *seconds <= LATEST);
        seconds.ok_or_else(|| Error::Time { value: value.to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_the_format_does_not_know_is_refused() {
        let layout = Layout { level: 10, ..Layout::new(Format::TarGz) };
        assert_eq!(layout.check().unwrap_err().to_string(), "tar.gz has no level 10, only 0 to 9");
        let layout = Layout { level: 10, ..Layout::new(Format::TarZst) };
        assert!(layout.check().is_ok());
        let layout = Layout { level: 4, ..Layout::new(Format::Tar) };
        assert!(layout.check().is_ok(), "a level that nothing uses does no harm");
    }

    #[test]
    fn an_arcroot_stays_inside_the_archive() {
        for arcroot in ["", "/env", "../env", "env/", "a//b", "a/./b"] {
            let layout = Layout { arcroot: Some(arcroot.to_owned()), ..Layout::new(Format::Tar) };
            assert!(layout.check().is_err(), "{arcroot}");
        }
        let layout = Layout { arcroot: Some("a/b c".to_owned()), ..Layout::new(Format::Tar) };
        assert!(layout.check().is_ok());
    }

    #[test]
    fn the_time_is_that_of_source_date_epoch_or_1980() {
        assert_eq!(timestamp(None).unwrap(), EARLIEST);
        assert_eq!(timestamp(Some("")).unwrap(), EARLIEST);
        assert_eq!(timestamp(Some("1700000000")).unwrap(), 1_700_000_000);
        assert!(timestamp(Some("yesterday")).is_err());
        assert!(timestamp(Some("9999999999")).is_err());
    }
}
