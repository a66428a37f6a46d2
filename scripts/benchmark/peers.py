"""The programs that envship is measured against: found on the machine, else taken from its registries."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .setting import Setting, say, told_by

# Debian's packages, with the libraries that a small machine lacks. They are unpacked, not installed.
DEBIAN = {
    "pigz": ("pigz",),
    "zstd": ("zstd", "libzstd1"),
    "mksquashfs": ("squashfs-tools", "liblzo2-2"),
}
PYTHON = {"conda-pack": "ENVSHIP_TEST_CONDA_PACK", "venv-pack": "ENVSHIP_TEST_VENV_PACK"}
PINS = {"conda-pack": "conda-pack==0.9.2", "venv-pack": "venv-pack==0.2.0"}  # as in scripts/setup
VERSION = {"mksquashfs": "-version"}


@dataclass(frozen=True)
class Peer:
    name: str
    program: Path
    libraries: str = ""  # the folders in which its shared libraries were unpacked

    @property
    def command(self) -> list[str]:
        if not self.libraries:
            return [str(self.program)]
        return ["env", f"LD_LIBRARY_PATH={self.libraries}", str(self.program)]

    def version(self) -> str:
        return told_by(*self.command, VERSION.get(self.name, "--version"))


def find(setting: Setting, name: str) -> Peer | None:
    """None, and what to install, if it can't be had."""
    return (find_in_python if name in PYTHON else find_program)(setting, name)


def find_program(setting: Setting, name: str) -> Peer | None:
    if on_path := shutil.which(name):
        return Peer(name, Path(on_path))
    unpacked = setting.folder / "debian" / name
    if not (unpacked / "usr/bin" / name).exists() and not unpack_debian(DEBIAN[name], unpacked):
        say(f"no {name}, so its rows are left out; install Debian's {DEBIAN[name][0]} or put {name} on PATH")
        return None
    libraries = sorted({str(path.parent) for path in unpacked.rglob("lib*.so.*")})
    peer = Peer(name, unpacked / "usr/bin" / name, ":".join(libraries))
    return peer if starts(peer) else None


def unpack_debian(packages: tuple[str, ...], target: Path) -> bool:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    say(f"fetching {', '.join(packages)}")
    downloads = target / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(["apt-get", "download", *packages], cwd=downloads, capture_output=True, check=False)
    if fetched.returncode != 0:
        return False
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, target], check=True)
    shutil.rmtree(downloads)
    return True


def find_in_python(setting: Setting, name: str) -> Peer | None:
    if known := setting.variables.get(PYTHON[name]):
        return Peer(name, Path(known))
    tools = setting.folder / "python-peers"
    if not (tools / "bin" / name).exists():
        say(f"installing {PINS[name]}")
        subprocess.run(["python3", "-m", "venv", tools], check=True)
        installed = subprocess.run([tools / "bin/pip", "install", "-q", PINS[name]], check=False)
        if installed.returncode != 0:
            say(f"no {name}, so its rows are left out; set {PYTHON[name]} or run scripts/setup --only tools")
            return None
    return Peer(name, tools / "bin" / name)


def starts(peer: Peer) -> bool:
    # mksquashfs exits with 1 after its version
    done = subprocess.run([*peer.command, VERSION.get(peer.name, "--version")], capture_output=True, check=False)
    if done.returncode < 126:
        return True
    say(f"{peer.name} doesn't start, so its rows are left out: {done.stderr.decode().strip()}")
    return False


def find_all(setting: Setting) -> dict[str, Peer]:
    found = (find(setting, name) for name in (*PYTHON, *DEBIAN))
    return {peer.name: peer for peer in found if peer is not None}
