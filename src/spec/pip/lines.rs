//! A requirements file, line by line: pure functions on text.

/// A line with its continuations, and without its comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogicalLine {
    /// Where it begins, from 1.
    pub number: usize,
    pub text: String,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A requirement with its markers and hashes; for `-e`, what follows it.
    Requirement(String),
    Include(String),
    Constrain(String),
    IndexUrl(String),
    ExtraIndexUrl(String),
    FindLinks(String),
    TrustedHost(String),
    NoIndex,
    Pre,
    PreferBinary,
    RequireHashes,
    NoBinary(String),
    OnlyBinary(String),
    UseFeature(String),
}

/// An option of a requirements file and how it becomes a [`Line`].
enum Flag {
    Bare(fn() -> Line),
    Value(fn(String) -> Line),
}

/// pip's long and short names; `SUPPORTED_OPTIONS` in its `req_file.py`.
const OPTIONS: &[(&str, &str, Flag)] = &[
    ("--requirement", "-r", Flag::Value(Line::Include)),
    ("--constraint", "-c", Flag::Value(Line::Constrain)),
    ("--editable", "-e", Flag::Value(Line::Requirement)),
    ("--index-url", "-i", Flag::Value(Line::IndexUrl)),
    ("--pypi-url", "", Flag::Value(Line::IndexUrl)),
    ("--extra-index-url", "", Flag::Value(Line::ExtraIndexUrl)),
    ("--find-links", "-f", Flag::Value(Line::FindLinks)),
    ("--trusted-host", "", Flag::Value(Line::TrustedHost)),
    ("--no-index", "", Flag::Bare(|| Line::NoIndex)),
    ("--pre", "", Flag::Bare(|| Line::Pre)),
    ("--prefer-binary", "", Flag::Bare(|| Line::PreferBinary)),
    ("--require-hashes", "", Flag::Bare(|| Line::RequireHashes)),
    ("--no-binary", "", Flag::Value(Line::NoBinary)),
    ("--only-binary", "", Flag::Value(Line::OnlyBinary)),
    ("--use-feature", "", Flag::Value(Line::UseFeature)),
];

/// Joins lines that end with a backslash and drops comments and blank lines.
pub(super) fn logical(text: &str) -> Vec<LogicalLine> {
    let mut joined: Vec<LogicalLine> = Vec::new();
    let mut continues = false;
    for (index, line) in text.lines().enumerate() {
        // A comment line ends what came before it, and is never continued.
        let comment = line.trim_start().starts_with('#');
        let (body, more) = match line.strip_suffix('\\') {
            Some(body) if !comment => (body, true),
            _ => (line, false),
        };
        match joined.last_mut() {
            Some(last) if continues && comment => last.text.push(' '),
            Some(last) if continues => last.text.push_str(body),
            _ => joined.push(LogicalLine { number: index + 1, text: body.to_owned() }),
        }
        continues = more;
    }
    for line in &mut joined {
        line.text = without_comment(&line.text).trim().to_owned();
    }
    joined.retain(|line| !line.text.is_empty());
    joined
}

/// A `#` begins a comment at the start or after white space: elsewhere it
/// belongs to a URL.
fn without_comment(line: &str) -> &str {
    let starts = |(at, _): &(usize, &str)| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').find(starts).map_or(line, |(at, _)| &line[..at])
}

/// Replaces `${NAME}`, in capitals as pip wants it, where the variable is set.
pub(super) fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest.find('}').map(|end| &rest[2..end]).filter(|name| is_variable(name));
        match name.and_then(|name| Some((name, variable(name)?))) {
            Some((name, value)) => {
                expanded.push_str(&value);
                rest = &rest[name.len() + 3..];
            }
            None => {
                expanded.push_str("${");
                rest = &rest[2..];
            }
        }
    }
    expanded + rest
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

/// What a logical line says: one requirement, or any number of options.
///
/// # Errors
/// What is wrong with it, without secrets.
pub(super) fn parse(line: &str) -> Result<Vec<Line>, String> {
    if !line.starts_with('-') {
        return Ok(vec![Line::Requirement(one_line(line))]);
    }
    let mut words = split(line)?.into_iter();
    let mut parsed = Vec::new();
    while let Some(word) = words.next() {
        parsed.push(option(&word, &mut words)?);
    }
    Ok(parsed)
}

/// Continuation lines are indented; hashes stand apart by one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn option(word: &str, rest: &mut impl Iterator<Item = String>) -> Result<Line, String> {
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
        // `-rfile`
        _ if !word.starts_with("--") && word.len() > 2 && word.is_char_boundary(2) => {
            (&word[..2], Some(word[2..].to_owned()))
        }
        _ => (word, None),
    };
    let known =
        OPTIONS.iter().find(|(long, short, _)| *long == name || (!short.is_empty() && *short == name));
    let (_, _, flag) = known.ok_or_else(|| format!("`{name}` is no option of requirements files"))?;
    match flag {
        Flag::Bare(line) => match attached {
            None => Ok(line()),
            Some(_) => Err(format!("`{name}` takes no value")),
        },
        Flag::Value(line) => match attached.or_else(|| rest.next()) {
            Some(value) if !value.is_empty() => Ok(line(value)),
            _ => Err(format!("`{name}` needs a value")),
        },
    }
}

/// Splits at white space as a shell does, quotes and backslashes included.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

/// Whether every line could be pip's: for text files whose name says nothing.
pub(in crate::spec) fn looks_like_requirements(text: &str) -> bool {
    logical(text).iter().all(|line| match parse(&line.text) {
        Err(_) => false,
        Ok(lines) => lines.iter().all(|line| match line {
            Line::Requirement(text) => is_requirement(text),
            _ => true,
        }),
    })
}

/// A path, a URL, or a name that is followed by nothing, a version, extras, a
/// marker, a URL or hashes (PEP 508).
fn is_requirement(text: &str) -> bool {
    if text.starts_with(['.', '/', '~']) || text.contains("://") {
        return true;
    }
    let named = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let rest = text.trim_start_matches(named);
    let follows = rest.trim_start();
    rest.len() < text.len()
        && (follows.is_empty()
            || follows.starts_with(['=', '<', '>', '!', '~', '[', ';', '@', '('])
            || follows.starts_with("--hash"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(text: &str) -> Vec<Line> {
        vec![Line::Requirement(text.into())]
    }

    #[test]
    fn hashes_on_continued_lines_belong_to_their_requirement() {
        let lines = logical("a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n\n# note \\\nb\n");
        assert_eq!(lines.len(), 2);
        assert_eq!(parse(&lines[0].text), Ok(requirement("a==1 --hash=sha256:00 --hash=sha256:11")));
        assert_eq!(lines[1], LogicalLine { number: 6, text: "b".into() });
    }

    #[test]
    fn a_hash_sign_inside_a_url_is_no_comment() {
        let lines = logical("x @ https://h/x.zip#sha256=00  # why\n#all\n");
        assert_eq!(lines, [LogicalLine { number: 1, text: "x @ https://h/x.zip#sha256=00".into() }]);
    }

    #[test]
    fn variables_are_replaced_where_they_are_set() {
        let variable = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        assert_eq!(
            expand("--index-url https://${TOKEN}@${HOST}/${token}${", variable),
            "--index-url https://s3cret@${HOST}/${token}${"
        );
    }

    #[test]
    fn options_come_in_all_of_pips_spellings() {
        for text in
            ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt", "-r 'base.txt'"]
        {
            assert_eq!(parse(text), Ok(vec![Line::Include("base.txt".into())]), "{text}");
        }
        assert_eq!(
            parse("--index-url https://a/?b=c --pre --no-binary :all:"),
            Ok(vec![Line::IndexUrl("https://a/?b=c".into()), Line::Pre, Line::NoBinary(":all:".into())])
        );
        assert_eq!(parse("-e ./my\\ project"), Ok(requirement("./my project")));
    }

    #[test]
    fn what_is_no_option_is_named() {
        for (text, problem) in [
            ("--frobnicate", "`--frobnicate` is no option of requirements files"),
            ("--index-url", "`--index-url` needs a value"),
            ("--pre=yes", "`--pre` takes no value"),
            ("-e 'open", "a quote is not closed"),
        ] {
            assert_eq!(parse(text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn prose_is_not_taken_for_requirements() {
        assert!(looks_like_requirements(
            "numpy\npandas >=2; python_version > '3.8'\n-r other.txt\n./wheel.whl\na[b]==1"
        ));
        assert!(!looks_like_requirements("This is a letter.\nIt is not a list of packages.\n"));
        assert!(!looks_like_requirements("numpy\n--what\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            for line in logical(&text) {
                let _ = parse(&expand(&line.text, |_| Some("${X}".into())));
            }
        }
    }
}
