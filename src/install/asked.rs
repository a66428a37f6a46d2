//! What a failed installer was asked for: those of the user's lines that it
//! speaks of, and where it looked.
//!
//! uv and pip read a file that envship wrote, so what they say of files and
//! lines means nothing to a user. The names of projects do: a word of the
//! output counts as one where it stands as uv (seen with 0.13) and pip (20 to
//! 25) put names, and not where it may be any word.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::tool::Tool;
use crate::net::redact;
use crate::spec::{PipSpec, Requirement, project_of};

/// How many lines are named at most.
const LINES_NAMED: usize = 5;

/// The words after which names stand.
const LEADS: &[&str] = &[
    "require",
    "requirement",
    "requested",
    "(constraint)",
    "install",
    "because",
    "from",
    "for",
    "of",
    "on",
    "only",
    "and",
    "processing",
    "collecting",
];

/// What an installer was given.
pub(super) struct Request<'a> {
    pub spec: &'a PipSpec,
    pub tool: &'a Tool,
    /// The files that were written for it.
    pub requirements: PathBuf,
    pub constraints: PathBuf,
}

/// The user's side of a failure.
#[derive(Debug, Default)]
pub struct Asked {
    /// Requirements with their places, redacted.
    lines: Vec<String>,
    /// Indexes and other places to look, redacted.
    indexes: Vec<String>,
}

impl Request<'_> {
    /// What lines of the installer's output, all or some, are about.
    pub fn asked(&self, told: &str, output: &str) -> Asked {
        let names = names(told);
        let numbered: Vec<&Requirement> = self.references(told).map(|(_, requirement)| requirement).collect();
        let all = self.spec.requirements.iter().chain(&self.spec.constraints);
        let lines = all.filter(|requirement| {
            numbered.contains(requirement)
                || names.contains(&requirement.project())
                || told.lines().any(|line| line.trim() == requirement.text)
        });
        let line = |one: &Requirement| format!("`{}` in {}", redact(one.without_hashes()), one.place);
        Asked { lines: lines.map(line).collect(), indexes: self.indexes(output) }
    }

    /// The output with the user's places in the stead of ours.
    pub fn translated(&self, output: &str) -> String {
        let mut text = output.to_owned();
        for (reference, requirement) in self.references(output) {
            text = text.replace(&reference, &requirement.place.to_string());
        }
        text
    }

    /// pip's references to lines, `-r FILE (line 3)`, and what stands there.
    fn references(&self, output: &str) -> impl Iterator<Item = (String, &Requirement)> {
        let files = [
            ("-r", &self.requirements, &*self.spec.requirements, self.spec.lines_before_requirements()),
            ("-c", &self.constraints, &*self.spec.constraints, 0),
        ];
        let mut found = Vec::new();
        for (flag, file, requirements, before) in files {
            let start = format!("{flag} {} (line ", file.display());
            for (at, _) in output.match_indices(&start) {
                let number: String =
                    output[at + start.len()..].chars().take_while(char::is_ascii_digit).collect();
                let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(before + 1));
                if let Some(requirement) = index.and_then(|index| requirements.get(index)) {
                    found.push((format!("{start}{number})"), requirement));
                }
            }
        }
        found.into_iter()
    }

    fn indexes(&self, output: &str) -> Vec<String> {
        let found = match self.tool {
            Tool::Uv { .. } => indexes_of_uv(self.spec, |name| std::env::var(name).ok()),
            Tool::Pip => indexes_of_pip(self.spec, output),
        };
        let unique: BTreeSet<String> = found.iter().map(|index| redact(index)).collect();
        unique.into_iter().collect()
    }
}

/// The spec's, and those that uv's variables add to them; its settings may
/// name others.
fn indexes_of_uv(spec: &PipSpec, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let listed = |name: &str| -> Vec<String> {
        variable(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let mut found = spec.find_links.clone();
    if !spec.no_index {
        let default = || listed("UV_DEFAULT_INDEX").into_iter().chain(listed("UV_INDEX_URL")).next();
        let default = spec.index_url.clone().or_else(default);
        found.push(default.unwrap_or_else(|| "uv's default index".to_owned()));
        found.extend(spec.extra_index_urls.iter().cloned());
        found.extend(["UV_INDEX", "UV_EXTRA_INDEX_URL"].into_iter().flat_map(listed));
    }
    found
}

/// pip says which, unless it is only `PyPI`.
fn indexes_of_pip(spec: &PipSpec, output: &str) -> Vec<String> {
    let said = |what: &'static str| {
        let lists = output.lines().filter_map(move |line| line.trim_start().strip_prefix(what));
        lists.flat_map(|list| list.split(", ")).map(str::to_owned)
    };
    let mut found: Vec<String> = said("Looking in indexes: ").collect();
    if found.is_empty() && !spec.no_index {
        found.push("pip's default index".to_owned());
    }
    found.extend(said("Looking in links: "));
    found
}

/// The projects that a text names, as indexes spell them.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut before = "";
    for word in text.split_whitespace() {
        let bare = word.trim_start_matches(['`', '\'', '"', '(']);
        let of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let compared = bare.trim_start_matches(of_name).starts_with(['=', '<', '>', '!', '~', '[', '@']);
        let led = LEADS.iter().any(|lead| before.eq_ignore_ascii_case(lead));
        if bare.len() < word.len() || compared || led {
            names.insert(project_of(bare.trim_end_matches(['`', '\'', '"', ')', ',', ':'])));
        }
        before = word.trim_start_matches('(');
    }
    names.remove("");
    names
}

/// Follows a message: `: a in line 1 of f (asked of i)`.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.lines.is_empty() {
            write!(f, ": {}", self.lines[..self.lines.len().min(LINES_NAMED)].join(", "))?;
        }
        if self.lines.len() > LINES_NAMED {
            write!(f, " and {} more", self.lines.len() - LINES_NAMED)?;
        }
        if !self.indexes.is_empty() {
            let shown = |index: &String| {
                if index.contains(['/', ':']) { format!("`{index}`") } else { index.clone() }
            };
            write!(f, " (asked of {})", self.indexes.iter().map(shown).collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ChannelOptions, Source, detect};

    const INDEX: &str = "https://****@h/simple/";

    /// The requirements as a user writes them, after an index.
    struct Given {
        folder: tempfile::TempDir,
        spec: PipSpec,
        tool: Tool,
    }

    impl Given {
        fn new(tool: Tool, lines: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("requirements.txt");
            fs_err::write(folder.path().join("limits.txt"), "# none newer\nsix==1.10\n").unwrap();
            fs_err::write(&path, format!("--index-url https://me:pw@h/simple/\n{lines}")).unwrap();
            let Ok(Source::Requirements(spec)) = detect(&path, &ChannelOptions::default()) else {
                panic!("no requirements")
            };
            Given { folder, spec: spec.pip, tool }
        }

        fn uv(lines: &str) -> Self {
            Given::new(Tool::Uv { program: "uv".into(), version: "0".into() }, lines)
        }

        fn request(&self) -> Request<'_> {
            let (requirements, constraints) =
                ("/tmp/x/requirements.txt".into(), "/tmp/x/constraints.txt".into());
            Request { spec: &self.spec, tool: &self.tool, requirements, constraints }
        }

        /// What is told, without the folder.
        fn told(&self, output: &str) -> String {
            let asked = self.request().asked(output, output).to_string();
            asked.replace(&format!("{}/", self.folder.path().display()), "")
        }
    }

    #[test]
    fn uvs_words_lead_to_the_users_lines() {
        let given = Given::uv("pandas\n\nPython_DateUtil<2\nbuild\ntabulate==1 --hash=sha256:00\n");
        for (output, lines) in [
            (
                "Because all versions of pandas depend on python-dateutil>=2.8.2 and you require pandas, we can \
                 conclude that you require python-dateutil>=2.8.2.\nAnd because you require python-dateutil<2, we \
                 can conclude that your requirements are unsatisfiable.",
                ": `pandas` in line 2 of `requirements.txt`, `Python_DateUtil<2` in line 4 of `requirements.txt`",
            ),
            ("cause: Hash mismatch for `tabulate==1`", ": `tabulate==1` in line 6 of `requirements.txt`"),
            ("cause: The build backend returned an error for pandas-like", ""),
            (
                "Failed to fetch: `https://me:pw@h/simple/pandas/`",
                ": `pandas` in line 2 of `requirements.txt`",
            ),
        ] {
            assert_eq!(given.told(output), format!("{lines} (asked of `{INDEX}`)"), "{output}");
        }
    }

    #[test]
    fn pips_words_and_line_numbers_lead_to_the_users_lines() {
        let given =
            Given::new(Tool::Pip, "-c limits.txt\n# why\npython-dateutil\nproj @ https://me:pw@h/p.zip\n");
        for (output, lines) in [
            (
                "Cannot install -r /tmp/x/requirements.txt (line 2) because these package versions have \
                 conflicting dependencies.\n    The user requested (constraint) six==1.10",
                ": `python-dateutil` in line 4 of `requirements.txt`, `six==1.10` in line 2 of `limits.txt`",
            ),
            (
                "Could not find a version that satisfies the requirement other==99 (from proj) (from versions: 1)",
                ": `proj @ https://****@h/p.zip` in line 5 of `requirements.txt`",
            ),
        ] {
            let output = format!("Looking in indexes: {INDEX}, https://other/\n{output}");
            let expected = format!("{lines} (asked of `{INDEX}`, `https://other/`)");
            assert_eq!(given.told(&output), expected, "{output}");
        }
        let shown = given.request().translated("no -r /tmp/x/requirements.txt (line 3)!");
        assert!(shown.starts_with("no line 5 of `/") && shown.ends_with("/requirements.txt`!"), "{shown}");
    }

    #[test]
    fn a_line_that_is_no_requirement_is_found_as_a_whole() {
        let given = Given::uv("six\ntabulate ====\n");
        let told =
            given.told("Couldn't parse requirement in `/tmp/x/requirements.txt`\n  tabulate ====\n  ^^^^");
        assert!(told.starts_with(": `tabulate ====` in line 3 of `requirements.txt` ("), "{told}");
    }

    #[test]
    fn many_lines_are_counted() {
        let given = Given::uv("a\nb\nc\nd\ne\nf\ng\n");
        let told = given.told("you require a and b and c and d and e and f and g");
        assert!(told.contains("`e` in line 6 of `requirements.txt` and 2 more (asked"), "{told}");
    }

    #[test]
    fn indexes_come_from_the_spec_and_from_uvs_variables() {
        let variable = |name: &str| match name {
            "UV_DEFAULT_INDEX" => Some("https://default/".to_owned()),
            "UV_INDEX" => Some("https://a/ b=https://b/".to_owned()),
            _ => None,
        };
        let mut spec = PipSpec::default();
        assert_eq!(indexes_of_uv(&spec, |_| None), ["uv's default index"]);
        assert_eq!(indexes_of_uv(&spec, variable), ["https://default/", "https://a/", "b=https://b/"]);
        spec.index_url = Some("https://spec/".into());
        assert_eq!(indexes_of_uv(&spec, variable)[0], "https://spec/");
        spec.no_index = true;
        spec.find_links = vec!["/wheels".into()];
        assert_eq!(indexes_of_uv(&spec, variable), ["/wheels"]);
        assert_eq!(indexes_of_pip(&spec, "Looking in links: /wheels\n"), ["/wheels"]);
        assert_eq!(indexes_of_pip(&PipSpec::default(), ""), ["pip's default index"]);
    }
}
