"""The environments, all of the same packages, and the archives of each."""

import dataclasses
import os
import pathlib
import subprocess

TESTS = pathlib.Path(__file__).parents[2] / "tests/it"
PYTHON = "3.11"
# What the fixture channel has.
PINS = {"pandas": "2.2.3", "pyarrow": "19.0.1", "scipy": "1.15.3", "scikit-learn": "1.6.1", "numpy": "2.2.6"}


@dataclasses.dataclass(frozen=True)
class Making:
    """How an environment comes to be."""

    name: str
    # The making whose original is warm: uv compiles nothing.
    base: str
    peer: str


MAKINGS = {
    making.name: making
    for making in [
        Making("pip", base="pip", peer="venv-pack"),
        Making("uv", base="pip", peer="venv-pack"),
        Making("conda", base="conda", peer="conda-pack"),
        Making("conda+pip", base="conda+pip", peer="conda-pack"),
        Making("conda+uv", base="conda+pip", peer="conda-pack"),
    ]
}


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, **options)


def conda(prefix, *specs):
    channel = "file://" + os.environ["ENVSHIP_TEST_CHANNEL"]
    run(os.environ["ENVSHIP_TEST_TOOLS_PYTHON"], TESTS / "install.py", channel, prefix, f"python={PYTHON}", *specs)


def pip(prefix):
    pins = [f"{name}=={version}" for name, version in PINS.items()]
    run(prefix / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *pins)


def uv(prefix):
    pins = [f"{name}=={version}" for name, version in PINS.items()]
    options = ["-q", "--link-mode", "copy", "--python", prefix / "bin/python"]
    run(os.environ["ENVSHIP_TEST_UV"], "pip", "install", *options, *pins)


def make(name, prefix, python):
    """`python` is the base of virtual environments."""
    match name:
        case "pip":
            run(python, "-m", "venv", prefix)
            pip(prefix)
        case "uv":
            run(os.environ["ENVSHIP_TEST_UV"], "venv", "-q", "--python", python, prefix)
            uv(prefix)
        case "conda":
            conda(prefix, *(f"{name}={version}" for name, version in PINS.items()))
        case "conda+pip":
            conda(prefix, "pip")
            pip(prefix)
        case "conda+uv":
            conda(prefix, "pip")
            uv(prefix)


def pack(packer, prefix, archive):
    match packer:
        case "envship":
            command = [os.environ["ENVSHIP"], "--quiet", "pack", prefix, "--force", "-o", archive]
        case "venv-pack":
            command = [os.environ["ENVSHIP_TEST_VENV_PACK"], "-q", "-p", prefix, "-o", archive]
        case "conda-pack":
            command = [os.environ["ENVSHIP_TEST_CONDA_PACK"], "-q", "--ignore-missing-files", "-p", prefix, "-o", archive]
    run(*command, "--compress-level", "1", stdout=subprocess.DEVNULL)
    # as in a store that everybody reads: the peers let nobody else read it
    archive.chmod(0o644)
