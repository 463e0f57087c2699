"""The runner with a model that hands out pictures: asked by item and index, trusted with failures only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, MissingCapability
from selfreward_eval.harness.models.base import Request
from selfreward_eval.harness.models.inventory import Inventory
from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.task import Task, TaskInfo
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

NAME = "shapes_geneval"


class Supplier:
    """Hands out one grey picture for all; subclasses do otherwise. Counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def identity(self) -> dict[str, Any]:
        return {"adapter": "supplier", "name": "supplier", "generation": {}}

    def survey(self, tasks: Sequence[Task], limit: int | None = None) -> Inventory:
        return Inventory("nowhere", "none", 0, {}, (), ())

    def pictures(self, requests: Sequence[Request]) -> list[Image.Image | Measurement]:
        self.asked += requests
        return [self.picture(request) for request in requests]

    def picture(self, request: Request) -> Image.Image | Measurement:
        return Image.new("RGB", (48, 48), (240, 240, 240))


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("samples_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_is_asked_for_every_item_and_index_once(tmp_path: Path) -> None:
    model = Supplier()
    finished = run(model, [ShapesGenEval()], tmp_path, limit=6, batch_size=5)
    asked = [(one.task, one.item.id, one.index, one.seed) for one in model.asked]
    assert asked == [
        (NAME, line["prompt_id"], line["image_idx"], line["seed"]) for line in lines(finished.folder)
    ]
    assert len(asked) == 24
    assert finished.drawn == 24


def test_its_inventory_is_written(tmp_path: Path) -> None:
    finished = run(Supplier(), [ShapesGenEval()], tmp_path, limit=6)
    assert json.loads((finished.folder / "inventory.json").read_text())["source"] == "nowhere"


def test_a_status_in_place_of_a_picture_is_recorded_as_it_is(tmp_path: Path) -> None:
    class Damaged(Supplier):
        def picture(self, request: Request) -> Image.Image | Measurement:
            if request.index == 1:
                return Measurement(Status.UNREADABLE_IMAGE, reason="a hole in it", evidence={"file": "a"})
            return super().picture(request)

    finished = run(Damaged(), [ShapesGenEval()], tmp_path, limit=6)
    assert finished.scores[NAME].failures == {"unreadable_image": 6}
    (line, *_) = [line for line in lines(finished.folder) if line["image_idx"] == 1]
    assert (line["reason"], line["evidence"], line["image"]) == ("a hole in it", {"file": "a"}, None)


def test_it_cannot_supply_a_number(tmp_path: Path) -> None:
    class Cheating(Supplier):
        def picture(self, request: Request) -> Image.Image | Measurement:
            if request.index == 1:
                return Measurement(Status.SUCCESS, {"accuracy": 1.0})
            return super().picture(request)

    finished = run(Cheating(), [ShapesGenEval()], tmp_path, limit=6)
    assert finished.scores[NAME].failures == {"generation_error": 6}


def test_one_request_that_raises_costs_one_status(tmp_path: Path) -> None:
    class Shaky(Supplier):
        def picture(self, request: Request) -> Image.Image | Measurement:
            if request.index == 1:
                raise RuntimeError("no network")
            return super().picture(request)

    finished = run(Shaky(), [ShapesGenEval()], tmp_path, limit=6)
    assert finished.scores[NAME].failures == {"generation_error": 6}
    assert finished.scores[NAME].overall.n_scored == 18


def test_a_survey_that_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    class Empty(Supplier):
        def survey(self, tasks: Sequence[Task], limit: int | None = None) -> Inventory:
            raise InputError("nothing here")

    with pytest.raises(InputError, match="nothing here"):
        run(Empty(), [ShapesGenEval()], tmp_path)
    assert not list(tmp_path.iterdir())


def test_pictures_stand_in_for_drawing_only(tmp_path: Path) -> None:
    class Asking(ShapesGenEval):
        info = TaskInfo("asking", "1", "Questions", "none", images_per_item=1, capability="answer")

    with pytest.raises(MissingCapability, match=r"'asking' needs .* 'answer'; supplier offers: pictures"):
        run(Supplier(), [Asking()], tmp_path)
