"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .measure import Measured
from .results import Result
from .rows import Judged, Verdict, What

BEGIN, END = "<!-- written by scripts/bench -->", "<!-- end of what scripts/bench writes -->"
PAGE = f"""\
# Speed

{BEGIN}
{END}
"""
HOW = """\
In each round every candidate of a case runs once; the first round warms the page cache and isn't counted. Times are
medians with the least and the most, and a ratio is one of medians, with the least and the most of the rounds. Memory
is the most that one process had resident: of a pipeline, that of its largest process. Candidates that are compared
pack the same files, so bytecode is kept as it is and a virtual environment's Python stays on the nodes; *no options*
is what one gets without asking, the interpreter and complete bytecode included. What was written is removed after
each run. `scripts/bench --help` says how to run it again.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


# --- what has to be reached -----------------------------------------------------------------------


def rows(results: Iterable[Result]) -> str:
    head = ["case", "candidate", "against", "what", "measured", "spread", "limit", "verdict"]
    return table(head, (row(judged) for result in results for judged in result.judged()))


def row(judged: Judged) -> list[str]:
    wanted = judged.row
    unit = " MB" if wanted.theirs is None and wanted.what is What.MEMORY else ""
    spread = f"{number(judged.spread[0], unit)}–{number(judged.spread[1], unit)}" if judged.spread else "–"
    verdict = judged.verdict.value + (f": {judged.reason}" if judged.reason else "")
    measured = "–" if judged.value is None else number(judged.value, unit) + unit
    against = wanted.theirs or "–"
    return [wanted.case, wanted.ours, against, wanted.what.value, measured, spread, limit_of(judged, unit), verdict]


def limit_of(judged: Judged, unit: str) -> str:
    wanted = judged.row
    if wanted.limit is None:
        return "–"
    stretch = f", stretch {wanted.stretch:g}" if wanted.stretch is not None else ""
    return f"{'<' if wanted.below else '≤'} {wanted.limit:g}{unit}{stretch}"


def number(value: float, unit: str) -> str:
    return f"{value:.0f}" if unit else f"{value:.3f}"


# --- what was measured ----------------------------------------------------------------------------


def case(result: Result) -> str:
    sizes = "; ".join(
        f"{name}: {told['files']:,} files, {told['bytes'] / 1e6:,.0f} MB" for name, told in result.environments.items()
    )
    head = ["candidate", "time", "spread", "user", "system", "cores busy", "memory", "size", "files"]
    lines = [[name, *cells(found)] for name, found in result.measured.items()]
    title = f"### {result.case}: {result.about}"
    return f"{title}\n\n{sizes}. Rounds: {result.rounds()}.\n\n{table(head, lines)}"


def cells(found: Measured) -> list[str]:
    if found.failure:
        return [f"failed: {found.failure}", *["–"] * 7]
    times = found.values("elapsed")
    return [
        seconds(found.median("elapsed")),
        f"{min(times):.2f}–{max(times):.2f}" if times else "–",
        seconds(found.median("user")),
        seconds(found.median("system")),
        told(found.parallel(), "{:.2f}"),
        f"{found.peak() / 1e6:.0f} MB",
        told(found.median("size"), "{:.1f} MB", 1e6),
        told(found.files, "{:,.0f}"),
    ]


def seconds(value: float | None) -> str:
    return told(value, "{:.2f} s")


def told(value: float | None, pattern: str, unit: float = 1) -> str:
    return "–" if value is None else pattern.format(value / unit)


# --- all of it ------------------------------------------------------------------------------------


def report(results: Sequence[Result], made_with: Mapping[str, str]) -> str:
    facts = "; ".join(f"{name} {value}" for name, value in made_with.items())
    judged = [found for result in results for found in result.judged()]
    counted = [found for found in judged if found.row.limit or found.row.what is What.FINISHES]
    good = sum(found.verdict in (Verdict.PASS, Verdict.STRETCH) for found in counted)
    missing = sum(found.verdict is Verdict.MISSING for found in counted)
    summary = f"{good} of {len(counted)} limits are kept" + (f"; {missing} were not measured." if missing else ".")
    parts = [summary, rows(results).rstrip(), "## What was measured", HOW.rstrip(), f"Made with: {facts}."]
    return "\n\n".join([*parts, *(case(result).rstrip() for result in results)]) + "\n"


def write_page(page: Path, text: str) -> None:
    """Between the marks; whatever else is on the page stays."""
    old = page.read_text() if page.exists() else PAGE
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the marks between which the results belong: {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
