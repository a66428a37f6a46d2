//! For which platform an environment is, in conda's words.

use std::io::Read;

use super::Python;
use super::conda_meta::Record;
use super::elf::Dynamic;

/// `linux-64`, `osx-arm64`…: what the conda packages are for, else what the
/// interpreter is, else this machine.
pub(super) fn of(records: &[Record], python: Option<&Python>) -> String {
    let subdirs = records.iter().filter_map(|record| record.subdir.as_deref());
    let stated = subdirs.into_iter().find(|subdir| *subdir != "noarch");
    stated.map(str::to_owned).or_else(|| of_executable(python?)).unwrap_or_else(here)
}

fn of_executable(python: &Python) -> Option<String> {
    if let Some(elf) = Dynamic::read(&python.executable).ok()? {
        return elf.machine.platform().map(str::to_owned);
    }
    let mut magic = [0; 8];
    fs_err::File::open(&python.executable).ok()?.read_exact(&mut magic).ok()?;
    match magic {
        [0xcf, 0xfa, 0xed, 0xfe, 0x0c, ..] => Some("osx-arm64".to_owned()),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => Some("osx-64".to_owned()),
        _ => None,
    }
}

fn here() -> String {
    let system = if cfg!(target_os = "macos") { "osx" } else { "linux" };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "64",
        "aarch64" if cfg!(target_os = "macos") => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    };
    format!("{system}-{machine}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_say_it_before_the_machine() {
        let record = |subdir: &str| {
            serde_json::from_value(serde_json::json!({"name": "p", "version": "1", "subdir": subdir}))
                .unwrap()
        };
        assert_eq!(of(&[record("noarch"), record("linux-aarch64")], None), "linux-aarch64");
        assert_eq!(of(&[record("noarch")], None), here());
    }
}
