"""The arrows of docs/architecture.md: what may import what, no circles, and how long a file may be.

Imports are read from the syntax tree, those inside functions included: a late import is an arrow too.
Imports under ``TYPE_CHECKING`` have to follow the arrows as well, but close no circle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from support.paths import ROOT

PACKAGE = "selfreward_eval"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("harness", "harness.errors"),
    ("harness.plugins", "harness.user_files", "harness.values"),
    ("harness.files", "harness.identity", "harness.records",
     "harness.registry", "harness.seeds"),
    ("harness.attempts", "harness.data", "harness.folders", "harness.task_arguments"),
    ("harness.task",),
    ("harness.instruments", "harness.stats"),
    ("harness.models",),
    ("harness.runs", "harness.testing"),
    ("harness.comparing", "harness.engines"),
    ("harness.power",),
    ("harness.gating",),
    ("harness.report",),
    ("tasks",),
    ("rewarders",),
    ("leaderboards", "trainers"),
    ("facade",),
    ("cli",),
)  # fmt: skip
"""Rooms from the ground up. A file may import from its own room and from lower layers only.

``facade`` is whatever lies directly in ``selfreward_eval/`` and is neither a link nor ``cli``.
"""

KNOWN_ARROWS: dict[tuple[str, str], str] = {}
"""(importing module, imported module) -> why this arrow against the order is still there."""

SOFT_LIMIT = 300
HARD_LIMIT = 500
LONG_FILES = {
    "harness/models/lm_eval_bridge.py",
    "harness/power/power.py",
    "harness/runs/store.py",
    "harness/stats/ppi.py",
    "tests/harness/instruments/test_depth_estimators.py",
    "tests/harness/instruments/test_vlm_vqa.py",
    "tests/harness/models/test_janus_loading.py",
    "tests/leaderboards/test_leaderboard_build.py",
    "tests/tasks/t2i_reasonbench/test_reasonbench_task.py",
    "trainers/report/methods.py",
    "trainers/rollouts.py",
}
"""Files above the soft limit. A new one needs a reason; one that was shortened leaves the list."""

FOLDERS = ("harness", "tasks", "rewarders", "trainers", "leaderboards")


class Import(NamedTuple):
    """One import of one of our modules, both without the leading ``selfreward_eval.``."""

    module: str
    imported: str
    line: int
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.imported}"


def files() -> dict[str, Path]:
    """Module name without the package -> file; the package itself is the empty name."""
    roof = ROOT / PACKAGE
    ours = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    ours += [
        path
        for entry in roof.iterdir()
        if not entry.is_symlink()
        for path in (entry.rglob("*.py") if entry.is_dir() else [entry])
        if path.suffix == ".py"
    ]
    named = {}
    for path in ours:
        parts = list(path.relative_to(roof if path.is_relative_to(roof) else ROOT).with_suffix("").parts)
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def room(module: str) -> str:
    """The room of a module: ``harness.stats.means`` lies in ``harness.stats``."""
    first, *rest = module.split(".")
    if first == "harness":
        return ".".join([first, *rest[:1]])
    return first if first in (*FOLDERS, "cli") else "facade"


def imports(module: str, path: Path, known: Iterable[str]) -> Iterator[Import]:
    """Every import of one of the ``known`` modules in a file, wherever in the file it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = f"{PACKAGE}.{package}".split(".")
                origin = ".".join([*above[: len(above) - node.level + 1], *filter(None, [origin])])
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
                continue
            imported = name.removeprefix(PACKAGE).removeprefix(".")
            while imported not in known:  # A name within a module: what is imported is the module.
                imported = imported.rpartition(".")[0]
            yield Import(module, imported, node.lineno, node in typing_only)


@cache
def all_imports() -> tuple[Import, ...]:
    known = files()
    return tuple(found for module, path in known.items() for found in imports(module, path, known))


def layer(room_name: str) -> int:
    return next(height for height, rooms in enumerate(LAYERS) if room_name in rooms)


def points_down(arrow: Import) -> bool:
    importer, imported = room(arrow.module), room(arrow.imported)
    return importer == imported or layer(imported) < layer(importer)


def circles() -> set[frozenset[str]]:
    """Sets of modules that reach each other through imports, those for types left out."""
    below: dict[str, set[str]] = {}
    for found in all_imports():
        if not found.for_types and found.module != found.imported:
            below.setdefault(found.module, set()).add(found.imported)

    @cache
    def reached(module: str) -> frozenset[str]:
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            new = below.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return frozenset(seen)

    return {
        frozenset(other for other in reached(module) if module in reached(other))
        for module in below
        if module in reached(module)
    }


def test_every_room_has_its_place_in_the_order() -> None:
    placed = {name for rooms in LAYERS for name in rooms}
    assert {room(module) for module in files()} - placed == set()


def test_arrows_point_down() -> None:
    up = [found for found in all_imports() if not points_down(found)]
    new = [str(found) for found in up if (found.module, found.imported) not in KNOWN_ARROWS]
    assert not new, "these imports go against the order in docs/architecture.md:\n" + "\n".join(new)


def test_known_arrows_are_still_there() -> None:
    up = {(found.module, found.imported) for found in all_imports() if not points_down(found)}
    assert KNOWN_ARROWS.keys() <= up, "mended: take it off KNOWN_ARROWS"


def test_modules_form_no_circle() -> None:
    new = sorted(sorted(circle) for circle in circles())
    assert not new, f"these modules import each other: {new}"


def test_harness_names_no_module_of_the_other_packages() -> None:
    """Not in a string either: names go through the registry."""
    foreign = tuple(f"{PACKAGE}.{folder}." for folder in (*FOLDERS[1:], "cli"))
    named = []
    for module, path in files().items():
        if not module.startswith("harness"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Docstrings, and the strings below a constant that describe it.
        prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        named += [
            f"{module}, line {node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and node not in prose
            and isinstance(node.value, str)
            and node.value.startswith(foreign)
        ]
    assert not named


def test_long_files_are_known() -> None:
    """Above 300 lines a file has to be on the list, above 500 none may be."""
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (*files().values(), *(ROOT / "tests").rglob("*.py"))
    }
    long = {name for name, lines in lengths.items() if lines > SOFT_LIMIT}
    assert long == LONG_FILES
    assert [name for name, lines in lengths.items() if lines > HARD_LIMIT] == []


@pytest.mark.parametrize(
    ("source", "imported", "for_types"),
    [
        ("from selfreward_eval.harness.records import Item", "harness.records", False),
        ("from selfreward_eval.harness import records", "harness.records", False),
        ("def f():\n    import selfreward_eval.harness.records", "harness.records", False),
        ("from . import records", "harness.records", False),
        ("from .records import Item", "harness.records", False),
        ("from selfreward_eval import __version__", "", False),
        ("if TYPE_CHECKING:\n    from selfreward_eval.harness.records import Item", "harness.records", True),
    ],
)
def test_every_way_to_import_is_seen(tmp_path: Path, source: str, imported: str, for_types: bool) -> None:
    path = tmp_path / "task.py"
    path.write_text(source)
    [found] = imports("harness.task", path, {"", "harness", "harness.records", "harness.task"})
    assert (found.imported, found.for_types) == (imported, for_types)


def test_an_import_of_other_packages_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "task.py"
    path.write_text("import numpy\nfrom selfreward_evaluation import run\n")
    assert list(imports("harness.task", path, {"", "harness.task"})) == []


@pytest.mark.parametrize(
    ("module", "imported", "right"),
    [
        ("harness.runs.run", "harness.models.base", True),
        ("harness.models.folder", "harness.runs.plan", False),
        ("trainers.loop", "leaderboards.build", False),
        ("harness.gating.fixed", "harness.gating.evidence", True),
        ("rewarders.base", "", False),
        ("api.training", "cli.train", False),
        ("cli.train", "trainers.loop", True),
    ],
)
def test_an_arrow_is_judged_by_its_rooms(module: str, imported: str, right: bool) -> None:
    assert points_down(Import(module, imported, 1, False)) is right
