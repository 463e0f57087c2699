"""Tasks that ask: the model answers about the task's own pictures, and what fails is a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import MissingCapability
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class Painted(Task):
    """Which colour is the picture? Half of the pictures lie in files, the others are made."""

    info = TaskInfo("painted", "1", "Colours", "none", images_per_item=1, capability="answer")
    metrics = (Metric("right"),)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def items(self) -> Sequence[Item]:
        return [Item(f"{colour}-{k}", "what colour?", "plain") for colour in COLOURS for k in range(2)]

    def input_image(self, item: Item) -> Path | Image.Image:
        colour, number = item.id.split("-")
        return self.folder / f"{item.id}.png" if number == "1" else Image.new("RGB", (4, 4), COLOURS[colour])

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image.Image]
    ) -> list[Measurement]:
        right = [float(sample.text == sample.item_id.split("-")[0]) for sample in samples]
        return [Measurement(Status.SUCCESS, {"right": value}) for value in right]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}


class Looker:
    """Names the colour of the first pixel; ``fails`` on one of them."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.asked = fails, 0

    def identity(self) -> dict[str, Any]:
        return {"name": "looker", "fails": self.fails}

    def answer(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[str | None]:
        self.asked += len(images)
        seen = [next(n for n, rgb in COLOURS.items() if rgb == image.getpixel((0, 0))) for image in images]
        if self.fails in seen:
            raise RuntimeError(f"blind to {self.fails}")
        return list(seen)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures for red and green in files; blue's is missing."""
    place = tmp_path / "pictures"
    place.mkdir()
    for colour in ("red", "green"):
        Image.new("RGB", (4, 4), COLOURS[colour]).save(place / f"{colour}-1.png")
    return place


def records(finished: Finished) -> dict[str, SampleRecord]:
    return {record.item.id: record for record in load_run(finished.folder).records["painted"]}


def test_answers_are_recorded_and_measured(folder: Path, tmp_path: Path) -> None:
    found = records(run(Looker(), [Painted(folder)], tmp_path / "out"))
    assert found["red-0"].sample.text == "red"
    assert found["green-1"].measurement.values == {"right": 1.0}


def test_a_missing_picture_is_a_status_and_nobody_is_asked(folder: Path, tmp_path: Path) -> None:
    model = Looker()
    found = records(run(model, [Painted(folder)], tmp_path / "out"))
    assert found["blue-1"].measurement.status is Status.MISSING_IMAGE
    assert "blue-1.png" in found["blue-1"].measurement.reason
    assert model.asked == 5


def test_an_unreadable_picture_is_a_status(folder: Path, tmp_path: Path) -> None:
    (folder / "red-1.png").write_bytes(b"no picture")
    found = records(run(Looker(), [Painted(folder)], tmp_path / "out"))
    assert found["red-1"].measurement.status is Status.UNREADABLE_IMAGE
    assert found["red-0"].measurement.ok


def test_an_answer_that_fails_costs_its_own_sample(folder: Path, tmp_path: Path) -> None:
    found = records(run(Looker(fails="green"), [Painted(folder)], tmp_path / "out", batch_size=6))
    assert {name for name, one in found.items() if one.measurement.status is Status.GENERATION_ERROR} == {
        "green-0",
        "green-1",
    }
    assert "blind to green" in found["green-0"].measurement.reason
    assert found["red-0"].measurement.ok


def test_what_was_answered_is_not_asked_again(folder: Path, tmp_path: Path) -> None:
    run(Looker(), [Painted(folder)], tmp_path / "out")
    again = Looker()
    finished = run(again, [Painted(folder)], tmp_path / "out")
    assert again.asked == 0
    assert finished.reused == 6


def test_a_model_that_cannot_answer_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match="answer"):
        run(DummyModel(), [Painted(folder)], tmp_path / "out")
