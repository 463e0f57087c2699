"""What captions' rewards say about their marks."""

from __future__ import annotations

import pytest

from studies.understanding.captions import Described
from studies.understanding.figures import figures


def described(number: int, marks: tuple[float, ...], rewards: tuple[float | None, ...]) -> Described:
    """One picture: marks and rewards of its sampled captions, of what the model says, and of the truth."""
    texts = tuple("abcdefgh"[: len(marks) - 2])
    return Described(
        "plain",
        number,
        "truth",
        "said",
        texts,
        marks,
        {"dsr": rewards, "dsr_understanding": tuple(None if r is None else -r for r in rewards)},
    )


def test_a_reward_and_its_opposite() -> None:
    rows = [described(k, (1.0, 4.0, 10.0, 4.0, 10.0), (0.1, 0.2, 0.3, 0.2, 0.4)) for k in range(3)]
    numbers = figures(rows)
    assert numbers["dsr"]["auc"]["value"] == 1
    assert numbers["dsr_understanding"]["auc"]["value"] == 0
    assert (numbers["dsr"]["best_of_n"], numbers["dsr_understanding"]["best_of_n"]) == (10, 1)
    assert (numbers["greedy"], numbers["sampled"], numbers["best_by_judge"]) == (4, 5, 10)
    assert numbers["dsr"]["truth_above_wrong_greedy"] == 1
    assert numbers["dsr_understanding"]["truth_above_wrong_greedy"] == 0


def test_where_the_model_is_right_the_truth_is_not_compared() -> None:
    numbers = figures([described(0, (1.0, 4.0, 10.0, 10.0), (0.1, 0.2, 0.3, 0.3))])
    assert (numbers["dsr"]["wrong_greedy"], numbers["dsr"]["truth_above_wrong_greedy"]) == (0, None)


def test_a_picture_with_a_caption_that_was_not_rewarded_is_left_out() -> None:
    rows = [
        described(0, (1.0, 4.0, 10.0, 10.0), (0.1, 0.2, 0.3, 0.3)),
        described(1, (1.0, 4.0, 10.0, 10.0), (0.1, None, 0.3, 0.3)),
    ]
    numbers = figures(rows)
    assert (numbers["pictures"], numbers["dsr"]["scored"]) == (2, 1)
    assert numbers["dsr"]["best_of_n"] == pytest.approx(4)
