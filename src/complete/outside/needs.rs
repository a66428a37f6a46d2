//! Who needs which library, as people are told.

use std::collections::{BTreeMap, BTreeSet};

/// Libraries by name, each with the files that need it.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs(BTreeMap<String, BTreeSet<String>>);

impl Needs {
    pub(super) fn add(&mut self, library: &str, file: &str) {
        self.0.entry(library.to_owned()).or_default().insert(file.to_owned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, library: &str) -> bool {
        self.0.contains_key(library)
    }

    pub(super) fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// `libz.so.1 (for lib/a.so and 2 more), libx.so (for bin/b)`
    pub(super) fn listing(&self) -> String {
        let line = |(library, files): (&String, &BTreeSet<String>)| {
            let first = files.first().map_or("", String::as_str);
            let more = files.len().saturating_sub(1);
            let others = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{library} (for {first}{others})")
        };
        self.0.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    /// `_tkinter (libtcl8.6.so, libtk8.6.so), nis (libtirpc.so.3)`
    pub(super) fn by_file(&self) -> String {
        let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (library, of) in &self.0 {
            for file in of {
                files.entry(file).or_default().push(library);
            }
        }
        let line = |(file, libraries): (&str, Vec<&str>)| format!("{file} ({})", libraries.join(", "));
        files.into_iter().map(line).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_is_told_with_who_needs_it() {
        let mut needs = Needs::default();
        needs.add("libz.so.1", "lib/b.so");
        needs.add("libz.so.1", "lib/a.so");
        needs.add("libz.so.1", "lib/a.so");
        needs.add("libx.so", "bin/x");
        assert_eq!(needs.listing(), "libx.so (for bin/x), libz.so.1 (for lib/a.so and 1 more)");
        assert_eq!(needs.names(), "libx.so, libz.so.1");
        assert_eq!(needs.by_file(), "bin/x (libx.so), lib/a.so (libz.so.1), lib/b.so (libz.so.1)");
    }
}
