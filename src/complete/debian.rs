//! The operating system's Python in the standard layout.
//!
//! Debian and its descendants let their interpreter look into `dist-packages`,
//! install to `local/`, and keep the wheels of `ensurepip` elsewhere (Debian
//! Python Policy, chapter 2; `README.venv` of the package). In an unpacked
//! environment, which is no virtual one, that would hide its packages. `site`
//! is frozen into the interpreter from 3.11 on, so a `.pth` file leads from the
//! one folder to the other; the other modules are changed line by line. Where
//! a distribution has no such line, nothing is changed.

use crate::entry::{Content, Entry, File, Group, Node, Rewrite};
use crate::error::Result;
use crate::prefix::{Inventory, PrefixKind, Python};

/// What is said of an archive with such an interpreter.
const REMARK: &str = "the interpreter is the operating system's: it needs the glibc of that release; a portable \
                      Python (uv's, conda's) runs on more nodes";

/// Below the standard library: what stands there, and what takes its place.
const CHANGES: [(&str, &str, &str); 7] = [
    // Packages are installed to `site-packages`, scripts to `bin`.
    ("sysconfig.py", "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"),
    // As in the virtual environment that it was: setuptools asks for the options that this file adds.
    ("_distutils_system_mod.py", "return sys.base_prefix != sys.prefix or", "return True or"),
    ("sysconfig/__init__.py", "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"),
    ("distutils/command/install.py", "select_scheme(\"unix_local\")", "select_scheme(\"unix_prefix\")"),
    (
        "distutils/sysconfig.py",
        "os.path.join(prefix, \"lib\", \"python3\", \"dist-packages\")",
        "os.path.join(libpython, \"site-packages\")",
    ),
    // It works outside of virtual environments too, with wheels of its own.
    ("ensurepip/__init__.py", "    _ensurepip_is_disabled_in_debian_for_system()\n", ""),
    (
        "ensurepip/__init__.py",
        "sysconfig.get_config_var('WHEEL_PKG_DIR')",
        "os.path.join(os.path.dirname(__file__), '_bundled')",
    ),
];

/// Run by `site` when it meets the folder of this file.
const PTH: &str =
    "import os, site; site.addsitedir(os.path.join(sitedir, os.pardir, 'site-packages'), known_paths)\n";

/// Where the wheels of `ensurepip` lie, below `/usr`.
const WHEELS: &str = "share/python-wheels";

/// The folders of the operating system's packages, below `/usr`.
pub(super) fn package_folders(python: &Python) -> [String; 2] {
    [format!("local/lib/{}/dist-packages", python.name), "lib/python3/dist-packages".to_owned()]
}

/// Brings an interpreter of the operating system into the standard layout.
pub(super) fn straighten(inventory: &mut Inventory) -> Result<()> {
    let (PrefixKind::Venv(base), Some(python)) = (&inventory.prefix.kind, inventory.prefix.python.clone())
    else {
        return Ok(());
    };
    if !base.is_system() {
        return Ok(());
    }
    inventory.remarks.push(REMARK.to_owned());
    let stdlib = python.stdlib();
    bring_wheels(inventory, &python)?;
    for (path, old, new) in CHANGES {
        change(inventory, &format!("{stdlib}/{path}"), old, new)?;
    }
    bring_header(inventory, &python)?;
    if package_folders(&python).iter().any(|folder| python.home.join(folder).is_dir()) {
        let path = format!("{stdlib}/dist-packages/envship.pth");
        inventory.put_text(&path, Group::Interpreter, PTH);
        // A setting of the machine.
        remove_module(inventory, &format!("{stdlib}/sitecustomize.py"));
    }
    Ok(())
}

/// Where there are none, `ensurepip` is as it was on the packing machine.
fn bring_wheels(inventory: &mut Inventory, python: &Python) -> Result<()> {
    let Ok(folder) = fs_err::read_dir(python.home.join(WHEELS)) else { return Ok(()) };
    for wheel in folder {
        let disk = wheel?.path();
        let Some(name) = disk.file_name().and_then(|name| name.to_str()) else { continue };
        let path = format!("{}/ensurepip/_bundled/{name}", python.stdlib());
        if name.ends_with(".whl") && inventory.filters.keeps(&path) {
            put(inventory, &path, &disk)?;
        }
    }
    Ok(())
}

/// `pyconfig.h` includes one of another folder by machine; that one takes its
/// place.
fn bring_header(inventory: &mut Inventory, python: &Python) -> Result<()> {
    let path = format!("include/{}/pyconfig.h", python.name);
    let name = format!("{}/_sysconfigdata__", python.stdlib());
    let machine = inventory.below(&name).find_map(|entry| {
        let machine = entry.path.strip_prefix(&name)?.strip_suffix(".py")?;
        (!machine.starts_with("linux_")).then(|| machine.to_owned())
    });
    let Some(machine) = machine else { return Ok(()) };
    let disk = python.home.join("include").join(machine).join(&python.name).join("pyconfig.h");
    if inventory.get(&path).is_some() && disk.is_file() {
        put(inventory, &path, &disk)?;
    }
    Ok(())
}

fn put(inventory: &mut Inventory, path: &str, disk: &std::path::Path) -> Result<()> {
    let content = Content::Disk { path: disk.into(), size: fs_err::metadata(disk)?.len() };
    let file = File { executable: false, content, rewrite: Rewrite::Search };
    inventory.put(Entry { path: path.into(), group: Group::Interpreter, node: Node::File(file) });
    Ok(())
}

/// Replaces a line of a module and takes out its bytecode.
fn change(inventory: &mut Inventory, path: &str, old: &str, new: &str) -> Result<()> {
    let text = match inventory.file(path).map(|file| &file.content) {
        Some(Content::Disk { path, .. }) => fs_err::read(path.to_path())?,
        Some(Content::Memory(bytes)) => bytes.to_vec(),
        None => return Ok(()),
    };
    let Ok(text) = String::from_utf8(text) else { return Ok(()) };
    if text.contains(old) {
        remove_module(inventory, path);
        inventory.put_text(path, Group::Interpreter, text.replace(old, new));
    }
    Ok(())
}

/// Takes out a module and its bytecode.
fn remove_module(inventory: &mut Inventory, path: &str) {
    inventory.remove(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let bytecode = format!("{folder}/__pycache__/{}.", name.trim_end_matches(".py"));
    let paths: Vec<String> = inventory.below(&bytecode).map(|entry| entry.path.to_string()).collect();
    for path in paths {
        inventory.remove(&path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::empty_inventory;

    #[test]
    fn a_changed_module_loses_its_bytecode_and_no_other_does() {
        let mut inventory = empty_inventory();
        let paths = [
            "p/sysconfig.py",
            "p/__pycache__/sysconfig.cpython-311.pyc",
            "p/__pycache__/site.cpython-311.pyc",
        ];
        for path in paths {
            inventory.put_text(path, Group::Interpreter, "x = 'old'\n");
        }
        change(&mut inventory, "p/sysconfig.py", "'older'", "'new'").unwrap();
        assert!(inventory.get(paths[1]).is_some());
        change(&mut inventory, "p/sysconfig.py", "'old'", "'new'").unwrap();
        change(&mut inventory, "p/none.py", "'old'", "'new'").unwrap();
        assert!(inventory.get(paths[1]).is_none() && inventory.get(paths[2]).is_some());
        assert!(inventory.get("p/none.py").is_none());
        let Content::Memory(text) = &inventory.file(paths[0]).unwrap().content else { panic!("not changed") };
        assert_eq!(&**text, b"x = 'new'\n");
    }
}
