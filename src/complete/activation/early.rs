//! Variables that are read before `site` runs: a Python that is running already
//! sets them too late.

use super::warning::Warning;

/// Beginnings of names of variables that also break programs of others: run
/// paths and the layout of folders do what they would do.
const NEVER: [&str; 6] = ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "DYLD_", "PYTHONHOME", "PYTHONPATH"];

/// Beginnings of names of variables that the loader and the C library's
/// allocator read (`ld.so(8)`, `mallopt(3)`).
const EARLY: [&str; 3] = ["LD_", "MALLOC_", "GLIBC_TUNABLES"];

/// Those that the interpreter reads when it starts ("Command line and
/// environment" in Python's documentation, and PEP 538 for the locale); others,
/// such as `PYTHONBREAKPOINT`, it reads when it needs them.
const INTERPRETER: [&str; 31] = [
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONCOERCECLOCALE",
    "PYTHONDEBUG",
    "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONEXECUTABLE",
    "PYTHONFAULTHANDLER",
    "PYTHONHASHSEED",
    "PYTHONINTMAXSTRDIGITS",
    "PYTHONIOENCODING",
    "PYTHONMALLOC",
    "PYTHONMALLOCSTATS",
    "PYTHONNODEBUGRANGES",
    "PYTHONNOUSERSITE",
    "PYTHONOPTIMIZE",
    "PYTHONPERFSUPPORT",
    "PYTHONPLATLIBDIR",
    "PYTHONPROFILEIMPORTTIME",
    "PYTHONPYCACHEPREFIX",
    "PYTHONSAFEPATH",
    "PYTHONTRACEMALLOC",
    "PYTHONUNBUFFERED",
    "PYTHONUSERBASE",
    "PYTHONUTF8",
    "PYTHONVERBOSE",
    "PYTHONWARNDEFAULTENCODING",
    "PYTHONWARNINGS",
    "PYTHON_CPU_COUNT",
    "PYTHON_GIL",
];

/// Whether a Python that is running already can set it; what it can't is told.
pub(super) fn takes_effect(name: &str, author: &str, said: &mut Vec<Warning>) -> bool {
    if NEVER.iter().any(|never| name.starts_with(never)) {
        said.push(Warning::new(format!(
            "`{name}`, which {author} sets, can't be set by a Python that is already running and is left out"
        )));
        return false;
    }
    if EARLY.iter().any(|early| name.starts_with(early)) || INTERPRETER.contains(&name) {
        said.push(Warning::new(format!(
            "`{name}`, which {author} sets, is read before a Python can set it: it counts in its children only"
        )));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> (bool, usize) {
        let mut said = Vec::new();
        (takes_effect(name, "a.sh", &mut said), said.len())
    }

    #[test]
    fn what_comes_too_late_is_told_and_what_harms_others_is_left_out() {
        for name in ["LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONHOME", "PYTHONPATH"] {
            assert_eq!(told(name), (false, 1), "{name}");
        }
        for name in ["LD_BIND_NOW", "MALLOC_ARENA_MAX", "LANG", "PYTHONHASHSEED", "PYTHONUNBUFFERED"] {
            assert_eq!(told(name), (true, 1), "{name}");
        }
        for name in ["DATA", "OMP_NUM_THREADS", "PYTHONBREAKPOINT", "PYTHON_EGG_CACHE", "TZ"] {
            assert_eq!(told(name), (true, 0), "{name}");
        }
    }
}
