"""What is run: envship and its peers, each as a candidate."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from .environments import MINOR, Environment, edit_package
from .measure import Candidate, nothing
from .peers import Peer
from .setting import Setting, told_by


class Cache(Enum):
    """What envship remembers of earlier packing."""

    COLD = "cold"  # and keeps nothing either
    EMPTY = "empty"
    WARM = "warm"


@dataclass
class Envship:
    """The program that is measured, and what it can do."""

    setting: Setting
    _help: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._help = subprocess.run(
            [self.setting.envship, "pack", "--help"], check=True, capture_output=True, text=True
        ).stdout

    @property
    def caches(self) -> bool:
        return "--no-cache" in self._help

    def version(self) -> str:
        return told_by(self.setting.envship, "--version")

    def pack(
        self, environment: Environment, suffix: str, *options: str, name: str = "", cache: Cache = Cache.COLD
    ) -> Candidate:
        """With the files that the peers pack: no bytecode is made, and nothing comes from outside."""
        output = self.setting.work / f"ours.{suffix}"
        command = ["pack", environment.prefix, "-o", output, *self.same_files(environment), *options]
        return self.candidate(name or f"envship {suffix}", command, output, cache)

    def pack_by_default(self, environment: Environment) -> Candidate:
        """As it is without any option: bytecode is completed, what nodes may lack comes along, and all of it is kept
        for the next time."""
        output = self.setting.work / "ours.tar.gz"
        command: list[object] = ["pack", environment.prefix, "-o", output]
        return self.candidate("envship tar.gz, no options", command, output, Cache.EMPTY)

    def same_files(self, environment: Environment) -> list[object]:
        if (environment.prefix / "conda-meta").is_dir():
            return ["--outside-libs", "warn", "--bytecode", "keep"]
        base = self.setting.python(MINOR).resolve().parent.parent
        return ["--python-prefix", str(base), "--bytecode", "keep"]

    def candidate(self, name: str, command: list[object], output: Path | None, cache: Cache) -> Candidate:
        folder = self.setting.work / f"cache-{cache.value}"
        cold = cache is Cache.COLD
        flags = ["--quiet", *(["--no-cache"] if cold and self.caches else [])]
        variables = {"ENVSHIP_CACHE_DIR": str(folder)}
        forget = nothing if cache is Cache.WARM else (lambda: shutil.rmtree(folder, ignore_errors=True))
        return Candidate(name, [self.setting.envship, *command, *flags], output, variables, forget)

    def unpack(self, archive: Path, name: str = "envship unpack", *options: str) -> Candidate:
        target = self.setting.work / "unpacked"
        command = [self.setting.envship, "unpack", archive, target, "--quiet", *options]
        return Candidate(name, command, target)

    def ship(self, environment: Environment, suffix: str = "tar.gz", name: str = "envship ship") -> Candidate:
        """To a name of its own, which is removed afterwards, so that no run finds that of another."""
        s3 = self.setting.s3()
        bucket = self.setting.variable("ENVSHIP_TEST_S3_BUCKET", "tools versitygw")
        key = f"bench-{self.setting.key()}/{environment.name}.{suffix}"
        command = ["ship", environment.prefix, f"s3://{bucket}/{key}", "--force", *self.same_files(environment)]
        shipping = self.candidate(name, command, None, Cache.COLD)
        forget = shipping.prepare

        def prepare() -> None:
            forget()
            remove_objects(self.setting, bucket, key, s3)

        return replace(shipping, variables={**shipping.variables, **s3}, prepare=prepare, clean=prepare)


def edited(candidate: Candidate, environment: Environment) -> Candidate:
    """After a change of one package."""

    def prepare() -> None:
        candidate.prepare()
        edit_package(environment)

    return replace(candidate, prepare=prepare)


def remove_objects(setting: Setting, bucket: str, prefix: str, variables: Mapping[str, str]) -> None:
    """The archive and its checksum, by another client than ours."""
    program = """import boto3, sys
s3 = boto3.client("s3")
for found in s3.list_objects_v2(Bucket=sys.argv[1], Prefix=sys.argv[2]).get("Contents", []):
    s3.delete_object(Bucket=sys.argv[1], Key=found["Key"])
"""
    tools = setting.variable("ENVSHIP_TEST_TOOLS_PYTHON", "tools")
    region = {"AWS_DEFAULT_REGION": variables["AWS_REGION"]}
    subprocess.run([tools, "-c", program, bucket, prefix], check=True, env={**variables, **region})


# --- peers ----------------------------------------------------------------------------------------


def pipeline(name: str, environment: Environment, codec: list[str], output: Path) -> Candidate:
    """tar to a codec; neither may fail unnoticed."""
    text = f"tar -cf - -C {shlex.quote(str(environment.prefix))} . | {shlex.join(codec)} >{shlex.quote(str(output))}"
    return Candidate(name, ["bash", "-c", f"set -o pipefail; {text}"], output)


def pigz(peer: Peer, environment: Environment, work: Path) -> Candidate:
    return pipeline("tar | pigz -4", environment, [*peer.command, "-4"], work / "peer.tar.gz")


def zstd(peer: Peer, environment: Environment, work: Path) -> Candidate:
    return pipeline("tar | zstd -3 -T0", environment, [*peer.command, "-q", "-3", "-T0"], work / "peer.tar.zst")


def conda_pack(peer: Peer, environment: Environment, work: Path, suffix: str, *options: str) -> Candidate:
    name = " ".join(["conda-pack", suffix, *options])
    output = work / f"peer.{suffix}"
    # the fixture channel's packages may share files, as conda's sometimes do
    command = [*peer.command, "-q", "--ignore-missing-files", "-p", environment.prefix, "-o", output, *options]
    return Candidate(name, command, output)


def venv_pack(peer: Peer, environment: Environment, work: Path, suffix: str) -> Candidate:
    output = work / f"peer.{suffix}"
    return Candidate(f"venv-pack {suffix}", [*peer.command, "-q", "-p", environment.prefix, "-o", output], output)


def mksquashfs(peer: Peer, environment: Environment, work: Path) -> Candidate:
    output = work / "peer.squashfs"
    options = ["-comp", "zstd", "-Xcompression-level", "3", "-no-progress", "-quiet"]
    return Candidate("mksquashfs zstd -3", [*peer.command, environment.prefix, output, *options], output)


def untar(archive: Path, work: Path) -> Candidate:
    target = work / "unpacked"
    return Candidate("tar -xzf", ["tar", "-xzf", archive, "-C", target], target, prepare=target.mkdir)
