//! Projects that are installed as pointers to a place outside the
//! environment: they work on this machine only.
//!
//! pip and uv mark them in `direct_url.json` (PEP 610, PEP 660); setuptools
//! before that wrote `.egg-link` files; and build backends put a line into a
//! `.pth` file or an import hook (`__editable__*`) beside it.
//!
//! Any other line of a `.pth` file that leads out only puts a folder on
//! Python's search path, as `conda develop` and people do: nobody knows of a
//! project there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::dist_info::{Distribution, below, normal};
use super::links::relative;

/// What points outside, and what an archive has without it.
#[derive(Debug, Default)]
pub(super) struct Editables {
    /// Name and place, in the order in which they were found.
    pub(super) projects: Vec<(String, String)>,
    /// `.pth` files and the folders that they put on the search path, likewise.
    pub(super) folders: Vec<(String, String)>,
    /// Files that make up the pointers.
    pub(super) files: BTreeSet<String>,
    /// `.pth` files with other contents: without the lines that lead out, and
    /// with relative paths where they lead into the environment.
    pub(super) pth: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    #[serde(default)]
    dir_info: DirInfo,
}

#[derive(Default, Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

/// Looks through a `site-packages` folder below `roots[0]`; `roots` are all
/// spellings of the root.
pub(super) fn find(roots: &[PathBuf], site_packages: &str, distributions: &[Distribution]) -> Editables {
    let mut found = Editables::default();
    let folder = roots[0].join(site_packages);
    let inside = |path: &Path| roots.iter().any(|root| path.starts_with(root));

    for distribution in distributions {
        let Some(place) = editable_place(&roots[0].join(&distribution.path)) else { continue };
        let hooked = distribution.files.iter().any(|file| is_finder(file_name(file)));
        if inside(Path::new(&place)) && !hooked {
            continue;
        }
        found.projects.push((distribution.name.clone(), place));
        found.files.extend(distribution.files.iter().map(ToString::to_string));
        found.files.insert(distribution.path.clone());
    }

    for name in file_names(&folder) {
        let path = format!("{site_packages}/{name}");
        if found.files.contains(&path) {
            continue;
        }
        let read = || fs_err::read_to_string(folder.join(&name)).unwrap_or_default();
        if let Some(project) = name.strip_suffix(".egg-link") {
            let place = read().lines().next().unwrap_or_default().trim().to_owned();
            if !inside(&folder.join(&place)) {
                found.add(project, &place);
                found.files.insert(path);
            }
        } else if is_finder(&name) {
            let place = mapped_places(&read()).into_iter().next().unwrap_or_default();
            found.add(project_of(&name), &place);
            found.files.insert(path);
        }
    }
    let mut lists = file_names(&folder);
    lists.retain(|name| name.ends_with(".pth"));
    // Projects first: another file may lead into one.
    lists.sort_by_key(|name| !name.starts_with("__editable__"));
    for name in lists {
        let path = format!("{site_packages}/{name}");
        if !found.files.contains(&path) {
            found.read_pth(roots, site_packages, &path);
        }
    }
    found
}

impl Editables {
    /// Fails if anything points outside.
    pub(super) fn refuse(&self) -> Result<(), Error> {
        match (&*self.projects, &*self.folders) {
            ([], []) => Ok(()),
            ([], folders) => Err(Error::OutsidePath { folders: folders.to_vec() }),
            (projects, _) => Err(Error::Editable { projects: projects.to_vec() }),
        }
    }

    /// Whether a file, or a folder above it, makes up a pointer.
    pub(super) fn cover(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        !self.files.is_empty() && ends.into_iter().any(|end| self.files.contains(&path[..end]))
    }

    fn add(&mut self, name: &str, place: &str) {
        if !self.projects.iter().any(|(_, known)| known == place) {
            self.projects.push((name.to_owned(), place.to_owned()));
        }
    }

    /// Judges the lines of a `.pth` file as `site.addpackage` reads them.
    fn read_pth(&mut self, roots: &[PathBuf], site_packages: &str, path: &str) {
        let Ok(text) = fs_err::read_to_string(roots[0].join(path)) else { return };
        let mut kept = String::new();
        let mut led_out = false;
        for line in text.lines() {
            let line = line.trim_end();
            match judge_line(roots, site_packages, line) {
                Line::Keep => kept.push_str(line),
                Line::Inside(relative) => kept.push_str(&relative),
                Line::Outside(place) => {
                    led_out = true;
                    self.lead_out(path, &place);
                    continue;
                }
            }
            kept.push('\n');
        }
        if led_out && kept.trim().is_empty() {
            self.files.insert(path.to_owned());
        } else if kept.trim_end() != text.trim_end() {
            self.pth.insert(path.to_owned(), kept);
        }
    }

    /// Takes note of a line that leads out, unless its project is known.
    fn lead_out(&mut self, path: &str, line: &str) {
        let holds =
            |(_, place): &(String, String)| place.starts_with('/') && Path::new(line).starts_with(place);
        if self.projects.iter().any(holds) {
            return;
        }
        let name = file_name(path);
        if name.starts_with("__editable__") {
            self.add(project_of(name), line);
        } else {
            self.folders.push((path.to_owned(), line.to_owned()));
        }
    }
}

enum Line {
    Keep,
    Inside(String),
    /// It leads to this place.
    Outside(String),
}

fn judge_line(roots: &[PathBuf], site_packages: &str, line: &str) -> Line {
    if line.trim().is_empty() || line.starts_with('#') {
        return Line::Keep;
    }
    if line.starts_with("import ") || line.starts_with("import\t") {
        return named_folder(roots, line).map_or(Line::Keep, Line::Outside);
    }
    let path = Path::new(line);
    if !path.is_absolute() {
        let stays = normal(&Path::new(site_packages).join(path)).is_some();
        return if stays { Line::Keep } else { Line::Outside(line.to_owned()) };
    }
    match roots
        .iter()
        .find_map(|root| below(root, site_packages, path.strip_prefix(root).ok().and(Some(line))?))
    {
        Some(inside) => Line::Inside(relative(Path::new(site_packages), Path::new(&inside))),
        None => Line::Outside(line.to_owned()),
    }
}

/// The folder outside of the environment that a line of code names: such a line
/// puts it on the search path, as people and old tools do.
fn named_folder(roots: &[PathBuf], line: &str) -> Option<String> {
    let outside = |text: &&str| {
        let path = Path::new(text);
        path.is_absolute() && path.is_dir() && !roots.iter().any(|root| path.starts_with(root))
    };
    line.split(['\'', '"']).skip(1).step_by(2).find(outside).map(str::to_owned)
}

/// Where the project of a `.dist-info` folder lies, if it is editable.
fn editable_place(dist_info: &Path) -> Option<String> {
    let bytes = fs_err::read(dist_info.join("direct_url.json")).ok()?;
    let direct: DirectUrl = serde_json::from_slice(&bytes).ok()?;
    if !direct.dir_info.editable {
        return None;
    }
    let path = url::Url::parse(&direct.url).ok().and_then(|url| url.to_file_path().ok());
    Some(path.map_or(direct.url, |path| path.to_string_lossy().into_owned()))
}

/// Whether a file is the import hook of an editable project: setuptools',
/// scikit-build-core's or meson-python's.
fn is_finder(name: &str) -> bool {
    let stem = name.strip_suffix(".py").unwrap_or_default();
    (stem.starts_with("__editable__") && stem.ends_with("_finder"))
        || (stem.starts_with('_') && (stem.ends_with("_editable") || stem.ends_with("_editable_loader")))
}

/// `demo` of `__editable___demo_1_0_finder.py`, `__editable__.demo-1.0.pth` and
/// `_demo.pth`, as well as that can be told.
fn project_of(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = stem.trim_start_matches("__editable__").trim_start_matches(['_', '.']);
    let end = stem.find(['-']).or_else(|| stem.find("_finder")).or_else(|| stem.find("_editable"));
    let stem = &stem[..end.unwrap_or(stem.len())];
    stem.trim_end_matches(|symbol: char| symbol.is_ascii_digit() || symbol == '_' || symbol == '.')
}

/// The absolute paths in the `MAPPING` of setuptools' import hook.
fn mapped_places(source: &str) -> Vec<String> {
    let mapping = source.lines().filter(|line| line.starts_with("MAPPING") || line.starts_with("NAMESPACES"));
    mapping
        .flat_map(|line| line.split(['\'', '"']))
        .filter(|text| text.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

fn file_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs_err::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "lib/python3.11/site-packages";

    struct Env {
        home: tempfile::TempDir,
    }

    impl Env {
        fn new() -> Self {
            let env = Env { home: tempfile::tempdir().unwrap() };
            fs_err::create_dir_all(env.root().join(SITE)).unwrap();
            env
        }

        fn root(&self) -> PathBuf {
            self.home.path().join("env")
        }

        fn with(self, name: &str, text: &str) -> Self {
            let path = self.root().join(SITE).join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
            self
        }

        fn find(&self) -> Editables {
            let distributions = super::super::distributions(&self.root(), SITE);
            find(&[self.root()], SITE, &distributions)
        }
    }

    #[test]
    fn a_direct_url_that_says_editable_names_the_project_and_its_path() {
        let found = Env::new()
            .with("demo-1.0.dist-info/METADATA", "Name: Demo\nVersion: 1.0\n\n")
            .with("demo-1.0.dist-info/RECORD", "__editable__.demo-1.0.pth,,\n../../../bin/demo,,\n")
            .with(
                "demo-1.0.dist-info/direct_url.json",
                r#"{"url": "file:///src/my%20demo", "dir_info": {"editable": true}}"#,
            )
            .with("__editable__.demo-1.0.pth", "/src/my demo/src\n")
            .find();
        assert_eq!(found.projects, [("demo".to_owned(), "/src/my demo".to_owned())]);
        assert!(found.files.contains("bin/demo"), "{found:?}");
        assert!(found.files.contains(&format!("{SITE}/__editable__.demo-1.0.pth")));
    }

    #[test]
    fn an_egg_link_is_editable_once_with_its_pth_line() {
        let found =
            Env::new().with("demo.egg-link", "/src/demo\n.").with("easy-install.pth", "/src/demo\n").find();
        assert_eq!(found.projects, [("demo".to_owned(), "/src/demo".to_owned())]);
        assert!(found.files.contains(&format!("{SITE}/easy-install.pth")));
    }

    #[test]
    fn an_import_hook_is_editable() {
        let source = "MAPPING: dict[str, str] = {'demo': '/src/demo/demo'}\nNAMESPACES: dict = {}\n";
        let found = Env::new().with("__editable___my_demo_1_0_finder.py", source).find();
        assert_eq!(found.projects, [("my_demo".to_owned(), "/src/demo/demo".to_owned())]);
    }

    #[test]
    fn lines_that_import_are_fine() {
        let text = "import os; var = 'SETUPTOOLS_USE_DISTUTILS'\n# /comment\n\n";
        let found = Env::new().with("distutils-precedence.pth", text).find();
        assert!(found.projects.is_empty() && found.pth.is_empty() && found.files.is_empty(), "{found:?}");
    }

    #[test]
    fn a_line_of_code_that_names_a_folder_elsewhere_leads_there() {
        let elsewhere = tempfile::tempdir().unwrap();
        let (env, folder) = (Env::new(), elsewhere.path().display());
        let inside = env.root().join("src");
        fs_err::create_dir(&inside).unwrap();
        let inside = inside.display();
        let found = env
            .with("path.pth", &format!("import sys; sys.path.insert(0, '{folder}')\n"))
            .with("inside.pth", &format!("import sys; sys.path.insert(0, '{inside}')\n"))
            .with("other.pth", "import os; os.environ.setdefault('A', '/no/such/folder')\n")
            .find();
        assert_eq!(found.folders, [(format!("{SITE}/path.pth"), folder.to_string())]);
    }

    #[test]
    fn a_path_inside_the_environment_becomes_relative() {
        let env = Env::new();
        let line = env.root().join("src/demo");
        let env = env.with("demo.pth", &format!("{}\n", line.display()));
        let found = env.find();
        assert!(found.projects.is_empty());
        assert_eq!(found.pth[&format!("{SITE}/demo.pth")], "../../../src/demo\n");
    }

    #[test]
    fn a_neighbour_of_the_environment_is_outside() {
        let env = Env::new();
        let line = format!("{}2/src\n", env.root().display());
        assert_eq!(env.with("demo.pth", &line).find().folders.len(), 1);
    }

    #[test]
    fn a_folder_on_the_search_path_is_told_from_an_editable_project() {
        let found = Env::new()
            .with("conda.pth", "/src/tools\n/src/demo/src\n")
            .with("__editable__.demo-1.0.pth", "/src/demo\n")
            .with("old.egg-link", "/src/old\n.")
            .with("easy-install.pth", "/src/old\n/src/older\n")
            .find();
        let pair = |name: &str, place: &str| (name.to_owned(), place.to_owned());
        assert_eq!(found.projects, [pair("old", "/src/old"), pair("demo", "/src/demo")]);
        let file = |name: &str| format!("{SITE}/{name}");
        let folders = [pair(&file("conda.pth"), "/src/tools"), pair(&file("easy-install.pth"), "/src/older")];
        assert_eq!(found.folders, folders);
        assert!(found.cover(&file("conda.pth")) && found.cover(&file("easy-install.pth")));
    }
}
