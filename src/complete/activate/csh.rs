//! `bin/activate.csh`, and `bin/deactivate.csh`, which it makes an alias of.
//!
//! A csh has no functions, and no way to name a variable by another: all that
//! is done about a variable is written out. What a variable was is kept under
//! a number, since a csh may limit the length of names.

use std::fmt::Write as _;

use super::super::activation::certificates::BUNDLES;
use super::super::activation::{Activation, List, Value};
use super::{Step, also_named, steps};

const ACTIVATE: &str = include_str!("activate.csh");
const DEACTIVATE: &str = include_str!("deactivate.csh");
const HOOKS: &str = include_str!("hooks.csh");

/// The path of the environment, as a word.
const PLACE: &str = "\"$_ENVSHIP_PLACE:q\"";

/// What a Python does about certificates.
const CERTIFICATES: &str = r#"if (! $?SSL_CERT_FILE && ! $?SSL_CERT_DIR) then
    foreach _envship_folder (@FOLDERS@)
        if (! -e "$_envship_folder:q/cert.pem" && ! -e "$_envship_folder:q/certs") then
            foreach _envship_bundle (@BUNDLES@)
                if (-e "$_envship_bundle:q") then
                    setenv SSL_CERT_FILE "$_envship_bundle:q"
                    set _ENVSHIP_PUT_@NUMBER@
                    break
                endif
            end
            break
        endif
    end
    unset _envship_folder _envship_bundle
endif
"#;

pub(super) fn activate(activation: &Activation) -> String {
    let numbers = Numbers::new(activation);
    let mut lines = String::new();
    let mut marks = String::new();
    for name in [activation.activate_as.variable()].iter().chain(also_named(activation.activate_as)) {
        lines += &numbers.put(name, PLACE);
        marks += &numbers.mark(name);
    }
    for (name, step) in steps(activation) {
        match step {
            Step::Put(value) => lines += &numbers.put(name, &value.csh()),
            Step::Fill(value) => {
                let put = numbers.put(name, &value.csh());
                let _ = write!(lines, "if (! $?{name}) then\n{put}endif\n");
            }
            Step::Join(list) => lines += &numbers.join(name, list),
        }
        match step {
            Step::Put(_) | Step::Fill(_) if name != CERTIFICATE => marks += &numbers.mark(name),
            Step::Join(list @ List { separator: ':', .. }) => {
                marks += &record(&format!("'{name}+='{}", list.items().csh()));
            }
            _ => {}
        }
    }
    let folders = &activation.certificates.folders;
    if !folders.is_empty() {
        let words = |texts: &mut dyn Iterator<Item = &str>| -> String {
            texts.map(|text| format!("'{text}'")).collect::<Vec<_>>().join(" ")
        };
        lines += &CERTIFICATES
            .replace("@FOLDERS@", &words(&mut folders.iter().map(String::as_str)))
            .replace("@BUNDLES@", &words(&mut BUNDLES.into_iter()))
            .replace("@NUMBER@", &numbers.of(CERTIFICATE).to_string());
    }
    marks += &numbers.mark(CERTIFICATE);
    let mark = [
        "set _envship_separator = \"`printf '\\037'`\"\nset _envship_mark = \"\"\n",
        &marks,
        &numbers.put(MARKS[0], "\"$_envship_mark:q\""),
        &numbers.put(MARKS[1], PLACE),
    ];
    ACTIVATE
        .replace("@STEPS@\n", &lines)
        .replace("@SOURCE@\n", &HOOKS.replace("@FOLDER@", "activate.d"))
        .replace("@MARK@\n", &mark.concat())
}

pub(super) fn deactivate(activation: &Activation) -> String {
    let numbers = Numbers::new(activation);
    let steps: String = numbers.0.iter().map(|name| numbers.undo(name)).collect();
    DEACTIVATE.replace("@SOURCE@\n", &HOOKS.replace("@FOLDER@", "deactivate.d")).replace("@STEPS@\n", &steps)
}

/// What names the authorities that are trusted.
const CERTIFICATE: &str = "SSL_CERT_FILE";

/// What the hook looks for.
const MARKS: [&str; 2] = ["ENVSHIP_ACTIVE_SET", "ENVSHIP_ACTIVE"];

/// The variables that may be set, each with its place as its number.
struct Numbers<'a>(Vec<&'a str>);

impl<'a> Numbers<'a> {
    fn new(activation: &'a Activation) -> Self {
        let mut names = vec![activation.activate_as.variable()];
        names.extend(also_named(activation.activate_as));
        let others = steps(activation).into_iter().map(|(name, _)| name);
        for name in others.chain([CERTIFICATE]).chain(MARKS) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Numbers(names)
    }

    fn of(&self, name: &str) -> usize {
        self.0.iter().position(|other| *other == name).unwrap_or(self.0.len())
    }

    /// Sets it to a word, and remembers what it was.
    fn put(&self, name: &str, word: &str) -> String {
        let number = self.of(name);
        format!(
            "if ($?{name} && ! $?_ENVSHIP_PUT_{number}) then
    set _ENVSHIP_WAS_{number} = \"${name}:q\"
endif
setenv {name} {word}
set _ENVSHIP_PUT_{number}
"
        )
    }

    /// Joins it with what is set.
    fn join(&self, name: &str, list: &List) -> String {
        let between = |value: &Value| match list.separator {
            ':' if !value.is_empty() => "':'",
            _ => "",
        };
        let [before, after] = [&list.before, &list.after].map(Value::csh);
        let joined =
            format!("{before}{}\"$_envship_old:q\"{}{after}", between(&list.before), between(&list.after));
        format!(
            "set _envship_old = \"\"
if ($?{name}) then
    set _envship_old = \"${name}:q\"
endif
if (\"x$_envship_old:q\" == \"x\") then
{}else
{}endif
unset _envship_old
",
            self.put(name, &list.alone.csh()),
            self.put(name, &joined)
        )
    }

    /// Tells the hook of a variable that was set.
    fn mark(&self, name: &str) -> String {
        let record = record(&format!("'{name}='\"${name}:q\""));
        format!("if ($?{name} && $?_ENVSHIP_PUT_{}) then\n{record}endif\n", self.of(name))
    }

    /// Makes it what it was.
    fn undo(&self, name: &str) -> String {
        let number = self.of(name);
        format!(
            "if ($?_ENVSHIP_WAS_{number}) then
    setenv {name} \"$_ENVSHIP_WAS_{number}:q\"
    unset _ENVSHIP_WAS_{number}
else if ($?_ENVSHIP_PUT_{number}) then
    unsetenv {name}
endif
unset _ENVSHIP_PUT_{number}
"
        )
    }
}

fn record(words: &str) -> String {
    format!("set _envship_mark = \"$_envship_mark:q\"{words}\"$_envship_separator:q\"\n")
}
