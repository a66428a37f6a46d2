"""What has to be reached: each row compares two candidates of a case, or one with a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from .measure import Measured

MEGABYTE = 1e6


class What(Enum):
    """What is compared."""

    TIME = "time"
    SIZE = "size"
    MEMORY = "peak memory"
    GROWTH = "time by bytes"  # how the time grows, as a multiple of how the bytes grow
    FINISHES = "finishes"


@dataclass(frozen=True)
class Row:
    case: str
    ours: str
    what: What
    theirs: str | None = None
    limit: float | None = None  # a ratio if there are theirs, else megabytes
    stretch: float | None = None
    below: bool = False  # the limit itself isn't good enough
    growth: float = 1.0  # of the bytes


class Verdict(Enum):
    STRETCH = "pass, stretch too"
    PASS = "pass"
    FAIL = "**fail**"
    TOLD = "–"
    MISSING = "not measured"


@dataclass(frozen=True)
class Judged:
    row: Row
    verdict: Verdict
    value: float | None = None
    spread: tuple[float, float] | None = None
    reason: str = ""


FIELD = {What.TIME: "elapsed", What.GROWTH: "elapsed", What.SIZE: "size", What.MEMORY: "memory"}


def judge(row: Row, measured: Mapping[str, Measured]) -> Judged:
    for name in filter(None, (row.ours, row.theirs)):
        found = measured.get(name)
        if row.what is What.FINISHES and found and found.failure:
            return Judged(row, Verdict.FAIL, reason=found.failure)
        if found is None or not found.samples:
            reason = found.failure if found and found.failure else f"nothing of {name}"
            return Judged(row, Verdict.MISSING, reason=reason)
    if row.what is What.FINISHES:
        return Judged(row, Verdict.PASS)
    ours = measured[row.ours].values(FIELD[row.what])
    if row.theirs is None:
        return bounded(row, max(ours) / MEGABYTE, [value / MEGABYTE for value in ours])
    theirs = [value * row.growth for value in measured[row.theirs].values(FIELD[row.what])]
    pairs = [mine / other for mine, other in zip(ours, theirs)]
    return bounded(row, median(ours) / median(theirs), pairs)


def bounded(row: Row, value: float, values: Sequence[float]) -> Judged:
    spread = (min(values), max(values))
    return Judged(row, verdict(row, value), value, spread)


def verdict(row: Row, value: float) -> Verdict:
    if row.limit is None:
        return Verdict.TOLD
    if value > row.limit or (row.below and value >= row.limit):
        return Verdict.FAIL
    if row.stretch is not None and value <= row.stretch:
        return Verdict.STRETCH
    return Verdict.PASS
