use std::path::Path;

use super::*;
use crate::error::{Error, Explain};

/// Writes a file into a new folder and detects it.
fn detected(name: &str, bytes: impl AsRef<[u8]>) -> Result<Source, SpecError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs_err::write(&path, bytes).unwrap();
    detect(&path, &ChannelOptions::default())
}

fn environment(text: &str) -> EnvSpec {
    match detected("environment.yml", text) {
        Ok(Source::Environment(spec)) => spec,
        other => panic!("no environment: {other:?}"),
    }
}

/// The message with its causes, without the folder.
fn complaint(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs_err::write(&path, bytes).unwrap();
    let error = detect(&path, &ChannelOptions::default()).expect_err("a fault");
    assert_eq!(error.kind().exit_code(), 1);
    assert!(error.hint().is_some(), "{error}");
    format!("{:?}", Error::from(error)).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn an_environment_is_read_in_full() {
    let spec = environment(
        "name: demo\nchannels: [conda-forge, nodefaults, ./local]\nprefix: /somewhere/else\n\
         dependencies:\n- python=3.11\n- numpy >=1.26,<2\n- conda-forge::pandas\n- scipy[version='>=1', build=py*]\n\
         - pip\n- pip:\n  - --index-url https://me:secret@example.org/simple\n  - requests[socks]; python_version > '3'\n\
         variables:\n  A: text\n  B: 1\n  C: true\n  D: 1.0\n",
    );
    assert_eq!(spec.name.as_deref(), Some("demo"));
    assert_eq!(spec.channels.len(), 2);
    assert_eq!(spec.specs.len(), 5);
    assert_eq!(spec.specs[0].version.as_ref().unwrap().to_string(), "3.11.*");
    assert!(spec.specs[2].channel.is_some());
    let pip = spec.pip.as_ref().unwrap();
    assert_eq!(pip.index_url.as_deref(), Some("https://me:secret@example.org/simple"));
    assert_eq!(pip.requirements[0].text, "requests[socks]; python_version > '3'");
    assert_eq!(pip.requirements[0].place.line, Some(12));
    let variables: Vec<_> = spec.variables.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(variables, ["A=text", "B=1", "C=True", "D=1.0"]);
    assert!(!format!("{spec:?}").contains("secret"));
}

#[test]
fn every_form_of_a_match_spec_is_understood() {
    for text in [
        "numpy",
        "numpy=1.26",
        "numpy==1.26.4",
        "numpy 1.26.*",
        "numpy >=1.26,<2",
        "numpy>=1.26|<1.20",
        "numpy=1.26=py311*",
        "numpy 1.26.4 py311h64a7726_0",
        "conda-forge::numpy=1.26",
        "conda-forge/linux-64::numpy",
        "numpy[version='>=1.26', build_number='>=1']",
        "numpy !=1.25",
        "numpy~=1.26",
        "Numpy",
        "https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda",
    ] {
        let spec = environment(&format!("dependencies:\n- \"{text}\"\n"));
        assert_eq!(spec.specs[0].name.to_string(), "numpy", "{text}");
    }
}

#[test]
fn a_channel_named_by_a_package_follows_the_alias_and_is_searched_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env.yaml");
    fs_err::write(&path, "channels: [main]\ndependencies: [other::x, main::y, ./here::z]\n").unwrap();
    let options = ChannelOptions { alias: Some("http://mirror".into()), ..ChannelOptions::default() };
    let Ok(Source::Environment(spec)) = detect(&path, &options) else { panic!("no environment") };
    let urls: Vec<_> = spec.channels.iter().map(|channel| channel.base_url.to_string()).collect();
    let here = format!("file://{}/here/", folder.path().display());
    assert_eq!(urls, ["http://mirror/main/", "http://mirror/other/", &here]);
    assert_eq!(spec.specs[0].channel.as_ref().unwrap().base_url.as_str(), "http://mirror/other/");
}

#[test]
fn a_pip_section_asks_for_conda_pip_once_and_only_when_told() {
    let mut spec = environment("dependencies:\n- python\n- pip:\n  - x\n");
    assert_eq!(spec.specs.len(), 1);
    spec.require_pip();
    spec.require_pip();
    assert_eq!(spec.specs.len(), 2);
}

#[test]
fn yaml_of_any_name_counts_when_it_lists_dependencies() {
    assert!(matches!(detected("spark", "dependencies:\n- python\n"), Ok(Source::Environment(_))));
}

#[test]
fn requirements_are_known_by_name_or_by_their_lines() {
    for name in ["requirements.txt", "requirements.in", "base.in", "requirements-dev.txt", "notes.txt"] {
        assert!(matches!(detected(name, "numpy==1.26\n"), Ok(Source::Requirements(_))), "{name}");
    }
}

#[test]
fn files_that_include_each_other_become_one_list() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
    fs_err::create_dir(folder.path().join("more")).unwrap();
    write(
        "requirements.txt",
        "-r more/base.txt\n-c limits.txt\n-r https://h/r.txt\nb\n--find-links wheels\n",
    );
    write("more/base.txt", "--pre\n--trusted-host h\n-r deep.txt\na\n");
    write("more/deep.txt", "-c ../limits.txt\nz --hash=sha256:00\n");
    write("limits.txt", "a<2\n");
    write(".python-version", "3.12\n");
    let path = folder.path().join("requirements.txt");
    let Ok(Source::Requirements(spec)) = detect(&path, &ChannelOptions::default()) else {
        panic!("no requirements")
    };
    assert_eq!(spec.python, PythonRequest::Version("3.12".into()));
    let placed = |requirements: &[Requirement]| -> Vec<String> {
        let folder = format!("{}/", folder.path().display());
        requirements.iter().map(|one| format!("{} in {}", one.text, one.place).replace(&folder, "")).collect()
    };
    let limits = ["a<2 in line 1 of `more/../limits.txt`", "a<2 in line 1 of `limits.txt`"];
    assert_eq!(placed(&spec.pip.constraints), limits);
    assert_eq!(
        placed(&spec.pip.requirements),
        [
            "z --hash=sha256:00 in line 2 of `more/deep.txt`",
            "a in line 4 of `more/base.txt`",
            "b in line 4 of `requirements.txt`",
        ]
    );
    assert!(spec.pip.pre && spec.pip.checks_hashes() && !spec.pip.has_local_projects());
    assert_eq!(
        spec.pip.to_requirements_txt(),
        format!(
            "--find-links {}/wheels\n-r https://h/r.txt\nz --hash=sha256:00\na\nb\n",
            folder.path().display()
        )
    );
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let complaint = complaint("requirements.txt", "-r requirements.txt\n");
    assert!(complaint.ends_with("includes itself"), "{complaint}");
}

#[test]
fn a_directory_is_a_prefix_unless_it_is_plainly_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let options = ChannelOptions::default();
    assert!(matches!(detect(folder.path(), &options), Ok(Source::Prefix(_))));
    fs_err::write(folder.path().join("pyproject.toml"), "").unwrap();
    assert!(matches!(detect(folder.path(), &options), Err(SpecError::NoEnvironment { instead: None, .. })));
    fs_err::create_dir(folder.path().join(".venv")).unwrap();
    let error = detect(folder.path(), &options).unwrap_err();
    assert!(error.hint().unwrap().contains("/.venv`"));
    fs_err::write(folder.path().join("pyvenv.cfg"), "").unwrap();
    assert!(matches!(detect(folder.path(), &options), Ok(Source::Prefix(_))));
}

#[test]
fn a_missing_file_is_named() {
    let error = detect(Path::new("/nowhere/environment.yml"), &ChannelOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "`/nowhere/environment.yml` does not exist");
}

#[test]
fn each_fault_of_a_spec_has_its_message() {
    let faults: &[(&str, &[u8])] = &[
        ("environment.yml", b""),
        ("environment.yml", b"\n \n"),
        ("environment.yml", b"\x00\x01\x02"),
        ("environment.yml", b"\xff\xfe"),
        ("env.tar.gz", b"\x1f\x8b\x08"),
        ("environment.yml", b"name: a\ndependencies:\n- python\n - numpy: [\n"),
        ("environment.yml", b"dependencies: numpy\n"),
        ("environment.yml", b"numpy\n"),
        ("environment.yml", b"dependencies:\n- python\n- 3.11\n"),
        ("environment.yml", b"dependencies:\n- python: 3.11\n"),
        ("environment.yml", b"dependencies:\n- pip:\n    requests\n"),
        ("environment.yml", b"channels:\n  a: b\ndependencies: []\n"),
        ("environment.yml", b"dependencies:\n- numpy >=\n"),
        ("environment.yml", b"dependencies:\n- pip:\n  - requests\n"),
        ("environment.yml", b"dependencies:\n- python\n- pip:\n  - ./missing\n"),
        ("environment.yml", b"name: a\nchannels: [b]\n"),
        ("requirements.txt", b"# nothing\n"),
        ("requirements.txt", b"a\n--frobnicate https://me:secret@h/\n"),
        ("requirements.txt", b"a\n-r missing.txt\n"),
    ];
    let complaints: Vec<_> = faults.iter().map(|(name, bytes)| complaint(name, bytes)).collect();
    insta::assert_snapshot!(complaints.join("\n"));
}

#[test]
fn files_of_other_tools_are_named_for_what_they_are() {
    let files = [
        ("pyproject.toml", "[project]\n"),
        ("pixi.lock", "version: 6\nenvironments:\npackages:\n"),
        ("uv.lock", "version = 1\n"),
        ("conda-lock.yml", "version: 1\nmetadata:\npackage:\n"),
        ("pylock.toml", "lock-version = '1.0'\n"),
        ("spec-file.txt", "# platform: linux-64\n@EXPLICIT\nhttps://h/a.conda\n"),
        ("Dockerfile", "FROM debian\n"),
        ("letter.txt", "Dear reader,\nthis is prose.\n"),
        ("job.py", "import os\n"),
    ];
    let complaints: Vec<_> = files.iter().map(|(name, text)| complaint(name, text)).collect();
    insta::assert_snapshot!(complaints.join("\n"));
    let hint = detected("job.py", "import os\n").unwrap_err().hint().unwrap();
    assert!(hint.contains("environment.yml") && hint.contains("requirements.txt"), "{hint}");
}
