//! Variables that are read before `site` runs: a Python that is running already
//! sets them too late.

use super::warning::Warning;

/// Variables that are read before `site` runs and that break programs of
/// others: run paths and the folder layout do what they would do.
const NEVER: [&str; 7] = [
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LD_AUDIT",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
];

/// Beginnings of names of variables that are read before `site` runs: by the
/// loader, the C library's allocator and the interpreter.
const EARLY: [&str; 5] = ["LD_", "MALLOC_", "GLIBC_TUNABLES", "PYTHON", "LC_ALL"];

/// Whether a Python that is running already can set it; what it can't is told.
pub(super) fn takes_effect(name: &str, author: &str, said: &mut Vec<Warning>) -> bool {
    if NEVER.contains(&name) {
        said.push(Warning::new(format!(
            "`{name}`, which {author} sets, can't be set by a Python that is already running and is left out"
        )));
        return false;
    }
    if EARLY.iter().any(|early| name.starts_with(early)) {
        said.push(Warning::new(format!(
            "`{name}`, which {author} sets, is read before a Python can set it: it counts in its children only"
        )));
    }
    true
}
