//! What is told of an environment when it is packed.

use crate::artifact::GlibcFloor;
use crate::ops::{Contents, Portability};
use crate::term;

/// The rows of the closing summary.
pub fn rows(contents: &Contents, archive: &str, size: u64, digest: &str) -> Vec<(&'static str, String)> {
    let python = match &contents.python {
        Some(python) => format!("Python {}", python.version),
        None => "no Python".to_owned(),
    };
    let mut rows = vec![
        ("environment", format!("{python} for {}", contents.platform)),
        ("packages", contents.packages.to_string()),
        ("files", format!("{} ({})", contents.files, term::bytes(contents.unpacked_size))),
    ];
    if let Some(floor) = contents.glibc.as_ref().and_then(glibc) {
        rows.push(("needs glibc", floor));
    }
    if contents.portability == Portability::OperatingSystem {
        let advice =
            "the operating system's Python; uv's (`uv venv --managed-python`) or conda's runs on older nodes";
        rows.push(("advice", advice.to_owned()));
    }
    if contents.placeholders > 0 {
        rows.push(("placeholders", format!("{}, listed in the manifest", contents.placeholders)));
    }
    rows.push(("digest", digest.to_owned()));
    rows.push(("archive", format!("{archive} ({})", term::bytes(size))));
    rows
}

fn glibc(floor: &GlibcFloor) -> Option<String> {
    let told =
        |version: &Option<String>, of: &str| version.as_ref().map(|version| format!("{version} ({of})"));
    let floors: Vec<_> = [told(&floor.interpreter, "interpreter"), told(&floor.wheels, "wheels")]
        .into_iter()
        .flatten()
        .collect();
    (!floors.is_empty()).then(|| floors.join(", "))
}
