//! Shared libraries that an archive leaves to its nodes (PEP 600 and the
//! policies of the manylinux platforms).

mod glibc;

pub use glibc::{GlibcTarget, System};

/// Families of libraries that belong to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The C library: the loader of the node and it are one thing.
    C,
    /// The compiler's run-time libraries. Every wheel takes them from the node
    /// too: a second copy would be worse than an older one, unless that is
    /// [too old](is_beyond_baseline).
    Compiler,
    /// Of a kernel driver, whose version they have to match.
    Driver,
    /// X11, OpenGL and `GLib`: the policies count on them, but servers rarely
    /// have them. Without the rest of a desktop (display server, graphics
    /// driver, modules that they load) a copy is of no use.
    Desktop,
}

/// The C library by the names of its parts.
const C: [&str; 12] =
    ["c", "m", "dl", "rt", "pthread", "util", "resolv", "nsl", "mvec", "anl", "BrokenLocale", "thread_db"];
/// Loaders, the modules of the name service, and musl.
const C_BEGINNINGS: [&str; 5] = ["ld-linux", "ld64", "ld-musl", "libc.musl", "libnss_"];

/// The toolkits (`cudart`, `cudnn`, `rocblas`…) are libraries as any other.
const DRIVERS: [&str; 1] = ["cuda"];
const DRIVER_BEGINNINGS: [&str; 4] = ["libnvidia-", "libnvcuvid", "libnvoptix", "libze_intel_"];

const DESKTOP: [&str; 14] = [
    "EGL",
    "GL",
    "GLU",
    "GLX",
    "GLdispatch",
    "GLESv2",
    "OpenGL",
    "ICE",
    "SM",
    "drm",
    "gbm",
    "glib-2.0",
    "gobject-2.0",
    "gthread-2.0",
];
const DESKTOP_BEGINNINGS: [&str; 4] = ["libX", "libxcb", "libxkbcommon", "libwayland-"];

/// The family of a library, by its file name or SONAME; `None` if it has to
/// come along.
#[must_use]
pub fn family(name: &str) -> Option<Family> {
    let stem = name.split(".so").next().unwrap_or(name);
    let short = stem.strip_prefix("lib").unwrap_or_default();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| stem.starts_with(beginning));
    if C.contains(&short) || begins(&C_BEGINNINGS) {
        Some(Family::C)
    } else if matches!(short, "gcc_s" | "stdc++") {
        Some(Family::Compiler)
    } else if DRIVERS.contains(&short) || begins(&DRIVER_BEGINNINGS) {
        Some(Family::Driver)
    } else if DESKTOP.contains(&short) || begins(&DESKTOP_BEGINNINGS) {
        Some(Family::Desktop)
    } else {
        None
    }
}

/// Whether a symbol version of the C++ library is newer than what nodes can be
/// counted on to have: that of GCC 8, with which the oldest distributions in
/// wide use came (RHEL 8 and its like, `manylinux_2_28`).
#[must_use]
pub fn is_beyond_baseline(version: &str) -> bool {
    const NEWEST: [(&str, [u32; 3]); 2] = [("GLIBCXX_", [3, 4, 25]), ("CXXABI_", [1, 3, 11])];
    NEWEST.iter().any(|(name, newest)| {
        let Some(version) = version.strip_prefix(name) else { return false };
        let numbers: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
        numbers.is_some_and(|numbers| numbers.as_slice() > newest.as_slice())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_the_node_are_told_from_others() {
        for (family_of, names) in [
            (
                Some(Family::C),
                &[
                    "libc.so.6",
                    "ld-linux-x86-64.so.2",
                    "libpthread.so.0",
                    "libnss_files.so.2",
                    "libc.musl-x86_64.so.1",
                ][..],
            ),
            (Some(Family::Compiler), &["libgcc_s.so.1", "libstdc++.so.6.0.30"]),
            (Some(Family::Driver), &["libcuda.so.1", "libnvidia-ml.so.1"]),
            (Some(Family::Desktop), &["libX11.so.6", "libGL.so.1", "libglib-2.0.so.0", "libxcb-shm.so.0"]),
            (
                None,
                &[
                    "libcrypto.so.3",
                    "libpython3.11.so.1.0",
                    "libcrypt.so.1",
                    "libz.so.1",
                    "libxml2.so.2",
                    "libcudart.so.12",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(family(name), family_of, "{name}");
            }
        }
    }

    #[test]
    fn a_symbol_version_that_old_nodes_lack_is_beyond_the_baseline() {
        for version in ["GLIBCXX_3.4.26", "GLIBCXX_3.4.30", "CXXABI_1.3.13"] {
            assert!(is_beyond_baseline(version), "{version}");
        }
        for version in
            ["GLIBCXX_3.4", "GLIBCXX_3.4.9", "GLIBCXX_3.4.25", "CXXABI_1.3.11", "CXXABI_TM_1", "GLIBC_2.36"]
        {
            assert!(!is_beyond_baseline(version), "{version}");
        }
    }
}
