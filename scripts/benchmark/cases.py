"""The cases: which candidates run in turns, on which environment, and which rows their results decide."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import commands
from .commands import Cache, Envship, edited
from .environments import Environment
from .limit import MOST, limited
from .measure import Candidate, run
from .peers import Peer
from .rows import MEGABYTE, Row, What
from .setting import Setting

PIGZ, ZSTD = "tar | pigz -4", "tar | zstd -3 -T0"
GZIP_LEVELS, ZSTD_LEVELS = range(1, 10), (1, 2, 3, 4, 5, 6, 8, 10, 12)
PEAK = MOST / MEGABYTE


@dataclass
class Stage:
    """All that a case's candidates are made from."""

    setting: Setting
    envship: Envship
    peers: dict[str, Peer]
    environments: dict[str, Environment]

    def of(self, name: str, make: Callable[[Peer], Candidate]) -> list[Candidate]:
        """Of a peer, if there is that peer."""
        return [make(self.peers[name])] if name in self.peers else []

    @property
    def work(self) -> Path:
        return self.setting.work


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    environments: tuple[str, ...]
    candidates: Callable[[Stage], list[Candidate]]
    rows: Callable[[Stage], list[Row]]
    most: int | None = None  # rounds, where more would tell nothing
    warm_up: int = 1


# --- cold and warm packing ------------------------------------------------------------------------


def pipelines(stage: Stage, environment: Environment) -> list[Candidate]:
    return [
        *stage.of("pigz", lambda peer: commands.pigz(peer, environment, stage.work)),
        *stage.of("zstd", lambda peer: commands.zstd(peer, environment, stage.work)),
    ]


def pack_conda(stage: Stage) -> list[Candidate]:
    environment = stage.environments["conda"]
    ours = stage.envship

    def conda_pack(*options: str) -> list[Candidate]:
        return stage.of("conda-pack", lambda peer: commands.conda_pack(peer, environment, stage.work, *options))

    return [
        ours.pack(environment, "tar.gz"),
        *pipelines(stage, environment),
        *conda_pack("tar.gz"),
        *conda_pack("tar.gz", "-j", "-1"),
        *conda_pack("zip"),
        ours.pack(environment, "zip"),
        ours.pack(environment, "tar.zst"),
        ours.pack_by_default(environment),
        *stage.of("mksquashfs", lambda peer: commands.mksquashfs(peer, environment, stage.work)),
        *warm(stage),
    ]


def warm(stage: Stage) -> list[Candidate]:
    """The round that warms up fills the cache."""
    if not stage.envship.caches:
        return []
    conda, changed = stage.environments["conda"], stage.environments["changed"]
    again = stage.envship.pack(conda, "tar.gz", name="envship, nothing changed", cache=Cache.WARM)
    once = stage.envship.pack(changed, "tar.gz", name="envship, one package changed", cache=Cache.WARM)
    return [again, edited(once, changed)]


def rows_of_conda(_: Stage) -> list[Row]:
    zipped, theirs = "envship zip", "conda-pack zip"
    return [
        *rows_of_gzip("conda", "conda-pack tar.gz"),
        Row("conda", zipped, What.TIME, theirs, 0.30),
        Row("conda", zipped, What.SIZE, theirs, 1.0, below=True),
        *rows_of_zstd("conda"),
        Row("conda", "envship, nothing changed", What.TIME, "conda-pack tar.gz", 0.07),
        Row("conda", "envship, one package changed", What.TIME, "conda-pack tar.gz", 0.07),
        Row("conda", "envship tar.gz, no options", What.TIME, PIGZ),
        Row("conda", "envship tar.gz, no options", What.TIME, "conda-pack tar.gz"),
    ]


def rows_of_gzip(case: str, peer: str) -> list[Row]:
    ours = "envship tar.gz"
    return [
        Row(case, ours, What.TIME, PIGZ, 0.60, stretch=0.45),
        Row(case, ours, What.SIZE, PIGZ, 1.01),
        Row(case, ours, What.TIME, peer, 0.30),
    ]


def rows_of_zstd(case: str) -> list[Row]:
    ours = "envship tar.zst"
    return [Row(case, ours, What.TIME, ZSTD, 1.1), Row(case, ours, What.SIZE, ZSTD, 1.02)]


def pack_venv(name: str) -> Callable[[Stage], list[Candidate]]:
    def candidates(stage: Stage) -> list[Candidate]:
        environment = stage.environments[name]
        return [
            stage.envship.pack(environment, "tar.gz"),
            *pipelines(stage, environment),
            *stage.of("venv-pack", lambda peer: commands.venv_pack(peer, environment, stage.work, "tar.gz")),
            stage.envship.pack(environment, "tar.zst"),
            stage.envship.pack_by_default(environment),
        ]

    return candidates


def rows_of_venv(name: str) -> Callable[[Stage], list[Row]]:
    peak = Row(name, "envship tar.gz", What.MEMORY, limit=PEAK)
    return lambda _: [*rows_of_gzip(name, "venv-pack tar.gz"), *rows_of_zstd(name), peak]


# --- unpacking and shipping -----------------------------------------------------------------------


def packed(stage: Stage, environment: Environment) -> Path:
    """An archive of ours, made once for a case."""
    archive = stage.work / f"{environment.name}.tar.gz"
    packing = stage.envship.pack(environment, "tar.gz")
    run(packing, stage.work)
    (stage.work / "ours.tar.gz").rename(archive)
    return archive


def unpack(stage: Stage) -> list[Candidate]:
    archive = packed(stage, stage.environments["conda"])
    return [stage.envship.unpack(archive), commands.untar(archive, stage.work)]


def ship(stage: Stage) -> list[Candidate]:
    conda = stage.environments["conda"]
    return [stage.envship.ship(conda), stage.envship.pack(conda, "tar.gz")]


# --- size -------------------------------------------------------------------------------------------


def sized(stage: Stage, environment: Environment) -> list[Candidate]:
    ours, name = stage.envship, environment.name
    packing = [ours.pack(environment, suffix, name=f"{suffix}, {name}") for suffix in ("tar.gz", "zip", "tar.zst")]
    shipping = ours.ship(environment, name=f"ship, {name}")
    unpacking = ours.unpack(
        packed(stage, environment), f"unpack, {name}", "--allow-absolute-links"
    )  # to the nodes' Python
    return [*packing, shipping, unpacking, *limited(packing[0])]


SIZES = ("venv", "large", "big")  # ten times the bytes, and ten times the files, too


def memory(stage: Stage) -> list[Candidate]:
    return [candidate for name in SIZES for candidate in sized(stage, stage.environments[name])]


def rows_of_memory(stage: Stage) -> list[Row]:
    ways = ("tar.gz", "zip", "tar.zst", "ship", "unpack")
    rows = [Row("memory", f"{way}, {name}", What.MEMORY, limit=PEAK) for way in ways for name in SIZES]
    same = [
        Row("memory", f"{way}, {name}", What.MEMORY, f"{way}, venv", limit=1.1) for name in SIZES[1:] for way in ways
    ]
    named = (stage.envship.pack(stage.environments[name], "tar.gz", name=f"tar.gz, {name}") for name in SIZES)
    hard = [Row("memory", bound.name, What.FINISHES) for candidate in named for bound in limited(candidate)]
    return rows + same + hard


def linear(stage: Stage) -> list[Candidate]:
    return [stage.envship.pack(stage.environments[name], "tar.gz", name=name) for name in ("venv", "big")]


def rows_of_linear(stage: Stage) -> list[Row]:
    growth = stage.environments["big"].bytes / stage.environments["venv"].bytes
    return [Row("linear", "big", What.GROWTH, "venv", 1.1, growth=growth)]


def levels(stage: Stage) -> list[Candidate]:
    venv = stage.environments["venv"]
    return [
        stage.envship.pack(venv, suffix, "--compress-level", str(level), name=f"{codec} -{level}")
        for codec, suffix, found in (("gzip", "tar.gz", GZIP_LEVELS), ("zstd", "tar.zst", ZSTD_LEVELS))
        for level in found
    ]


def clean(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)


CASES = [
    Case("conda", "a conda environment", ("conda", "changed"), pack_conda, rows_of_conda),
    Case("venv", "a virtual environment of the same packages", ("venv",), pack_venv("venv"), rows_of_venv("venv")),
    Case("files", "100,000 small files", ("files",), pack_venv("files"), rows_of_venv("files")),
    Case(
        "unpack",
        "our archive of the conda environment",
        ("conda",),
        unpack,
        lambda _: [Row("unpack", "envship unpack", What.TIME, "tar -xzf", 0.55)],
    ),
    Case(
        "ship",
        "the conda environment, to an S3 server on this machine",
        ("conda",),
        ship,
        lambda _: [Row("ship", "envship ship", What.TIME, "envship tar.gz", 1.15)],
    ),
    Case("linear", "the same packages once and ten times", ("venv", "big"), linear, rows_of_linear),
    Case(
        "memory",
        "the same packages, ten times as large, and ten times as many",
        SIZES,
        memory,
        rows_of_memory,
        most=1,
        warm_up=0,
    ),
    Case("levels", "the virtual environment at each level", ("venv",), levels, lambda _: [], most=3),
    Case(
        "huge",
        "a million files",
        ("huge",),
        lambda stage: [stage.envship.pack(stage.environments["huge"], "tar.gz")],
        lambda _: [Row("huge", "envship tar.gz", What.MEMORY, limit=PEAK)],
        most=1,
        warm_up=0,
    ),
]
