"""A run's page is made again only where something it is made of has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from selfreward_eval.harness.report import write_run_page
from selfreward_eval.harness.report.pages import REPORT_NAME
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run with its page."""
    finished = run(DummyModel(), [ShapesGenEval()], tmp_path, limit=3)
    write_run_page(finished.folder)
    return finished.folder


def made_again(folder: Path) -> bool:
    """Whether writing the page makes a new file."""
    before = (folder / REPORT_NAME).stat().st_ino
    assert write_run_page(folder) == folder / REPORT_NAME
    return (folder / REPORT_NAME).stat().st_ino != before


def test_nothing_changed(folder: Path) -> None:
    assert not made_again(folder)


def test_a_finished_run_that_is_run_again_keeps_its_files_and_page(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = run(DummyModel(), [ShapesGenEval()], folder.parent, limit=3)
    assert (again.drawn, again.results_path in before) == (0, True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not made_again(folder)


def later(path: Path) -> None:
    """The file was written again, with the same bytes."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: later(next(folder.glob("samples_*"))),
        lambda folder: later(next(folder.glob("results_*"))),
        lambda folder: later(folder / "run.json"),
        lambda folder: later(next(folder.rglob("*.png"))),
        lambda folder: next(folder.rglob("*.png")).unlink(),
        lambda folder: (folder / REPORT_NAME).write_text("another page"),
        lambda folder: (folder / f".{REPORT_NAME}.state").unlink(),
        lambda folder: (folder / f".{REPORT_NAME}.state").write_bytes(b"\xff"),
    ],
)
def test_a_change_makes_it_again(folder: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    assert made_again(folder)


def test_another_budget_makes_it_again(folder: Path) -> None:
    before = (folder / REPORT_NAME).read_bytes()
    write_run_page(folder, budget=1000)
    assert (folder / REPORT_NAME).read_bytes() != before


def test_a_page_that_is_gone_comes_back(folder: Path) -> None:
    (folder / REPORT_NAME).unlink()
    assert write_run_page(folder).is_file()


def test_a_page_elsewhere_is_always_made(folder: Path, tmp_path: Path) -> None:
    page = write_run_page(folder, tmp_path / "page.html")
    page.write_text("")
    assert write_run_page(folder, page).stat().st_size > 0
