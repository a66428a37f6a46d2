//! Shared libraries that a Linux node has by itself, which no archive should
//! bring (PEP 600 and the policies of the manylinux platforms).

mod glibc;

pub use glibc::{GlibcTarget, System};

/// Families of libraries that belong to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The C library: the loader of the node and it are one thing.
    C,
    /// The compiler's run-time libraries. Every wheel takes them from the node
    /// too: a second copy would be worse than an older one.
    Compiler,
}

/// The family of a library, by its file name or SONAME; `None` if nodes can't
/// be counted on to have it.
#[must_use]
pub fn family(name: &str) -> Option<Family> {
    let stem = name.split(".so").next().unwrap_or(name);
    match stem {
        "libc" | "libm" | "libdl" | "librt" | "libpthread" | "libutil" | "libresolv" | "libnsl"
        | "libmvec" | "libanl" | "libBrokenLocale" | "libthread_db" => Some(Family::C),
        _ if stem.starts_with("ld-linux") || stem.starts_with("ld64") || stem.starts_with("libnss_") => {
            Some(Family::C)
        }
        "libgcc_s" | "libstdc++" => Some(Family::Compiler),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_the_node_are_told_from_others() {
        for name in ["libc.so.6", "ld-linux-x86-64.so.2", "libpthread.so.0", "libnss_files.so.2"] {
            assert_eq!(family(name), Some(Family::C), "{name}");
        }
        for name in ["libgcc_s.so.1", "libstdc++.so.6.0.30"] {
            assert_eq!(family(name), Some(Family::Compiler), "{name}");
        }
        for name in ["libcrypto.so.3", "libpython3.11.so.1.0", "libmpdec.so.4", "libcrypt.so.1"] {
            assert_eq!(family(name), None, "{name}");
        }
    }
}
