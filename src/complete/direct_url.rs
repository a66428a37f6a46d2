//! `direct_url.json` (PEP 610): from where a package was installed, if not
//! from an index. A place on this machine says nothing on another.

use serde_json::Value;

use super::{Error, scrub};
use crate::entry::{Content, Group};
use crate::error::Result;
use crate::prefix::Inventory;

/// Takes out those that name local files and cleans the URLs of the others.
pub(super) fn clean(inventory: &mut Inventory) -> Result<()> {
    let paths: Vec<String> = inventory
        .iter()
        .filter(|entry| entry.path.ends_with(".dist-info/direct_url.json"))
        .map(|entry| entry.path.to_string())
        .collect();
    for path in paths {
        let Some(Content::Disk { path: disk, .. }) = inventory.file(&path).map(|file| &file.content) else {
            continue;
        };
        let bytes = fs_err::read(disk.to_path())?;
        match cleaned(&bytes).map_err(|source| Error::Json { path: path.clone(), source })? {
            Some(text) => inventory.put_text(&path, Group::Loose, text),
            None => drop(inventory.remove(&path)),
        }
    }
    Ok(())
}

fn cleaned(bytes: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(bytes)?;
    if let Some(Value::String(url)) = value.get_mut("url") {
        if scrub::is_local(url) {
            return Ok(None);
        }
        *url = scrub::without_credentials(url);
    }
    serde_json::to_string(&value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_place_goes_and_a_password_too() {
        assert_eq!(cleaned(br#"{"url": "file:///home/me/x", "dir_info": {}}"#).unwrap(), None);
        let clean = cleaned(br#"{"url": "https://u:p@host/r.git", "vcs_info": {"vcs": "git"}}"#).unwrap();
        assert_eq!(clean.as_deref(), Some(r#"{"url":"https://host/r.git","vcs_info":{"vcs":"git"}}"#));
    }
}
