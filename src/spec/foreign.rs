//! What is not known, but has a name: lock files and projects of other tools.

use std::path::Path;

use super::error::SpecError;
use super::file::SpecFile;

/// Says what a file is if it is known to be no spec of ours.
pub(super) fn file(file: &SpecFile) -> Option<&'static str> {
    FILES.iter().find(|(matches, _)| matches(file)).map(|(_, seen)| *seen)
}

type Matches = fn(&SpecFile) -> bool;

const FILES: &[(Matches, &str)] = &[
    (|file| file.name() == "pyproject.toml", "a Python project, which can't be packed as it stands"),
    (|file| file.name() == "pixi.toml", "a pixi project, which can't be packed as it stands"),
    (|file| file.name() == "pixi.lock", "a lock file of pixi"),
    (|file| file.name() == "uv.lock", "a lock file of uv"),
    (|file| file.name() == "poetry.lock", "a lock file of Poetry"),
    (|file| file.name() == "pdm.lock", "a lock file of PDM"),
    (|file| file.name().starts_with("pipfile"), "a file of Pipenv"),
    (|file| file.name().starts_with("pylock.") && file.extension() == "toml", "a lock file (PEP 751)"),
    (|file| file.has_key("package") && file.has_key("metadata"), "a lock file of conda-lock"),
    (|file| file.has_key("environments") && file.has_key("packages"), "a lock file of pixi"),
    (|file| file.text.lines().any(|line| line.trim() == "@EXPLICIT"), "a list of explicit conda packages"),
    (|file| file.name() == "meta.yaml" || file.name() == "recipe.yaml", "a recipe of a conda package"),
    (|file| file.name() == "setup.py" || file.name() == "setup.cfg", "the set-up of a Python project"),
    (|file| file.name().contains("dockerfile") || file.name() == "containerfile", "a recipe of a container"),
    (|file| file.text.starts_with("FROM "), "a recipe of a container"),
    (|file| file.extension() == "toml", "a TOML file of another tool"),
    (|file| file.extension() == "json", "a JSON file"),
];

/// Says what a folder is if it is a project, and where its environment or
/// spec may be.
pub(super) fn directory(path: &Path) -> Option<SpecError> {
    let has = |name: &str| path.join(name).exists();
    if has("conda-meta") || has("pyvenv.cfg") || has("bin/python") {
        return None;
    }
    let environments = [".venv", "venv", ".pixi/envs/default"];
    let specs = ["environment.yml", "environment.yaml", "requirements.txt", "requirements.in"];
    let projects = ["pyproject.toml", "setup.py", "pixi.toml", "uv.lock", "Pipfile", ".git"];
    let instead = environments.iter().chain(&specs).find(|name| has(name)).map(|name| path.join(name));
    if instead.is_none() && !projects.iter().any(|name| has(name)) {
        return None;
    }
    Some(SpecError::NoEnvironment { path: path.to_owned(), instead })
}
