"""Where things lie, what the tests' setup offers, and what the figures were made with."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def stop(text: str) -> NoReturn:
    sys.exit(f"bench: {text}")


def told_by(*command: object) -> str:
    """The first line that a command prints; conda-pack and pigz don't agree on where."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def test_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ENVSHIP_TEST_CACHE") or Path(base) / "envship-test")


def exports(path: Path) -> dict[str, str]:
    """What a file that scripts/setup or scripts/services wrote would export."""
    if not path.exists():
        return {}
    lines = (line for line in path.read_text().splitlines() if line.startswith("export "))
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
    return {name: shlex.split(value)[0] if value else "" for name, value in pairs}


@dataclass
class Setting:
    """One benchmark: its folder, the program that it measures, and the machinery of the tests."""

    folder: Path
    envship: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {name: value for name, value in os.environ.items() if name.startswith("ENVSHIP_TEST_")}
        self.variables = {**exports(test_cache() / "env"), **self.variables, **known}
        for name in ("work", "environments", "results"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def variable(self, name: str, piece: str) -> str:
        value = self.variables.get(name)
        return value or stop(f"{name} isn't known: run scripts/setup --only {piece}")

    def python(self, minor: str) -> Path:
        """The base of the virtual environments, of the same minor version as the conda environment's."""
        for python in self.variable("ENVSHIP_TEST_PYTHONS", "tools").split(":"):
            if told_by(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == minor:
                return Path(python)
        stop(f"no Python {minor} among those that scripts/setup found")

    def start_services(self) -> None:
        """The S3 server, unless somebody said where one is."""
        if self.variables.get("ENVSHIP_TEST_S3_ENDPOINT"):
            return
        subprocess.run([ROOT / "scripts/services", "start"], check=True, stdout=sys.stderr)
        run = self.variables.get("ENVSHIP_TEST_RUN") or test_cache() / "run"
        self.variables = {**exports(Path(run) / "env"), **self.variables}
        say("the S3 server stays up until `scripts/services stop`")

    def s3(self) -> dict[str, str]:
        """The variables by which envship finds the S3 server."""
        self.start_services()
        return {
            "AWS_ENDPOINT_URL": self.variable("ENVSHIP_TEST_S3_ENDPOINT", "tools versitygw"),
            "AWS_ACCESS_KEY_ID": self.variable("ENVSHIP_TEST_S3_KEY", "tools versitygw"),
            "AWS_SECRET_ACCESS_KEY": self.variable("ENVSHIP_TEST_S3_SECRET", "tools versitygw"),
            "AWS_REGION": "us-east-1",
        }

    def key(self) -> str:
        """Tells results of one program on one machine from others."""
        told = [hashlib.sha256(self.envship.read_bytes()).hexdigest(), *machine().values()]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def find_envship(given: Path | None) -> Path:
    if given:
        return given.absolute() if given.is_file() else stop(f"no such program: {given}")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    built = target / "release" / "envship"
    if not built.exists():
        say("building envship")
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True, stdout=sys.stderr)
    return built


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def memory() -> str:
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    return f"{kilobytes / 2**20:.0f} GiB"


def machine() -> dict[str, str]:
    """No name and no path: only what explains a figure."""
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": memory(),
        "kernel": ".".join(platform.release().split(".")[:2]),
    }
