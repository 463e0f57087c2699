"""Runs from Python: names or objects, and the same files as the command line's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image
from support.commands import command

import selfreward_eval as se
from selfreward_eval.harness.errors import UnknownName, UsageError
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

__all__ = ["command"]


class Bright(se.Task):
    """A task that is registered nowhere."""

    info = se.TaskInfo("bright", "1", "Is the picture bright?", "none", images_per_item=1)
    metrics = (se.Metric("bright"),)

    def items(self) -> Sequence[se.Item]:
        return [se.Item(str(k), f"picture {k}", "all") for k in range(3)]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}

    def measure(
        self, items: Sequence[se.Item], samples: Sequence[se.Sample], images: Sequence[Image]
    ) -> list[se.Measurement]:
        values = [float(image.convert("L").getpixel((0, 0)) > 200) for image in images]  # type: ignore[operator]
        return [se.Measurement(se.Status.SUCCESS, {"bright": value}) for value in values]


def samples(run: Path) -> list[str]:
    """The sample lines without the times, which differ between two sittings."""
    lines = next(run.glob("samples_*.jsonl")).read_text().splitlines()
    return [json.dumps({**json.loads(line), "timing": None}) for line in lines]


def test_names_and_objects_make_the_same_run(tmp_path: Path) -> None:
    named = se.run("dummy", ["shapes_geneval"], tmp_path / "a", model_args={"size": 32}, limit=6)
    built = se.run(DummyModel(size=32), ShapesGenEval(), tmp_path / "b", limit=6)
    assert samples(named.folder) == samples(built.folder)
    assert named.scores == built.scores


def test_the_command_line_makes_the_same_run(tmp_path: Path, command: Any) -> None:
    here = se.run(
        "dummy", "shapes_geneval", tmp_path / "a", model_args={"size": 32, "missing": "red"}, limit=6
    )
    done = command(
        "run", "--model", "dummy", "--model-args", "size=32,missing=red", "--limit", 6, "-o", tmp_path / "b"
    )
    there = tmp_path / "b" / "dummy"
    assert done.code == 0, done.err
    assert samples(here.folder) == samples(there)
    configs = [
        json.loads(next(run.glob("results_*.json")).read_text())["config"] for run in (here.folder, there)
    ]
    assert configs[0] == configs[1]
    assert (here.folder / "report.html").is_file()


def test_a_task_of_ones_own_is_run_without_registering_it(tmp_path: Path) -> None:
    finished = se.run("dummy", [Bright()], tmp_path, page=False)
    assert finished.scores["bright"].overall.n_scored == 3
    assert se.load_run(str(finished.folder)).scores == finished.scores


def test_the_page_is_left_out_on_request(tmp_path: Path) -> None:
    assert not (se.run("dummy", Bright(), tmp_path, page=False).folder / "report.html").exists()


@pytest.mark.parametrize(
    ("model", "tasks", "arguments", "message"),
    [
        ("tniy", Bright(), {}, "unknown model 'tniy'; did you mean tiny"),
        ("dummy", "shapes_genevl", {}, "unknown task 'shapes_genevl'; did you mean shapes_geneval"),
        (
            DummyModel(),
            Bright(),
            {"model_args": {"size": 9}},
            "model_args are for a model that is given by name",
        ),
        (DummyModel, Bright(), {}, "the model is the class DummyModel; give an object"),
        ("dummy", Bright, {}, "the task is the class Bright; give an object"),
        ("dummy", [Bright(), Bright()], {}, "two tasks are called 'bright'"),
        ("dummy", Bright(), {"task_args": {"facts": 1}}, "task_args are for a task that is given by name"),
        (
            "dummy",
            Bright(),
            {"model_args": {"sise": 9}},
            "model 'dummy': .*'sise'; model_args takes: .*size=48",
        ),
        ("dummy", [], {}, "no task is named"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    tmp_path: Path, model: Any, tasks: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises((UsageError, UnknownName), match=message):
        se.run(model, tasks, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()
