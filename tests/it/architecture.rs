//! The layout table of CONTRIBUTING.md is true: no module imports what its row
//! doesn't allow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use walkdir::WalkDir;

const BASE: [&str; 9] =
    ["baseline", "cache", "error", "fs", "interrupt", "net", "parallel", "process", "progress"];

/// module → what it may import, from the table.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs_err::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let rows: Vec<[String; 2]> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let module = cells[1].trim_matches('`').trim_end_matches('/').trim_end_matches(".rs");
            [module.to_owned(), cells[3].to_owned()]
        })
        .collect();
    let modules: BTreeSet<String> = rows.iter().map(|[module, _]| module.clone()).collect();
    rows.into_iter().map(|[module, imports]| (module, allowed(&imports, &modules))).collect()
}

fn allowed(imports: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split([',', ' ']).map(str::trim);
        words.filter(|word| modules.contains(*word)).map(str::to_owned).collect()
    };
    if let Some(exceptions) = imports.strip_prefix("everything but ") {
        return modules - &names(exceptions);
    }
    let mut set = names(imports);
    if imports.contains("base") {
        set.extend(BASE.map(str::to_owned));
    }
    if imports.contains("value enums of the stages") {
        let stages = [
            "archive", "artifact", "baseline", "complete", "conf", "inspect", "prefix", "publish", "spec",
            "verify",
        ];
        set.extend(stages.map(str::to_owned));
    }
    set
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_import_is_one_that_the_layout_table_allows() {
    let table = table();
    let mut wrong = Vec::new();
    for file in
        WalkDir::new(root().join("src")).into_iter().flatten().filter(|file| file.file_type().is_file())
    {
        let path = file.path().strip_prefix(root().join("src")).unwrap();
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        let Some(allowed) = table.get(module) else {
            wrong.push(format!("{}: module `{module}` has no row", path.display()));
            continue;
        };
        let text = fs_err::read_to_string(file.path()).unwrap();
        for imported in imports(&text).difference(allowed).filter(|imported| *imported != module) {
            wrong.push(format!("{}: `{module}` may not import `{imported}`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The modules named after `crate::` in code, groups in braces included.
fn imports(text: &str) -> BTreeSet<String> {
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, marker) in code.match_indices("crate::") {
        let rest = &code[at + marker.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        let word =
            |name: &str| name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.extend(
            names.into_iter().map(word).filter(|name: &String| {
                !name.is_empty() && name.chars().all(|c| c.is_lowercase() || c == '_')
            }),
        );
    }
    found
}

/// The parts of `{a::B, c::{D, E}}` after its brace: `a::B`, `c::{D, E}`.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn only_the_terminal_prints() {
    for file in
        WalkDir::new(root().join("src")).into_iter().flatten().filter(|file| file.file_type().is_file())
    {
        let text = fs_err::read_to_string(file.path()).unwrap();
        let prints =
            ["println!", "eprintln!", "print!(", "eprint!(", "dbg!"].iter().any(|word| text.contains(word));
        assert!(!prints, "{} prints", file.path().display());
    }
}
