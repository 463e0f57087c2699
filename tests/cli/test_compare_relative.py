"""``selfreward-eval compare`` of two LLaVA-Bench runs: the relative score in text, file and page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.runs.run import run
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench

Command = Callable[..., Any]


class Always:
    """Says one thing about everything."""

    def __init__(self, text: str) -> None:
        self.text = text

    def identity(self) -> dict[str, Any]:
        return {"name": self.text}

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        return [self.text] * len(images)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [run(Always(text), [ShapesLlavaBench()], tmp_path).folder for text in ("yes", "red")]


def test_the_text_gives_the_difference_with_its_interval(command: Command, folders: list[Path]) -> None:
    extra = [
        json.loads(next(folder.glob("results_*.json")).read_text())["selfreward"]["tasks"][
            "shapes_llava_bench"
        ]["extra"]["relative"]
        for folder in folders
    ]
    out = command("compare", *folders).out
    assert "relative score: 100 x candidate / reference" in out
    (found,) = [line for line in out.splitlines() if line.startswith("relative score:") and "B - A" in line]
    assert f"B - A = {extra[1] - extra[0]:+.1f}, 95 % interval " in found
    assert "72 items x 1" in found


def test_the_file_has_it_beside_the_headline(command: Command, folders: list[Path]) -> None:
    task = json.loads(command("compare", *folders, "--json").out)["tasks"]["shapes_llava_bench"]
    score = task["relative"]
    assert score["overall"]["low"] < score["overall"]["effect"] < score["overall"]["high"]
    assert (score["overall"]["n_items"], score["overall"]["n_units"]) == (72, 24)
    assert list(score["categories"]) == list(task["categories"])


def test_the_page_shows_it(command: Command, folders: list[Path], tmp_path: Path) -> None:
    command("compare", *folders, "--output-path", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text()
    assert "Relative score: " in page
    assert "100 x candidate / reference: " in page
    assert page.count("linearised item by item") == 1


def test_a_task_that_is_no_share_of_a_reference_has_none(command: Command, tmp_path: Path) -> None:
    from selfreward_eval.harness.testing.dummy_model import DummyModel

    pair = [
        run(DummyModel(name, size=size), [ShapesGenEval()], tmp_path, limit=6).folder
        for name, size in (("a", 48), ("b", 48))
    ]
    out = command("compare", *pair, "--output-path", tmp_path / "out.html").out
    assert "relative" not in out
    assert "Relative score" not in (tmp_path / "out.html").read_text()
