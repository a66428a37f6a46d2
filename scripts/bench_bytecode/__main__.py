"""Prints medians in seconds, on the clock and of the processor, which a busy machine disturbs less, and the ratio of
the latter to the original environment of the same making that has bytecode. What becomes of one environment is tried
in turns, so that nothing has the warmer machine. Fails if an archive of ours doesn't start, compiles a module or is
above the limit.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import stat
import statistics
import subprocess
import sys
import tempfile
import time

from environments import MAKINGS, conda, make, pack, run
from unpacking import WAYS

OURS = "envship"
IMPORT = "import pandas, pyarrow, scipy.stats, sklearn.ensemble"
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
HEAD = "| environment | clock | processor | ratio | modules compiled at each start |\n|---|---|---|---|---|"


def arguments():
    parser = argparse.ArgumentParser(prog="bench-bytecode", description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="of each, after one that warms the page cache")
    parser.add_argument("--only", choices=MAKINGS, action="append", help="this environment; may be repeated")
    parser.add_argument("--way", choices=WAYS, action="append", help="this way to unpack; may be repeated")
    parser.add_argument("--python", type=pathlib.Path, help="base of virtual environments, else the channel's Python")
    parser.add_argument("--folder", type=pathlib.Path, help="keep environments and archives here, and use them again")
    parser.add_argument("--limit", type=float, default=1.05, help="the ratio that nothing of ours may exceed")
    return parser.parse_args()


def say(text):
    print(f"bench-bytecode: {text}", file=sys.stderr, flush=True)


@dataclasses.dataclass
class Candidate:
    packer: str
    what: str
    prefix: pathlib.Path
    clock: list = dataclasses.field(default_factory=list)
    processor: list = dataclasses.field(default_factory=list)
    compiled: int = 0

    def command(self, *flags):
        return [*NOBODY, self.prefix / "bin/python", *flags, "-c", IMPORT]

    def starts(self):
        """Whether it works at all; warms the page cache, and counts the modules that a start compiles."""
        process = subprocess.run(self.command("-v"), env={}, cwd="/", capture_output=True, text=True)
        told = [line for line in process.stderr.splitlines() if "code object from " in line]
        self.compiled = sum(line.rstrip().endswith(".py") for line in told)
        return process.returncode == 0

    def run(self):
        begun = time.monotonic()
        process = subprocess.Popen(self.command(), env={}, cwd="/", stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"the imports failed in {self.prefix}, and not at first")
        self.clock.append(time.monotonic() - begun)
        self.processor.append(usage.ru_utime + usage.ru_stime)


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.nodes = options, folder, folder / "nodes"

    def python(self):
        """That of the fixture channel can be used by nobody, wherever the machine's own ones are."""
        if self.options.python:
            return self.options.python
        base = self.made("base", lambda prefix: conda(prefix, "pip"))
        return base / "bin/python"

    def original(self, name):
        return self.made(f"{name}-env", lambda prefix: make(name, prefix, self.python()))

    def made(self, name, make):
        prefix, stamp = self.folder / name, self.folder / f"{name}.made"
        if not stamp.exists():
            say(f"making {name}")
            shutil.rmtree(prefix, ignore_errors=True)
            make(prefix)
            stamp.touch()
        return prefix

    def archive(self, packer, name, ending):
        archive = self.folder / f"{packer}-{name}.{ending}"
        # Ours is what changes.
        if packer == OURS or not archive.exists():
            begun = time.monotonic()
            pack(packer, self.original(name), archive)
            say(f"packed {archive.name} in {time.monotonic() - begun:.0f} s")
        return archive

    def candidates(self, making):
        """The originals, and what archives become on a node."""
        for name in dict.fromkeys([making.base, making.name]):
            yield Candidate("", f"the original ({name})", self.original(name))
        ways = {way: WAYS[way] for way in self.options.way or WAYS}
        for packer in (OURS, making.peer):
            endings = sorted({ending for ending, _ in ways.values()})
            archives = {ending: self.archive(packer, making.name, ending) for ending in endings}
            for number, (way, (ending, unpack)) in enumerate(ways.items()):
                begun = time.monotonic()
                unpacked = unpack(archives[ending], self.nodes / f"{packer}-{number}")
                run("chmod", "-R", "a-w,a+rX", unpacked)
                say(f"unpacked {archives[ending].name} ({way}) in {time.monotonic() - begun:.0f} s")
                yield Candidate(packer, f"{packer} ({making.name}), {way}", unpacked)

    def clear(self):
        if self.nodes.exists():
            run("chmod", "-R", "u+w", self.nodes)
            shutil.rmtree(self.nodes)

    def measure(self, making):
        """Prints the rows of an environment; what is wrong with ours."""
        self.clear()
        self.nodes.mkdir()
        candidates = list(self.candidates(making))
        running = [candidate for candidate in candidates if candidate.starts()]
        for _ in range(self.options.runs):
            for candidate in running:
                candidate.run()
        base = statistics.median(candidates[0].processor)
        for candidate in candidates:
            if candidate not in running:
                print(f"| {candidate.what} | doesn't start | | | |")
                if candidate.packer == OURS:
                    yield f"{candidate.what} doesn't start"
                continue
            clock, processor = statistics.median(candidate.clock), statistics.median(candidate.processor)
            ratio = processor / base
            row = f"{clock:.2f} s | {processor:.2f} s | {ratio:.2f} | {candidate.compiled}"
            print(f"| {candidate.what} | {row} |", flush=True)
            if candidate.packer == OURS and candidate.compiled:
                yield f"{candidate.what} compiles {candidate.compiled} modules at each start"
            if candidate.packer == OURS and ratio > self.options.limit:
                yield f"{candidate.what} takes {ratio:.3f} of the original's time, and {self.options.limit} is the limit"
        self.clear()


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="envship-bench-") as scratch:
        os.chmod(scratch, 0o755)
        folder = (options.folder or pathlib.Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for path in [folder, *folder.parents]:
            if not path.stat().st_mode & stat.S_IXOTH:
                sys.exit(f"nobody can't enter {path}: choose another --folder")
        bench, wrong = Bench(options, folder), []
        print(HEAD, flush=True)
        for name in options.only or MAKINGS:
            wrong += bench.measure(MAKINGS[name])
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
