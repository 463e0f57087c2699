"""Nothing of somebody else's in the working directory gets in the way, whatever it is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.installing import environment, python

FOREIGN = (
    "tasks.py",
    "tests.py",
    "rewarders.py",
    "harness/__init__.py",
    "trainers/__init__.py",
    "leaderboards/__init__.py",
    "api/__init__.py",
    "cli/__init__.py",
)
LOADS = (
    "import selfreward_eval as se; from selfreward_eval.harness.registry import registry; "
    "print(registry('tasks').load('shapes_geneval').info.id, registry('models').load('dummy').__name__, "
    "se.Trainer.__name__, se.run.__name__)"
)
LOADED = "shapes_geneval@1 DummyModel Trainer run"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder of modules that fail when they are imported, and say so."""
    for name in FOREIGN:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"raise RuntimeError('{name} of somebody else was imported')\n")
    return tmp_path


def test_a_program_in_that_folder(foreign: Path) -> None:
    done = python(["-c", LOADS], foreign, environment())
    assert (done.stdout.strip(), done.stderr) == (LOADED, "")


def test_pytest_in_that_folder(foreign: Path) -> None:
    said = "capsys.readouterr().out.strip()"
    (foreign / "test_mine.py").write_text(
        f"def test_mine(capsys):\n    exec({LOADS!r})\n    assert {said} == {LOADED!r}\n"
    )
    done = python(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"], foreign, environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_console_command_in_that_folder(foreign: Path) -> None:
    script = Path(sys.executable).with_name("selfreward-eval")
    for arguments in (("list", "tasks"), ("run", "--model", "dummy", "--limit", "1", "-o", "out")):
        done = python([script, *arguments], foreign, environment())
        assert done.returncode == 0, done.stderr
        assert "shapes_geneval" in done.stdout


def test_a_notebook_in_that_folder(foreign: Path) -> None:
    from support.notebooks import execute

    (cell,) = execute([LOADS], foreign)
    assert cell == LOADED
