"""The oracle's accuracy against the truth, measured and printed."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.oracle.accuracy import Row, measure, pair, scene_is_read
from selfreward_eval.tasks.shapes.oracle.reading import read
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing

SCENES = 2000
LEAST = {
    "count": 0.98,
    "form": 0.98,
    "colour": 0.98,
    "texture": 0.98,
    "size": 0.98,
    "relation": 0.98,
    "order": 0.97,
    "scene": 0.95,
}
"""Property -> least share of right readings on every kind of scene."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return measure(SCENES)


def table(rows: list[Row]) -> str:
    """Properties down, kinds of scene across, shares in per cent."""
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        cells[row.property][row.kind] = "" if row.rate is None else f"{row.rate:.1%}"
    head = "".join(f"{kind:>11}" for kind in KINDS)
    lines = [f"{name:10}" + "".join(f"{cells[name].get(kind, ''):>11}" for kind in KINDS) for name in LEAST]
    return "\n".join([f"the oracle on {SCENES} scenes", " " * 10 + head, *lines])


def test_every_property_is_read_right(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + table(rows))
    assert {row.property for row in rows} == set(LEAST)
    assert {row.kind for row in rows} == set(KINDS)
    assert [row for row in rows if row.rate is None or row.rate < LEAST[row.property]] == []


def test_every_scene_is_counted_once(rows: list[Row]) -> None:
    assert sum(row.total for row in rows if row.property == "scene") == SCENES
    assert sum(row.total for row in rows if row.property == "count") == SCENES


def test_an_oracle_that_is_shown_nothing_reads_nothing_right() -> None:
    """The measurement can fail: a blank picture is wrong in every property."""
    blank = measure(16, through=lambda picture: np.full_like(picture, 240))
    assert {(row.property, row.correct) for row in blank} == {
        (name, 0) for name in ("count", "form", "colour", "texture", "size", "order", "scene")
    }


def test_the_same_seed_measures_the_same_scenes() -> None:
    assert measure(16, seed=3) == measure(16, seed=3)


def test_progress_is_told_scene_by_scene() -> None:
    told: list[int] = []
    measure(5, progress=told.append)
    assert told == [1] * 5


def test_a_reading_is_paired_with_the_nearest_thing_of_its_colour() -> None:
    scene = Scene((Thing("star", "red", 8, 8), Thing("star", "blue", 8, 24), Thing("ring", "red", 40, 40)))
    seen = read(render(scene))
    matched = pair(scene.things, seen[1:])
    assert [None if one is None else (one.form, one.colour) for _, one in matched] == [
        None, ("star", "blue"), ("ring", "red")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"form": "ring"},
        {"colour": "blue"},
        {"texture": "striped"},
        {"size": "small"},
        {"x": 40},
    ],
)
def test_a_scene_is_read_only_if_everything_is_right(change: dict[str, object]) -> None:
    truth = {"form": "star", "colour": "red", "x": 8, "y": 8}
    seen = read(render(Scene((Thing(**truth),))))  # type: ignore[arg-type]
    assert scene_is_read(Scene((Thing(**truth),)), seen)  # type: ignore[arg-type]
    assert not scene_is_read(Scene((Thing(**(truth | change)),)), seen)  # type: ignore[arg-type]


def test_an_object_too_many_is_no_right_reading() -> None:
    one, two = Thing("star", "red", 8, 8), Thing("star", "red", 40, 40)
    assert not scene_is_read(Scene((one,)), read(render(Scene((one, two)))))
