//! What installers note beside each package, cleaned of what belongs to this
//! machine: where a local project lay, when it was built, who signed in.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::error::InstallError;
use super::tool;
use crate::fs::{OnExisting, StagedFile, sha256};
use crate::net::{self, Redacted};
use crate::process;

/// uv's own notes on how a wheel was built: they hold times, and nobody reads
/// them outside its cache.
const UV_NOTES: [&str; 2] = ["uv_cache.json", "uv_build.json"];

/// The `.dist-info` folders of an environment.
pub(super) fn of_environment(interpreter: &Path) -> Result<BTreeSet<PathBuf>, InstallError> {
    let mut found = BTreeSet::new();
    for folder in site_packages(interpreter)? {
        let Ok(entries) = fs_err::read_dir(&folder) else { continue };
        let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
        found.extend(
            folders.filter(|path| path.extension().is_some_and(|extension| extension == "dist-info")),
        );
    }
    Ok(found)
}

/// Cleans the packages that were not there `before`; those of conda are left
/// as they are, since conda's own records describe them.
pub(super) fn clean(interpreter: &Path, before: &BTreeSet<PathBuf>) -> Result<(), InstallError> {
    for info in of_environment(interpreter)?.difference(before) {
        for note in UV_NOTES {
            remove(info, note)?;
        }
        clean_direct_url(info)?;
    }
    Ok(())
}

fn site_packages(interpreter: &Path) -> Result<BTreeSet<PathBuf>, InstallError> {
    let program = "import sysconfig; p = sysconfig.get_paths(); print(p['purelib']); print(p['platlib'])";
    let finished = process::run(tool::command(interpreter).args(["-I", "-B", "-c", program]))?;
    if finished.status.success() {
        return Ok(finished.stdout.lines().map(PathBuf::from).collect());
    }
    Err(InstallError::BadPython {
        interpreter: interpreter.display().to_string(),
        source: Redacted::text(&finished.output()),
    })
}

/// `direct_url.json` (PEP 610) says where a package came from: kept where that
/// is a place that others can reach.
fn clean_direct_url(info: &Path) -> Result<(), InstallError> {
    const NAME: &str = "direct_url.json";
    let Ok(text) = fs_err::read_to_string(info.join(NAME)) else { return Ok(()) };
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return remove(info, NAME) };
    let Some(url) = value.get("url").and_then(Value::as_str) else { return remove(info, NAME) };
    if url.starts_with("file:") {
        return remove(info, NAME);
    }
    let clean = net::without_secrets(url);
    if clean == url {
        return Ok(());
    }
    value["url"] = clean.into();
    let bytes = value.to_string().into_bytes();
    let hash = format!("sha256={},{}", BASE64_URL_SAFE_NO_PAD.encode(sha256(&bytes)), bytes.len());
    replace(&info.join(NAME), &bytes)?;
    edit_record(info, NAME, Some(&hash))
}

fn remove(info: &Path, name: &str) -> Result<(), InstallError> {
    match fs_err::remove_file(info.join(name)) {
        Ok(()) => edit_record(info, name, None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn edit_record(info: &Path, name: &str, hash: Option<&str>) -> Result<(), InstallError> {
    let path = info.join("RECORD");
    let Ok(record) = fs_err::read_to_string(&path) else { return Ok(()) };
    let folder = info.file_name().unwrap_or_default().to_string_lossy();
    replace(&path, edited(&record, &format!("{folder}/{name}"), hash).as_bytes())
}

/// A `RECORD` whose line of `path` is gone, or has another hash and size.
fn edited(record: &str, path: &str, hash: Option<&str>) -> String {
    let mut lines = String::with_capacity(record.len());
    for line in record.split_inclusive('\n') {
        match (line.strip_prefix(path).filter(|rest| rest.starts_with(',')), hash) {
            (None, _) => lines.push_str(line),
            (Some(_), None) => {}
            (Some(rest), Some(hash)) => {
                let end = if rest.ends_with("\r\n") { "\r\n" } else { "\n" };
                lines.extend([path, ",", hash, end]);
            }
        }
    }
    lines
}

/// Replaces a file as a whole: its bytes may be shared with uv's cache.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), InstallError> {
    let mut file = StagedFile::create(path, OnExisting::Replace).map_err(io::Error::from)?;
    file.write_all(bytes)?;
    Ok(file.commit().map_err(io::Error::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dist-info folder with a `direct_url.json` that names `url`.
    fn info(url: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let info = folder.path().join("p-1.dist-info");
        fs_err::create_dir(&info).unwrap();
        fs_err::write(info.join("direct_url.json"), format!("{{\"url\":\"{url}\"}}")).unwrap();
        fs_err::write(
            info.join("RECORD"),
            "p.py,sha256=a,1\np-1.dist-info/direct_url.json,sha256=b,2\np-1.dist-info/RECORD,,\n",
        )
        .unwrap();
        (folder, info)
    }

    #[test]
    fn where_a_local_project_lay_is_forgotten() {
        let (_folder, info) = info("file:///home/me/p");
        clean_direct_url(&info).unwrap();
        assert!(!info.join("direct_url.json").exists());
        assert_eq!(
            fs_err::read_to_string(info.join("RECORD")).unwrap(),
            "p.py,sha256=a,1\np-1.dist-info/RECORD,,\n"
        );
    }

    #[test]
    fn a_password_is_taken_out_and_the_record_agrees() {
        let (_folder, info) = info("https://me:secret@h/p.whl");
        clean_direct_url(&info).unwrap();
        let bytes = fs_err::read(info.join("direct_url.json")).unwrap();
        assert_eq!(bytes, br#"{"url":"https://h/p.whl"}"#);
        let line = format!(
            "p-1.dist-info/direct_url.json,sha256={},{}\n",
            BASE64_URL_SAFE_NO_PAD.encode(sha256(&bytes)),
            bytes.len()
        );
        assert!(fs_err::read_to_string(info.join("RECORD")).unwrap().contains(&line));
    }

    #[test]
    fn a_public_place_is_kept() {
        let (_folder, info) = info("https://h/p.whl");
        let before = fs_err::read(info.join("RECORD")).unwrap();
        clean_direct_url(&info).unwrap();
        assert_eq!(fs_err::read(info.join("RECORD")).unwrap(), before);
        assert!(info.join("direct_url.json").exists());
    }
}
