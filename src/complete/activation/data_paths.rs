//! Where well-known libraries find their data, even if no script says so.
//!
//! The paths were written into them when they were built; in an unpacked
//! environment nothing is there.

use super::{Effect, List, Value};
use crate::entry::Node;
use crate::prefix::Inventory;

struct Row {
    variable: &'static str,
    /// What must be in the environment; `*` stands for any characters of a
    /// name.
    file: &'static str,
    /// How many names of the file's path are not in the value.
    up: usize,
    /// What the value as a list ends with; nothing makes it no list.
    system: &'static str,
    /// Why it is in the table.
    #[cfg_attr(not(test), expect(dead_code, reason = "for those who read or change the table"))]
    reason: &'static str,
}

const fn row(variable: &'static str, file: &'static str, up: usize, reason: &'static str) -> Row {
    Row { variable, file, up, system: "", reason }
}

const TABLE: &[Row] = &[
    row(
        "SSL_CERT_FILE",
        "ssl/cacert.pem",
        0,
        "OpenSSL looks below the prefix that it was built for; conda's ca-certificates lies there",
    ),
    row("GDAL_DATA", "share/gdal/*.wkt", 1, "GDAL: tables of formats and coordinate systems"),
    row("GDAL_DATA", "share/gdal/*.json", 1, "the same for a GDAL that has no .wkt files any more"),
    row("PROJ_DATA", "share/proj/proj.db", 1, "PROJ from 9.1: no transformation works without proj.db"),
    row("PROJ_LIB", "share/proj/proj.db", 1, "PROJ before 9.1 knows no PROJ_DATA"),
    row("FONTCONFIG_PATH", "etc/fonts/fonts.conf", 1, "fontconfig finds no font without its configuration"),
    Row {
        system: ":/etc/terminfo:/lib/terminfo:/usr/share/terminfo",
        ..row(
            "TERMINFO_DIRS",
            "share/terminfo/*/xterm",
            2,
            "ncurses, and readline with it, know no terminal without; the system's programs are children",
        )
    },
    row("TCL_LIBRARY", "lib/tcl*/init.tcl", 1, "Tcl, and tkinter with it, can't start without init.tcl"),
    row("TK_LIBRARY", "lib/tk*/tk.tcl", 1, "Tk can't start without tk.tcl"),
    row("MAGIC", "share/misc/magic.mgc", 0, "libmagic, and python-magic with it, can't start without"),
    row("R_HOME", "lib/R/bin/R", 2, "libR, and rpy2 with it, look for R's own library there"),
    row("JAVA_HOME", "lib/jvm/bin/java", 2, "conda's openjdk lies where nothing looks for a Java"),
    row("UDUNITS2_XML_PATH", "share/udunits/udunits2.xml", 0, "UDUNITS-2 knows no unit without"),
    row(
        "ECCODES_DEFINITION_PATH",
        "share/eccodes/definitions/boot.def",
        1,
        "ecCodes decodes nothing without",
    ),
    row("SASL_PATH", "lib/sasl2/*.so*", 1, "Cyrus SASL loads mechanisms from there, GSSAPI among them"),
];

/// Homes of programs, which run from where they are: Spark's driver may need
/// another environment's Java.
const PROGRAMS: [&str; 2] = ["JAVA_HOME", "R_HOME"];

/// The variables of the table that tell a library one path: lists are joined,
/// whosever items they have.
pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    let of_library = |row: &&Row| row.system.is_empty() && !PROGRAMS.contains(&row.variable);
    TABLE.iter().filter(of_library).map(|row| row.variable)
}

/// The variables whose files are in the inventory.
pub(super) fn find(inventory: &Inventory) -> Vec<(&'static str, Effect)> {
    let mut found: Vec<(&'static str, Effect)> = Vec::new();
    for row in TABLE {
        if !found.iter().any(|(variable, _)| *variable == row.variable)
            && let Some(path) = first(inventory, row.file)
        {
            let names: Vec<&str> = path.split('/').collect();
            found.push((row.variable, row.effect(&names[..names.len() - row.up].join("/"))));
        }
    }
    found
}

impl Row {
    fn effect(&self, path: &str) -> Effect {
        let value = Value::below(path);
        if self.system.is_empty() {
            return Effect::Set(value);
        }
        let alone = value.clone().followed_by(self.system);
        Effect::Join(List { separator: ':', alone, before: value, after: Value::new("", &[]) })
    }
}

/// The first file, or link to one, that the pattern matches.
fn first<'a>(inventory: &'a Inventory, pattern: &'a str) -> Option<&'a str> {
    let fixed = pattern.split('*').next().unwrap_or_default();
    let parts: Vec<&str> = pattern.split('/').collect();
    let matches = |path: &str| {
        let names: Vec<&str> = path.split('/').collect();
        names.len() == parts.len() && names.iter().zip(&parts).all(|(name, part)| fits(name, part))
    };
    let mut entries = inventory.below(fixed).filter(|entry| !matches!(entry.node, Node::Directory));
    entries.find(|entry| matches(&entry.path)).map(|entry| &*entry.path)
}

/// Whether a name fits a pattern with stars in it.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            tail.is_empty() || (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(&rest[at..], tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Group;
    use crate::prefix::empty_inventory;

    fn of(files: &[&str]) -> Vec<(&'static str, Effect)> {
        let mut inventory = empty_inventory();
        for file in files {
            inventory.put_text(file, Group::Loose, "");
        }
        find(&inventory)
    }

    #[test]
    fn a_variable_is_set_only_if_its_files_are_there() {
        assert_eq!(of(&["share/gdal", "lib/tcl8.6/x", "lib/tcl8.6/deep/init.tcl"]), []);
        for (files, variable, value) in [
            ("ssl/cacert.pem", "SSL_CERT_FILE", "/ssl/cacert.pem"),
            ("share/gdal/gdalvrt.json", "GDAL_DATA", "/share/gdal"),
            ("lib/tcl8.6/init.tcl", "TCL_LIBRARY", "/lib/tcl8.6"),
            ("lib/R/bin/R", "R_HOME", "/lib/R"),
            ("lib/jvm/bin/java", "JAVA_HOME", "/lib/jvm"),
            ("lib/sasl2/libgssapiv2.so.3", "SASL_PATH", "/lib/sasl2"),
        ] {
            assert_eq!(of(&[files]), [(variable, Effect::Set(Value::below(&value[1..])))]);
        }
        let names: Vec<_> = of(&["share/proj/proj.db"]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PROJ_DATA", "PROJ_LIB"]);
    }

    #[test]
    fn the_terminals_of_the_system_stay_known() {
        let [(name, Effect::Join(list))] = &of(&["share/terminfo/x/xterm"])[..] else { panic!() };
        assert_eq!(*name, "TERMINFO_DIRS");
        assert_eq!(list.before.python(), "prefix + \"/share/terminfo\"");
        assert!(list.alone.python().ends_with(":/usr/share/terminfo\""));
    }

    #[test]
    fn every_row_says_why_it_is_there_and_points_into_the_environment() {
        for row in TABLE {
            assert!(row.reason.len() > 20, "{}", row.variable);
            assert!(row.up < row.file.split('/').count(), "{}", row.variable);
            assert!(super::super::variables::is_name(row.variable));
        }
    }

    #[test]
    fn stars_match_within_a_name() {
        assert!(fits("libgssapiv2.so.3", "*.so*"));
        assert!(fits("xterm", "xterm"));
        assert!(!fits("libgssapiv2.la", "*.so*"));
        assert!(!fits("a", "*b"));
    }
}
