//! A cache that doesn't grow for ever.
//!
//! A file in it says about how much there is, so that most runs needn't look;
//! processes that write it at once may lose what one of them added, which is
//! made good whenever everything is counted: when there seems to be too much,
//! or the file is a day old.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::clean::{Piece, pieces};
use super::{Kind, RECENT};
use crate::error::{self, Explain};

/// What is left when room is made, in hundredths of the limit, so that it is
/// seldom made.
const LEFT: u64 = 90;

/// Where it is written how much there is.
const TALLY: &str = "size";

const DAY: Duration = Duration::from_hours(24);

/// How large a cache gets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u64);

impl Default for Limit {
    fn default() -> Self {
        Limit(10_000_000_000)
    }
}

/// No size.
#[derive(Debug, thiserror::Error)]
#[error("ENVSHIP_CACHE_SIZE is no size: `{0}`")]
pub struct BadLimit(String);

impl Explain for BadLimit {
    fn kind(&self) -> error::Kind {
        error::Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("write a number of bytes, or one with K, M, G or T behind it (Ki, Mi… for powers of 1024), such as 20G".to_owned())
    }
}

impl Limit {
    /// `ENVSHIP_CACHE_SIZE`, else 10 GB.
    ///
    /// # Errors
    /// If the variable holds no size.
    pub fn of_user() -> Result<Self, BadLimit> {
        match std::env::var("ENVSHIP_CACHE_SIZE") {
            Ok(text) if !text.is_empty() => text.parse(),
            _ => Ok(Limit::default()),
        }
    }
}

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        let plain = text.trim();
        let plain = plain.strip_suffix(['b', 'B']).unwrap_or(plain);
        let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: u64 = match plain[digits.len()..].to_ascii_uppercase().as_str() {
            "" => 1,
            "K" => 1000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "T" => 1_000_000_000_000,
            "KI" => 1 << 10,
            "MI" => 1 << 20,
            "GI" => 1 << 30,
            "TI" => 1 << 40,
            _ => return Err(BadLimit(text.to_owned())),
        };
        let number = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        number.map(Limit).ok_or_else(|| BadLimit(text.to_owned()))
    }
}

/// Removes what was not used for longest if the cache has outgrown its limit
/// by the `added` bytes.
pub(super) fn keep_below(root: &Path, limit: Limit, added: u64) -> io::Result<()> {
    let tally = root.join(TALLY);
    super::clear(&tally)?;
    let size = match tallied(&tally) {
        Some(before) if before.saturating_add(added) <= limit.0 => before + added,
        _ => prune(root, limit)?,
    };
    fs_err::write(&tally, size.to_string())
}

/// How much there is, if that was written not long ago.
fn tallied(tally: &Path) -> Option<u64> {
    let written = fs_err::metadata(tally).ok()?.modified().ok()?;
    let age = SystemTime::now().duration_since(written).unwrap_or_default();
    let known = fs_err::read_to_string(tally).ok()?.trim().parse().ok();
    known.filter(|_| age < DAY)
}

/// The bytes that are left.
fn prune(root: &Path, limit: Limit) -> io::Result<u64> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        found.extend(pieces(&root.join(kind.name()))?);
    }
    let mut size = found.iter().map(|piece| piece.size).sum();
    if size <= limit.0 {
        return Ok(size);
    }
    found.sort_by_key(|piece| piece.used);
    let now = SystemTime::now();
    let idle = |piece: &Piece| now.duration_since(piece.used).is_ok_and(|age| age > RECENT);
    for piece in found.iter().take_while(|piece| idle(piece)) {
        if size <= limit.0 / 100 * LEFT {
            break;
        }
        if fs_err::remove_file(&piece.path).is_ok() {
            size -= piece.size;
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Cache, Key};
    use super::*;

    /// Puts pieces of 1000 bytes that were used so many hours ago.
    fn filled(root: &Path, hours: &[u64]) -> Vec<PathBuf> {
        let cache = Cache::open(root.to_owned());
        let put = |(number, hours): (usize, &u64)| {
            let key: Key = [u8::try_from(number).unwrap(); 32];
            cache.put(Kind::Segments, &key, &[&[0; 1000 - 32]]);
            let path = cache.path(Kind::Segments, &key);
            let used = SystemTime::now() - Duration::from_secs(hours * 3600 + 60);
            fs_err::File::open(&path).unwrap().file().set_modified(used).unwrap();
            path
        };
        hours.iter().enumerate().map(put).collect()
    }

    #[test]
    fn what_is_in_the_place_of_its_own_files_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, other) = (folder.path().join("cache"), folder.path().join("other"));
        fs_err::create_dir(&root).unwrap();
        fs_err::write(&other, "precious").unwrap();
        let pipe = root.join("lock");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&other, root.join(TALLY)).unwrap();
        let cache = Cache::open(root);
        cache.put(Kind::Segments, &[1; 32], &[b"piece"]);
        assert_eq!(cache.close(Limit::default()), super::super::Troubles::default());
        assert_eq!(fs_err::read_to_string(&other).unwrap(), "precious");
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let root = tempfile::tempdir().unwrap();
        let paths = filled(root.path(), &[2, 9, 5, 7, 3]);
        keep_below(root.path(), Limit(4000), 1).unwrap();
        let left: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(left, [true, false, true, false, true]);
    }

    #[test]
    fn what_may_be_in_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let paths = filled(root.path(), &[0, 0, 8]);
        keep_below(root.path(), Limit(1000), 1).unwrap();
        let left: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(left, [true, true, false]);
    }

    #[test]
    fn nothing_is_counted_while_the_tally_is_below_the_limit() {
        let root = tempfile::tempdir().unwrap();
        let paths = filled(root.path(), &[2, 9, 5, 7, 3]);
        fs_err::write(root.path().join(TALLY), "1000").unwrap();
        keep_below(root.path(), Limit(4000), 500).unwrap();
        assert!(paths.iter().all(|path| path.exists()));
        assert_eq!(fs_err::read_to_string(root.path().join(TALLY)).unwrap(), "1500");
    }

    #[test]
    fn a_limit_is_written_as_sizes_are() {
        assert_eq!("20G".parse::<Limit>().unwrap(), Limit(20_000_000_000));
        assert_eq!("5 MB".parse::<Limit>().unwrap(), Limit(5_000_000));
        assert_eq!("10GiB".parse::<Limit>().unwrap(), Limit(10 << 30));
        assert_eq!("1Ki".parse::<Limit>().unwrap(), Limit(1024));
        assert_eq!("123".parse::<Limit>().unwrap(), Limit(123));
        for text in ["", "much", "-1", "5X", "5BB", "99999999999T"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}
