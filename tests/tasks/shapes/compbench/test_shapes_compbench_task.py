"""The embedded CompBench end to end on pictures that are known to be right or wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.tasks.shapes.compbench.facts import facts
from selfreward_eval.tasks.shapes.compbench.requests import CATEGORIES, PER_CATEGORY, evaluated
from selfreward_eval.tasks.shapes.compbench.scenes import realise
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench, ShapesCompBenchFixed
from selfreward_eval.tasks.shapes.render import render

RULED = ("color", "shape", "texture", "spatial", "numeracy")
"""Categories whose official rule gives a right picture (nearly) the full score."""


@pytest.fixture(scope="module")
def right() -> list[Image.Image]:
    """A picture that fulfils each evaluated prompt."""
    rng = np.random.default_rng(4)

    def drawn() -> Iterator[Image.Image]:
        for request in evaluated():
            scene = None
            while scene is None:
                scene = realise(rng, request, avoid_unseen=False)
            yield Image.fromarray(render(scene))

    return list(drawn())


def measured(task: ShapesCompBench, images: list[Image.Image]) -> dict[str, list[Measurement]]:
    items = list(task.items())
    samples = [Sample(item.id, 0, 0) for item in items]
    found: dict[str, list[Measurement]] = defaultdict(list)
    for item, one in zip(items, task.measure(items, samples, images), strict=True):
        found[item.category].append(one)
    return found


def mean(measurements: list[Measurement]) -> float:
    return float(np.mean([one.values["score"] for one in measurements]))


@pytest.fixture(scope="module")
def official(right: list[Image.Image]) -> dict[str, list[Measurement]]:
    return measured(ShapesCompBench(), right)


def test_every_category_is_scored(official: dict[str, list[Measurement]]) -> None:
    assert list(official) == list(CATEGORIES)
    for found in official.values():
        assert len(found) == PER_CATEGORY
        assert all(one.status is Status.SUCCESS for one in found)


@pytest.mark.parametrize("category", RULED)
def test_right_pictures_score_high(official: dict[str, list[Measurement]], category: str) -> None:
    assert mean(official[category]) > 0.95


def test_the_official_depth_rule_reads_the_wrong_place_and_the_fixed_one_does_not(
    official: dict[str, list[Measurement]], right: list[Image.Image]
) -> None:
    fixed = measured(ShapesCompBenchFixed(), right)
    assert mean(fixed["3d_spatial"]) > mean(official["3d_spatial"]) + 0.1


def test_pictures_of_other_prompts_score_lower(
    official: dict[str, list[Measurement]], right: list[Image.Image]
) -> None:
    moved = measured(ShapesCompBench(), right[1:] + right[:1])
    for category in (*RULED, "non_spatial", "complex"):
        assert mean(moved[category]) < mean(official[category]) - 0.1, category


def test_an_empty_picture_is_measured_as_such() -> None:
    blank = [Image.new("RGB", (48, 48), (240, 240, 240))] * len(evaluated())
    found = measured(ShapesCompBench(), blank)
    for category in (*RULED, "3d_spatial"):
        assert mean(found[category]) == 0.0, category


def test_the_facts_are_those_of_the_sentence() -> None:
    request = next(r for r in evaluated() if r.kind == "spatialaction")
    told = facts(request)
    assert told.kind == "both"
    assert len(told.chunks) == 3
    assert next(word.text for word in told.words if word.pos == "NOUN") == request.wanted[0].form


def test_the_protocols_are_two_tasks() -> None:
    one, other = ShapesCompBench(), ShapesCompBenchFixed()
    assert one.info.id != other.info.id
    assert one.options() != other.options()
    assert [item.text for item in one.items()] == [item.text for item in other.items()]
