//! `bin/python` is a real file and the versioned names are links to it: some
//! consumers lose links, and all of them start `bin/python`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Error, Interpreter, stdlib};
use crate::entry::{Content, Entry, File, Group, Node};
use crate::error::Result;
use crate::prefix::{Inventory, PrefixKind, Python};

const PYTHON: &str = "bin/python";

/// Whether the interpreter can be where the user wants it.
pub(super) fn check(inventory: &Inventory, interpreter: &Interpreter) -> Result<()> {
    let prefix = &inventory.prefix;
    match (interpreter, &prefix.kind) {
        (Interpreter::OnNodes(nodes), _) if !nodes.is_absolute() => {
            Err(Error::RelativePrefix { prefix: nodes.clone() }.into())
        }
        (Interpreter::OnNodes(_), PrefixKind::Conda | PrefixKind::Standalone) => {
            Err(Error::OwnInterpreter { path: prefix.root.clone() }.into())
        }
        _ => Ok(()),
    }
}

/// Puts the interpreter, or the link to the nodes' one, in its place.
pub(super) fn place(inventory: &mut Inventory, interpreter: &Interpreter) -> Result<()> {
    let Some(python) = inventory.prefix.python.clone() else { return Ok(()) };
    match (interpreter, &inventory.prefix.kind) {
        (Interpreter::OnNodes(nodes), _) => {
            link_to_nodes(inventory, &python, nodes);
            Ok(())
        }
        (Interpreter::Bundle, PrefixKind::Venv(_)) => bring(inventory, &python),
        (Interpreter::Bundle, _) => {
            straighten(inventory);
            Ok(())
        }
    }
}

/// Brings the base's interpreter under the names that a virtual environment
/// gives it.
fn bring(inventory: &mut Inventory, python: &Python) -> Result<()> {
    let metadata = fs_err::metadata(&python.executable)?;
    let file = File {
        executable: metadata.permissions().mode() & 0o111 != 0,
        content: Content::Disk { path: python.executable.clone().into(), size: metadata.len() },
        rewrite: stdlib::BaseFiles::load(&python.home)?.rewrite_of(&python.executable),
    };
    inventory.put(Entry { path: PYTHON.into(), group: Group::Interpreter, node: Node::File(file) });
    name_it(inventory, python);
    Ok(())
}

fn link_to_nodes(inventory: &mut Inventory, python: &Python, nodes: &Path) {
    let target = nodes.join("bin").join(&python.name);
    put_link(inventory, PYTHON, &target.to_string_lossy());
    name_it(inventory, python);
}

fn name_it(inventory: &mut Inventory, python: &Python) {
    let versioned = format!("bin/{}", python.name);
    for path in ["bin/python3", &versioned] {
        put_link(inventory, path, "python");
    }
}

/// Exchanges the link `bin/python` and the file that it leads to.
fn straighten(inventory: &mut Inventory) {
    let Some(real) = inventory.resolve(PYTHON).filter(|real| inventory.file(real).is_some()) else { return };
    if real != PYTHON {
        let Some(Entry { group, node, .. }) = inventory.remove(&real) else { return };
        inventory.put(Entry { path: PYTHON.into(), group: group.clone(), node });
        let folder = Path::new(&real).parent().unwrap_or(Path::new(""));
        let target = crate::prefix::relative(folder, Path::new(PYTHON));
        inventory.put(Entry { path: real.into(), group, node: Node::Link(target) });
    }
    let names: Vec<String> = inventory
        .below("bin/python")
        .filter(|entry| matches!(entry.node, Node::Link(_)))
        .map(|entry| entry.path.to_string())
        .filter(|path| inventory.resolve(path).as_deref() == Some(PYTHON))
        .collect();
    for path in names {
        put_link(inventory, &path, "python");
    }
}

fn put_link(inventory: &mut Inventory, path: &str, target: &str) {
    let group = inventory.get(path).map_or(Group::Interpreter, |entry| entry.group.clone());
    inventory.put(Entry { path: path.into(), group, node: Node::Link(target.into()) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::empty_inventory;

    #[test]
    fn the_interpreter_and_the_links_to_it_change_places() {
        let mut inventory = empty_inventory();
        inventory.put_text("bin/python3.11", Group::Interpreter, "ELF");
        for (path, target) in
            [("bin/python", "python3"), ("bin/python3", "python3.11"), ("bin/python3.1", "python3.11")]
        {
            put_link(&mut inventory, path, target);
        }
        put_link(&mut inventory, "bin/python3-config", "python3.11-config");
        straighten(&mut inventory);
        assert!(inventory.file("bin/python").is_some());
        for path in ["bin/python3", "bin/python3.1", "bin/python3.11"] {
            assert!(
                matches!(&inventory.get(path).unwrap().node, Node::Link(target) if target == "python"),
                "{path}"
            );
        }
        let config = &inventory.get("bin/python3-config").unwrap().node;
        assert!(matches!(config, Node::Link(target) if target == "python3.11-config"));
    }

    #[test]
    fn the_nodes_interpreter_is_named_with_its_two_digit_minor() {
        let mut inventory = empty_inventory();
        let python = Python {
            version: "3.11.7".into(),
            executable: "/base/bin/python3.11".into(),
            home: "/base".into(),
            name: "python3.11".into(),
            platlib: "lib",
        };
        link_to_nodes(&mut inventory, &python, Path::new("/usr"));
        let target = |path: &str| match &inventory.get(path).unwrap().node {
            Node::Link(target) => target.clone(),
            _ => panic!("{path} is no link"),
        };
        assert_eq!(target("bin/python"), "/usr/bin/python3.11");
        assert_eq!(target("bin/python3.11"), "python");
        assert_eq!(target("bin/python3"), "python");
        assert!(inventory.get("bin/python3.113").is_none());
    }
}
