//! What becomes of a variable that activation sets, and how that is told from
//! what scripts made of a user's own value.

use super::Value;
use crate::prefix::Inventory;

/// What becomes of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::complete) enum Effect {
    /// It is set, unless the user or the engine has set it.
    Set(Value),
    /// It is joined with what the user or the engine has set.
    Join(List),
}

/// What is joined with the items of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::complete) struct List {
    pub separator: char,
    /// The value if the user has set none.
    pub alone: Value,
    /// What comes before the user's items, and after them: items, but for
    /// another separator than `:` text that holds it.
    pub before: Value,
    pub after: Value,
}

impl Effect {
    /// A variable whose value before is still in its value after as an item of
    /// a list is a list; `around` is what stands round it.
    pub fn of_script(value: &str, around: Option<(&str, &str)>, inventory: &Inventory) -> Self {
        let text = |text: &str| Value::new(text, &inventory.prefixes);
        let Some((before, after)) = around.filter(|(before, after)| !(before.is_empty() && after.is_empty()))
        else {
            return Effect::Set(text(value));
        };
        let joint = |end: Option<char>| match end {
            None => Some(None),
            Some(sign) if [':', ';', ',', ' '].contains(&sign) => Some(Some(sign)),
            Some(_) => None,
        };
        let separator = match (joint(before.chars().next_back()), joint(after.chars().next())) {
            (Some(Some(left)), Some(right)) if right.is_none_or(|right| right == left) => left,
            (Some(None), Some(Some(right))) => right,
            // A path below the user's, say.
            _ => return Effect::Set(text(value)),
        };
        let (before, after) = match separator {
            ':' => (before.trim_end_matches(':'), after.trim_start_matches(':')),
            _ => (before, after),
        };
        Effect::Join(List { separator, alone: text(value), before: text(before), after: text(after) })
    }

    /// `PATH`, whose first folder was the environment's and the others the
    /// system's.
    pub fn of_path(value: &str, old: &str, inventory: &Inventory) -> Self {
        let (own, system) = old.split_once(':').unwrap_or((old, ""));
        let system: Vec<&str> = system.split(':').collect();
        let (mut before, mut after, mut seen) = (Vec::new(), Vec::new(), false);
        for folder in value.split(':') {
            match (system.contains(&folder), seen) {
                (true, _) => seen = true,
                (false, false) => before.push(folder),
                (false, true) => after.push(folder),
            }
        }
        if !before.contains(&own) {
            before.insert(0, own);
            after.retain(|folder| *folder != own);
        }
        let text = |folders: &[&str]| Value::new(&folders.join(":"), &inventory.prefixes);
        Effect::Join(List::of_items(text(&before), text(&after)))
    }

    /// Whether a path, or one below it, stands in what it sets.
    pub fn names(&self, path: &str) -> bool {
        match self {
            Effect::Set(value) => value.names(path),
            Effect::Join(list) => [&list.alone, &list.before, &list.after].iter().any(|v| v.names(path)),
        }
    }
}

impl List {
    /// A list with colons.
    pub fn of_items(before: Value, after: Value) -> Self {
        List { separator: ':', alone: before.and(':', &after), before, after }
    }

    /// What a list with colons gets.
    pub fn items(&self) -> Value {
        self.before.and(':', &self.after)
    }
}
