"""The environments that are packed, each made once and kept.

A folder counts as made when its stamp is written, the last step; what an interrupted run left is removed first. They
can't be made elsewhere and moved: their own paths are written into them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import synthetic
from .setting import ROOT, Setting, say, stop, test_cache

MINOR = "3.11"  # of the fixture channel's compiled packages
PACKAGES = ["numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "sympy"]
EDITED = "joblib"  # the package of `changed` that changes before each packing
TIMES = 10  # as many files and bytes as in the original


@dataclass(frozen=True)
class Environment:
    name: str
    prefix: Path
    files: int
    bytes: int


def make(setting: Setting, name: str) -> Environment:
    prefix = setting.folder / "environments" / name
    stamp = setting.folder / "environments" / f"{name}.json"
    recipe = RECIPE.get(name, 1)
    made = json.loads(stamp.read_text()) if stamp.exists() else {}
    if made.pop("recipe", 1) != recipe or not made:
        shutil.rmtree(prefix, ignore_errors=True)
        room(setting.folder, ROOM.get(name, 1))
        say(f"making the environment {name}")
        begun = time.monotonic()
        RECIPES[name](setting, prefix)
        files, size = count(prefix)
        made = {"files": files, "bytes": size}
        stamp.write_text(json.dumps({**made, "recipe": recipe}))
        say(f"made {name} in {time.monotonic() - begun:.0f} s: {files} files, {size / 1e6:.0f} MB")
    return Environment(name, prefix, **made)


def room(folder: Path, gigabytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < (gigabytes + 2) * 10**9:
        stop(f"{free / 1e9:.0f} GB are free, and {gigabytes + 2} are needed: see --environments and --folder")


def count(prefix: Path) -> tuple[int, int]:
    """Files and links, and their bytes as `tar` would read them."""
    files = size = 0
    for folder, folders, names in os.walk(prefix):
        for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            files += 1
            size += os.lstat(os.path.join(folder, name)).st_size
    return files, size


def run(*command: object, **variables: str) -> None:
    words = [str(part) for part in command]
    if subprocess.run(words, env={**os.environ, **variables}, stdout=sys.stderr, check=False).returncode != 0:
        stop(f"this failed: {' '.join(words)}")


def conda(setting: Setting, prefix: Path) -> None:
    channel = setting.variable("ENVSHIP_TEST_CHANNEL", "tools channel")
    tools = setting.variable("ENVSHIP_TEST_TOOLS_PYTHON", "tools")
    packages = test_cache() / "packages-of-tests" / "py-rattler"
    install = ROOT / "tests/it/install.py"
    run(tools, install, f"file://{channel}", prefix, f"python={MINOR}", *PACKAGES, RATTLER_CACHE_DIR=str(packages))


def conda_versions(setting: Setting) -> list[str]:
    """What the solver chose, so that the virtual environment has the same."""
    records = (make(setting, "conda").prefix / "conda-meta").glob("*.json")
    chosen = {record["name"]: record["version"] for record in (json.loads(path.read_text()) for path in records)}
    return [f"{name}=={chosen[name]}" for name in PACKAGES]


def venv(setting: Setting, prefix: Path) -> None:
    versions = conda_versions(setting)
    run(setting.python(MINOR), "-m", "venv", prefix)
    run(prefix / "bin/pip", "install", "-q", "--disable-pip-version-check", "--compile", *versions)


def compile_all(prefix: Path, folder: Path) -> None:
    """As pip does, but on all cores."""
    run(prefix / "bin/python", "-B", "-m", "compileall", "-q", "-j", "0", folder)


def site_packages(prefix: Path) -> Path:
    return prefix / "lib" / f"python{MINOR}" / "site-packages"


def big(setting: Setting, prefix: Path) -> None:
    """The same packages ten times, under other names and with other content."""
    venv(setting, prefix)
    synthetic.copy_packages(site_packages(prefix), TIMES - 1)
    compile_all(prefix, site_packages(prefix))


def large(setting: Setting, prefix: Path) -> None:
    """The same packages with as many files, whose libraries are so large that there are ten times the bytes, and name
    the environment."""
    venv(setting, prefix)
    _, size = count(prefix)
    synthetic.enlarge_libraries(site_packages(prefix), (TIMES - 1) * size, prefix)


def many(files: int, average: int) -> Callable[[Setting, Path], None]:
    """`files` of them with their bytecode, about `average` bytes each."""

    def recipe(setting: Setting, prefix: Path) -> None:
        python = setting.python(MINOR)
        run(python, "-m", "venv", prefix)
        library = Path(told_library(python))
        synthetic.write_distribution(site_packages(prefix), library, files // 2, average)
        compile_all(prefix, site_packages(prefix))

    return recipe


def huge(setting: Setting, prefix: Path) -> None:
    """A million files and 27 GB: a tenth of them is compiled, and copied with its times."""
    many(1_000_000 // TIMES, 20_000)(setting, prefix)
    synthetic.repeat_distribution(site_packages(prefix), TIMES - 1)


def told_library(python: Path) -> str:
    code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


RECIPES: dict[str, Callable[[Setting, Path], None]] = {
    "conda": conda,
    "changed": conda,  # a copy of its own, since it is edited
    "venv": venv,
    "files": many(100_000, 6_000),
    "big": big,
    "large": large,
    "huge": huge,
}
RECIPE = {"large": 2}  # to be raised whenever another environment is made, so that none is measured in its place
ROOM = {"big": 16, "large": 16, "huge": 38}  # gigabytes, with an archive; of `big` and `large` with what is unpacked


def edit_package(environment: Environment) -> None:
    """Changes every module of one package, and nothing else.

    The files may be links into a cache of packages, so they are replaced, never written to.
    """
    package = site_packages(environment.prefix) / EDITED
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes().split(b"\n# edited ")[0]
        new = path.with_suffix(".new")
        new.write_bytes(text + b"\n# edited %d\n" % time.time_ns())
        os.replace(new, path)
    compile_all(environment.prefix, package)
