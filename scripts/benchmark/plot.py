"""The results as a plot: bars of the times of each case, and the curve of the levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from .results import Result

WIDTH, LABEL, BAR, GAP, MARGIN = 860, 250, 18, 6, 24
OURS, THEIRS, INK, FAINT = "#2563a8", "#b4b9c0", "#24292f", "#d8dce1"
CURVE_HEIGHT = 300
Place = Callable[[float, float], "tuple[float, float]"]
BARS = ("conda", "venv", "files", "unpack", "ship")
CURVES = {"gzip": "#2563a8", "zstd": "#b4582a"}


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, color: str = FAINT) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'


def is_ours(name: str) -> bool:
    return name.startswith("envship")


def bars(result: Result, top: float) -> tuple[list[str], float]:
    """A case's candidates, the longest as wide as the plot, with the spread as a thin line."""
    found = {name: each for name, each in result.measured.items() if each.samples}
    parts = [text(MARGIN, top + 14, f"{result.case}: {result.about} (seconds)", size=14, weight="bold")]
    longest = max((max(each.values("elapsed")) for each in found.values()), default=1)
    scale = (WIDTH - LABEL - MARGIN - 70) / longest
    y = top + 26
    for name, each in found.items():
        times, middle = each.values("elapsed"), each.median("elapsed") or 0
        color = OURS if is_ours(name) else THEIRS
        parts.append(text(LABEL - 8, y + 13, name, "end"))
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{middle * scale:.1f}" height="{BAR}" fill="{color}"/>')
        parts.append(line(LABEL + min(times) * scale, y + BAR / 2, LABEL + max(times) * scale, y + BAR / 2, INK))
        parts.append(text(LABEL + max(times) * scale + 6, y + 13, f"{middle:.2f}"))
        y += BAR + GAP
    return parts, y + MARGIN


def curve(result: Result, top: float) -> tuple[list[str], float]:
    """Size by time, a point for each level."""
    points = {
        name: [(median, size, each.split("-")[-1]) for each, median, size in medians(result) if each.startswith(name)]
        for name in CURVES
    }
    everything = [point for series in points.values() for point in series]
    if not everything:
        return [], top
    widest = max(x for x, _, _ in everything) * 1.05
    low, high = min(y for _, y, _ in everything) * 0.97, max(y for _, y, _ in everything) * 1.01
    left, bottom = 80, top + 30 + CURVE_HEIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + x / widest * (WIDTH - left - MARGIN)
        return across, bottom - (y - low) / (high - low) * CURVE_HEIGHT

    parts = [text(MARGIN, top + 14, f"levels: {result.about} (MB by seconds)", size=14, weight="bold")]
    parts += axes(place, widest, low, high, left, bottom)
    for name, series in points.items():
        parts += drawn(name, [(*place(x, y), level) for x, y, level in series])
    return parts, bottom + 2 * MARGIN


def medians(result: Result) -> Iterable[tuple[str, float, float]]:
    for name, found in result.measured.items():
        elapsed, size = found.median("elapsed"), found.median("size")
        if elapsed is not None and size is not None:
            yield name, elapsed, size / 1e6


def axes(place: Place, widest: float, low: float, high: float, left: float, bottom: float) -> list[str]:
    parts = [line(left, bottom, WIDTH - MARGIN, bottom, INK)]
    for step in range(5):
        size, time = low + (high - low) * step / 4, widest * step / 4
        _, y = place(0, size)
        x, _ = place(time, low)
        parts += [line(left, y, WIDTH - MARGIN, y), text(left - 8, y + 4, f"{size:.0f}", "end")]
        parts.append(text(x, bottom + 18, f"{time:.1f}", "middle"))
    return parts


def drawn(name: str, series: Sequence[tuple[float, float, str]]) -> list[str]:
    if not series:
        return []
    color = CURVES[name]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in series)
    parts = [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>']
    for x, y, level in series:
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>')
        parts.append(text(x + 5, y - 6, f"{name} {level}", size=10))
    return parts


def write(path: Path, results: Sequence[Result]) -> None:
    by_name = {result.case: result for result in results}
    parts, top = [], float(MARGIN)
    for name in BARS:
        if name in by_name:
            more, top = bars(by_name[name], top)
            parts += more
    if "levels" in by_name:
        more, top = curve(by_name["levels"], top)
        parts += more
    size = f'width="{WIDTH}" height="{top:.0f}" viewBox="0 0 {WIDTH} {top:.0f}"'
    background = f'<rect width="{WIDTH}" height="{top:.0f}" fill="#ffffff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    path.write_text("\n".join([head, background, *parts, "</svg>"]) + "\n")
