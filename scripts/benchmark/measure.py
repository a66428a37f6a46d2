"""Runs commands in turns, and tells what each took.

In each round every candidate runs once, so that whatever else the machine does hits all of them; the first round warms
the page cache and isn't counted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .setting import say

LAST_LINES = 5
LAUNCH = Path(__file__).with_name("launch.py")


def nothing() -> None:
    pass


@dataclass(frozen=True)
class Candidate:
    """A command, what is done before and after it off the clock, and the file or folder that it makes."""

    name: str
    command: Sequence[object]
    output: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = nothing
    clean: Callable[[], None] = nothing


@dataclass
class Sample:
    elapsed: float
    user: float
    system: float
    memory: int  # bytes: the most that one of its processes had resident
    size: int | None


@dataclass
class Measured:
    """What a candidate took in the rounds that count, or why it couldn't run."""

    samples: list[Sample] = field(default_factory=list)
    files: int | None = None  # in the archive, or unpacked
    failure: str | None = None

    def values(self, what: str) -> list[float]:
        return [float(value) for sample in self.samples if (value := getattr(sample, what)) is not None]

    def median(self, what: str) -> float | None:
        values = self.values(what)
        return median(values) if values else None

    def peak(self) -> float:
        return max(self.values("memory"), default=0.0)

    def parallel(self) -> float | None:
        """How many cores were busy."""
        shares = [(sample.user + sample.system) / sample.elapsed for sample in self.samples]
        return median(shares) if shares else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Measured:
        return cls([Sample(**sample) for sample in told["samples"]], told["files"], told["failure"])


def run(candidate: Candidate, work: Path) -> Sample:
    """Raises RuntimeError with the last lines of what it said."""
    remove(candidate.output)
    candidate.prepare()
    log, told = work / "log", work / "told.json"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-I", "-S", LAUNCH, told, *candidate.command]
    with log.open("wb") as said:
        variables = {**os.environ, **candidate.variables}
        words = [str(part) for part in command]
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables, check=False)
    if not told.exists():
        raise RuntimeError(f"{Path(words[5]).name} can't be started")
    code, elapsed, user, system, memory = json.loads(told.read_text())
    if code != 0:
        last = log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
        raise RuntimeError(f"exit code {code}: " + without_paths(" / ".join(last)))
    size = candidate.output.stat().st_size if candidate.output and candidate.output.is_file() else None
    return Sample(elapsed, user, system, memory, size)


def without_paths(text: str) -> str:
    """What failed may stand on a page, where this machine's folders are nobody's business."""
    return re.sub(r"(?<![\w:/])/[^\s'\"`]*/", "…/", text)


def rounds(candidates: Sequence[Candidate], count: int, work: Path, warm_up: int = 1) -> dict[str, Measured]:
    found = {candidate.name: Measured() for candidate in candidates}
    for turn in range(warm_up + count):
        for candidate in candidates:
            measured = found[candidate.name]
            if measured.failure:
                continue
            try:
                sample = run(candidate, work)
                if measured.files is None and candidate.output:
                    measured.files = files_in(candidate.output)
                if turn >= warm_up:
                    measured.samples.append(sample)
                say(f"  {turn + 1 - warm_up or 'warming up'}: {candidate.name}: {sample.elapsed:.2f} s")
            except RuntimeError as failure:
                measured.failure, measured.samples = str(failure), []
                say(f"  {candidate.name} failed: {failure}")
            finally:
                # before the disk is busy with what nobody reads
                remove(candidate.output)
                candidate.clean()
    return found


def remove(output: Path | None) -> None:
    if output is None:
        return
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def files_in(archive: Path) -> int | None:
    """All but the folders: what shows whether two archives hold the same."""
    if archive.is_dir():
        return sum(len(names) for _, _, names in os.walk(archive))
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as members:
            return sum(not name.endswith("/") for name in members.namelist())
    if archive.suffix not in (".gz", ".zst", ".tar"):
        return None
    told = subprocess.run(["tar", "-tf", archive], check=True, stdout=subprocess.PIPE).stdout
    return sum(not line.endswith(b"/") for line in told.splitlines())
