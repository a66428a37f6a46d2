//! Compiles libdeflate's compressor with what `src/archive/deflate/stream.c` adds to it.
//!
//! The crate `libdeflate-sys` has the source but doesn't tell where it lies; Cargo knows.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const ADDED: &str = "src/archive/deflate/stream.c";

fn main() {
    let library = package("libdeflate-sys").join("libdeflate");
    println!("cargo::rerun-if-changed={ADDED}");
    println!("cargo::rerun-if-changed={}", library.display());
    cc::Build::new()
        .file(ADDED)
        .include(&library)
        .include(library.join("lib"))
        .warnings(false)
        .compile("stream");
}

/// The folder of a package that this one depends on.
fn package(name: &str) -> PathBuf {
    let told = |name| env::var(name).expect("Cargo tells build scripts");
    let (cargo, target) = (told("CARGO"), told("TARGET"));
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &target];
    let output = Command::new(cargo).args(arguments).output().expect("cargo runs, which runs this");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let found = packages.iter().find(|package| package["name"] == name);
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.unwrap_or_else(|| panic!("cargo metadata doesn't name {name}"));
    PathBuf::from(manifest).parent().expect("a manifest lies in a folder").to_owned()
}
