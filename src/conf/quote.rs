//! Values inside a shell command, a properties file, a Python script.

use std::borrow::Cow;
use std::fmt::Write;

/// A word of a POSIX shell, in quotes only where it needs them.
pub(super) fn shell(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-#".contains(&byte);
    if !word.is_empty() && !word.starts_with('#') && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// A value as `java.util.Properties` reads it. Only the beginning of a line makes
/// a comment, so `#` stays.
pub(super) fn property(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for (index, c) in value.chars().enumerate() {
        match c {
            '\\' => quoted.push_str(r"\\"),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            '\t' => quoted.push_str(r"\t"),
            ' ' | '=' | ':' if index == 0 => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted
}

/// A string literal of Python.
pub(super) fn python(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\\' | '"' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const NASTY: [&str; 9] =
        ["", "plain", "#x", "a b", "it's", "$HOME `id` \"x\" \\ *", "local[*]", "~/x", "a\u{1}b\tc"];

    #[test]
    fn a_shell_reads_every_word_back() {
        let words: Vec<_> = NASTY.iter().map(|word| shell(word)).collect();
        let script = format!("printf '%s\\n' {}", words.join(" "));
        let out = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), NASTY.join("\n") + "\n");
    }

    #[test]
    fn python_reads_every_string_back() {
        let literals: Vec<_> = NASTY.iter().map(|text| python(text)).collect();
        let script = format!("print('\\n'.join([{}]))", literals.join(", "));
        let out = Command::new("python3").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), NASTY.join("\n") + "\n");
    }

    #[test]
    fn quotes_come_only_where_they_are_needed() {
        assert_eq!(
            shell("spark.archives=s3a://b/e-1.tar.gz#environment"),
            "spark.archives=s3a://b/e-1.tar.gz#environment"
        );
        assert_eq!(property("s3a://b/e.tar.gz#environment"), "s3a://b/e.tar.gz#environment");
        assert_eq!(property(r"C:\x"), r"C:\\x");
        assert_eq!(property(" a b"), r"\ a b");
    }
}
