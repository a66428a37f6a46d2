"""Distributions that nobody published, made of real ones: as many files and bytes as are asked for.

What is generated is always the same, and compresses as the real thing does: neither random nor all alike.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NAME = "envship_bench_files"
PER_FOLDER = 100
EDGE, STEP = 4, 1 << 18  # only the middle half of a library is changed: it still has to be an ELF file


class Record:
    """A distribution's RECORD, as wheels have it (PyPA specifications, "Recording installed projects")."""

    def __init__(self, site: Path, info: str) -> None:
        self.site, self.info, self.lines = site, info, [f"{info}/RECORD,,"]

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        target = self.site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.lines.append(f"{quoted(path)},sha256={digest},{len(content)}")

    def metadata(self, name: str) -> None:
        self.write(f"{self.info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode())
        self.write(f"{self.info}/INSTALLER", b"pip\n")
        wheel = b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        self.write(f"{self.info}/WHEEL", wheel)

    def close(self) -> None:
        (self.site / self.info / "RECORD").write_text("\n".join(sorted(self.lines)) + "\n")


def quoted(path: str) -> str:
    return f'"{path}"' if "," in path else path


# --- many small files -----------------------------------------------------------------------------


def write_distribution(site: Path, library: Path, files: int, average: int) -> None:
    """One distribution of `files` modules, which are `average` bytes each in the mean."""
    statements = list(statements_of(library))
    chance = random.Random(20)
    record = Record(site, f"{NAME}-1.0.dist-info")
    record.metadata(NAME)
    for number in range(files):
        folder = number // PER_FOLDER
        path = f"{NAME}/part{folder // PER_FOLDER}/group{folder % PER_FOLDER}/module{number % PER_FOLDER}.py"
        record.write(path, module(chance, statements, number, average).encode())
    record.close()


def repeat_distribution(site: Path, copies: int) -> None:
    """What `write_distribution` wrote, under other names too, with its bytecode."""
    lines = (site / f"{NAME}-1.0.dist-info" / "RECORD").read_text().splitlines()
    modules = [line for line in lines if line.startswith(f"{NAME}/")]
    for number in range(1, copies + 1):
        name = renamed(NAME, number)
        shutil.copytree(site / NAME, site / name)
        record = Record(site, f"{name}-1.0.dist-info")
        record.metadata(name)
        record.lines += (line.replace(NAME, name, 1) for line in modules)
        record.close()


def module(chance: random.Random, statements: list[str], number: int, average: int) -> str:
    """Sizes are spread as those of real modules are: many small ones, few large ones."""
    wanted = chance.lognormvariate(0, 1) * average / 1.65  # the mean of that distribution
    parts, size = [f'"""Module {number}."""\n'], 0
    while size < wanted:
        # consecutive statements of one source, so that names and words repeat as they do in a file
        start = chance.randrange(len(statements))
        for statement in statements[start : start + chance.randint(1, 6)]:
            parts.append(statement)
            size += len(statement)
            if size >= wanted:
                break
    return "\n\n".join(parts)


def statements_of(library: Path) -> Iterator[str]:
    """The functions, classes and assignments of the standard library, each of which compiles alone."""
    for path in sorted(library.rglob("*.py")):
        if {"test", "tests", "site-packages", "lib2to3"} & set(path.parts):
            continue
        try:
            source = path.read_text()
            tree, lines = ast.parse(source), source.split("\n")
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Assign)):
                text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                if 40 < len(text) < 8000:
                    yield text + "\n"


# --- copies of real packages ------------------------------------------------------------------------


def copy_packages(site: Path, copies: int) -> None:
    """Every distribution `copies` times, under other names and with other content."""
    for info in sorted(site.glob("*.dist-info")):
        paths = recorded(info)
        for number in range(1, copies + 1):
            copy_distribution(site, info.name, paths, number)


def recorded(info: Path) -> list[str]:
    """A distribution's own files: no scripts, no bytecode, and no .pth, which every Python would run."""
    lines = (info / "RECORD").read_text().splitlines()
    paths = (re.sub(r",[^,]*,[^,]*$", "", line).strip('"') for line in lines)
    return [
        path for path in paths if not path.startswith(("..", "/", info.name)) and not path.endswith((".pyc", ".pth"))
    ]


def copy_distribution(site: Path, info: str, paths: list[str], number: int) -> None:
    name = info.partition("-")[0]
    record = Record(site, f"{renamed(name, number)}-1.0.dist-info")
    record.metadata(renamed(name, number))
    for path in paths:
        source = site / path
        if source.is_symlink() or not source.is_file():
            continue
        first, *rest = PurePosixPath(path).parts
        target = str(PurePosixPath(renamed(first, number), *rest))
        record.write(target, changed(path, source.read_bytes(), number), source.stat().st_mode & 0o777)
    record.close()


def renamed(top: str, number: int) -> str:
    """Of `numpy`, `numpy.libs` or `six.py`: the extension says what it is."""
    name, dot, extension = top.partition(".")
    return f"{name}_copy{number}{dot}{extension}"


def changed(path: str, content: bytes, number: int) -> bytes:
    """Differs from every other copy in each small file, and in each part of a large one."""
    if path.endswith((".py", ".pyi", ".pyx", ".pxd", ".txt", ".h", ".hpp")):
        comment = b"// " if path.endswith((".h", ".hpp")) else b"# "
        return content + (b"" if content.endswith(b"\n") or not content else b"\n") + comment + b"copy %d\n" % number
    edited = bytearray(content)
    for position in range(len(edited) // EDGE, len(edited) - len(edited) // EDGE, STEP):
        edited[position] ^= number
    return bytes(edited)


# --- larger libraries -------------------------------------------------------------------------------


def enlarge_libraries(site: Path, more: int, prefix: Path) -> None:
    """Appends about `more` bytes to the libraries, to each by its size, which no loader looks at.

    The environment's path stands before them, as compilers leave it in libraries, so that each has to be relocated.
    The lists of files keep the old hashes: packing writes them anew.
    """
    files = (site / path for info in sorted(site.glob("*.dist-info")) for path in recorded(info))
    paths = [path for path in files if ".so" in path.suffixes]
    named = b"\0%s/include/header.h\0" % str(prefix).encode()
    copies = round(more / sum(path.stat().st_size for path in paths))
    for path in paths:
        content = path.read_bytes()
        with path.open("ab") as file:
            file.write(named)
            for number in range(1, copies + 1):
                file.write(changed(path.name, content, number))
