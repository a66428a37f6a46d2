//! One requirement, with the line on which the user wrote it.

use crate::spec::Place;

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The line, with an absolute path where it named a relative one, and
    /// without `-e`.
    pub text: String,
    pub origin: Origin,
    /// Where the user wrote it.
    pub place: Place,
}

/// Where the code of a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An index, an archive or a repository.
    Elsewhere,
    /// A project folder on this machine, whose files may change under the same
    /// version.
    LocalProject,
}

impl Requirement {
    /// Without hashes. It may hold secrets.
    #[must_use]
    pub fn without_hashes(&self) -> &str {
        self.text.split(" --hash").next().unwrap_or_default()
    }

    /// The project that it asks for.
    #[must_use]
    pub fn project(&self) -> String {
        project_of(&self.text)
    }
}

/// The project that a requirement asks for, as indexes spell it (PEP 503), as
/// far as the text tells: of a path or URL what its last part begins with.
#[must_use]
pub fn project_of(text: &str) -> String {
    let text = text.split([';', '#']).next().unwrap_or_default().trim();
    let reference = text.find("://").or_else(|| text.starts_with('/').then_some(0));
    match (text.split_once('@'), reference) {
        (Some((name, _)), at) if at.is_none_or(|at| name.len() < at) => normalised(name),
        (_, Some(_)) => normalised(stem(text)),
        _ => normalised(text),
    }
}

/// `demo` of `git+https://h/demo.git@main`, `/wheels/demo-1-py3-none-any.whl`
/// and `/src/demo[extra]`.
fn stem(reference: &str) -> &str {
    let reference = reference.split(" --").next().unwrap_or_default().trim_end_matches('/');
    let last = reference.rsplit('/').next().unwrap_or_default();
    let last = last.split(['@', '[', '?']).next().unwrap_or_default();
    let last = last.strip_suffix(".git").unwrap_or(last);
    // A version follows a hyphen.
    let version = last.match_indices('-').map(|(at, _)| at);
    let end = version.into_iter().find(|at| last[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    &last[..end.unwrap_or(last.len())]
}

/// The name at the start of a text.
fn normalised(text: &str) -> String {
    let text = text.trim_start();
    let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = text.find(|c: char| !named(c)).unwrap_or(text.len());
    let parts = text[..end].split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_tells_its_project() {
        for (text, project) in [
            ("Ruamel.YAML_clib>=1 ; os_name == 'posix'", "ruamel-yaml-clib"),
            ("demo[x]==1 --hash=sha256:00", "demo"),
            ("demo @ https://h/other-1.zip", "demo"),
            ("demo@https://me:pw@h/other-1.zip", "demo"),
            ("https://me@h/my_demo-1.0-py3-none-any.whl#sha256=00", "my-demo"),
            ("git+https://h/demo.git@v1#egg=demo", "demo"),
            ("git+ssh://git@h/demo.git", "demo"),
            ("/src/demo/", "demo"),
        ] {
            let place = Place { file: "r.txt".into(), line: Some(1) };
            let requirement = Requirement { text: text.into(), origin: Origin::Elsewhere, place };
            assert_eq!(requirement.project(), project, "{text}");
        }
    }
}
