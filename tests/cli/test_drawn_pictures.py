"""Pictures in the terminal while they are drawn."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from selfreward_eval.cli.drawn_pictures import SIDE, DrawingProgress, half_blocks
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval


def terminal(**options: object) -> Console:
    settings = {"force_terminal": True, "color_system": "truecolor", "width": 110} | options
    return Console(file=io.StringIO(), **settings)  # type: ignore[arg-type]


def shown(console: Console, folder: Path, times: int = 1) -> str:
    """What is printed while a run is made, and made again."""
    with DrawingProgress({"before training": folder}, console) as progress:
        for _ in range(times):
            run(DummyModel(), [ShapesGenEval()], folder / "evaluation-guidance-1", limit=9, progress=progress)
        progress.start("next", 1, 0)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_four_pictures_of_a_task_appear_once_with_their_prompts(tmp_path: Path) -> None:
    text = shown(terminal(), tmp_path, times=2)
    assert text.count("shapes_geneval, before training:") == 1
    line = next(line for line in text.splitlines() if "▀" in line)
    assert line.count("▀") == 4 * SIDE
    assert text.count("✓") + text.count("✗") == 4


def test_a_run_outside_a_training_run_is_shown_too(tmp_path: Path) -> None:
    console = terminal()
    with DrawingProgress({"checkpoint=dsr": tmp_path}, console) as progress:
        run(DummyModel(), [ShapesGenEval()], tmp_path, limit=9, progress=progress)
        progress.start("next", 1, 0)
    assert isinstance(console.file, io.StringIO)
    assert "shapes_geneval, checkpoint=dsr:" in console.file.getvalue()


@pytest.mark.parametrize("options", [{"force_terminal": False}, {"color_system": None}])
def test_without_a_terminal_or_colours_there_are_none(tmp_path: Path, options: dict[str, object]) -> None:
    assert "▀" not in shown(terminal(**options), tmp_path)


def test_half_a_block_is_a_pixel() -> None:
    picture = Image.new("RGB", (2 * SIDE, 2 * SIDE), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 2, 2 * SIDE, 2 * SIDE))
    text = half_blocks(picture)
    assert text.plain == "\n".join(["▀" * SIDE] * (SIDE // 2))
    assert str(text.spans[0].style) == "#ff0000 on #0000ff"
