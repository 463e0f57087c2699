"""Files of four pictures, cut into pictures that are scored like any others."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.dpg_bench import Answers

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.runs.run import run
from selfreward_eval.tasks.dpg_bench.grids import main, split_grids
from selfreward_eval.tasks.dpg_bench.task import DPGBench

COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0))


def grid(path: Path, side: int = 8) -> Path:
    path.parent.mkdir(exist_ok=True)
    image = Image.new("RGB", (2 * side, 2 * side))
    for place, colour in enumerate(COLOURS):
        image.paste(colour, ((place % 2) * side, (place // 2) * side, side * (place % 2 + 1), side * 2))
    image.save(path)
    return path


def test_four_pictures_by_rows(tmp_path: Path) -> None:
    grid(tmp_path / "grids" / "12.png")
    assert split_grids(tmp_path / "grids", tmp_path / "out") == 1
    cut = [Image.open(tmp_path / "out" / f"12_{k}.png") for k in range(4)]
    assert [image.size for image in cut] == [(8, 8)] * 4
    assert [image.getpixel((4, 4)) for image in cut] == list(COLOURS)


@pytest.mark.usefixtures("invented")
def test_they_are_scored_as_pictures_made_elsewhere(tmp_path: Path) -> None:
    grid(tmp_path / "grids" / "12.png")
    split_grids(tmp_path / "grids", tmp_path / "out")
    task = DPGBench(vqa=Answers(lambda question: "yes"))
    model = FolderModel(str(tmp_path / "out"), layout="ids")
    score = run(model, [task], tmp_path / "results").scores["dpg_bench"]
    assert (score.overall.value, score.overall.n_scored) == (1, 4)
    assert score.extra["dpg_x100"] == 100


@pytest.mark.parametrize("size", [(16, 8), (15, 15)])
def test_another_shape_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "grids").mkdir()
    Image.new("RGB", size).save(tmp_path / "grids" / "12.png")
    with pytest.raises(InputError, match="no square of two by two"):
        split_grids(tmp_path / "grids", tmp_path / "out")


def test_what_cannot_be_cut_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        split_grids(tmp_path / "none", tmp_path / "out")
    grid(tmp_path / "grids" / "12.png")
    grid(tmp_path / "grids" / "12.b.png")
    with pytest.raises(InputError, match="two files for the item '12'"):
        split_grids(tmp_path / "grids", tmp_path / "out")
    with pytest.raises(InputError, match="is not empty"):
        split_grids(tmp_path / "grids", tmp_path / "out")
    (tmp_path / "grids" / "12.b.png").unlink()
    (tmp_path / "grids" / "notes.txt").write_text("no picture")
    with pytest.raises(InputError, match=r"notes\.txt is no picture"):
        split_grids(tmp_path / "grids", tmp_path / "other")
    assert main(["one"]) == 2
    assert "give two folders" in capsys.readouterr().err
