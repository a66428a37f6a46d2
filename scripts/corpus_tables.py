"""Prints what scripts/corpus found, as Markdown:

    corpus_tables.py FIXTURES RESULTS PYTHON [--page TOOLS] GROUP...

FIXTURES holds the requirements, GROUP.txt, and RESULTS a folder for each group with the reports of
`envship verify`. With --page it is the whole page of docs/, else the tables of the groups alone.
"""

import json
import pathlib
import re
import subprocess
import sys

STANDARD_LIBRARY = "the standard library"
SHORT = 90
PAGE = """\
# The corpus

Real distributions from PyPI, chosen because packing them is hard, as virtual environments of a source-built
Python, and the packages of the fixture channel as a conda environment. Each environment is packed by envship
and by its peer, and `envship verify` tries each archive as an engine would have it: unpacked at another path,
not activated, nothing run after unpacking, read-only, and as a user who can't read the original. A module counts
if it can be imported in an empty environment and in a hostile one (a user site that shadows every module, a
foreign `PYTHONPATH` and `LD_LIBRARY_PATH`, another environment's activation), a script if it starts.

How to read the tables:

- *imports*, *hostile imports* and *scripts* are those of envship's archive: how many of how many are fine. What
  fails in the original environment too isn't held against any packer.
- *venv-pack* leaves the interpreter on the machine that packs, as a link, so its archives can't start where that
  isn't. *venv-pack, same Python* is the kinder case: the node has the same Python at the same path, the archive
  is unpacked where and as who packed it, and only the original environment is gone.
- *conda-pack* is tried without `conda-unpack` and unactivated, which is what an engine does with an archive.
- Of envship's archives it is also asked that nothing is loaded from outside but what every Linux node has. The
  peers don't promise that, and it isn't held against them. (A module that does so isn't tried in the hostile
  environment any more, so some of the peers' ticks are kinder than they should be.)
- A dash: there is nothing to try, or the files alone, which are right if *as a whole* is.
- The row *what they need* sums up all that the requirements pull in, and *as a whole* is the interpreter, the files
  and `pip check`.

Rerun it with `scripts/corpus`, or a group with `scripts/corpus --only GROUP`; `--write` writes this page. The
requirements and the locks are in `fixtures/corpus`.

Made with {tools}.
"""


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Group:
    def __init__(self, name, fixtures, results, python):
        self.name = name
        lines = (fixtures / f"{name}.txt").read_text().splitlines()
        self.about = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
        self.pins = [tuple(line.split("==")) for line in lines if line and not line.startswith("#")]
        self.conda = name == "conda"
        folder = results / name
        self.original = (folder / "environment").read_text().strip()
        self.python = python
        self.ours = self.checks(folder / "ours.json")
        # What fails before packing is no packer's fault; verify was told of the original for ours only.
        self.excused = {
            (check["area"], check["name"])
            for check in self.ours
            if check["outcome"] == "tolerated" and "original environment" in check["reason"]
        }
        self.peers = {"conda-pack" if self.conda else "venv-pack": self.checks(folder / "peer.json")}
        if not self.conda:
            self.peers["venv-pack, same Python"] = self.checks(folder / "peer-with-python.json")

    @staticmethod
    def checks(path):
        return json.loads(path.read_text())["checks"]

    def row_of(self, check):
        """The requirement, or the row below, that a check is shown with."""
        distribution = check.get("distribution")
        if distribution is None:
            return None
        if distribution == STANDARD_LIBRARY:
            return "python"
        name = normalized(distribution)
        # conda's names aren't always those of the distributions
        names = [normalized(pin[0]) for pin in self.pins]
        return next((known for known in names if name in (known, known.removeprefix("python-"))), "")

    def held_against(self, check):
        """Whether a peer has to answer for it."""
        outside = check["reason"].startswith(("loads from outside", "sys.path leads outside"))
        theirs = check["name"] in ("sys.base_prefix",)
        return not outside and not theirs and (check["area"], check["name"]) not in self.excused

    def short(self, check):
        reason = check["reason"]
        for found, told in (
            (r"/\S*/envship verify \w+/an unpacked environment/?", ""),
            (re.escape(self.original), "(original)"),
            (re.escape(str(pathlib.Path(self.python).parent.parent)), "(Python)"),
            (r"/tmp/tmp\.\w+/peer/?", ""),
            (r"/\S*_placehold\S*", "(placeholder)"),
            (re.escape(str(pathlib.Path.home())), "~"),
            (r"\s+", " "),
            (r"\|", r"\\|"),
        ):
            reason = re.sub(found, told, reason)
        name = check["name"]
        if check["area"] == "interpreter" and name == "bin/python":
            return "no interpreter"
        where = {"hostile-import": f"hostile: `{name}`", "import": f"import `{name}`"}.get(check["area"], f"`{name}`")
        text = f"{where}: {reason}"
        return text if len(text) <= SHORT else text[: SHORT - 1].rstrip() + "…"

    def verdict(self, tried, failed):
        if not failed:
            return "✓" if tried else "–"
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"✗ {self.short(failed[0])}{more}"

    def rows(self):
        """For each row its label, version, and the columns' cells."""
        labels = [(normalized(name), name, version) for name, version in self.pins]
        if not self.conda:
            labels.insert(0, ("python", "Python itself", version_of(self.python)))
        labels += [("", "*what they need*", ""), (None, "*as a whole*", "")]
        for key, name, version in labels:
            yield name, version, [*self.cells_of_ours(key), *(self.cell_of(peer, key) for peer in self.peers.values())]

    def cells_of_ours(self, key):
        checks = [check for check in self.ours if self.row_of(check) == key]
        count = {area: [c for c in checks if c["area"] == area] for area in ("import", "hostile-import", "script")}
        total = [c for c in count["import"] if (c["area"], c["name"]) not in self.excused]

        def share(area, total):
            # a script that starts and then doesn't like its arguments is fine
            fine = ("passed", "tolerated") if area == "script" else ("passed",)
            good = [check for check in count[area] if check["outcome"] in fine]
            return f"{len(good)} of {len(total)}" if total else "–"

        failed = [check for check in checks if check["outcome"] == "failed"]
        shares = [share("import", total), share("hostile-import", total), share("script", count["script"])]
        excused = [f"`{c['name']}`" for c in checks if (c["area"], c["name"]) in self.excused]
        note = f" (in the original {' and '.join(excused)} fails too)" if excused else ""
        return [*shares, self.verdict(checks, failed) + note]

    def cell_of(self, peer, key):
        whole = [check for check in peer if check["area"] == "interpreter" and check["name"] == "bin/python"]
        if any(check["outcome"] == "failed" for check in whole):
            return "✗ no interpreter"
        checks = [check for check in peer if self.row_of(check) == key]
        failed = [check for check in checks if check["outcome"] == "failed" and self.held_against(check)]
        return self.verdict(checks, failed)

    def table(self):
        columns = ["distribution", "version", "imports", "hostile imports", "scripts", "envship", *self.peers]
        lines = [columns, ["---"] * len(columns)]
        lines += [[name, version, *cells] for name, version, cells in self.rows()]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def score(self):
        """How many of the requirements are fine, for envship and each peer."""
        names = {name for name, _ in self.pins}
        cells = [cells[3:] for name, _, cells in self.rows() if name in names and cells[3] != "–"]
        return len(cells), [sum(cell.startswith("✓") for cell in column) for column in zip(*cells)]

    def __str__(self):
        return f"## {self.name.replace('-', ' ').capitalize()}\n\n{self.about}\n\n{self.table()}\n"


def version_of(python):
    code = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def summary(groups):
    lines = ["| group | distributions | envship | conda-pack or venv-pack | venv-pack, same Python |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for group in groups:
        total, scores = group.score()
        scores += ["–"] * (3 - len(scores))
        lines.append(f"| {group.name} | {total} | " + " | ".join(map(str, scores)) + " |")
    return "How many are fine:\n\n" + "\n".join(lines) + "\n"


def main(fixtures, results, python, *arguments):
    tools = None
    if arguments[0] == "--page":
        tools, arguments = arguments[1], arguments[2:]
    groups = [Group(name, pathlib.Path(fixtures), pathlib.Path(results), python) for name in arguments]
    if tools:
        print(PAGE.format(tools=tools))
    print(summary(groups))
    print("\n".join(map(str, groups)), end="")


main(*sys.argv[1:])
