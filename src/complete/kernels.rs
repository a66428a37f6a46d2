//! Jupyter's kernel specifications: one that starts the environment's own
//! Python says `python`, for which Jupyter takes the interpreter that it runs
//! on itself (`jupyter_client.manager`, "`argv[0]`").

use serde_json::Value;

use super::Error;
use crate::entry::{Content, Group};
use crate::error::Result;
use crate::prefix::Inventory;

/// Takes the prefix out of those.
pub(super) fn clean(inventory: &mut Inventory) -> Result<()> {
    let paths: Vec<String> = inventory
        .below("share/jupyter/kernels/")
        .filter(|entry| entry.path.ends_with("/kernel.json"))
        .map(|entry| entry.path.to_string())
        .collect();
    for path in paths {
        let Some(Content::Disk { path: disk, .. }) = inventory.file(&path).map(|file| &file.content) else {
            continue;
        };
        let bytes = fs_err::read(disk.to_path())?;
        let programs: Vec<String> = inventory
            .prefixes
            .iter()
            .map(|prefix| prefix.join("bin/python").to_string_lossy().into_owned())
            .collect();
        let cleaned =
            cleaned(&bytes, &programs).map_err(|source| Error::Json { path: path.clone(), source })?;
        if let Some(text) = cleaned {
            inventory.put_text(&path, Group::Loose, text);
        }
    }
    Ok(())
}

/// Nothing if the kernel is started by something else.
fn cleaned(bytes: &[u8], programs: &[String]) -> Result<Option<String>, serde_json::Error> {
    let mut value: Value = serde_json::from_slice(bytes)?;
    let Some(Value::String(program)) = value.pointer_mut("/argv/0") else { return Ok(None) };
    let version = programs.iter().find_map(|python| program.strip_prefix(python.as_str()));
    if !version.is_some_and(|version| version.bytes().all(|byte| b"0123456789.".contains(&byte))) {
        return Ok(None);
    }
    "python".clone_into(program);
    serde_json::to_string_pretty(&value).map(|text| Some(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_own_python_is_called_by_its_name() {
        let programs = ["/envs/e1/bin/python".to_owned()];
        let spec = |program: &str| {
            format!(r#"{{"argv": ["{program}", "-m", "ipykernel_launcher"], "language": "python"}}"#)
        };
        let clean = cleaned(spec("/envs/e1/bin/python3.11").as_bytes(), &programs).unwrap().unwrap();
        assert!(clean.contains("\"python\",\n    \"-m\""), "{clean}");
        for other in ["/usr/bin/python3", "/envs/e1/bin/pythonic", "/envs/e12/bin/python", "python"] {
            assert_eq!(cleaned(spec(other).as_bytes(), &programs).unwrap(), None, "{other}");
        }
        assert_eq!(cleaned(b"{}", &programs).unwrap(), None);
    }
}
