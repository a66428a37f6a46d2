//! Requirements that lie on this machine: relative paths become absolute, so
//! that the lines can be read from anywhere.

use std::path::{Path, PathBuf};

use url::Url;

use super::Origin;

/// A path or URL of an option, absolute if it is a path.
pub(super) fn place(text: &str, folder: &Path) -> String {
    match text.strip_prefix("file:") {
        Some(_) => Url::parse(text)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .map_or_else(|| text.to_owned(), |path| path.display().to_string()),
        None if text.contains("://") => text.to_owned(),
        None => path_in(text, folder).display().to_string(),
    }
}

/// A requirement with its path made absolute, and where its code is.
///
/// # Errors
/// The path, if nothing is there.
pub(super) fn absolute(text: &str, folder: &Path) -> Result<(String, Origin), PathBuf> {
    let elsewhere = |text: &str| (text.to_owned(), Origin::Elsewhere);
    // `name @ ./path`: a PEP 508 name with a reference that is no URL.
    if let Some((name, reference)) = named(text) {
        let (path, tail) = split_path(reference);
        return match local_path(path, folder) {
            Some(path) => found(&path, |url| format!("{name} @ {url}{tail}")),
            None => Ok(elsewhere(text)),
        };
    }
    let (path, tail) = split_path(text);
    let (path, extras) = split_extras(path);
    if !looks_like_path(path) {
        return Ok(elsewhere(text));
    }
    match local_path(path, folder) {
        Some(path) => found(&path, |_| format!("{}{extras}{tail}", path.display())),
        None => Ok(elsewhere(text)),
    }
}

/// What follows `-e`: a folder even where nothing in it looks like a path, or
/// a repository.
///
/// # Errors
/// The path, if no project is there.
pub(super) fn project(text: &str, folder: &Path) -> Result<(String, Origin), PathBuf> {
    let place =
        if text.contains("://") || looks_like_path(text) { text.to_owned() } else { format!("./{text}") };
    absolute(&place, folder)
}

fn found(path: &Path, text: impl Fn(&Url) -> String) -> Result<(String, Origin), PathBuf> {
    let url = Url::from_file_path(path).map_err(|()| path.to_owned())?;
    let project = path.join("pyproject.toml").is_file() || path.join("setup.py").is_file();
    let origin = match () {
        () if path.is_file() => Origin::Elsewhere,
        () if project => Origin::LocalProject,
        () => return Err(path.to_owned()),
    };
    Ok((text(&url), origin))
}

fn named(text: &str) -> Option<(&str, &str)> {
    let (name, reference) = text.split_once('@')?;
    let name = name.trim();
    let valid = |character: char| character.is_ascii_alphanumeric() || "-_.[], ".contains(character);
    (!name.is_empty() && !name.starts_with('.') && name.chars().all(valid))
        .then_some((name, reference.trim()))
}

/// The path, and what follows it: a marker, or hashes.
fn split_path(text: &str) -> (&str, &str) {
    let end = [" ;", "; ", " --"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    text.split_at(end)
}

fn split_extras(path: &str) -> (&str, &str) {
    match path.strip_suffix(']').and_then(|inner| inner.rfind('[')) {
        Some(at) => path.split_at(at),
        None => (path, ""),
    }
}

/// pip's rule: a separator, a leading dot, or the name of an archive.
fn looks_like_path(text: &str) -> bool {
    let archive = [".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz"];
    text.starts_with("file:")
        || (!text.contains("://") && !text.contains(['=', '<', '>']) && {
            text.contains('/')
                || text.starts_with(['.', '~'])
                || archive.iter().any(|end| text.ends_with(end))
        })
}

/// The absolute path that a text means, unless it means a place on a server.
fn local_path(text: &str, folder: &Path) -> Option<PathBuf> {
    let Some(rest) = text.strip_prefix("file:") else {
        return (!text.contains("://")).then(|| path_in(text, folder));
    };
    match Url::parse(text).ok().and_then(|url| url.to_file_path().ok()) {
        Some(path) if rest.starts_with('/') => Some(path),
        _ => Some(path_in(rest, folder)),
    }
}

/// A path below a folder, `~` being the home and `.` and `..` resolved as far
/// as they can be without looking at links.
fn path_in(text: &str, folder: &Path) -> PathBuf {
    let path = match (text.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => folder.join(text),
    };
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a project, a wheel and an empty folder.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("my project")).unwrap();
        fs_err::create_dir_all(folder.path().join("empty")).unwrap();
        fs_err::write(folder.path().join("my project/pyproject.toml"), "").unwrap();
        fs_err::write(folder.path().join("a-1-py3-none-any.whl"), "").unwrap();
        folder
    }

    #[test]
    fn paths_become_absolute_and_projects_are_marked() {
        let folder = folder();
        let root = folder.path().display();
        for (text, absolute_text, origin) in [
            ("./my project", format!("{root}/my project"), Origin::LocalProject),
            (
                "./my project[x,y] ; os_name == 'posix'",
                format!("{root}/my project[x,y] ; os_name == 'posix'"),
                Origin::LocalProject,
            ),
            ("p @ ./my project", format!("p @ file://{root}/my%20project"), Origin::LocalProject),
            ("file:./my project", format!("{root}/my project"), Origin::LocalProject),
            (
                "a-1-py3-none-any.whl --hash=sha256:00",
                format!("{root}/a-1-py3-none-any.whl --hash=sha256:00"),
                Origin::Elsewhere,
            ),
        ] {
            assert_eq!(absolute(text, folder.path()), Ok((absolute_text, origin)), "{text}");
        }
    }

    #[test]
    fn an_editable_folder_needs_no_dot() {
        let folder = folder();
        let (text, _) = project("my project[x]", folder.path()).unwrap();
        assert_eq!(text, format!("{}/my project[x]", folder.path().display()));
        let (_, origin) = project("git+https://example.org/x.git#egg=x", folder.path()).unwrap();
        assert_eq!(origin, Origin::Elsewhere);
    }

    #[test]
    fn what_lies_elsewhere_stays_as_it_is() {
        for text in [
            "numpy[fast]>=1.26,<2 ; python_version < '3.13'",
            "git+https://example.org/x.git@main#egg=x",
            "x @ git+https://example.org/x.git",
            "https://example.org/x-1.whl#sha256=00",
        ] {
            assert_eq!(absolute(text, Path::new("/")).unwrap().0, text);
        }
    }

    #[test]
    fn a_path_where_nothing_is_and_a_folder_without_a_project_are_refused() {
        let folder = folder();
        for text in ["./nowhere", "./empty", "missing-1.whl"] {
            assert!(absolute(text, folder.path()).is_err(), "{text}");
        }
    }

    #[test]
    fn places_of_options_keep_their_urls() {
        assert_eq!(place("https://a/b", Path::new("/x")), "https://a/b");
        assert_eq!(place("wheels", Path::new("/x")), "/x/wheels");
        assert_eq!(place("file:///srv/wheels", Path::new("/x")), "/srv/wheels");
    }
}
