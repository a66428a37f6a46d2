//! What every target prints, and what is refused.

use std::process::Command;

use super::*;
use crate::artifact::Format;
use crate::error::Explain;

const URI: &str = "s3a://bucket/envs/lab-0123456789ab.tar.gz";

/// A request of a user who gave what the master and mode need.
fn request(master: &str, mode: DeployMode) -> Request {
    let master: Master = master.parse().unwrap();
    let is_local = master.engine == Engine::Local;
    Request {
        master,
        deploy_mode: Some(mode),
        driver_python: (mode == DeployMode::Client && !is_local).then(|| "/usr/bin/python3.11".to_owned()),
        unpacked: is_local.then(|| "/srv/envs/lab".to_owned()),
        python_minor: Some("3.11".to_owned()),
        ..Request::new(URI, Format::TarGz)
    }
}

/// What a user sees of it.
fn shown(target: Target, request: &Request) -> String {
    match render(target, request) {
        Ok(rendered) => {
            let notes: Vec<_> = rendered.notes.iter().map(|note| format!("note: {note}\n")).collect();
            rendered.text + &notes.concat()
        }
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &Error) -> String {
    format!("error: {error}\nhint: {}\nexit: {}\n", error.hint().unwrap(), error.kind().exit_code())
}

use DeployMode::{Client, Cluster};

#[test]
fn spark_submit_on_yarn_in_cluster_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("yarn", Cluster)), @r"
    spark-submit \
      --master yarn \
      --deploy-mode cluster \
      --conf spark.yarn.dist.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \
      --conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python \
      --conf spark.pyspark.python=./environment/bin/python \
      app.py
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    ");
}

#[test]
fn spark_submit_on_yarn_in_client_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("yarn", Client)), @r"
    spark-submit \
      --master yarn \
      --deploy-mode client \
      --conf spark.yarn.dist.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \
      --conf spark.pyspark.python=./environment/bin/python \
      --conf spark.pyspark.driver.python=/usr/bin/python3.11 \
      app.py
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    ");
}

#[test]
fn spark_submit_on_kubernetes_in_cluster_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("k8s", Cluster)), @r"
    spark-submit \
      --master k8s://https://KUBERNETES:6443 \
      --deploy-mode cluster \
      --conf spark.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \
      --conf spark.pyspark.python=./environment/bin/python \
      app.py
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: replace k8s://https://KUBERNETES:6443 by the address of the master, or give it with --master
    ");
}

#[test]
fn spark_submit_on_kubernetes_in_client_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("k8s://https://host:6443", Client)), @r"
    spark-submit \
      --master k8s://https://host:6443 \
      --deploy-mode client \
      --conf spark.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \
      --conf spark.pyspark.python=./environment/bin/python \
      --conf spark.pyspark.driver.python=/usr/bin/python3.11 \
      app.py
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    ");
}

#[test]
fn spark_submit_on_a_standalone_master() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("spark://host:7077", Client)), @r"
    spark-submit \
      --master spark://host:7077 \
      --deploy-mode client \
      --conf spark.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \
      --conf spark.pyspark.python=./environment/bin/python \
      --conf spark.pyspark.driver.python=/usr/bin/python3.11 \
      app.py
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    ");
}

#[test]
fn spark_submit_on_a_local_master() {
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request("local", Client)), @r"
    spark-submit \
      --master 'local[*]' \
      --deploy-mode client \
      --conf spark.pyspark.python=/srv/envs/lab/bin/python \
      app.py
    ");
}

#[test]
fn spark_defaults_on_yarn_in_cluster_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("yarn", Cluster)), @r"
    spark.master yarn
    spark.submit.deployMode cluster
    spark.yarn.dist.archives s3a://bucket/envs/lab-0123456789ab.tar.gz#environment
    spark.yarn.appMasterEnv.PYSPARK_PYTHON ./environment/bin/python
    spark.pyspark.python ./environment/bin/python
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    ");
}

#[test]
fn spark_defaults_on_yarn_in_client_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("yarn", Client)), @r"
    spark.master yarn
    spark.submit.deployMode client
    spark.yarn.dist.archives s3a://bucket/envs/lab-0123456789ab.tar.gz#environment
    spark.pyspark.python ./environment/bin/python
    spark.pyspark.driver.python /usr/bin/python3.11
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    ");
}

#[test]
fn spark_defaults_on_kubernetes_in_cluster_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("k8s://https://host:6443", Cluster)), @r"
    spark.master k8s://https://host:6443
    spark.submit.deployMode cluster
    spark.archives s3a://bucket/envs/lab-0123456789ab.tar.gz#environment
    spark.pyspark.python ./environment/bin/python
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    ");
}

#[test]
fn spark_defaults_on_kubernetes_in_client_mode() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("k8s://https://host:6443", Client)), @r"
    spark.master k8s://https://host:6443
    spark.submit.deployMode client
    spark.archives s3a://bucket/envs/lab-0123456789ab.tar.gz#environment
    spark.pyspark.python ./environment/bin/python
    spark.pyspark.driver.python /usr/bin/python3.11
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    ");
}

#[test]
fn spark_defaults_on_a_standalone_master() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("standalone", Client)), @r"
    spark.master spark://MASTER:7077
    spark.submit.deployMode client
    spark.archives s3a://bucket/envs/lab-0123456789ab.tar.gz#environment
    spark.pyspark.python ./environment/bin/python
    spark.pyspark.driver.python /usr/bin/python3.11
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: `/usr/bin/python3.11` must be a Python 3.11, as in the archive
    note: replace spark://MASTER:7077 by the address of the master, or give it with --master
    ");
}

#[test]
fn spark_defaults_on_a_local_master() {
    insta::assert_snapshot!(shown(Target::SPARK_DEFAULTS, &request("local", Client)), @r"
    spark.master local[*]
    spark.submit.deployMode client
    spark.pyspark.python /srv/envs/lab/bin/python
    ");
}

#[test]
fn pyspark_on_yarn() {
    insta::assert_snapshot!(shown(Target::PYSPARK, &Request::new(URI, Format::TarGz)), @r#"
    import os

    # Read when the session starts; `spark.pyspark.python` has no effect here.
    os.environ["PYSPARK_PYTHON"] = "./environment/bin/python"

    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder
        .config("spark.master", "yarn")
        .config("spark.yarn.dist.archives", "s3a://bucket/envs/lab-0123456789ab.tar.gz#environment")
        .getOrCreate()
    )
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: run it with the minor version of the archive's Python
    "#);
}

#[test]
fn pyspark_on_kubernetes() {
    insta::assert_snapshot!(shown(Target::PYSPARK, &request("k8s://https://host:6443", Client)), @r#"
    import os

    # Read when the session starts; `spark.pyspark.python` has no effect here.
    os.environ["PYSPARK_PYTHON"] = "./environment/bin/python"

    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder
        .config("spark.master", "k8s://https://host:6443")
        .config("spark.archives", "s3a://bucket/envs/lab-0123456789ab.tar.gz#environment")
        .getOrCreate()
    )
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: --driver-python is not used: the driver is the Python process itself
    note: run it with a Python 3.11, as in the archive
    "#);
}

#[test]
fn pyspark_on_a_standalone_master() {
    insta::assert_snapshot!(shown(Target::PYSPARK, &request("local-cluster[2,1,1024]", Client)), @r#"
    import os

    # Read when the session starts; `spark.pyspark.python` has no effect here.
    os.environ["PYSPARK_PYTHON"] = "./environment/bin/python"

    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder
        .config("spark.master", "local-cluster[2,1,1024]")
        .config("spark.archives", "s3a://bucket/envs/lab-0123456789ab.tar.gz#environment")
        .getOrCreate()
    )
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    note: --driver-python is not used: the driver is the Python process itself
    note: run it with a Python 3.11, as in the archive
    "#);
}

#[test]
fn pyspark_on_a_local_master() {
    insta::assert_snapshot!(shown(Target::PYSPARK, &request("local[2]", Client)), @r#"
    import os

    # Read when the session starts; `spark.pyspark.python` has no effect here.
    os.environ["PYSPARK_PYTHON"] = "/srv/envs/lab/bin/python"

    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder
        .config("spark.master", "local[2]")
        .getOrCreate()
    )
    note: run it with a Python 3.11, as in the archive
    "#);
}

#[test]
fn json_has_the_same_as_data() {
    let rendered = render(Target::SPARK_SUBMIT, &request("yarn", Cluster)).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&rendered).unwrap(), @r#"
    {
      "target": "spark-submit",
      "conf": {
        "spark.yarn.dist.archives": "s3a://bucket/envs/lab-0123456789ab.tar.gz#environment",
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON": "./environment/bin/python",
        "spark.pyspark.python": "./environment/bin/python"
      },
      "env": {},
      "args": [
        "--master",
        "yarn",
        "--deploy-mode",
        "cluster",
        "--conf",
        "spark.yarn.dist.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment",
        "--conf",
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python",
        "--conf",
        "spark.pyspark.python=./environment/bin/python",
        "app.py"
      ],
      "text": "spark-submit \\\n  --master yarn \\\n  --deploy-mode cluster \\\n  --conf spark.yarn.dist.archives=s3a://bucket/envs/lab-0123456789ab.tar.gz#environment \\\n  --conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python \\\n  --conf spark.pyspark.python=./environment/bin/python \\\n  app.py\n"
    }
    "#);
    let rendered = render(Target::PYSPARK, &request("yarn", Client)).unwrap();
    assert_eq!(rendered.env.get("PYSPARK_PYTHON"), Some("./environment/bin/python"));
}

#[test]
fn what_can_be_mended_is_with_a_note() {
    let mut request = request("k8s://https://host:6443", Cluster);
    request.uri = "s3n://bucket/lab.tar.gz".to_owned();
    request.alias = "my.env".parse().unwrap();
    request.app = "my job.py".to_owned();
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request), @r"
    spark-submit \
      --master k8s://https://host:6443 \
      --deploy-mode cluster \
      --conf spark.archives=s3a://bucket/lab.tar.gz#my.env \
      --conf spark.pyspark.python=./my.env/bin/python \
      'my job.py'
    note: s3n:// became s3a://, the one that Hadoop's own connector reads
    note: s3a:// needs hadoop-aws on the class path of the submitting machine and of the cluster; --packages comes too late for archives
    ");
    request.uri = "/srv/my envs/lab.tar.gz".to_owned();
    insta::assert_snapshot!(shown(Target::SPARK_SUBMIT, &request), @r"
    spark-submit \
      --master k8s://https://host:6443 \
      --deploy-mode cluster \
      --conf spark.archives=file:///srv/my%20envs/lab.tar.gz#my.env \
      --conf spark.pyspark.python=./my.env/bin/python \
      'my job.py'
    note: Kubernetes gets a local archive through a store: set spark.kubernetes.file.upload.path to a URL that the pods can read
    ");
}

#[test]
fn options_without_effect_are_noted() {
    let request = Request { driver_python: Some("/usr/bin/python3".to_owned()), ..request("yarn", Cluster) };
    let rendered = render(Target::SPARK_SUBMIT, &request).unwrap();
    assert!(rendered.notes[1].contains("--driver-python is not used"), "{:?}", rendered.notes);
}

#[test]
fn a_python_that_spark_cannot_run_is_noted() {
    let request = Request { spark_version: Some("3.3.4".parse().unwrap()), ..request("yarn", Cluster) };
    let rendered = render(Target::SPARK_SUBMIT, &request).unwrap();
    assert!(rendered.notes[0].starts_with("Spark 3.3 can't pickle"), "{:?}", rendered.notes);
}

#[test]
fn the_archive_is_shipped_by_exactly_one_key() {
    for target in Target::ALL {
        for master in ["yarn", "k8s", "standalone", "local"] {
            for mode in DeployMode::ALL {
                let Ok(rendered) = render(*target, &request(master, mode)) else { continue };
                let keys = ["spark.archives", "spark.yarn.dist.archives"];
                let shipped = keys.iter().filter(|key| rendered.conf.get(key).is_some()).count();
                assert_eq!(shipped, usize::from(master != "local"), "{target} {master} {mode}");
            }
        }
    }
}

#[test]
fn modes_that_cannot_work_are_refused() {
    let bare = |master: &str, mode| Request { driver_python: None, unpacked: None, ..request(master, mode) };
    let refusals = [
        shown(Target::SPARK_SUBMIT, &bare("yarn", Client)),
        shown(Target::SPARK_DEFAULTS, &bare("k8s", Client)),
        shown(Target::SPARK_SUBMIT, &Request { python_minor: None, ..bare("standalone", Client) }),
        shown(Target::SPARK_SUBMIT, &bare("standalone", Cluster)),
        shown(Target::SPARK_SUBMIT, &bare("local", Cluster)),
        shown(Target::SPARK_SUBMIT, &bare("local", Client)),
        shown(Target::SPARK_SUBMIT, &Request { unpacked: Some("./lab".to_owned()), ..bare("local", Client) }),
        shown(Target::PYSPARK, &bare("yarn", Cluster)),
        shown(
            Target::SPARK_SUBMIT,
            &Request { spark_version: Some("3.0.3".parse().unwrap()), ..bare("k8s", Cluster) },
        ),
        shown(
            Target::SPARK_SUBMIT,
            &Request { platform: Some("osx-arm64".to_owned()), ..bare("yarn", Cluster) },
        ),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    error: client mode needs a Python for the driver: the archive is unpacked for executors only
    hint: give --driver-python the path of a Python 3.11 on the submitting machine, or use --deploy-mode cluster
    exit: 2

    error: client mode needs a Python for the driver: the archive is unpacked for executors only
    hint: give --driver-python the path of a Python 3.11 on the submitting machine, or use --deploy-mode cluster
    exit: 2

    error: client mode needs a Python for the driver: the archive is unpacked for executors only
    hint: give --driver-python the path of a Python of the archive's minor version on the submitting machine
    exit: 2

    error: a standalone master runs no Python driver: Spark refuses Python applications in cluster mode
    hint: use --deploy-mode client
    exit: 2

    error: a local master has no cluster mode
    hint: use --deploy-mode client
    exit: 2

    error: a local master needs an unpacked environment: its workers don't run where archives are unpacked
    hint: run `envship unpack ARCHIVE DIR` and give the directory with --unpacked
    exit: 2

    error: the path of the unpacked environment must be absolute: `./lab`
    hint: give the absolute path
    exit: 2

    error: a session in a Python process runs its driver there: cluster mode is for submitted applications
    hint: use --deploy-mode client
    exit: 2

    error: Spark 3.0 ships archives on YARN only: Kubernetes drops them silently before Spark 3.1
    hint: use Spark 3.1 or later, or YARN
    exit: 2

    error: an environment for osx-arm64 can't run on YARN: its machines run Linux
    hint: pack the environment on Linux
    exit: 1
    ");
}

#[test]
fn formats_that_an_engine_cannot_unpack_are_refused() {
    let archive = |name: &str, master: &str, spark: &str, has_links| {
        let mode = if master == "yarn" { Cluster } else { Client };
        let spark_version = (!spark.is_empty()).then(|| spark.parse().unwrap());
        let request = Request {
            uri: format!("hdfs:///envs/{name}"),
            format: Format::of_name(name).unwrap(),
            has_links,
            spark_version,
            ..request(master, mode)
        };
        shown(Target::SPARK_SUBMIT, &request)
    };
    let refusals = [
        archive("e.tar.zst", "yarn", "", None),
        archive("e/", "yarn", "", None),
        archive("e.tar", "standalone", "", None),
        archive("e.zip", "standalone", "3.5", Some(false)),
        archive("e.zip", "k8s", "", Some(false)),
        archive("e.zip", "standalone", "4.0", Some(true)),
        archive("e.zip", "yarn", "", Some(true)),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    error: YARN can't use the format tar.zst: it would be left packed
    hint: pack it as tar.gz, which every engine reads
    exit: 2

    error: YARN can't use the format directory: only archives are shipped
    hint: pack it as tar.gz, which every engine reads
    exit: 2

    error: a standalone master can't use the format tar: Spark 3.3 and later lose the executable bits of a tar
    hint: pack it as tar.gz, which every engine reads
    exit: 2

    error: a standalone master can't use the format zip: Spark before 4.0 loses the executable bits of a zip
    hint: pack it as tar.gz, or say --spark-version 4.0 if the engine is that new
    exit: 2

    error: Kubernetes can't use the format zip: Spark before 4.0 loses the executable bits of a zip
    hint: pack it as tar.gz, or say --spark-version 4.0 if the engine is that new
    exit: 2

    error: the zip archive `hdfs:///envs/e.zip` holds symbolic links, which engines turn into text files
    hint: pack it as tar.gz, or as zip without --zip-symlinks
    exit: 1

    error: the zip archive `hdfs:///envs/e.zip` holds symbolic links, which engines turn into text files
    hint: pack it as tar.gz, or as zip without --zip-symlinks
    exit: 1
    ");
    for (name, master, spark, has_links) in [
        ("e.tar", "yarn", "", None),
        ("e.zip", "yarn", "", Some(false)),
        ("e.zip", "yarn", "2.4", None),
        ("e.zip", "standalone", "4.0", Some(false)),
        ("e.tgz", "standalone", "3.1", None),
    ] {
        let shown = archive(name, master, spark, has_links);
        assert!(shown.starts_with("spark-submit "), "{shown}");
        assert_eq!(shown.contains("symbolic links"), name == "e.zip" && has_links.is_none(), "{shown}");
    }
}

#[test]
fn words_that_are_not_understood_are_refused() {
    let refusals = [
        refusal(&"livy".parse::<Target>().unwrap_err()),
        refusal(&"mesos".parse::<Master>().unwrap_err()),
        refusal(&"both".parse::<DeployMode>().unwrap_err()),
        refusal(&"3".parse::<SparkVersion>().unwrap_err()),
        refusal(&"a/b".parse::<Alias>().unwrap_err()),
        shown(Target::SPARK_SUBMIT, &Request { uri: "e.tar.gz".to_owned(), ..request("yarn", Cluster) }),
        shown(Target::SPARK_SUBMIT, &Request { uri: format!("{URI}#env"), ..request("yarn", Cluster) }),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    error: unknown target: `livy`
    hint: choose one of spark-submit, spark-defaults, pyspark
    exit: 2

    error: unknown master: `mesos`
    hint: choose yarn, k8s, standalone or local, or give what Spark takes, such as k8s://https://host:6443
    exit: 2

    error: unknown deploy mode: `both`
    hint: choose cluster or client
    exit: 2

    error: not a Spark version: `3`
    hint: give it as major and minor version, such as 3.5
    exit: 2

    error: the alias `a/b` holds a slash
    hint: choose one plain directory name, such as `environment`
    exit: 2

    error: the path of the archive must be absolute: `e.tar.gz`
    hint: give the absolute path
    exit: 2

    error: the archive URI `s3a://bucket/envs/lab-0123456789ab.tar.gz#env` has a `#` already, which stands before the alias
    hint: publish the archive under a plain name with its format's extension
    exit: 2
    ");
    for alias in ["", ".", "..", "a/b", "a b", "a#b", "-a", "ä", "a\n", "$x"] {
        assert_eq!(alias.parse::<Alias>().unwrap_err().kind().exit_code(), 2, "{alias:?}");
    }
}

#[test]
fn a_shell_hands_the_arguments_to_spark_submit_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("spark-submit");
    fs_err::write(&fake, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    Command::new("chmod").arg("755").arg(&fake).status().unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    for master in ["yarn", "local-cluster[1,1,1024]", "k8s", "local"] {
        let mut request = request(master, Client);
        request.uri = "/srv/it's $HOME (1)/lab.tar.gz".to_owned();
        request.app = "my \"job\" $1.py".to_owned();
        let rendered = render(Target::SPARK_SUBMIT, &request).unwrap();
        let out = Command::new("/bin/sh").args(["-c", &rendered.text]).env("PATH", &path).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), rendered.args.join("\n") + "\n");
    }
}

#[test]
fn every_target_is_found_by_its_name() {
    for target in Target::ALL {
        assert_eq!(target.name().parse::<Target>().unwrap(), *target);
        assert!(!target.about().is_empty());
    }
}
