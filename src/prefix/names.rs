//! Finding an environment: by the name that conda knows it by, or because it
//! is active. conda itself is not asked, it may not be there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Error, conda_meta};
use crate::error::Result;

/// The conda environment called `name`, as `conda activate` would find it.
///
/// # Errors
/// If there is none; says where it looked and which names are near.
pub fn find(name: &str) -> Result<PathBuf> {
    Ok(Surroundings::real().find(name)?)
}

/// The environment that is active in this shell: a virtual one before a conda
/// one, since it is activated on top of it.
///
/// # Errors
/// If none is.
pub fn active() -> Result<PathBuf> {
    let path = Surroundings::real().active()?;
    if path.exists() { Ok(path) } else { Err(Error::ActiveGone { path }.into()) }
}

/// Reads an environment variable.
type Variables = dyn Fn(&str) -> Option<OsString>;

/// The variables and the home of the user.
struct Surroundings {
    variable: Box<Variables>,
    home: PathBuf,
}

#[derive(Default, Deserialize)]
struct Condarc {
    #[serde(default)]
    envs_dirs: Option<Vec<PathBuf>>,
    #[serde(default)]
    envs_path: Option<Vec<PathBuf>>,
}

impl Surroundings {
    fn real() -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        Surroundings { variable: Box::new(|name| std::env::var_os(name)), home }
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        (self.variable)(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn active(&self) -> Result<PathBuf, Error> {
        self.path("VIRTUAL_ENV").or_else(|| self.path("CONDA_PREFIX")).ok_or(Error::NothingActive)
    }

    fn find(&self, name: &str) -> Result<PathBuf, Error> {
        let roots = self.roots();
        if matches!(name, "base" | "root")
            && let Some(root) = roots.iter().find(|root| conda_meta::is_conda(root))
        {
            return Ok(root.clone());
        }
        let folders = self.folders(&roots);
        let known = self.known();
        let direct = folders.iter().map(|folder| folder.join(name)).find(|path| conda_meta::is_conda(path));
        let listed = || known.iter().find(|path| path.ends_with(name) && conda_meta::is_conda(path)).cloned();
        // A path is not a name: conda would look it up below its folders.
        let found = if name.contains('/') { None } else { direct.or_else(listed) };
        found.ok_or_else(|| {
            let mut searched = folders.clone();
            searched.push(self.home.join(".conda/environments.txt"));
            Error::UnknownName { name: name.to_owned(), near: near(name, &names(&folders, &known)), searched }
        })
    }

    /// Installations of conda or mamba, the likeliest first.
    fn roots(&self) -> Vec<PathBuf> {
        let of_executable = |path: PathBuf| {
            let path = fs_err::canonicalize(&path).unwrap_or(path);
            Some(path.parent()?.parent()?.to_owned())
        };
        let of_prefix = |path: PathBuf| match path.parent() {
            Some(parent) if parent.ends_with("envs") => parent.parent().map(Path::to_owned),
            _ => Some(path),
        };
        let on_path = || {
            let path = (self.variable)("PATH")?;
            std::env::split_paths(&path).map(|folder| folder.join("conda")).find(|conda| conda.is_file())
        };
        let mut roots: Vec<PathBuf> = [
            self.path("CONDA_ROOT"),
            self.path("_CONDA_ROOT"),
            self.path("CONDA_EXE").and_then(of_executable),
            self.path("MAMBA_ROOT_PREFIX"),
            self.path("CONDA_PREFIX_1"),
            self.path("CONDA_PREFIX").and_then(of_prefix),
            on_path().and_then(of_executable),
        ]
        .into_iter()
        .flatten()
        .collect();
        super::open::dedup(&mut roots);
        roots
    }

    /// Where environments are kept, in conda's order.
    fn folders(&self, roots: &[PathBuf]) -> Vec<PathBuf> {
        let variables =
            ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"].into_iter().filter_map(|name| (self.variable)(name));
        let mut folders: Vec<PathBuf> = variables
            .flat_map(|value| std::env::split_paths(&value).collect::<Vec<_>>())
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| self.expand(&path))
            .collect();
        for path in self.condarcs(roots) {
            let Ok(text) = fs_err::read_to_string(&path) else { continue };
            let condarc: Condarc = serde_yaml::from_str(&text).unwrap_or_default();
            let listed = condarc.envs_dirs.into_iter().chain(condarc.envs_path).flatten();
            folders.extend(listed.map(|folder| self.expand(&folder)));
        }
        folders.extend(roots.iter().map(|root| root.join("envs")));
        folders.push(self.home.join(".conda/envs"));
        super::open::dedup(&mut folders);
        folders
    }

    /// conda's settings, the strongest first.
    fn condarcs(&self, roots: &[PathBuf]) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.path("CONDARC").into_iter().collect();
        files.extend(self.path("CONDA_PREFIX").map(|prefix| prefix.join(".condarc")));
        let of_user = [".condarc", ".mambarc", ".conda/.condarc", ".config/conda/.condarc"];
        files.extend(of_user.map(|name| self.home.join(name)));
        files.extend(roots.iter().map(|root| root.join(".condarc")));
        files.push("/etc/conda/.condarc".into());
        files
    }

    /// The environments that conda has noted down, wherever they are.
    fn known(&self) -> Vec<PathBuf> {
        let text = fs_err::read_to_string(self.home.join(".conda/environments.txt")).unwrap_or_default();
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from).collect()
    }

    fn expand(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("~").or_else(|_| path.strip_prefix("$HOME")) {
            Ok(rest) => self.home.join(rest),
            Err(_) => path.to_owned(),
        }
    }
}

/// The names of all environments that can be found.
fn names(folders: &[PathBuf], known: &[PathBuf]) -> BTreeSet<String> {
    let children = folders.iter().flat_map(|folder| {
        fs_err::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
    });
    children
        .chain(known.iter().cloned())
        .filter(|path| conda_meta::is_conda(path))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect()
}

/// The names that are at most a third of their letters away, or hold the
/// wanted one.
fn near(name: &str, names: &BTreeSet<String>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let is_near = |known: &&String| {
        let known = known.to_lowercase();
        let limit = wanted.chars().count().div_ceil(3);
        distance(&wanted, &known) <= limit
            || (wanted.len() > 2 && (known.contains(&wanted) || wanted.contains(&known)))
    };
    names.iter().filter(is_near).take(3).cloned().collect()
}

/// The number of letters to insert, delete or exchange (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    struct Machine {
        home: tempfile::TempDir,
        variables: HashMap<String, OsString>,
    }

    impl Machine {
        fn new() -> Self {
            Machine { home: tempfile::tempdir().unwrap(), variables: HashMap::new() }
        }

        fn environment(self, path: &str) -> Self {
            let meta = self.home.path().join(path).join("conda-meta");
            fs_err::create_dir_all(&meta).unwrap();
            fs_err::write(meta.join("history"), "").unwrap();
            self
        }

        fn file(self, path: &str, text: &str) -> Self {
            let path = self.home.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text.replace("HOME", self.home.path().to_str().unwrap())).unwrap();
            self
        }

        fn variable(mut self, name: &str, below_home: &str) -> Self {
            self.variables.insert(name.into(), self.home.path().join(below_home).into());
            self
        }

        fn find(&self, name: &str) -> Result<String, Error> {
            let variables = self.variables.clone();
            let surroundings = Surroundings {
                variable: Box::new(move |name| variables.get(name).cloned()),
                home: self.home.path().to_owned(),
            };
            let found = surroundings.find(name)?;
            Ok(found.strip_prefix(self.home.path()).unwrap().to_str().unwrap().to_owned())
        }
    }

    #[test]
    fn the_variable_wins_over_condarc_and_condarc_over_the_root() {
        let machine =
            Machine::new().environment("conda").environment("conda/envs/e").variable("CONDA_ROOT", "conda");
        assert_eq!(machine.find("e").unwrap(), "conda/envs/e");
        let machine =
            machine.environment("mine/e").file(".condarc", "envs_dirs: [HOME/mine]\nssl_verify: true\n");
        assert_eq!(machine.find("e").unwrap(), "mine/e");
        let machine = machine.environment("theirs/e").variable("CONDA_ENVS_PATH", "theirs");
        assert_eq!(machine.find("e").unwrap(), "theirs/e");
    }

    #[test]
    fn a_noted_environment_is_found_anywhere() {
        let machine = Machine::new()
            .environment("work/e")
            .file(".conda/environments.txt", "HOME/gone/e\nHOME/work/e\n");
        assert_eq!(machine.find("e").unwrap(), "work/e");
    }

    #[test]
    fn base_is_the_root_even_from_an_environment_in_it() {
        let machine = Machine::new()
            .environment("conda")
            .environment("conda/envs/e")
            .variable("CONDA_PREFIX", "conda/envs/e");
        assert_eq!(machine.find("base").unwrap(), "conda");
    }

    #[test]
    fn an_unknown_name_tells_the_places_and_near_names() {
        let machine = Machine::new().environment(".conda/envs/analysis");
        let error = machine.find("analsis").unwrap_err();
        assert!(error.to_string().contains(".conda/envs"), "{error}");
        let hint = crate::error::Explain::hint(&error).unwrap();
        assert_eq!(hint, "did you mean `analysis`?");
    }

    #[test]
    fn a_virtual_environment_is_activated_on_top_of_a_conda_one() {
        let surroundings = |names: &'static [&'static str]| Surroundings {
            variable: Box::new(|name| names.contains(&name).then(|| name.into())),
            home: PathBuf::new(),
        };
        assert_eq!(
            surroundings(&["CONDA_PREFIX", "VIRTUAL_ENV"]).active().unwrap(),
            Path::new("VIRTUAL_ENV")
        );
        assert_eq!(surroundings(&["CONDA_PREFIX"]).active().unwrap(), Path::new("CONDA_PREFIX"));
        assert!(surroundings(&[]).active().is_err());
    }
}
