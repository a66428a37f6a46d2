//! Where OpenSSL finds the authorities that it trusts.
//!
//! The folder is written into it when it is built. An OpenSSL of conda has
//! conda's certificates beside it, see [`super::data_paths`]. Another one,
//! that a source-built or a standalone Python brought along, names a folder of
//! the system for which it was built, and a node may have its certificates
//! elsewhere: that can be known only there, when a Python starts.

use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::entry::{Content, PLACEHOLDER};
use crate::error::Result;
use crate::interrupt;
use crate::prefix::Inventory;

/// What stands before the folder in every OpenSSL since 1.1.0: the answer to
/// `openssl version -d`.
const MARK: &[u8] = b"OPENSSLDIR: \"";

/// Those of conda's package.
const OWN: &str = "ssl/cacert.pem";

/// What OpenSSL reads instead of looking into its folder.
pub(super) const VARIABLES: [&str; 2] = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

/// Where systems keep all authorities in one file: the places of
/// `crypto/x509` of Go and of `openssl-probe`.
pub(in crate::complete) const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/usr/share/ssl/certs/ca-bundle.crt",
];

/// What must be looked for on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::complete) struct Certificates {
    /// Folders of other systems in which an OpenSSL looks; none if the
    /// environment has its own certificates, or no OpenSSL.
    pub folders: Vec<String>,
}

/// Reads with which folders the inventory's OpenSSL was built.
pub(super) fn find(inventory: &Inventory) -> Result<Certificates> {
    let mut folders = Vec::new();
    if inventory.get(OWN).is_some() {
        return Ok(Certificates::default());
    }
    let shared = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("libcrypto"));
    // Without a library of its own it may be a part of the interpreter or of its module.
    let part = |path: &str| {
        path == "bin/python" || path.starts_with("lib/libpython") || path.contains("/lib-dynload/_ssl.")
    };
    let disks = |wanted: &dyn Fn(&str) -> bool| -> Vec<PathBuf> {
        let entries = inventory.iter().filter(|entry| wanted(&entry.path));
        entries
            .filter_map(|entry| match &inventory.file(&entry.path)?.content {
                Content::Disk { path, .. } => Some(path.to_path()),
                Content::Memory(_) => None,
            })
            .collect()
    };
    let mut files = disks(&shared);
    if files.is_empty() {
        files = disks(&part);
    }
    for file in files {
        interrupt::check()?;
        folders.extend(folder(&fs_err::read(file)?));
    }
    for folder in &mut folders {
        // Nothing will be there.
        let inside = |prefix: &&PathBuf| Path::new(folder.as_str()).starts_with(prefix);
        if let Some(prefix) = inventory.prefixes.iter().find(inside) {
            *folder = format!("{PLACEHOLDER}{}", &folder[prefix.as_os_str().len()..]);
        }
    }
    folders.sort();
    folders.dedup();
    Ok(Certificates { folders })
}

fn folder(bytes: &[u8]) -> Option<String> {
    let rest = &bytes[memmem::find(bytes, MARK)? + MARK.len()..];
    let end = memchr::memchr(b'"', rest)?;
    let folder = std::str::from_utf8(&rest[..end]).ok()?;
    folder.starts_with('/').then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, File, Group, Node, Rewrite};
    use crate::prefix::empty_inventory;

    fn of(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut inventory = empty_inventory();
        for (at, (path, text)) in files.iter().enumerate() {
            let disk = folder.path().join(at.to_string());
            fs_err::write(&disk, text).unwrap();
            let content = Content::Disk { path: disk.into(), size: text.len() as u64 };
            let node = Node::File(File { executable: true, content, rewrite: Rewrite::Search });
            inventory.put(Entry { path: (*path).into(), group: Group::Loose, node });
        }
        find(&inventory).unwrap().folders
    }

    const DEBIAN: &str = "\0OPENSSLDIR: \"/usr/lib/ssl\"\0";

    #[test]
    fn the_folder_of_another_system_is_looked_for() {
        assert_eq!(of(&[("lib/libcrypto.so.3", DEBIAN)]), ["/usr/lib/ssl"]);
        assert_eq!(of(&[("lib/libssl.so.3", DEBIAN)]), Vec::<String>::new());
    }

    #[test]
    fn a_static_openssl_is_found_too() {
        assert_eq!(of(&[("lib/python3.11/lib-dynload/_ssl.cpython-311.so", DEBIAN)]), ["/usr/lib/ssl"]);
        assert_eq!(of(&[("bin/python", DEBIAN)]), ["/usr/lib/ssl"]);
    }

    #[test]
    fn an_openssl_of_conda_looks_inside() {
        let library = ("lib/libcrypto.so.3", "OPENSSLDIR: \"/env/ssl\"");
        assert_eq!(of(&[library, (OWN, "")]), Vec::<String>::new());
        assert_eq!(of(&[library]), ["/.envship/ssl"]);
    }
}
