//! `pyvenv.cfg`: keeps the node's user site out.
//!
//! CPython switches the user site off where a `pyvenv.cfg` says
//! `include-system-site-packages = false`, and without a `home` it takes the
//! folder for an installation rather than for a virtual environment, so that
//! `sys.prefix` and `sys.base_prefix` are both the unpacked folder.

use super::{CompleteOptions, Interpreter, UserSite};
use crate::entry::Group;
use crate::prefix::Inventory;

const PATH: &str = "pyvenv.cfg";

pub(super) fn write(inventory: &mut Inventory, options: &CompleteOptions) {
    if inventory.prefix.python.is_none() {
        return;
    }
    let mut text = String::new();
    if let Interpreter::OnNodes(nodes) = &options.interpreter {
        // Here it is a virtual environment still.
        text = format!("home = {}\n", nodes.join("bin").display());
    } else if options.user_site == UserSite::On {
        inventory.remove(PATH);
        return;
    }
    text.push_str("include-system-site-packages = false\n");
    inventory.put_text(PATH, Group::Interpreter, text);
}
