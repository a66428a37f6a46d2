//! What is in an environment but never in an archive, and why.

use super::PrefixKind;

/// Which environments a rule is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Any,
    /// Only those that are not conda's: there envship writes its own, or the
    /// name means nothing.
    Virtual,
    Conda,
}

/// Where a rule looks.
enum At {
    /// The whole path.
    Path(&'static str),
    /// All below a folder, which is not even entered.
    Folder(&'static str),
    /// The name of the file, anywhere.
    Name(&'static str),
    /// The beginning and the end of the path.
    Ends(&'static str, &'static str),
    /// The end of the name, anywhere.
    Suffix(&'static str),
    /// The beginning of the name, anywhere.
    Start(&'static str),
}

use At::{Ends, Folder, Name, Path, Start, Suffix};

/// The rules, with their reasons.
const RULES: &[(For, At, &str)] = &[
    (For::Any, Start(".envship-"), "half-made by envship"),
    (For::Any, Path("share/envship/manifest.json"), "written anew"),
    (For::Any, Start("_envship_activate."), "written anew"),
    (For::Any, Name(".netrc"), "holds credentials"),
    (For::Any, Name("_netrc"), "holds credentials"),
    (For::Any, Name(".pypirc"), "holds credentials"),
    (For::Any, Path("pip.conf"), "pip's settings for this machine; may hold credentials"),
    (For::Any, Path("pip.ini"), "pip's settings for this machine; may hold credentials"),
    (For::Any, Path("uv.toml"), "uv's settings for this machine; may hold credentials"),
    (For::Any, Path(".condarc"), "conda's settings for this machine; may hold tokens"),
    (For::Any, Path("condarc"), "conda's settings for this machine; may hold tokens"),
    (For::Any, Folder("condarc.d"), "conda's settings for this machine; may hold tokens"),
    (For::Any, Path(".mambarc"), "mamba's settings for this machine; may hold tokens"),
    (For::Any, Path("pip-selfcheck.json"), "the time of pip's last check"),
    (For::Any, Name("uv_cache.json"), "times of uv's cache"),
    (For::Any, Path(".lock"), "uv's lock"),
    (For::Any, Path("CACHEDIR.TAG"), "the maker's word to backups that it can make the environment again"),
    (For::Any, Path(".gitignore"), "the maker's word to git that the folder is no part of the project"),
    (For::Any, Suffix(".c~"), "conda's trash"),
    (For::Any, Suffix(".conda_trash"), "conda's trash"),
    (For::Any, Folder(".trash"), "conda's trash"),
    (For::Conda, Ends("conda-meta/", ".lock"), "a lock"),
    (For::Conda, Ends("conda-meta/pixi", ""), "pixi's notes on where the project is"),
    (For::Conda, Ends("conda-meta/.", ""), "a lock or a note of an installer"),
    (For::Conda, Folder("pkgs"), "the package cache of a root environment"),
    (For::Conda, Folder("envs"), "other environments"),
    (For::Conda, Folder("conda-bld"), "builds of conda-build"),
    (For::Conda, Path(".conda_lock"), "a lock"),
    (For::Conda, Path(".nonadmin"), "a note of conda's installer"),
    (For::Conda, Folder(".index"), "a cache of old condas"),
    (For::Conda, Folder(".unionfs"), "a mount of old condas"),
    (For::Conda, Path("bin/conda"), "a link to the conda that made the environment"),
    (For::Any, Path("bin/activate"), "written anew"),
    (For::Any, Path("bin/activate.fish"), "written anew"),
    (For::Any, Path("bin/activate.csh"), "written anew"),
    (For::Any, Path("bin/deactivate.csh"), "written anew"),
    (For::Any, Path("bin/deactivate"), "a link to the conda that made the environment"),
    (For::Virtual, Path("pyvenv.cfg"), "written anew"),
    (For::Virtual, Ends("bin/activate.", ""), "holds the path of the environment and has no relative form"),
    (For::Virtual, Ends("bin/Activate.", ""), "holds the path of the environment and has no relative form"),
    (For::Virtual, Ends("bin/deactivate.", ""), "belongs to an activation script that is left out"),
    (For::Virtual, Path("bin/pydoc.bat"), "belongs to an activation script that is left out"),
];

/// Why the file or folder at `path` never goes into an archive; `None` if it
/// may. Ask only about paths that no conda package owns.
pub(super) fn reason(kind: &PrefixKind, path: &str) -> Option<&'static str> {
    let conda = matches!(kind, PrefixKind::Conda);
    let name = path.rsplit('/').next().unwrap_or(path);
    let applies = |scope: For| match scope {
        For::Any => true,
        For::Conda => conda,
        For::Virtual => !conda,
    };
    let matches = |at: &At| match at {
        Path(whole) | Folder(whole) => path == *whole,
        Name(whole) => name == *whole,
        Ends(start, end) => {
            path.len() >= start.len() + end.len() && path.starts_with(start) && path.ends_with(end)
        }
        Suffix(end) => name.ends_with(end),
        Start(start) => name.starts_with(start),
    };
    let (_, _, reason) = RULES.iter().find(|(scope, at, _)| applies(*scope) && matches(at))?;
    Some(reason)
}

/// `bin/python`, `bin/python3`, `bin/python3.11`: names that `complete` gives
/// to the interpreter that it brings.
pub(super) fn is_interpreter_name(path: &str) -> bool {
    let Some(version) = path.strip_prefix("bin/python") else { return false };
    let version = version.strip_suffix('t').unwrap_or(version);
    version.is_empty() || version.chars().all(|symbol| symbol.is_ascii_digit() || symbol == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_with_credentials_are_left_out() {
        for path in ["pip.conf", ".condarc", "home/.netrc"] {
            assert!(reason(&PrefixKind::Conda, path).is_some(), "{path}");
        }
        assert_eq!(reason(&PrefixKind::Conda, "lib/python3.11/site-packages/pip/conf.py"), None);
    }

    #[test]
    fn what_venv_virtualenv_uv_and_rattler_put_at_the_root_for_others_is_left_out() {
        for path in ["CACHEDIR.TAG", ".gitignore", ".lock"] {
            assert!(reason(&PrefixKind::Standalone, path).is_some(), "{path}");
            assert!(reason(&PrefixKind::Conda, path).is_some(), "{path}");
            let of_a_package = format!("lib/python3.11/site-packages/demo/{path}");
            assert_eq!(reason(&PrefixKind::Standalone, &of_a_package), None);
        }
    }

    #[test]
    fn a_virtual_environment_may_have_a_folder_of_condas_name() {
        assert!(reason(&PrefixKind::Conda, "pkgs").is_some());
        assert_eq!(reason(&PrefixKind::Standalone, "pkgs"), None);
    }

    #[test]
    fn interpreter_names_are_told_from_tools() {
        for (path, expected) in [
            ("bin/python", true),
            ("bin/python3", true),
            ("bin/python3.13t", true),
            ("bin/python3-config", false),
            ("bin/pythonw", false),
            ("lib/python3.11", false),
        ] {
            assert_eq!(is_interpreter_name(path), expected, "{path}");
        }
    }
}
