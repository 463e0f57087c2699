"""Scores over the guidance scale, and whether a gain is only guidance."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.report.notation import SHARE
from selfreward_eval.trainers.record import Arm
from selfreward_eval.trainers.report.guidance import Grid, grids, sentence

BEFORE = Grid(((1.0, 0.35), (2.0, 0.41), (3.0, 0.38)), chosen=1.0)
SHARPER = Grid(((1.0, 0.45), (2.0, 0.40), (3.0, 0.28)), chosen=1.0)
BETTER = Grid(((1.0, 0.45), (2.0, 0.49), (3.0, 0.40)), chosen=2.0)
SAME = Grid(((1.0, 0.40), (2.0, 0.41), (3.0, 0.30)), chosen=1.0)
WORSE = Grid(((1.0, 0.30), (2.0, 0.33), (3.0, 0.30)), chosen=2.0)


def said(after: Grid, change: int) -> str:
    return sentence("drawing", BEFORE, after, change, SHARE, higher_is_better=True)


@pytest.mark.parametrize(
    ("after", "change", "words"),
    [
        (BETTER, 1, "The gain survives"),
        (SAME, 1, "The gain does not survive: it is guidance"),
        (WORSE, -1, "The loss remains with the best guidance too"),
        (BETTER, -1, "The loss is only guidance"),
        (SAME, -1, "The loss is only guidance"),
        (BETTER, 0, "The evaluation shows no gain, while the development split leans to one"),
        (WORSE, 0, "Guidance hides no gain"),
    ],
)
def test_the_best_scale_of_each_arm_says_whether_the_result_is_guidance(
    after: Grid, change: int, words: str
) -> None:
    assert said(after, change).startswith(f"drawing: {words};")


def test_the_sentence_has_both_scores_their_scales_and_the_difference() -> None:
    assert "41.0 % before (scale 2) and 49.0 % after (scale 2), +8.0 points" in said(BETTER, 1)


def test_a_best_scale_at_the_end_of_the_grid_asks_for_a_wider_one() -> None:
    assert said(SHARPER, 1).endswith("a wider one could change this.")
    assert "wider" not in said(BETTER, 1)


def test_where_lower_is_better_the_lowest_score_is_the_best() -> None:
    assert WORSE.best(higher_is_better=False) == (1.0, 0.30)
    assert "(scale 1)" in sentence("error", WORSE, WORSE, 0, SHARE, higher_is_better=False)


def test_grids_are_sorted_by_scale_and_kept_where_both_arms_have_one() -> None:
    before = Arm("a", 2.0, {"10": {"drawing": 0.2}, "2": {"drawing": 0.4, "other": 0.1}})
    after = Arm("b", 1.5, {"2": {"drawing": 0.5}})
    [(task, (left, right))] = grids(before, after).items()
    assert task == "drawing"
    assert left.scores == ((2.0, 0.4), (10.0, 0.2))
    assert (left.chosen, right.chosen) == (2.0, 1.5)


def test_a_grid_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="guidance grid of a"):
        grids(Arm("a", 2.0, {"high": {"drawing": 0.2}}), Arm("b", 2.0))
