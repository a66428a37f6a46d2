//! pkg-config's files know where they are: `${pcfiledir}` (pkg-config(1)).

use super::draft::Draft;
use super::prefixes::Hit;

/// What stands for the root in a file at this path, if pkg-config reads it.
pub(super) fn root_from(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let read = folder.ends_with("/pkgconfig") && name.strip_suffix(".pc").is_some();
    read.then(|| format!("${{pcfiledir}}{}", "/..".repeat(folder.split('/').count())))
}

/// Makes every prefix relative.
pub(super) fn rewrite(hits: &[Hit], root: &str, draft: &mut Draft) {
    for hit in hits {
        draft.replace(hit.clone(), root.as_bytes().to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pkg_configs_own_files_are_relative() {
        assert_eq!(root_from("lib/pkgconfig/zlib.pc").as_deref(), Some("${pcfiledir}/../.."));
        assert_eq!(root_from("share/pkgconfig/x.pc").as_deref(), Some("${pcfiledir}/../.."));
        for other in ["lib/pkgconfig/README", "lib/zlib.pc", "zlib.pc"] {
            assert_eq!(root_from(other), None, "{other}");
        }
    }
}
