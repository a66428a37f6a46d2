//! Symbolic links: what one becomes in an archive.

use std::path::{Path, PathBuf};

use super::dist_info::normal;

/// What a link of the environment is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Stays a link with this relative target.
    Inside(String),
    /// Points to a file elsewhere, whose content belongs into the archive.
    OutsideFile(PathBuf),
    /// Points to a folder elsewhere.
    OutsideFolder(PathBuf),
    /// Points to nothing.
    Dangling(PathBuf),
}

/// Judges the link at `path` below `roots[0]`; `roots` are all spellings of
/// the root.
pub(super) fn judge(roots: &[PathBuf], path: &str, target: &Path) -> Link {
    let link = roots[0].join(path);
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let inside = if target.is_absolute() {
        roots.iter().find_map(|root| normal(target.strip_prefix(root).ok()?))
    } else {
        normal(&folder.join(target)).or_else(|| back_inside(roots, folder, target))
    };
    let Ok(found) = fs_err::metadata(&link) else {
        return Link::Dangling(target.to_owned());
    };
    match inside {
        Some(inside) if fs_err::symlink_metadata(roots[0].join(&inside)).is_ok() => {
            Link::Inside(relative(folder, Path::new(&inside)))
        }
        _ => {
            let resolved = fs_err::canonicalize(&link).unwrap_or(link);
            if found.is_dir() { Link::OutsideFolder(resolved) } else { Link::OutsideFile(resolved) }
        }
    }
}

/// The path below the root of a relative target that climbs out of the root
/// and comes back by its name.
fn back_inside(roots: &[PathBuf], folder: &Path, target: &Path) -> Option<String> {
    let whole = normal(roots[0].strip_prefix("/").ok()?.join(folder).join(target).as_path())?;
    let whole = Path::new("/").join(whole);
    roots.iter().find_map(|root| normal(whole.strip_prefix(root).ok()?))
}

/// `target` as seen from `folder`; both below the root.
pub(crate) fn relative(folder: &Path, target: &Path) -> String {
    let shared = folder.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..");
    let down = target.components().skip(shared).filter_map(|part| part.as_os_str().to_str());
    let parts: Vec<&str> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn roots() -> (tempfile::TempDir, Vec<PathBuf>) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("env");
        fs_err::create_dir_all(root.join("lib")).unwrap();
        fs_err::write(root.join("lib/a"), "").unwrap();
        fs_err::write(home.path().join("outside"), "").unwrap();
        (home, vec![root])
    }

    fn judged(roots: &[PathBuf], target: &Path) -> Link {
        let link = roots[0].join("lib/link");
        symlink(target, &link).unwrap();
        judge(roots, "lib/link", target)
    }

    #[test]
    fn an_absolute_link_inside_becomes_relative() {
        let (_home, roots) = roots();
        assert_eq!(judged(&roots, &roots[0].join("lib/a")), Link::Inside("a".into()));
    }

    #[test]
    fn a_link_that_leaves_and_comes_back_is_shortened() {
        let (_home, roots) = roots();
        assert_eq!(judged(&roots, Path::new("../../env/lib/a")), Link::Inside("a".into()));
    }

    #[test]
    fn a_file_elsewhere_is_brought_and_a_folder_is_not() {
        let (home, roots) = roots();
        let outside = fs_err::canonicalize(home.path()).unwrap().join("outside");
        assert_eq!(judged(&roots, &home.path().join("outside")), Link::OutsideFile(outside));
        fs_err::remove_file(roots[0].join("lib/link")).unwrap();
        assert!(matches!(judged(&roots, home.path()), Link::OutsideFolder(_)));
    }

    #[test]
    fn a_link_to_nothing_or_to_itself_dangles() {
        let (_home, roots) = roots();
        assert!(matches!(judged(&roots, Path::new("missing")), Link::Dangling(_)));
        fs_err::remove_file(roots[0].join("lib/link")).unwrap();
        assert!(matches!(judged(&roots, Path::new("link")), Link::Dangling(_)));
    }

    #[test]
    fn targets_are_seen_from_the_folder_of_the_link() {
        assert_eq!(relative(Path::new("a/b"), Path::new("a/c/d")), "../c/d");
        assert_eq!(relative(Path::new(""), Path::new("lib")), "lib");
        assert_eq!(relative(Path::new("lib"), Path::new("lib")), ".");
    }
}
