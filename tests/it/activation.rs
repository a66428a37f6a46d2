//! What activation would set is in force where nobody sources `activate`: in
//! every Python of an unpacked environment, in its C libraries and in its
//! children.

use fs_err as fs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environments::{conda_environment, environment_yml, minor, python, pythons, venv};
use crate::landed::{AWKWARD, Landed};
use crate::shared::venv_of;
use crate::util::Sandbox;

/// Prints the environment as Python sees it.
const SHOW: &str = "import os, json; print(json.dumps(dict(os.environ)))";

type Variables = BTreeMap<String, String>;

/// A conda environment with these activation scripts, besides those of the
/// fixture's package.
fn with_scripts(sandbox: &Sandbox, folder: &str, scripts: &[(&str, &str)]) -> PathBuf {
    let prefix = conda_environment(sandbox, folder, &["python=3.11", "envship-activate"]);
    for (name, text) in scripts {
        fs::write(prefix.join("etc/conda/activate.d").join(name), text).unwrap();
    }
    prefix
}

/// Packs an environment of the working folder and unpacks it on a node.
fn land<'a>(sandbox: &'a Sandbox, source: &str, options: &[&str], folder: &str) -> Landed<'a> {
    let archive = format!("{}.tar", folder.replace(['/', ' '], "-"));
    sandbox.run([&["pack", source, "-o", &archive][..], options].concat()).success();
    Landed::new(sandbox, &archive, folder)
}

fn variables(sandbox: &Sandbox, mut command: Command) -> Variables {
    command.args(["-c", SHOW]);
    let run = sandbox.finish(command).success();
    assert_eq!(run.stderr(), "", "{run}");
    serde_json::from_str(&run.stdout()).unwrap()
}

/// What a Python of the environment sees that is started with nothing but
/// these variables.
fn seen(sandbox: &Sandbox, landed: &Landed, set: &[(&str, &str)]) -> Variables {
    let mut command = landed.command("bin/python");
    command.envs(set.iter().copied());
    variables(sandbox, command)
}

fn below(landed: &Landed, path: &str) -> String {
    landed.root.join(path).to_str().unwrap().to_owned()
}

#[test]
fn an_unactivated_python_its_libraries_and_its_children_see_what_activation_sets() {
    let sandbox = Sandbox::new();
    let mut spec = environment_yml(&["python=3.11", "envship-activate"], &[]);
    spec += "variables:\n  GREETING: it's $HOME\n  SHARE: /srv/share\n";
    sandbox.write("environment.yml", spec);
    let landed = land(&sandbox, "environment.yml", &[], AWKWARD);
    let root = landed.root.to_str().unwrap();
    let program = "import ctypes, json, os, subprocess
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
names = ['GREETING', 'SHARE', 'ENVSHIP_ACTIVATED', 'ENVSHIP_FROM_JSON', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'PATH']
child = dict(line.split('=', 1) for line in subprocess.check_output(['env'], text=True).splitlines())
for name in names:
    assert os.environ[name] == getenv(name.encode()).decode() == child[name], name
print(json.dumps([os.environ[name] for name in names]))
print(subprocess.check_output(['sh', '-c', 'command -v python'], text=True))";
    let told = landed.python(program);
    let (values, found) = told.split_once('\n').unwrap();
    let values: Vec<String> = serde_json::from_str(values).unwrap();
    let path = format!("{root}/bin:/bin:/usr/bin");
    assert_eq!(values, ["it's $HOME", "/srv/share", root, "set by env_vars.d", root, root, &path]);
    assert_eq!(found.trim(), format!("{root}/bin/python"));
    // A script of the environment starts the same Python.
    assert_eq!(landed.run("bin/pydoc3", ["-b", "-n"]).stderr().matches("Traceback").count(), 0);
}

#[test]
fn what_the_user_has_set_wins_and_lists_are_joined() {
    let sandbox = Sandbox::new();
    let script = "export DATA=\"$CONDA_PREFIX/share/data\"
export XDG=\"$CONDA_PREFIX/share${XDG:+:$XDG}\"
export FLAGS=\"-I$CONDA_PREFIX/include $FLAGS\"
export PATH=\"$PATH:$CONDA_PREFIX/last\"\n";
    let prefix = with_scripts(&sandbox, "env", &[("zz.sh", script)]);
    let declared = format!("{0}/bin:/opt/declared::{0}/tools", prefix.display());
    let state = serde_json::json!({ "version": 1, "env_vars": { "PATH": declared } });
    fs::write(prefix.join("conda-meta/state"), state.to_string()).unwrap();
    let landed = land(&sandbox, "env", &[], "node");
    let root = landed.root.to_str().unwrap();

    let alone = seen(&sandbox, &landed, &[]);
    assert_eq!(alone["DATA"], below(&landed, "share/data"));
    assert_eq!(alone["XDG"], below(&landed, "share"));
    assert_eq!(alone["FLAGS"], format!("-I{root}/include "));

    let path = format!("/mine:{root}/bin:/usr/bin:/bin");
    let share = format!("/usr/share:{root}/share:/opt");
    let user = [
        ("DATA", "/mine"),
        ("XDG", share.as_str()),
        ("FLAGS", "-O2"),
        ("PATH", &path),
        ("CONDA_PREFIX", root),
        ("ENVSHIP_FROM_JSON", ""),
    ];
    let joined = seen(&sandbox, &landed, &user);
    assert_eq!(joined["DATA"], "/mine");
    assert_eq!(joined["ENVSHIP_FROM_JSON"], "", "an empty value is a value");
    assert_eq!(joined["XDG"], format!("{root}/share:/usr/share:/opt"));
    assert_eq!(joined["FLAGS"], format!("-I{root}/include -O2"));
    let first = format!("{root}/bin:/opt/declared:{root}/tools");
    assert_eq!(joined["PATH"], format!("{first}:/mine:/usr/bin:/bin:{root}/last"));
    assert_eq!(joined["ENVSHIP_ACTIVATED"], root);
}

#[test]
fn what_another_environments_activation_left_is_replaced() {
    let sandbox = Sandbox::new();
    let script = |data: &str, more: &str| {
        format!(
            "export DATA=\"$CONDA_PREFIX/{data}\" NAME={data} {more}\nexport XDG=\"$CONDA_PREFIX/share${{XDG:+:$XDG}}\"\n"
        )
    };
    with_scripts(&sandbox, "a", &[("zz.sh", &script("a", "ONLY_A=1 EMPTY="))]);
    with_scripts(&sandbox, "b", &[("zz.sh", &script("b", "ONLY_B=1"))]);
    let a = land(&sandbox, "a", &[], "node a");
    let b = land(&sandbox, "b", &[], "node b");

    // A starts B.
    let inner = format!(
        "import json, subprocess; print(subprocess.check_output([{:?}, '-c', {SHOW:?}], text=True))",
        below(&b, "bin/python")
    );
    let start = |set: &[(&str, &str)], program: &str| -> Variables {
        let mut command = a.command("bin/python");
        command.envs(set.iter().copied()).args(["-c", program]);
        serde_json::from_str(&sandbox.finish(command).success().stdout()).unwrap()
    };
    let mut in_b = start(&[], &inner);
    let mut alone = seen(&sandbox, &b, &[]);
    // The path that the system has by default was written out by A; all else is as if A had never been.
    assert_eq!(in_b.remove("PATH"), alone.remove("PATH"));
    in_b.remove("LC_CTYPE");
    alone.remove("LC_CTYPE");
    assert_eq!(in_b, alone);

    // What the user has set stays through both, and so does what A's program sets.
    let user = [("NAME", "mine"), ("XDG", "/x"), ("PATH", "/usr/bin:/bin")];
    let in_b = start(&user, &inner);
    assert_eq!(in_b["NAME"], "mine");
    assert_eq!(in_b["XDG"], format!("{}:/x", below(&b, "share")));
    assert_eq!(in_b["PATH"], format!("{}:/usr/bin:/bin", below(&b, "bin")));
    let in_b = start(
        &[],
        &format!("import os; os.environ['DATA'] = '/by/program'; os.environ['ONLY_A'] = '2'; {inner}"),
    );
    assert_eq!(in_b["DATA"], "/by/program");
    assert_eq!(in_b["ONLY_A"], "2");

    // A node's service was started in a conda environment.
    let conda = [
        ("CONDA_PREFIX", "/opt/conda"),
        ("CONDA_DEFAULT_ENV", "base"),
        ("CONDA_SHLVL", "1"),
        ("VIRTUAL_ENV", "/srv/venv"),
        ("DATA", "/opt/conda/share"),
        ("OTHER", "/opt/conda/share"),
        ("NAME", "/opt/conda2"),
        ("PATH", "/opt/conda/bin:/usr/bin"),
    ];
    let told = seen(&sandbox, &b, &conda);
    let root = b.root.to_str().unwrap();
    assert_eq!((told["CONDA_PREFIX"].as_str(), told["CONDA_DEFAULT_ENV"].as_str()), (root, root));
    assert!(!told.contains_key("VIRTUAL_ENV"));
    assert_eq!(told["DATA"], below(&b, "b"));
    assert_eq!(told["OTHER"], "/opt/conda/share");
    assert_eq!(told["NAME"], "/opt/conda2");
    assert_eq!(told["PATH"], format!("{root}/bin:/opt/conda/bin:/usr/bin"));
}

#[test]
fn what_points_into_the_environment_of_another_activation_is_replaced_or_taken_out() {
    let sandbox = Sandbox::new();
    let venv = Landed::new(&sandbox, &venv_of(&python("3.11")).archive("tar"), "venv");
    let root = venv.root.to_str().unwrap();
    let alone = seen(&sandbox, &venv, &[]);
    let conda = [
        ("CONDA_PREFIX", "/opt/conda"),
        ("CONDA_DEFAULT_ENV", "base"),
        ("VIRTUAL_ENV", "/srv/venv"),
        ("SSL_CERT_FILE", "/opt/conda/ssl/cacert.pem"),
        ("SSL_CERT_DIR", "/srv/venv/certs"),
        ("GDAL_DATA", "/opt/conda/share/gdal"),
        ("PROJ_DATA", "/opt/conda2/share/proj"),
        ("R_HOME", "/mnt/opt/conda/lib/R"),
        ("MAGIC", ""),
        ("OTHER", "/opt/conda/share"),
    ];
    let told = seen(&sandbox, &venv, &conda);
    assert_eq!(told["VIRTUAL_ENV"], root);
    // The node's authorities are looked for as if nothing had been set.
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "GDAL_DATA"] {
        assert_eq!(told.get(name), alone.get(name), "{name}");
    }
    for (name, value) in &conda[6..] {
        assert_eq!(told[*name], *value);
    }

    let prefix = with_scripts(&sandbox, "env", &[]);
    for file in ["share/gdal/gdalvrt.json", "ssl/cacert.pem"] {
        fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
        fs::write(prefix.join(file), "").unwrap();
    }
    let landed = land(&sandbox, "env", &[], "node");
    let left = [
        ("VIRTUAL_ENV", "/srv/venv"),
        ("GDAL_DATA", "/srv/venv/share/gdal"),
        ("SSL_CERT_FILE", "/srv/venv/ssl.pem"),
        ("SSL_CERT_DIR", "/srv/venv/certs"),
        ("PROJ_DATA", "/srv/venv/share/proj"),
        ("UDUNITS2_XML_PATH", "/mine/udunits2.xml"),
    ];
    let told = seen(&sandbox, &landed, &left);
    assert_eq!(told["GDAL_DATA"], below(&landed, "share/gdal"));
    assert_eq!(told["SSL_CERT_FILE"], below(&landed, "ssl/cacert.pem"));
    for name in ["VIRTUAL_ENV", "SSL_CERT_DIR", "PROJ_DATA"] {
        assert!(!told.contains_key(name), "{name}");
    }
    assert_eq!(told["UDUNITS2_XML_PATH"], "/mine/udunits2.xml");
}

#[test]
fn every_variable_is_set_whatever_the_locale_can_hold() {
    let sandbox = Sandbox::new();
    with_scripts(
        &sandbox,
        "env",
        &[(
            "zz.sh",
            "export SNOW=é☃ DATA=\"$CONDA_PREFIX/é☃\" ZLAST=last\nexport LIST=\"é☃${LIST:+:$LIST}\"\n",
        )],
    );
    let landed = land(&sandbox, "env", &[], "node é☃");
    let root = landed.root.to_str().unwrap();
    let program = "import ctypes, json, os
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
for name, value in os.environ.items():
    assert os.fsencode(value) == os.environb[os.fsencode(name)] == getenv(os.fsencode(name)), name
print(json.dumps({name.decode(): value.decode() for name, value in os.environb.items()}))";
    let told = |set: &[(&str, &str)]| -> Variables {
        let mut command = landed.command("bin/python");
        command.envs(set.iter().copied()).args(["-c", program]);
        let run = sandbox.finish(command).success();
        assert_eq!(run.stderr(), "", "{run}");
        serde_json::from_str(&run.stdout()).unwrap()
    };
    let ascii = [("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")];
    for locale in [&ascii[..], &[("LC_ALL", "C.UTF-8")], &[("LC_ALL", "C"), ("PYTHONUTF8", "1")]] {
        let values = told(&[locale, &[("LIST", "é:é☃")]].concat());
        assert_eq!(values["SNOW"], "é☃", "{locale:?}");
        assert_eq!(values["DATA"], below(&landed, "é☃"), "{locale:?}");
        assert_eq!(values["LIST"], "é☃:é", "{locale:?}");
        assert_eq!(values["ZLAST"], "last", "{locale:?}");
        assert_eq!((values["CONDA_PREFIX"].as_str(), values["ENVSHIP_ACTIVE"].as_str()), (root, root));
        assert_eq!(values["PATH"], format!("{root}/bin:/bin:/usr/bin"), "{locale:?}");
        // A child finds nothing to do, in another locale either.
        let set: Vec<(&str, &str)> = values.iter().map(|(name, value)| (&**name, &**value)).collect();
        let again = told(&[&set, &ascii[..]].concat());
        assert_eq!(again["ENVSHIP_ACTIVE_SET"], values["ENVSHIP_ACTIVE_SET"], "{locale:?}");
    }
}

#[test]
fn the_hook_is_there_with_every_flag_but_one_and_can_be_turned_off() {
    let sandbox = Sandbox::new();
    with_scripts(&sandbox, "env", &[]);
    let landed = land(&sandbox, "env", &[], "on");
    let active = |landed: &Landed, flags: &[&str], set: &[(&str, &str)]| {
        let mut command = landed.command("bin/python");
        command.args(flags).envs(set.iter().copied());
        variables(&sandbox, command).contains_key("ENVSHIP_ACTIVATED")
    };
    for flags in [&[][..], &["-I"], &["-E"], &["-s"], &["-B"], &["-O"], &["-X", "utf8"], &["-W", "error"]] {
        assert!(active(&landed, flags, &[]), "{flags:?}");
    }
    assert!(!active(&landed, &["-S"], &[]));
    for off in ["0", "False", "no", "off"] {
        assert!(!active(&landed, &[], &[("ENVSHIP_ACTIVATE", off)]), "{off}");
    }
    assert!(active(&landed, &[], &[("ENVSHIP_ACTIVATE", "1")]));

    let off = land(&sandbox, "env", &["--no-activation-hook"], "off");
    assert!(!active(&off, &[], &[]));
    assert_eq!(off.search("_envship_activate"), Vec::<String>::new());
    // Without the module there must be no line that imports it.
    let excluded = land(&sandbox, "env", &["--exclude", "*/_envship_activate.py"], "excluded");
    assert!(!active(&excluded, &[], &[]));

    // An unpacked environment can be packed again without it.
    sandbox.run(["unpack", "on.tar", "unpacked"]).success();
    let again = land(&sandbox, "unpacked", &["--no-activation-hook"], "again");
    assert!(!active(&again, &[], &[]));

    let named = land(&sandbox, "env", &["--activate-as", "venv"], "named");
    let told = seen(&sandbox, &named, &[]);
    assert_eq!(told["VIRTUAL_ENV"], named.root.to_str().unwrap());
    assert!(!told.contains_key("CONDA_PREFIX"));
    assert_eq!(told["ENVSHIP_ACTIVATED"], named.root.to_str().unwrap());
}

#[test]
fn a_virtual_environment_of_every_python_is_active() {
    for interpreter in pythons() {
        let sandbox = Sandbox::new();
        let landed = Landed::new(&sandbox, &venv_of(&interpreter).archive("tar"), AWKWARD);
        let root = landed.root.to_str().unwrap();
        let told = seen(&sandbox, &landed, &[("PATH", "/usr/bin"), ("CONDA_PREFIX", "/opt/conda")]);
        assert_eq!(told["VIRTUAL_ENV"], root, "Python {}", minor(&interpreter));
        assert_eq!(told["CONDA_PREFIX"], "/opt/conda", "a virtual environment lies on top of conda's");
        assert_eq!(told["PATH"], format!("{root}/bin:/usr/bin"));

        // As engines start it: relative to the working folder, where a link may lead to it.
        std::os::unix::fs::symlink(&landed.root, sandbox.work("environment")).unwrap();
        let mut command = sandbox.command("./environment/bin/python3");
        command.env_clear();
        let told = variables(&sandbox, command);
        let alias = sandbox.work("environment");
        assert_eq!(told["VIRTUAL_ENV"], alias.to_str().unwrap(), "Python {}", minor(&interpreter));
        assert_eq!(told["PATH"], format!("{}/bin:/bin:/usr/bin", alias.display()));

        // Under its other name it is still active, and nothing changes.
        let mut command = landed.command("bin/python");
        command.envs(&told);
        assert_eq!(variables(&sandbox, command), told);
        // Nothing that the environment may hold makes it fail.
        let mut command = landed.command("bin/python");
        command.env("ENVSHIP_ACTIVE", "\u{1f}").env("ENVSHIP_ACTIVE_SET", "=\u{1f}+=\u{1f}-\u{1f}x");
        command.env("VIRTUAL_ENV", "\u{7f}").env("PYTHONIOENCODING", "ascii").env("LC_ALL", "C");
        assert_eq!(variables(&sandbox, command)["VIRTUAL_ENV"], root);
    }
}

#[test]
fn processes_of_every_kind_and_virtual_environments_on_top_start_and_behave() {
    let sandbox = Sandbox::new();
    with_scripts(&sandbox, "env", &[("zz.sh", "export DATA=\"$CONDA_PREFIX/data\"\n")]);
    let landed = land(&sandbox, "env", &[], AWKWARD);
    let program = sandbox.write(
        "inside.py",
        "import json, multiprocessing, os, subprocess, sys, tempfile
def look(_):
    return [os.environ['DATA'], os.environ['PATH'], os.environ['ENVSHIP_ACTIVE_SET']]
if __name__ == '__main__':
    here = look(0)
    for method in ['fork', 'spawn', 'forkserver']:
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(look, [1, 2]) == [here, here], method
    show = 'import json, os, sys; print(json.dumps([sys.prefix, dict(os.environ)]))'
    clean = {'PATH': '/usr/bin:/bin'}
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        def child(name, *options):
            path = os.path.join(folder, name)
            subprocess.run([sys.executable, '-m', 'venv', '--without-pip', *options, path], check=True)
            out = subprocess.run([path + '/bin/python', '-c', show], env=clean, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
            prefix, environ = json.loads(out)
            assert prefix == path, prefix
            return path, environ
        path, environ = child('apart')
        assert 'DATA' not in environ, environ
        path, environ = child('on top', '--system-site-packages')
        assert environ['DATA'] == os.environ['DATA'], environ
        assert environ['PATH'] == path + '/bin:' + sys.prefix + '/bin:/usr/bin:/bin', environ
    print('done')
",
    );
    let mut command = landed.command("bin/python");
    command.arg(program);
    let run = sandbox.finish(command).success();
    assert_eq!((run.stdout().as_str(), run.stderr().as_str()), ("done\n", ""));
}

#[test]
fn the_nodes_interpreter_activates_the_environment_too() {
    let sandbox = Sandbox::new();
    let interpreter = python("3.11");
    let base = interpreter.parent().unwrap().parent().unwrap();
    venv(&sandbox, "env", &interpreter, &[]);
    let landed = land(&sandbox, "env", &["--python-prefix", base.to_str().unwrap()], "node");
    // Nobody may read the interpreter in root's home.
    let mut command = sandbox.command(landed.root.join("bin/python"));
    command.env_clear();
    let told = variables(&sandbox, command);
    assert_eq!(told["VIRTUAL_ENV"], landed.root.to_str().unwrap());
    assert_eq!(told["PATH"], format!("{}/bin:/bin:/usr/bin", landed.root.display()));
}

#[test]
fn the_same_environment_at_two_places_gives_the_same_hook() {
    let script = "export DATA=\"$CONDA_PREFIX/data\" REAL=\"$(cd \"$CONDA_PREFIX\" && pwd -P)\"\n";
    let module = |folder: &str| {
        let sandbox = Sandbox::new();
        with_scripts(&sandbox, folder, &[("zz.sh", script)]);
        let landed = land(&sandbox, folder, &[], "node");
        let found = landed.search("_envship_activate");
        let texts: Vec<_> =
            found.iter().map(|path| (path.clone(), fs::read(landed.root.join(path)).unwrap())).collect();
        assert_eq!(landed.search(sandbox.path("").to_str().unwrap()), Vec::<String>::new());
        (texts, fs::read(landed.root.join("bin/activate")).unwrap())
    };
    assert_eq!(module("one"), module("another/and/much/longer/path"));
}

#[test]
fn scripts_that_cant_be_evaluated_or_obeyed_are_named() {
    let sandbox = Sandbox::new();
    let prefix = with_scripts(
        &sandbox,
        "env",
        &[
            ("bad.sh", "export BAD=1\nexit 3\n"),
            ("fails.sh", "export FAILS=1\nno-such-program-anywhere\n"),
            ("hangs.sh", "export HANGS=1\nsleep 600\n"),
            (
                "late.sh",
                "export LD_LIBRARY_PATH=\"$CONDA_PREFIX/lib\" PYTHONPATH=/x PYTHONHASHSEED=1 OMP_NUM_THREADS=4\n",
            ),
        ],
    );
    let state =
        serde_json::json!({ "env_vars": { "A=B": "x", "": "x", "TWO WORDS": "x", "PYTHONHOME": "/x" } });
    fs::write(prefix.join("conda-meta/state"), state.to_string()).unwrap();
    fs::write(prefix.join("etc/conda/env_vars.d/broken.json"), "{").unwrap();
    let run = sandbox.run(["pack", "env", "-o", "env.tar"]).success().says(&[
        "etc/conda/activate.d/bad.sh ends the shell that activates: what it sets is left out",
        "etc/conda/activate.d/fails.sh fails: ",
        "no-such-program-anywhere",
        "etc/conda/activate.d/hangs.sh doesn't end within 10 seconds: what it sets is left out",
        "`LD_LIBRARY_PATH`, which etc/conda/activate.d/late.sh sets, can't be set",
        "`PYTHONPATH`, which etc/conda/activate.d/late.sh sets, can't be set",
        "`PYTHONHOME`, which the environment sets, can't be set",
        "`PYTHONHASHSEED`, which etc/conda/activate.d/late.sh sets, is read before a Python can set it",
        "`A=B`, which `variables:` of the environment sets, is no name that a shell takes and is left out",
        "`TWO WORDS`, which `variables:` of the environment sets, is no name",
        "``, which `variables:` of the environment sets, is no name",
        "etc/conda/env_vars.d/broken.json can't be read: the variables that it sets are left out: ",
    ]);
    assert!(!run.stderr().contains("envship-activate.sh"), "{run}");
    let landed = Landed::new(&sandbox, "env.tar", "node");
    let told = seen(&sandbox, &landed, &[]);
    assert_eq!(told["FAILS"], "1");
    assert_eq!(told["OMP_NUM_THREADS"], "4");
    assert!(
        !told.contains_key("BAD") && !told.contains_key("HANGS") && !told.contains_key("LD_LIBRARY_PATH")
    );
    assert!(!told.contains_key("PYTHONPATH") && !told.contains_key("PYTHONHOME"));
    assert_eq!(told["PYTHONHASHSEED"], "1");
    let manifest = fs::read_to_string(landed.root.join("share/envship/manifest.json")).unwrap();
    assert!(manifest.contains("`LD_LIBRARY_PATH`, which"), "{manifest}");
    assert_eq!(landed.search(prefix.to_str().unwrap()), Vec::<String>::new());

    for name in ["bad.sh", "fails.sh", "hangs.sh", "late.sh"] {
        fs::remove_file(prefix.join("etc/conda/activate.d").join(name)).unwrap();
    }
    let mut pack = sandbox.envship();
    pack.args(["pack", "env", "-o", "shell-less.tar"]).env("PATH", "/nonexistent");
    sandbox.finish(pack).success().says(&[
        "no bash or sh is on PATH to evaluate the activation scripts",
        "etc/conda/activate.d/envship-activate.sh",
    ]);
    let told = seen(&sandbox, &Landed::new(&sandbox, "shell-less.tar", "shell-less"), &[]);
    assert!(!told.contains_key("ENVSHIP_ACTIVATED"));
    assert_eq!(told["ENVSHIP_FROM_JSON"], "set by env_vars.d");
}

#[test]
fn libraries_find_their_data() {
    let sandbox = Sandbox::new();
    let prefix = with_scripts(&sandbox, "env", &[("zz.sh", "export PROJ_DATA=/from/script\n")]);
    for file in ["share/gdal/gdalvrt.json", "share/proj/proj.db", "ssl/cacert.pem", "share/terminfo/x/xterm"]
    {
        fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
        fs::write(prefix.join(file), "").unwrap();
    }
    let landed = land(&sandbox, "env", &[], AWKWARD);
    let told = seen(&sandbox, &landed, &[("SSL_CERT_FILE", "/etc/my-authorities.pem")]);
    assert_eq!(told["GDAL_DATA"], below(&landed, "share/gdal"));
    assert_eq!(told["PROJ_DATA"], "/from/script");
    assert_eq!(told["PROJ_LIB"], below(&landed, "share/proj"));
    assert_eq!(told["SSL_CERT_FILE"], "/etc/my-authorities.pem");
    assert!(told["TERMINFO_DIRS"].starts_with(&(below(&landed, "share/terminfo") + ":/")));
    assert!(!told.contains_key("JAVA_HOME"));
    let told = seen(&sandbox, &landed, &[]);
    assert_eq!(told["SSL_CERT_FILE"], below(&landed, "ssl/cacert.pem"));
}

/// The fixture's Python has this machine's OpenSSL, so here its folder is
/// there; the hook is made to look for another.
#[test]
fn the_authorities_of_the_node_are_looked_for_only_when_needed() {
    let sandbox = Sandbox::new();
    venv(&sandbox, "env", &python("3.11"), &[]);
    let landed = land(&sandbox, "env", &[], "node");
    let name = "lib/python3.11/site-packages/_envship_activate.py";
    let module = fs::read_to_string(landed.root.join(name)).unwrap();
    let folder = landed
        .python("import ssl, os; print(os.path.dirname(ssl.get_default_verify_paths().openssl_capath))");
    let loop_line = format!("for folder in (\"{folder}\",):");
    assert!(module.contains(&loop_line), "{folder}: {module}");
    assert!(Path::new(&folder).join("certs").exists());
    assert!(!seen(&sandbox, &landed, &[]).contains_key("SSL_CERT_FILE"));

    let bundle = sandbox.write("bundle.pem", "");
    let other = module
        .replace(&loop_line, "for folder in (\"/nonexistent/ssl\",):")
        .replace("\"/etc/ssl/certs/ca-certificates.crt\",", &format!("{bundle:?},"));
    fs::create_dir_all(sandbox.work("other/lib/python3.11/site-packages")).unwrap();
    let place = sandbox.work("other").join(name);
    fs::write(&place, other).unwrap();
    let show = format!(
        "import sys; sys.path.insert(0, {:?}); import _envship_activate; {SHOW}",
        place.parent().unwrap()
    );
    let probed = |set: &[(&str, &str)]| -> Variables {
        let mut command = landed.command("bin/python");
        command.args(["-S", "-c", &show]).envs(set.iter().copied());
        serde_json::from_str(&sandbox.finish(command).success().stdout()).unwrap()
    };
    assert_eq!(probed(&[])["SSL_CERT_FILE"], bundle.to_str().unwrap());
    assert_eq!(probed(&[("SSL_CERT_FILE", "/mine")])["SSL_CERT_FILE"], "/mine");
    assert!(!probed(&[("SSL_CERT_DIR", "/mine")]).contains_key("SSL_CERT_FILE"));
}

#[test]
fn a_shell_that_sources_activate_and_the_hook_agree() {
    let sandbox = Sandbox::new();
    let script = "export DATA=\"$CONDA_PREFIX/share/data\" NAME=name
export XDG=\"$CONDA_PREFIX/share${XDG:+:$XDG}\"\n";
    let prefix = with_scripts(&sandbox, "env", &[("zz.sh", script)]);
    for file in ["share/gdal/gdalvrt.json", "share/terminfo/x/xterm"] {
        fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
        fs::write(prefix.join(file), "").unwrap();
    }
    for (options, folder) in [(&[][..], AWKWARD), (&["--activate-as", "venv"], "as venv")] {
        let archive = if options.is_empty() { "env.tar" } else { "venv.tar" };
        sandbox.run([&["pack", "env", "-o", archive], options].concat()).success();
        let landed = Landed::new(&sandbox, archive, folder);
        let mine = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("XDG", "/mine")];
        let hook = seen(&sandbox, &landed, &mine);
        let posix = (". \"$1/bin/activate\"", "\"$1/bin/python\"", &["-c"][..], &["shell"][..]);
        let fish =
            ("source $argv[1]/bin/activate.fish", "$argv[1]/bin/python", &["--no-config", "-c"][..], &[][..]);
        let csh =
            ("source \"$argv[1]:q/bin/activate.csh\"", "\"$argv[1]:q/bin/python\"", &["-fc"][..], &[][..]);
        for (shell, (source, python, options, name)) in
            [("bash", posix), ("zsh", posix), ("fish", fish), ("tcsh", csh)]
        {
            let mut command = sandbox.command(shell);
            let program = format!("{source}\n{python} -c '{SHOW}'");
            command.env_clear().envs(mine).args(options).arg(program).args(name).arg(&landed.root);
            let run = sandbox.finish(command).success();
            let mut sourced: Variables = serde_json::from_str(&run.stdout()).unwrap();
            // What shells set.
            for name in ["PWD", "OLDPWD", "SHLVL", "_", "LOGNAME", "HOME"] {
                sourced.remove(name);
            }
            for name in ["HOST", "HOSTTYPE", "VENDOR", "OSTYPE", "MACHTYPE", "USER", "GROUP", "NLSPATH"] {
                sourced.remove(name);
            }
            let without_mark = |mut all: Variables| {
                all.remove("ENVSHIP_ACTIVE_SET");
                all
            };
            assert_eq!(without_mark(sourced), without_mark(hook.clone()), "{shell} {folder}");
        }
    }
}
