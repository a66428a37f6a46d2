//! The facts about an interpreter that an archive depends on, read from the
//! files around it.

use std::path::{Path, PathBuf};

use crate::artifact::PythonInfo;

/// An interpreter and its standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// `3.11.7`
    pub version: String,
    /// The regular file that is executed.
    pub executable: PathBuf,
    /// Where its standard library is installed: the environment itself, or the
    /// base of a virtual environment.
    pub home: PathBuf,
    /// `python3.11`, or `python3.13t` for a free-threaded build: the name of
    /// its library folder and of its executable.
    pub name: String,
    /// The folder that holds the library folder: `lib`, or `lib64` where
    /// CPython was configured with that `--with-platlibdir`.
    pub platlib: &'static str,
}

impl Python {
    /// `lib/python3.11`, below [`Python::home`].
    #[must_use]
    pub fn stdlib(&self) -> String {
        format!("{}/{}", self.platlib, self.name)
    }

    /// `lib/python3.11/site-packages`, where pure packages go whatever
    /// [`Python::platlib`] is.
    #[must_use]
    pub fn site_packages(&self) -> String {
        format!("lib/{}/site-packages", self.name)
    }

    /// `(3, 11)`
    #[must_use]
    pub fn minor(&self) -> (u16, u16) {
        minor_of(&self.name).unwrap_or_default()
    }

    /// What `sys.implementation.cache_tag` says: `cpython-311`. Free-threaded
    /// builds share it with regular ones.
    #[must_use]
    pub fn cache_tag(&self) -> String {
        let (major, minor) = self.minor();
        format!("cpython-{major}{minor}")
    }

    /// Built without the global interpreter lock.
    #[must_use]
    pub fn free_threaded(&self) -> bool {
        self.name.ends_with('t')
    }

    /// Version and ABI tag.
    #[must_use]
    pub fn info(&self) -> PythonInfo {
        let (major, minor) = self.minor();
        let suffix = if self.free_threaded() { "t" } else { "" };
        PythonInfo { version: self.version.clone(), abi: format!("cp{major}{minor}{suffix}") }
    }
}

/// Reads `python3.11` and `python3.13t`; nothing else.
pub(super) fn minor_of(name: &str) -> Option<(u16, u16)> {
    let version = name.strip_prefix("python")?;
    let version = version.strip_suffix('t').unwrap_or(version);
    let (major, minor) = version.split_once('.')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    Some((number(major)?, number(minor)?))
}

/// The library folders below `home` that hold a standard library, as
/// (`lib` or `lib64`, name), newest Python last.
pub(super) fn standard_libraries(home: &Path) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for platlib in ["lib", "lib64"] {
        let names = library_names(&home.join(platlib));
        let whole = |name: &String| home.join(platlib).join(name).join("os.py").is_file();
        for name in names.into_iter().filter(whole) {
            if !found.iter().any(|(_, known)| *known == name) {
                found.push((platlib, name));
            }
        }
    }
    found.sort_by_key(|(_, name)| minor_of(name));
    found
}

/// The `pythonX.Y` folders in a `lib` folder.
pub(super) fn library_names(lib: &Path) -> Vec<String> {
    fs_err::read_dir(lib)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| minor_of(name).is_some())
        .collect()
}

/// The version that the headers give: `#define PY_VERSION "3.11.7"`, with
/// pre-releases as CPython spells them.
pub(super) fn version_from_headers(home: &Path, name: &str) -> Option<String> {
    let header = fs_err::read_to_string(home.join("include").join(name).join("patchlevel.h")).ok()?;
    let line = header.lines().find_map(|line| line.trim().strip_prefix("#define PY_VERSION"))?;
    // A build from a checkout that is no release ends in `+`.
    let version = line.split('"').nth(1)?.trim_end_matches('+');
    (!version.is_empty()).then(|| version.to_owned())
}

/// The version that the interpreter says it has. Only where no file tells it:
/// it may be built for another machine.
pub(super) fn version_from_interpreter(executable: &Path) -> Option<String> {
    let output = std::process::Command::new(executable)
        .args(["-I", "-S", "-c", "import platform; print(platform.python_version())"])
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(name: &str) -> Python {
        Python {
            version: "3.13.0".into(),
            executable: "/p/bin/python".into(),
            home: "/p".into(),
            name: name.into(),
            platlib: "lib",
        }
    }

    #[test]
    fn two_digit_minors_are_read_whole() {
        assert_eq!(minor_of("python3.13"), Some((3, 13)));
        assert_eq!(minor_of("python3.13t"), Some((3, 13)));
        assert_eq!(minor_of("python3"), None);
        assert_eq!(minor_of("python3.11-config"), None);
    }

    #[test]
    fn free_threaded_builds_have_an_abi_of_their_own() {
        assert_eq!(python("python3.13t").info().abi, "cp313t");
        assert_eq!(python("python3.13").info().abi, "cp313");
        assert_eq!(python("python3.13t").cache_tag(), "cpython-313");
    }

    #[test]
    fn a_standard_library_is_where_os_py_is() {
        let home = tempfile::tempdir().unwrap();
        for folder in ["lib/python3.9", "lib/python3.10", "lib64/python3.11", "lib/python3.11/site-packages"]
        {
            fs_err::create_dir_all(home.path().join(folder)).unwrap();
        }
        for file in ["lib/python3.9/os.py", "lib/python3.10/os.py", "lib64/python3.11/os.py"] {
            fs_err::write(home.path().join(file), "").unwrap();
        }
        let names: Vec<_> =
            standard_libraries(home.path()).into_iter().map(|(lib, name)| format!("{lib}/{name}")).collect();
        assert_eq!(names, ["lib/python3.9", "lib/python3.10", "lib64/python3.11"]);
    }
}
