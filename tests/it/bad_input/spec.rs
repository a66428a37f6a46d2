//! Specs that are missing, broken or of an unknown kind.

use super::pack_fails;
use crate::util::Sandbox;

#[test]
fn a_missing_spec_is_named() {
    let sandbox = Sandbox::new();
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "hint: "]);
}

#[test]
fn an_empty_spec_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", "");
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "empty", "hint: "]);
}

#[test]
fn an_empty_file_is_judged_by_its_name() {
    let sandbox = Sandbox::new();
    sandbox.write("pyproject.toml", "");
    let run = pack_fails(&sandbox, "pyproject.toml", 1).says(&[
        "a Python project",
        "hint: give",
        "requirements.txt",
    ]);
    assert!(!run.stderr().contains("is empty"), "{run}");
    sandbox.write("requirements.txt", "\n");
    pack_fails(&sandbox, "requirements.txt", 1)
        .says(&["`requirements.txt` is empty", "a requirement a line"]);
}

#[test]
fn a_binary_spec_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", [0u8, 159, 146, 150, 0, 1, 2]);
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "hint: "]);
}

#[test]
fn invalid_yaml_is_shown_with_line_and_column() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", "name: x\ndependencies:\n  - numpy\n bad: [\n");
    pack_fails(&sandbox, "environment.yml", 1).says(&["environment.yml", "line 4 column", "hint: "]);
}

#[test]
fn kinds_that_are_not_known_are_named_with_those_that_are() {
    for (name, text) in [
        ("pyproject.toml", "[project]\nname = \"x\"\n"),
        ("pixi.lock", "version: 6\nenvironments: {}\n"),
        ("uv.lock", "version = 1\n"),
        ("Dockerfile", "FROM python:3.11\n"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(name, text);
        pack_fails(&sandbox, name, 1).says(&[name, "environment.yml", "requirements.txt"]);
    }
}

#[test]
fn a_python_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "tabulate\n");
    sandbox
        .run(["pack", "requirements.txt", "--python", "/no/such/python"])
        .fails_with(1)
        .says(&["/no/such/python", "hint: "]);
    sandbox.run(["pack", "requirements.txt", "--python", "3.99"]).fails_with(1).says(&["3.99", "hint: "]);
}
