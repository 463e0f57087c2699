"""Krippendorff's alpha against values worked out by hand and by its author."""

from __future__ import annotations

from math import inf

import pytest

from selfreward_eval.harness.stats.agreement import krippendorff_alpha

TEXTBOOK: list[list[float | None]] = [
    [1, 1, None, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [None, 5, 5, 5],
    [None, None, 1, 1],
    [None, 3, None, None],
]
"""Four observers and twelve units, with gaps: Krippendorff's own example of all metrics."""


def test_its_author_s_example() -> None:
    assert krippendorff_alpha(TEXTBOOK) == pytest.approx(0.849, abs=5e-4)


def test_two_raters_by_hand() -> None:
    """Values 1 1, 0 0, 1 0: SS = 6 * 1/4 = 1.5; only the third pair differs, 2 * 0.5 / 1 = 1.

    alpha = 1 - 5 * 1 / (6 * 1.5) = 4/9.
    """
    assert krippendorff_alpha([[1, 1], [0, 0], [1, 0]]) == pytest.approx(4 / 9, abs=1e-12)


def test_halves_disagree_less_than_opposites() -> None:
    """Values 1 1, 0 0, 1 0.5: mean 7/12, SS = 3.25 - 6 * 49/144 = 29/24; observed 2 * 0.125 = 0.25."""
    by_hand = 1 - 5 * 0.25 / (6 * 29 / 24)
    assert krippendorff_alpha([[1, 1], [0, 0], [1, 0.5]]) == pytest.approx(by_hand, abs=1e-12)


def test_full_agreement_is_one() -> None:
    assert krippendorff_alpha([[0.1, 0.1, 0.1], [0.7, 0.7, 0.7]]) == 1.0


def test_opposite_raters_are_worse_than_chance() -> None:
    """1 - 3 * (2 * 0.5 + 2 * 0.5) / (4 * 1) = -0.5."""
    assert krippendorff_alpha([[0, 1], [1, 0]]) == pytest.approx(-0.5, abs=1e-12)


def test_what_one_rater_alone_rated_does_not_count() -> None:
    pairs = [[1, 1], [0, 0], [1, 0]]
    assert krippendorff_alpha([*pairs, [0, None], [None, 9]]) == krippendorff_alpha(pairs)


@pytest.mark.parametrize("units", [[], [[1, None]], [[1, 1], [1, 1]]])
def test_where_it_is_not_defined_there_is_no_number(units: list[list[float | None]]) -> None:
    assert krippendorff_alpha(units) is None


def test_an_infinite_rating_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        krippendorff_alpha([[1, inf], [0, 0]])
