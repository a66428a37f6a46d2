//! What is compiled against an unpacked environment, started by its path or
//! installed into it.

use fs_err as fs;
use serde_json::{Value, json};

use crate::environments::{conda_environment, index_url, python};
use crate::landed::{Landed, gone};
use crate::shared;
use crate::util::Sandbox;

fn manifest(landed: &Landed) -> Value {
    let text = fs::read_to_string(landed.root.join("share/envship/manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every file with a placeholder has a reason, and no other.
fn assert_reasoned(manifest: &Value) {
    let mut paths: Vec<&str> =
        manifest["placeholders"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    paths.dedup();
    let reasons: Vec<&str> = manifest["reasons"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(paths, reasons);
}

#[test]
fn settings_of_a_build_are_relative_or_listed_with_a_reason() {
    let sandbox = Sandbox::new();
    let landed = Landed::new(&sandbox, &shared::conda().archive("tar"), "settings");
    let manifest = manifest(&landed);
    assert_reasoned(&manifest);
    let reasons = &manifest["reasons"];
    let sysconfig = "lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py";
    assert_eq!(reasons[sysconfig], "build-settings", "{reasons}");
    assert_eq!(reasons["bin/read-data"], "compiled", "{reasons}");
    assert_eq!(reasons["etc/envship-prefix.conf"], "text", "{reasons}");
    // It finds its place by itself, whatever path was compiled in.
    let includes = landed.run("bin/python3.11-config", ["--includes"]).success().stdout();
    assert!(includes.contains(&format!("-I{}/include/python3.11", landed.root.display())), "{includes}");
    let settings = fs::read_to_string(landed.root.join("lib/pkgconfig/python-3.11.pc")).unwrap();
    assert!(settings.contains("prefix=${pcfiledir}/../.."), "{settings}");
    let paths = "import sysconfig; print(*sorted(set(sysconfig.get_paths().values())), sep='\\n')";
    for path in landed.python(paths).lines() {
        assert!(path.starts_with(landed.root.to_str().unwrap()), "{path}");
    }
    let table = sandbox.run(["inspect", &shared::conda().archive("tar")]).success().stdout();
    assert!(table.contains("build settings, for what is compiled against the environment"), "{table}");
}

#[test]
fn kernels_and_the_files_of_libtool_cmake_and_pkg_config_are_relative_or_listed() {
    let sandbox = Sandbox::new();
    let prefix = conda_environment(&sandbox, "env", &["envship-greet"]);
    let at = prefix.display();
    let kernel =
        |program: &str| json!({"argv": [format!("{at}/bin/{program}"), "-f"], "language": "x"}).to_string();
    for (path, text) in [
        ("lib/libfoo.la", format!("libdir='{at}/lib'\n")),
        ("lib/cmake/foo/fooTargets.cmake", format!("set(_IMPORT_PREFIX \"{at}\")\n")),
        (
            "lib/cmake/bar/barConfig.cmake",
            "get_filename_component(DIR ${CMAKE_CURRENT_LIST_FILE} PATH)\n".into(),
        ),
        ("lib/pkgconfig/foo.pc", format!("prefix={at}\nlibdir={at}/lib\n")),
        ("bin/foo-config", format!("#!/bin/sh\necho {at}\n")),
        ("share/jupyter/kernels/python3/kernel.json", kernel("python3")),
        ("share/jupyter/kernels/ir/kernel.json", kernel("R")),
        ("share/jupyter/labextensions/foo/package.json", "{\"name\": \"foo\"}\n".into()),
        ("share/jupyter/labextensions/foo/static/remoteEntry.js", "var foo;\n".into()),
    ] {
        sandbox.write(&format!("env/{path}"), text);
    }
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    gone(&prefix);
    let landed = Landed::new(&sandbox, "env.tar", "listed");
    let manifest = manifest(&landed);
    assert_reasoned(&manifest);
    let expected = json!({
        "bin/foo-config": "build-settings",
        "lib/cmake/foo/fooTargets.cmake": "build-settings",
        "lib/libfoo.la": "build-settings",
        "share/jupyter/kernels/ir/kernel.json": "kernel",
    });
    let ours = |path: &str| expected.get(path).is_some() || path.contains("foo") || path.contains("jupyter");
    for (path, reason) in manifest["reasons"].as_object().unwrap().iter().filter(|(path, _)| ours(path)) {
        assert_eq!(Some(reason), expected.get(path), "{path}");
    }
    for path in expected.as_object().unwrap().keys() {
        assert!(manifest["reasons"].get(path).is_some(), "{path}");
    }
    let started = fs::read_to_string(landed.root.join("share/jupyter/kernels/python3/kernel.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&started).unwrap()["argv"][0], "python");
    // Whoever unpacks by envship has them right.
    sandbox.run(["unpack", "env.tar", "a place"]).success();
    let place = sandbox.work("a place");
    for path in expected.as_object().unwrap().keys() {
        let text = fs::read_to_string(place.join(path)).unwrap();
        assert!(text.contains(place.to_str().unwrap()) && !text.contains("/.envship"), "{path}: {text}");
    }
}

#[test]
fn pip_installs_working_scripts_into_an_unpacked_environment() {
    let sandbox = Sandbox::new();
    let prefix = sandbox.work("env");
    let mut create = sandbox.command(python("3.12"));
    create.args(["-m", "venv"]).arg(&prefix);
    sandbox.finish(create).success();
    sandbox.run(["pack", "env", "-o", "env.tar"]).success();
    gone(&prefix);
    let long = format!("{}/env", ["a-rather-long-folder-name-of-forty-signs"; 4].join("/"));
    for place in ["plain", "a place with spaces", &long] {
        let root = sandbox.work(place);
        fs::create_dir_all(&root).unwrap();
        // By a plain tool, as engines do.
        let mut unpack = sandbox.command("tar");
        unpack.args(["-xf", "env.tar", "-C"]).arg(&root);
        sandbox.finish(unpack).success();
        let mut pip = sandbox.command(root.join("bin/python"));
        pip.args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--index-url", &index_url()]);
        pip.args(["envship-only", "tabulate"]);
        sandbox.finish(pip).success();
        let mut script = sandbox.command(root.join("bin/envship-only"));
        script.env_clear().current_dir("/");
        assert_ne!(sandbox.finish(script).success().stdout(), "");
        let mut check = sandbox.command(root.join("bin/python"));
        check.args(["-c", "import sys, tabulate; print(tabulate.__file__.startswith(sys.prefix))"]);
        assert_eq!(sandbox.finish(check).success().stdout(), "True\n");
    }
}
