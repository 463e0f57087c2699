"""The task: seeds, instruments and the way from pictures to measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import MissingData, UnknownName, UsageError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.records import Item, Sample
from selfreward_eval.tasks.geneval.task import GenEval


class Everywhere:
    """A detector that sees one object filling every picture, and counts its calls."""

    def __init__(self, label: str = "bench", score: float = 0.99) -> None:
        self.label, self.score = label, score
        self.calls: list[int] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "everywhere"}

    def detect(self, images: Sequence[Image.Image], labels: Sequence[str]) -> list[list[Detection]]:
        assert self.label in labels
        self.calls.append(len(images))
        return [[Detection(self.label, (0, 0, *image.size), self.score)] for image in images]


def with_detector(detector: Everywhere) -> GenEval:
    task = GenEval()
    task.__dict__["detector"] = detector
    task.__dict__["colour"] = None
    return task


def samples(items: Sequence[Item]) -> list[Sample]:
    return [Sample(item.id, 0, 0) for item in items]


def test_pictures_are_judged_by_their_own_row(official: Path) -> None:
    task = with_detector(Everywhere())
    items = task.items()[:3]
    images = [Image.new("RGB", (64, 64))] * 3
    measured = task.measure(items, samples(items), images)
    assert [measurement.values["accuracy"] for measurement in measured] == [1.0, 0.0, 0.0]
    assert measured[1].reason == "expected cow>=1, found 0"


def test_few_pictures_are_held_at_once(official: Path) -> None:
    detector = Everywhere()
    task = with_detector(detector)
    items = task.items()[:20]
    assert len(task.measure(items, samples(items), [Image.new("RGB", (8, 8))] * 20)) == 20
    assert detector.calls == [8, 8, 4]


def test_official_seeds_are_the_same_for_every_prompt_and_run() -> None:
    task = GenEval()
    items = [Item("00000", "a", "colors"), Item("00001", "b", "colors")]
    seeds = {tuple(task.seed(item, k, run, "official") for k in range(4)) for item in items for run in (0, 7)}
    assert seeds == {(42, 43, 44, 45)}


def test_hashed_seeds_differ() -> None:
    task = GenEval()
    item = Item("00000", "a", "colors")
    assert len({task.seed(item, k, run, "hashed") for k in range(4) for run in (0, 7)}) == 8


def test_an_unknown_seed_policy_is_refused() -> None:
    with pytest.raises(UsageError, match="hashed, official"):
        GenEval().seed(Item("00000", "a", "colors"), 0, 0, "lucky")


def test_building_the_task_builds_no_instrument() -> None:
    task = GenEval(detector="no_such_detector")
    with pytest.raises(UnknownName, match="no_such_detector"):
        _ = task.detector


def test_categories_without_colours_need_no_colour_classifier(official: Path) -> None:
    task = GenEval(detector="shapes_oracle", colour="no_such_one", categories="counting+single_object")
    assert list(task.instruments()) == ["detector"]
    assert {item.category for item in task.items()} == {"single_object", "counting"}
    assert task.info.comparable.startswith("no: shapes_oracle is another detector")


def test_an_unknown_category_is_named() -> None:
    with pytest.raises(UsageError, match="geneval has no category 'colour'; choose among single_object"):
        GenEval(categories="colors+colour")


def test_wrong_instrument_arguments_are_named() -> None:
    with pytest.raises(UsageError, match=r"'mask2former': .*colour_depth"):
        _ = GenEval(detector_args={"colour_depth": 3}).detector


def test_without_data_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match="data fetch geneval"):
        GenEval().items()


def test_the_thresholds_are_part_of_a_run() -> None:
    assert GenEval().options()["counting_threshold"] == 0.9
