"""What would spoil a comparison is found before training."""

from __future__ import annotations

import pytest
from support.paths import DATA

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.rewarders.building import build
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.trainers.leakage import entanglements, refuse_overlap
from selfreward_eval.trainers.same_request import plain, request_key
from selfreward_eval.trainers.sources import ShapesSource


def test_training_on_an_evaluated_prompt_is_refused_in_any_spelling() -> None:
    task = ShapesGenEval()
    asked = task.items()[0].text
    with pytest.raises(UsageError, match="1 training prompts are asked by the evaluation 'shapes_geneval'"):
        refuse_overlap([Item("x", f"{asked.upper()} . ", "")], [task])


class Asks:
    """A task that asks these prompts."""

    info = ShapesGenEval.info

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def items(self) -> list[Item]:
        return [Item(str(number), text, "") for number, text in enumerate(self.texts)]


def refused(trained: str, evaluated: str) -> bool:
    try:
        refuse_overlap([Item("x", trained, "")], [Asks(evaluated)])  # type: ignore[list-item]
    except UsageError:
        return True
    return False


@pytest.mark.parametrize(
    ("trained", "evaluated"),
    [
        ("a red star and a blue ring", "a blue ring and a red star"),
        ("A Red star,  and a blue ring.", "a blue ring and a red star"),
        ("draw a red star and a blue ring", "a picture of a blue ring and a red star"),
        ("a cat on the left of a dog", "a dog on the right of a cat"),
        ("a photo of a cat left of a dog", "a photo of a dog right of a cat"),
        ("a cat to the left of a dog", "a dog to the right of a cat"),
        ("a boy on the top of a wallet", "a wallet on the bottom of a boy"),
        ("a cup above a plate", "A plate below a cup."),
        ("a car in front of a mouse", "a mouse behind a car"),
        ("a car in front of a mouse", "a mouse hidden by a car"),
        ("a vase next to a key", "a key next to a vase"),
        ("a vase near a key", "a key near a vase"),
        ("two cats, one dog and three birds", "three birds, two cats and one dog"),
        ("a cubic block and a cylindrical flashlight", "a cubic block and a cylindrical flashlight."),
        ("a caf\u00e9 and a bar", "a cafe\u0301 and a bar"),
        ("\ufb01sh", "fish"),
    ],
)
def test_the_same_request_in_other_words_is_refused(trained: str, evaluated: str) -> None:
    assert refused(trained, evaluated)
    assert refused(evaluated, trained)


@pytest.mark.parametrize(
    ("trained", "evaluated"),
    [
        ("a red star and a blue ring", "a blue star and a red ring"),
        ("a cat on the left of a dog", "a dog on the left of a cat"),
        ("a cat on the left of a dog", "a cat on the right of a dog"),
        ("a mouse behind a car", "a car behind a mouse"),
        ("a vase next to a key", "a vase near a key"),
        ("two cats and one dog", "one cat and two dogs"),
        ("a cat left of a dog and a cup above a plate", "a dog right of a cup above a plate and a cat"),
        ("a photo of a dog", "draw a dog"),
    ],
)
def test_another_request_passes(trained: str, evaluated: str) -> None:
    assert not refused(trained, evaluated)


@pytest.mark.parametrize(
    ("category", "overlap"),
    [("spatial", 32), ("3d_spatial", 44), ("shape", 4), ("numeracy", 2), ("color", 0), ("complex", 0)],
)
def test_compbench_trains_on_what_it_evaluates(category: str, overlap: int) -> None:
    """The figures of the task's README."""
    folder = DATA / "t2i-compbench" / "examples" / "dataset"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: set SELFREWARD_DATA")
    trained, evaluated = (
        [line for line in (folder / f"{category}_{split}.txt").read_text().splitlines() if line.strip()]
        for split in ("train", "val")
    )
    keys = {request_key(text) for text in trained}
    assert sum(request_key(text) in keys for text in evaluated) == overlap
    if overlap:
        items = [Item(str(number), text, "") for number, text in enumerate(trained)]
        with pytest.raises(UsageError, match=f"^{overlap} training prompts are asked"):
            refuse_overlap(items, [Asks(*evaluated)])  # type: ignore[list-item]


def test_the_shapes_world_keeps_its_prompts_apart_by_their_wording() -> None:
    items = ShapesSource().items(0, 100, seed=0)
    refuse_overlap(items, [ShapesGenEval(), ShapesCompBench()], plain)


def test_other_prompts_pass() -> None:
    refuse_overlap([Item("x", "a small green cat", "")], [ShapesGenEval()])


def test_a_reward_that_measures_as_the_evaluation_does_is_named() -> None:
    [detector, colour] = entanglements(build("detection", world="shapes"), [ShapesGenEval()])
    assert "detector (shapes_oracle) is also part of the reward 'detection'" in detector
    assert "shapes_oracle_colour" in colour


def test_an_independent_reward_has_nothing_to_say() -> None:
    assert entanglements(build("random"), [ShapesGenEval(), ShapesCompBench()]) == []
