"""A hard limit of memory for a command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from .measure import Candidate

MOST = 150_000_000  # bytes


def by_systemd() -> list[str]:
    """A scope of its own: the kernel ends what needs more than that, its page cache included."""
    user = [] if os.geteuid() == 0 else ["--user"]
    limits = [f"--property=MemoryMax={MOST}", "--property=MemorySwapMax=0"]
    return ["systemd-run", *user, "--scope", "--quiet", *limits]


def by_data_limit() -> list[str]:
    """Counts what is reserved for writing as if it were used, so it is stricter; stacks and heaps of threads count."""
    return ["prlimit", f"--data={MOST}"]


def works(prefix: Sequence[str]) -> bool:
    if not shutil.which(prefix[0]):
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


def limited(candidate: Candidate) -> list[Candidate]:
    """None if there is no way here to limit it; its name says which way was taken."""
    for way, prefix in (("cgroup", by_systemd()), ("RLIMIT_DATA", by_data_limit())):
        if works(prefix):
            name = f"{candidate.name} in {MOST // 10**6} MB ({way})"
            return [replace(candidate, name=name, command=[*prefix, *candidate.command])]
    return []
