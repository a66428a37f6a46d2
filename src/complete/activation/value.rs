//! Texts in which the path of the environment is left open.

use std::path::PathBuf;

/// The value of a variable, cut where the path of the environment stands: one
/// part more than there are such places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::complete) struct Value(Vec<String>);

impl Value {
    /// Cuts a text at every path of `prefixes`, longest first, but never
    /// inside of a longer name: `/envs/e1` is not in `/envs/e12`.
    pub fn new(text: &str, prefixes: &[PathBuf]) -> Self {
        let mut parts = vec![text.to_owned()];
        for prefix in prefixes.iter().filter_map(|prefix| prefix.to_str()) {
            parts = parts.iter().flat_map(|part| cut(part, prefix)).collect();
        }
        Value(parts)
    }

    /// A path below the environment.
    pub fn below(path: &str) -> Self {
        Value(vec![String::new(), format!("/{path}")])
    }

    /// The value with more text behind it.
    pub fn followed_by(mut self, text: &str) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.push_str(text);
        }
        self
    }

    /// Both, with a separator between them unless one is empty.
    pub fn and(&self, separator: char, other: &Value) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (_, true) => self.clone(),
            (true, false) => other.clone(),
            (false, false) => {
                let mut all = self.clone().followed_by(&separator.to_string());
                let (first, rest) = other.0.split_at(1);
                all = all.followed_by(&first.concat());
                all.0.extend_from_slice(rest);
                all
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.len() == 1 && self.0[0].is_empty()
    }

    /// Whether a path, or one below it, stands in what is left.
    pub fn names(&self, path: &str) -> bool {
        self.0.iter().any(|part| cut(part, path).len() > 1)
    }

    /// A Python expression, with the environment's path in the variable
    /// `prefix`.
    pub fn python(&self) -> String {
        let mut terms = Vec::new();
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                terms.push("prefix".to_owned());
            }
            if !part.is_empty() {
                // A string of JSON is one of Python too.
                terms.push(serde_json::Value::from(part.as_str()).to_string());
            }
        }
        if terms.is_empty() { "\"\"".to_owned() } else { terms.join(" + ") }
    }

    /// One word of a shell, with the environment's path in `variable`.
    pub fn shell(&self, variable: &str) -> String {
        self.word(&format!("\"${variable}\""), |part| part.replace('\'', "'\\''"))
    }

    /// One word of a fish, with the environment's path in `variable`.
    pub fn fish(&self, variable: &str) -> String {
        self.word(&format!("\"${variable}\""), |part| part.replace('\\', "\\\\").replace('\'', "\\'"))
    }

    /// One word of a csh, which looks for events and ends of lines between
    /// quotes, too; the environment's path is in `_ENVSHIP_PLACE`.
    pub fn csh(&self) -> String {
        let escaped = |part: &str| part.replace('\'', "'\\''").replace('!', "\\!").replace('\n', "\\\n");
        self.word("\"${_ENVSHIP_PLACE:q}\"", escaped)
    }

    fn word(&self, prefix: &str, escaped: impl Fn(&str) -> String) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| format!("'{}'", escaped(part))).collect();
        parts.join(prefix)
    }
}

fn cut(text: &str, path: &str) -> Vec<String> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices(path) {
        let after = text[at + path.len()..].chars().next();
        let whole = after.is_none_or(|next| !(next.is_alphanumeric() || matches!(next, '_' | '-' | '.')));
        if whole && at >= start {
            parts.push(text[start..at].to_owned());
            start = at + path.len();
        }
    }
    parts.push(text[start..].to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_cut_out_wherever_it_is_whole() {
        let value = Value::new("/e/it's:/e2/x;/e", &["/e".into()]);
        assert_eq!(value.python(), "prefix + \"/it's:/e2/x;\" + prefix");
        assert_eq!(value.shell("P"), "''\"$P\"'/it'\\''s:/e2/x;'\"$P\"''");
        assert_eq!(value, Value(vec![String::new(), "/it's:/e2/x;".into(), String::new()]));
    }

    #[test]
    fn every_spelling_of_the_prefix_is_cut_out() {
        let value = Value::new("/real/e/a:/link/a", &["/real/e".into(), "/link".into()]);
        assert_eq!(value.python(), "prefix + \"/a:\" + prefix + \"/a\"");
    }

    #[test]
    fn other_paths_are_seen_in_what_is_left() {
        let value = Value::new("/home/me/env/share:/home/meg", &["/home/me/env".into()]);
        assert!(!value.names("/home/me"));
        assert!(value.names("/home/meg"));
        assert!(Value::new("x=/home/me/y", &[]).names("/home/me"));
    }

    #[test]
    fn texts_become_literals_of_python() {
        assert_eq!(Value::new("a\"\n\\é", &[]).python(), "\"a\\\"\\n\\\\é\"");
        assert_eq!(Value::new("", &[]).python(), "\"\"");
    }
}
