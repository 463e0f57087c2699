"""Intervals of shares and of bounded means, against scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from selfreward_eval.harness.stats.bounded import bounded_ends, freedom_of_spread
from selfreward_eval.harness.stats.means import Interval, icc, mean_interval
from selfreward_eval.harness.stats.wilson import wilson, wilson_clustered


def bounded_interval(
    values: Sequence[float] | np.ndarray,
    score_range: tuple[float, float] = (0.0, 1.0),
    most: int | None = None,
) -> Interval:
    """The bounded interval of plain items, with the degrees of freedom of their spread."""
    return bounded_ends(
        mean_interval(values), score_range, most=most, freedom=freedom_of_spread(values, score_range)
    )


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (311, 553)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_scipy_s_and_statsmodels_s(k: int, n: int, level: float) -> None:
    ours = wilson(k, n, level)
    scipy_s = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((scipy_s.low, scipy_s.high), abs=1e-10)
    assert (ours.low, ours.high) == pytest.approx(
        proportion_confint(k, n, 1 - level, method="wilson"), abs=1e-10
    )
    assert not ours.approximate


def test_clustered_samples_count_for_fewer() -> None:
    rng = np.random.default_rng(0)
    marks = (rng.random((200, 5)) < rng.beta(1, 1, size=(200, 1))).astype(float)
    ours = wilson_clustered(list(marks))
    assert ours.effective_n == pytest.approx(1000 / (1 + 4 * icc(list(marks))))  # type: ignore[operator]
    assert ours.approximate
    assert ours.high - ours.low > wilson(int(marks.sum()), 1000).high - wilson(int(marks.sum()), 1000).low


def test_an_array_of_marks_is_the_same_as_a_list_of_items() -> None:
    marks = (np.random.default_rng(1).random((30, 4)) < 0.6).astype(float)
    assert wilson_clustered(marks) == wilson_clustered([list(row) for row in marks])  # type: ignore[arg-type]


def test_samples_that_all_agree_count_as_their_items() -> None:
    ours = wilson_clustered([[1.0, 1.0, 1.0, 1.0]] * 20)
    assert (ours.value, ours.high, ours.effective_n) == (1.0, 1.0, 20)
    assert ours.low < 0.9


@pytest.mark.parametrize("groups", [[[1.0, 0.0]], [[1.0], []], [[0.5], [1.0]]])
def test_what_is_not_a_share_is_refused(groups: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"two or more|marks of 0 and 1"):
        wilson_clustered(groups)
    with pytest.raises(ValueError, match="11 of 10"):
        wilson(11, 10)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_items_at_an_end_are_tosses(value: float) -> None:
    ours = bounded_interval([value] * 24)
    theirs = stats.binomtest(int(24 * value), 24).proportion_ci(0.95, method="exact")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-10)


def test_the_effective_size_is_that_of_the_standard_error() -> None:
    values = np.random.default_rng(2).beta(2, 3, size=50)
    plain, ours = mean_interval(values), bounded_interval(values)
    assert plain.se is not None
    size = (
        plain.value * (1 - plain.value) / plain.se**2 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 49)) ** 2
    )
    right = plain.value * size
    c = 2 / 3
    assert ours.low == pytest.approx(stats.beta.ppf(0.025, right + 1 - c, size - right + c), abs=1e-9)
    assert ours.high == pytest.approx(stats.beta.ppf(0.975, right + c, size - right + 1 - c), abs=1e-9)


def test_few_tosses_of_one_outcome_get_clopper_and_pearson_s_ends() -> None:
    ours = bounded_interval([0.0] * 20 + [0.5, 0.5, 0.5, 0.5])
    theirs = bounded_interval([1.0] * 20 + [0.5, 0.5, 0.5, 0.5])
    assert ours.high == pytest.approx(1 - theirs.low)  # type: ignore[operator]
    assert ours.low is not None
    assert ours.low < 0.02


def test_a_range_is_only_another_scale() -> None:
    values = np.random.default_rng(3).random(30)
    unit, percent = bounded_interval(values), bounded_interval(100 * values, (0.0, 100.0))
    assert percent.low == pytest.approx(100 * unit.low)  # type: ignore[operator]
    assert percent.high == pytest.approx(100 * unit.high)  # type: ignore[operator]


def test_pictures_limit_the_effective_size() -> None:
    # Sixty items of one picture each cannot tell more than sixty tosses.
    values = [0.4, 0.6] * 30
    assert bounded_interval(values, most=60).high > bounded_interval(values).high  # type: ignore[operator]


def test_items_at_the_end_say_nothing_about_spread() -> None:
    values = [1.0] * 21 + [0.5, 0.6, 0.7]
    assert freedom_of_spread(values) == 3
    limited, free = bounded_interval(values), bounded_ends(mean_interval(values))
    assert limited.low < free.low  # type: ignore[operator]


def test_a_long_tail_leaves_fewer_degrees_of_freedom() -> None:
    rng = np.random.default_rng(4)
    normal, tailed = 0.5 + 0.05 * rng.normal(size=2000), rng.beta(0.5, 4, size=2000)
    assert freedom_of_spread(normal) == pytest.approx(2000, rel=0.1)
    kurtosis = stats.kurtosis(tailed, fisher=False)
    assert freedom_of_spread(tailed) == pytest.approx(2 * 2000 / (kurtosis - 1))


def test_the_size_never_falls_below_the_units_as_tosses() -> None:
    ours = bounded_interval([1.0] * 23 + [0.9])
    tosses = stats.binomtest(23, 24).proportion_ci(0.95, method="exact")
    assert ours.low > tosses.low


def test_two_values_in_equal_shares_have_a_certain_spread() -> None:
    assert freedom_of_spread([0.0, 1.0] * 5) == 5
    assert freedom_of_spread([0.2, 0.8] * 5) == 10


def test_a_single_item_has_no_interval() -> None:
    assert bounded_interval([0.5]).low is None


def test_scores_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the range"):
        bounded_interval([1.25, 1.5])
    with pytest.raises(ValueError, match="two ends"):
        bounded_interval([0.5, 0.6], (1.0, 1.0))
