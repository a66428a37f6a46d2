//! The lines of a YAML file on which the items of its `pip:` section stand:
//! the reader of YAML doesn't tell.

/// The line of each item, from 1, as far as it can be found: quoting or a
/// block scalar may hide an item.
pub(super) fn lines_of(text: &str, items: &[String]) -> Vec<Option<usize>> {
    let start = text.lines().position(begins_section).unwrap_or(0);
    let mut rest: Vec<(usize, &str)> = text.lines().enumerate().skip(start).collect();
    let mut lines = Vec::new();
    for item in items {
        let first = item.trim().lines().next().unwrap_or_default();
        let found = rest.iter().position(|(_, line)| end_of(line, first).is_some());
        lines.push(found.filter(|_| !first.is_empty()).map(|at| {
            // A flow sequence has several on a line.
            let (index, line) = rest[at];
            rest.drain(..at);
            rest[0].1 = &line[end_of(line, first).unwrap_or(0)..];
            index + 1
        }));
    }
    lines
}

/// `- pip:`, or in a flow mapping `{pip:`.
fn begins_section(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default();
    line.match_indices("pip").any(|(at, _)| {
        let before = line[..at].trim_end_matches(['"', '\'']).chars().next_back();
        let after = line[at + 3..].trim_start_matches(['"', '\'']).trim_start();
        after.starts_with(':') && before.is_none_or(|c| c.is_whitespace() || c == '{')
    })
}

/// Where an item ends in a line that holds it as a whole.
fn end_of(line: &str, item: &str) -> Option<usize> {
    line.match_indices(item).map(|(at, _)| (at, at + item.len())).find_map(|(at, end)| {
        let opens = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '[' | ',');
        let closes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ']' | ',');
        let alone = line[..at].chars().next_back().is_none_or(opens)
            && line[end..].chars().next().is_none_or(closes)
            && !line[..at].trim_start().starts_with('#');
        alone.then_some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, items: &[&str]) -> Vec<Option<usize>> {
        lines_of(text, &items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn items_are_found_below_the_section_in_their_order() {
        let text = "dependencies:\n- six\n- pip\n- pip:\n  # six\n  - six-extra\n  - 'six; os_name == \"x\"'\n\n  - six # why\n";
        assert_eq!(lines(text, &["six-extra", "six; os_name == \"x\"", "six"]), [Some(6), Some(7), Some(9)]);
    }

    #[test]
    fn a_flow_sequence_has_them_on_one_line() {
        assert_eq!(lines("dependencies: [python, {pip: [a, b, a]}]", &["a", "b", "a"]), [Some(1); 3]);
    }

    #[test]
    fn what_is_written_otherwise_has_no_line() {
        let text = "dependencies:\n- pip:\n  - \"a\\u0062c\"\n  - |\n    one\n    two\n  - last\n";
        assert_eq!(lines(text, &["abc", "one\ntwo\n", "last", ""]), [None, Some(5), Some(7), None]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a-c:pi \\n\\[,'#é]{0,60}", item in "[a-cé]{0,2}") {
            lines_of(&text, &[item.clone(), item]);
        }
    }
}
