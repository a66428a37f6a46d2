//! `conda-meta/*.json`: what conda says of an installed package, in agreement
//! with the archive and without paths, tokens and times of this machine.

use serde_json::{Map, Value};

use super::facts::{Fact, Facts};
use super::{Error, scrub};
use crate::entry::PLACEHOLDER;
use crate::error::Result;

pub(super) fn is_record(path: &str) -> bool {
    path.strip_prefix("conda-meta/").is_some_and(|name| name.ends_with(".json") && !name.contains('/'))
}

/// Keys that only hold where something is on this machine, or when.
const LOCAL: [&str; 3] = ["extracted_package_dir", "package_tarball_full_path", "indexed_timestamp"];

/// The record as it is archived: keys in their order, lists of files by path.
pub(super) fn rewrite(path: &str, bytes: &[u8], facts: &Facts<'_>) -> Result<Vec<u8>> {
    let json = |source| Error::Json { path: path.to_owned(), source };
    let mut record: Map<String, Value> = serde_json::from_slice(bytes).map_err(json)?;
    for key in LOCAL {
        record.shift_remove(key);
    }
    if let Some(Value::Object(link)) = record.get_mut("link") {
        link.insert("source".into(), "".into());
    }
    if let Some(Value::Array(files)) = record.get_mut("files") {
        files.retain(|file| file.as_str().is_some_and(|file| facts.contains(file)));
        files.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    if let Some(Value::Array(paths)) = record.get_mut("paths_data").and_then(|data| data.get_mut("paths")) {
        paths.retain_mut(|entry| entry.as_object_mut().is_some_and(|entry| agree(entry, facts)));
        paths.sort_by(|a, b| name_of(a).cmp(&name_of(b)));
    }
    for (key, value) in &mut record {
        if key != "files" && key != "paths_data" {
            clean(value);
        }
    }
    let mut text = serde_json::to_vec_pretty(&record).map_err(json)?;
    text.push(b'\n');
    Ok(text)
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.get("_path")?.as_str()
}

/// Brings the entry of a path into agreement with the archive; `false` if it
/// isn't there.
fn agree(entry: &mut Map<String, Value>, facts: &Facts<'_>) -> bool {
    let Some(fact) = entry.get("_path").and_then(Value::as_str).and_then(|path| facts.get(path)) else {
        return false;
    };
    let path_type = entry.get("path_type").and_then(Value::as_str);
    let was_link = path_type == Some("softlink");
    // In no package: what was hashed is what the installer wrote at this place.
    let was_written = path_type.is_some_and(|kind| kind.ends_with("entry_point"));
    match fact {
        Fact::Folder => {}
        Fact::Link => {
            if !was_link {
                entry.insert("path_type".into(), "softlink".into());
                for key in ["sha256", "size_in_bytes", "file_mode", "prefix_placeholder"] {
                    entry.shift_remove(key);
                }
            }
            entry.shift_remove("sha256_in_prefix");
        }
        Fact::File { size, sha256 } => {
            if was_link {
                entry.insert("path_type".into(), "hardlink".into());
            }
            if was_written && entry.contains_key("sha256") {
                entry.insert("sha256".into(), hex::encode(sha256).into());
            }
            if entry.contains_key("sha256") || entry.contains_key("sha256_in_prefix") {
                entry.insert("sha256_in_prefix".into(), hex::encode(sha256).into());
            }
            if entry.contains_key("size_in_bytes") {
                entry.insert("size_in_bytes".into(), size.into());
            }
        }
    }
    if let Some(Value::String(placeholder)) = entry.get_mut("prefix_placeholder") {
        *placeholder = anonymous(placeholder.len());
    }
    true
}

/// A placeholder of the same length, which is what counts of it, that doesn't
/// tell where the package was built.
fn anonymous(length: usize) -> String {
    let mut placeholder = format!("{PLACEHOLDER}{}", "_".repeat(length.saturating_sub(PLACEHOLDER.len())));
    placeholder.truncate(length);
    placeholder
}

/// Cleans the URLs in all strings below.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = scrub::text(text),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(items) => items.values_mut().for_each(clean),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{file, link};
    use super::*;

    fn rewritten(facts: &Facts<'_>) -> Value {
        let record = br#"{
            "name": "python", "url": "file:///home/me/channel/linux-64/python-3.11.7-0.conda",
            "channel": "https://me:secret@host/t/tk-1/main",
            "extracted_package_dir": "/home/me/.cache/pkgs/python-3.11.7-0",
            "requested_specs": ["file:///home/me/channel::python"],
            "files": ["lib/gone.py", "bin/python3.11", "bin/python"],
            "paths_data": {"paths_version": 1, "paths": [
                {"_path": "lib/gone.py", "path_type": "hardlink", "sha256": "00"},
                {"_path": "bin/python3.11", "path_type": "hardlink", "sha256": "00", "sha256_in_prefix": "01",
                 "size_in_bytes": 9, "file_mode": "binary", "prefix_placeholder": "/home/me/build"},
                {"_path": "bin/python", "path_type": "softlink", "sha256": "00", "size_in_bytes": 9}]},
            "link": {"source": "/home/me/.cache/pkgs/python-3.11.7-0", "type": 1}}"#;
        serde_json::from_slice(&rewrite("conda-meta/python.json", record, facts).unwrap()).unwrap()
    }

    #[test]
    fn lists_of_files_follow_the_archive() {
        let items = [file("bin/python", 5, [0xab; 32]), link("bin/python3.11")];
        let facts = Facts::of(&items);
        let record = rewritten(&facts);
        assert_eq!(record["files"], serde_json::json!(["bin/python", "bin/python3.11"]));
        let hash = "ab".repeat(32);
        assert_eq!(
            record["paths_data"]["paths"],
            serde_json::json!([
                {"_path": "bin/python", "path_type": "hardlink", "sha256": "00", "size_in_bytes": 5,
                 "sha256_in_prefix": hash},
                {"_path": "bin/python3.11", "path_type": "softlink"},
            ])
        );
    }

    #[test]
    fn nothing_of_this_machine_stays() {
        let items = [file("bin/python3.11", 5, [0xab; 32])];
        let facts = Facts::of(&items);
        let record = rewritten(&facts);
        let text = record.to_string();
        assert!(!text.contains("/home/me") && !text.contains("secret") && !text.contains("tk-1"), "{text}");
        assert_eq!(record["url"], "file:///channel/linux-64/python-3.11.7-0.conda");
        assert_eq!(record["channel"], "https://host/main");
        assert_eq!(record["requested_specs"][0], "file:///channel::python");
        assert_eq!(record["paths_data"]["paths"][0]["prefix_placeholder"], "/.envship_____");
    }
}
