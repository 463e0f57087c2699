"""What captions' rewards say about their marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from selfreward_eval.tasks.shapes.llavabench_hard.items import questions
from studies.understanding.captions import WORLDS, Described, shown
from studies.understanding.figures import figures


def described(number: int, marks: tuple[float, ...]) -> Described:
    """One picture: marks of its sampled captions, of what the model says, and of the truth."""
    return Described("plain", number, "truth", "said", tuple("abcdefgh"[: len(marks) - 2]), marks)


def rewarded(marks: tuple[float, ...], rewards: Sequence[float | None], pictures: int = 3) -> dict[str, Any]:
    numbers = figures([described(k, marks) for k in range(pictures)], {"dsr": [rewards] * pictures})
    return {**numbers, **numbers["rewards"]["dsr"]}


def test_a_reward_that_orders_captions_as_the_judge_does() -> None:
    numbers = rewarded((1.0, 4.0, 10.0, 4.0, 10.0), (0.1, 0.2, 0.3, 0.2, 0.4))
    assert numbers["auc"]["value"] == 1
    assert numbers["best_of_n"] == 10
    assert (numbers["greedy"], numbers["sampled"], numbers["best_by_judge"]) == (4, 5, 10)
    assert numbers["truth_above_wrong_greedy"] == 1


def test_its_opposite() -> None:
    numbers = rewarded((1.0, 4.0, 10.0, 4.0, 10.0), (-0.1, -0.2, -0.3, -0.2, -0.4))
    assert (numbers["auc"]["value"], numbers["best_of_n"]) == (0, 1)
    assert numbers["truth_above_wrong_greedy"] == 0


def test_where_the_model_is_right_the_truth_is_not_compared() -> None:
    numbers = rewarded((1.0, 4.0, 10.0, 10.0), (0.1, 0.2, 0.3, 0.3))
    assert (numbers["wrong_greedy"], numbers["truth_above_wrong_greedy"]) == (0, None)


def test_a_caption_that_was_not_rewarded_is_not_selected_and_not_ordered() -> None:
    numbers = rewarded((1.0, 4.0, 10.0, 4.0, 10.0), (0.1, 0.2, None, 0.2, None))
    assert (numbers["scored"], numbers["best_of_n"]) == (6, 4)
    assert (numbers["auc"]["value"], numbers["wrong_greedy"]) == (1, 0)


@pytest.mark.parametrize("world", WORLDS)
def test_no_scene_of_the_study_is_one_of_the_suite(world: str) -> None:
    asked = {frozenset(row.scene.things) for row in questions()}
    assert all(frozenset(shown(world, number)[0].things) not in asked for number in range(30))
