"""What was measured, kept by case: a page is written from the results of all cases, each run in turns by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .environments import Environment
from .measure import Measured
from .rows import Judged, Row, What, judge


@dataclass
class Result:
    case: str
    about: str
    environments: dict[str, dict[str, int]]  # their files and bytes
    measured: dict[str, Measured]
    rows: list[Row]

    def judged(self) -> list[Judged]:
        return [judge(row, self.measured) for row in self.rows]

    def rounds(self) -> int:
        return max((len(found.samples) for found in self.measured.values()), default=0)

    def as_json(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "about": self.about,
            "environments": self.environments,
            "measured": {name: found.as_json() for name, found in self.measured.items()},
            "rows": [{**asdict(row), "what": row.what.value} for row in self.rows],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Result:
        measured = {name: Measured.from_json(found) for name, found in told["measured"].items()}
        rows = [Row(**{**row, "what": What(row["what"])}) for row in told["rows"]]
        return cls(told["case"], told["about"], told["environments"], measured, rows)


def counts(environments: Mapping[str, Environment]) -> dict[str, dict[str, int]]:
    return {name: {"files": found.files, "bytes": found.bytes} for name, found in environments.items()}


def keep(folder: Path, key: str, result: Result) -> None:
    (folder / f"{result.case}.json").write_text(json.dumps({"key": key, **result.as_json()}, indent=1))


def kept(folder: Path, key: str, case: str) -> Result | None:
    """None if it wasn't run with this program on this machine."""
    path = folder / f"{case}.json"
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    return Result.from_json(told) if told["key"] == key else None


def public(results: list[Result], made_with: Mapping[str, str]) -> str:
    """The machine-readable result: all figures, with what was made of them."""
    told = []
    for result in results:
        rows = [
            {**row, "value": found.value, "spread": found.spread, "verdict": found.verdict.name.lower()}
            for row, found in zip(result.as_json()["rows"], result.judged())
        ]
        told.append({**result.as_json(), "rows": rows})
    return json.dumps({"made_with": made_with, "cases": told}, indent=1) + "\n"
