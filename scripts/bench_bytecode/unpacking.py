"""The ways in which an archive becomes a folder on a node, each without a step of ours."""

import os
import pathlib
import subprocess
import sys

from environments import run


def tar(archive, target):
    target.mkdir()
    # root's tar would keep the owners' numbers
    run("tar", "-xf", archive, "--no-same-owner", "-C", target)
    return target


def touched(archive, target):
    """As tar, by an unpacker that doesn't keep times."""
    tar(archive, target)
    for path in target.rglob("*"):
        os.utime(path, follow_symlinks=False)
    return target


def unzip(archive, target):
    # -o: venv-pack writes a member twice
    run("unzip", "-q", "-o", archive, "-d", target)
    return target


def localizer(archive, target):
    """By the class with which a YARN NodeManager localizes archives."""
    java = pathlib.Path(os.environ["ENVSHIP_TEST_JAVA_HOME"]) / "bin/java"
    jars = pathlib.Path(os.environ["ENVSHIP_TEST_SPARK35_HOME"]) / "jars/*"
    program = pathlib.Path(__file__).with_name("Localize.java")
    command = [java, "-cp", jars, program, archive, target]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode != 0:
        sys.exit(f"{archive} can't be localized:\n{told.stderr}")
    return pathlib.Path(told.stdout.strip())


# Name: the archive's ending, how it is unpacked.
WAYS = {
    "tar.gz": ("tar.gz", tar),
    "tar.gz, times changed": ("tar.gz", touched),
    "zip": ("zip", unzip),
    "tar.gz by YARN": ("tar.gz", localizer),
    "zip by YARN": ("zip", localizer),
}
