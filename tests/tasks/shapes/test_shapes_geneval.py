"""``shapes_geneval``: perfect pictures are right, wrong ones are wrong for the right reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.registry import registry
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import Request, all_requests, evaluation, realise
from selfreward_eval.tasks.shapes.scene import Scene, Thing

TASK = ShapesGenEval()


def judged(item: Item, picture: Image.Image) -> Measurement:
    (measurement,) = TASK.measure([item], [Sample(item.id, 0, 0)], [picture])
    return measurement


def drawn(*things: Thing) -> Image.Image:
    return Image.fromarray(render(Scene(things)))


def asked(content: str) -> Item:
    """An item for any content, evaluated or not."""
    for tag in ("single_object", "two_object", "counting", "colors", "position", "color_attr"):
        for request in all_requests(tag):
            if request.content == content:
                return Item(content, content, tag, metadata=request.metadata(content))
    raise AssertionError(content)


def test_the_task_is_registered() -> None:
    assert registry("tasks").load("shapes_geneval") is ShapesGenEval
    assert TASK.info.id == "shapes_geneval@1"
    assert set(TASK.instruments()) == {"detector", "colour"}


def test_items_are_the_evaluation_in_order() -> None:
    items = TASK.items()
    assert [item.text for item in items] == [sentence for sentence, _ in evaluation()]
    assert [item.id for item in items] == [f"{k:05d}" for k in range(280)]
    assert all(item.category == item.metadata["tag"] for item in items)
    assert all(item.metadata["prompt"] == item.text for item in items)


def test_items_are_the_same_every_time() -> None:
    assert TASK.items() == ShapesGenEval().items()


def perfect(rng: np.random.Generator, request: Request) -> Image.Image:
    scene = realise(rng, request, avoid_unseen=False)
    assert scene is not None
    return Image.fromarray(render(scene))


def test_a_perfect_picture_of_every_item_scores_one() -> None:
    rng = np.random.default_rng(20)
    items = TASK.items()
    pictures = [perfect(rng, request) for _, request in evaluation()]
    measured = TASK.measure(items, [Sample(item.id, 0, 0) for item in items], pictures)
    wrong = [
        (i.text, m.reason) for i, m in zip(items, measured, strict=True) if m.values != {"accuracy": 1.0}
    ]
    assert wrong == []
    assert all(m.status is Status.SUCCESS and m.reason == "" and m.evidence["boxes"] for m in measured)


def blank(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", (48, 48), (240, 240, 240))


def noise(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))


@pytest.mark.parametrize("nothing", [blank, noise])
def test_a_picture_of_nothing_scores_zero_with_a_reason(
    nothing: Callable[[np.random.Generator], Image.Image],
) -> None:
    items = TASK.items()[::40]
    pictures = [nothing(np.random.default_rng(k)) for k in range(len(items))]
    measured = TASK.measure(items, [Sample(item.id, 0, 0) for item in items], pictures)
    assert [m.values for m in measured] == [{"accuracy": 0.0}] * len(items)
    assert all(m.status is Status.SUCCESS and m.reason.startswith("expected ") for m in measured)


@pytest.mark.parametrize(
    ("content", "things", "reason"),
    [
        ("a star", [Thing("ring", "red", 8, 8)], "expected star>=1, found 0"),
        ("a star and a ring", [Thing("star", "red", 8, 8)], "expected ring>=1, found 0"),
        (
            "two stars",
            [Thing("star", "red", 8, 8)],
            "expected star>=2, found 1",
        ),
        (
            "two stars",
            [Thing("star", "red", 8, 8), Thing("star", "red", 24, 8), Thing("star", "red", 40, 8)],
            "expected star<3, found 3",
        ),
        (
            "a red star",
            [Thing("star", "orange", 8, 8)],
            "expected red star>=1, found 0 red; and 1 orange",
        ),
        (
            "a star left of a ring",
            [Thing("star", "red", 40, 8), Thing("ring", "red", 8, 8)],
            "expected star left of target, found right of target",
        ),
        ("a star left of a ring", [Thing("star", "red", 8, 8)], "no target for star to be left of"),
        (
            "a red star and a blue ring",
            [Thing("star", "blue", 8, 8), Thing("ring", "red", 40, 8)],
            "expected blue ring>=1, found 0 blue; and 1 red",
        ),
    ],
)
def test_a_wrong_picture_scores_zero_and_says_why(content: str, things: list[Thing], reason: str) -> None:
    measurement = judged(asked(content), drawn(*things))
    assert measurement.values == {"accuracy": 0.0}
    assert reason in measurement.reason.splitlines()


def test_further_objects_do_no_harm_but_to_counts() -> None:
    extra = (Thing("star", "red", 8, 8), Thing("heart", "green", 40, 40), Thing("cross", "blue", 8, 40))
    assert judged(asked("a star"), drawn(*extra)).values == {"accuracy": 1.0}
    assert judged(asked("a red star"), drawn(*extra)).values == {"accuracy": 1.0}


def test_a_picture_of_another_size_is_judged_alike() -> None:
    things = (Thing("star", "red", 8, 24), Thing("ring", "blue", 40, 24))
    large = drawn(*things).resize((384, 384), Image.Resampling.NEAREST)
    assert judged(asked("a star left of a ring"), large).values == {"accuracy": 1.0}
    assert judged(asked("a star right of a ring"), large).values == {"accuracy": 0.0}


def test_the_evidence_shows_what_was_seen() -> None:
    evidence = judged(asked("a red star"), drawn(Thing("star", "red", 8, 8))).evidence
    (box,) = evidence["boxes"]
    assert (box["label"], box["colour"], box["kept"]) == ("star", "red", True)
    assert box["box"] == pytest.approx([1, 1, 15, 15], abs=1.5)


def test_official_numbers_stand_beside_ours() -> None:
    items = TASK.items()[:2]
    good, bad = drawn(Thing("circle", "red", 8, 8)), blank(np.random.default_rng(0))
    records = [
        SampleRecord(k, item, Sample(item.id, 0, 0), judged(item, picture))
        for k, (item, picture) in enumerate(zip(items, (good, bad), strict=True))
    ]
    assert TASK.extra(records)["official_overall"] == pytest.approx(0.5)
