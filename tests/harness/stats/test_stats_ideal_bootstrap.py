"""The distribution of resampled means that is worked out: the one that brute force finds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.stats.bootstrap import bca
from selfreward_eval.harness.stats.convolution import REACH, LatticeMeans, lattice_means
from selfreward_eval.harness.stats.fourier import FourierMeans, fourier_means
from selfreward_eval.harness.stats.ideal_bootstrap import ideal_means

marks = st.lists(st.integers(-4, 4).map(lambda k: k / 4), min_size=2, max_size=6)


def varied(values: list[float]) -> bool:
    return len(set(values)) > 1


def enumerated(groups: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Every resample of every stratum: offsets of the macro means (many alike), and their probabilities."""
    offsets, shares = np.zeros(1), np.ones(1)
    for group in groups:
        means = np.array(list(product(group, repeat=len(group)))).mean(axis=1) - group.mean()
        values, counts = np.unique(np.round(means, 9), return_counts=True)
        offsets = np.add.outer(offsets, values / len(groups)).ravel()
        shares = np.multiply.outer(shares, counts / len(means)).ravel()
    return offsets, shares


def brute(groups: list[np.ndarray], resamples: int, seed: int) -> np.ndarray:
    """Macro means of resamples drawn item by item, minus that of the units, sorted."""
    rng = np.random.default_rng(seed)
    total = np.zeros(resamples)
    for group in groups:
        for start in range(0, resamples, 100_000):
            drawn = rng.integers(0, len(group), size=(min(100_000, resamples - start), len(group)))
            total[start : start + len(drawn)] += group[drawn].mean(axis=1) - group.mean()
    return np.sort(total / len(groups))


def check_against_enumeration(groups: list[np.ndarray]) -> None:
    found, (offsets, shares) = lattice_means(groups), enumerated(groups)
    assert isinstance(found, LatticeMeans)
    at = (offsets - found.first) / found.step
    assert np.abs(at - np.rint(at)).max() < 1e-4
    expected = np.bincount(np.rint(at).astype(int), shares, minlength=len(found.shares))
    assert np.diff(found.shares, prepend=0.0) == pytest.approx(expected, abs=1e-12)
    assert found.below == pytest.approx(shares[offsets < -1e-7].sum() + shares[abs(offsets) < 1e-7].sum() / 2)


@given(marks.filter(varied))
def test_up_to_six_marks_have_the_enumerated_distribution(values: list[float]) -> None:
    check_against_enumeration([np.array(values)])


@given(st.lists(marks.filter(lambda one: len(one) <= 4), min_size=2, max_size=3))
def test_a_mean_over_strata_of_a_few_marks_has_the_enumerated_distribution(strata: list[list[float]]) -> None:
    groups = [np.array(values) for values in strata]
    if any(varied(values) for values in strata) and lattice_means(groups) is not None:
        check_against_enumeration(groups)


def test_a_step_is_found_that_no_two_marks_are_apart() -> None:
    found = lattice_means([np.array([0.0, 0.5, 0.75 + 0.5, 2.0])])
    assert found is not None
    assert found.step == pytest.approx(0.25 / 4)


def test_strata_without_a_common_step_are_no_lattice() -> None:
    assert ideal_means([np.array([0.0, 0.0, 1.0]), np.array([0.0, np.sqrt(2)])]) is None


def test_a_share_is_reached_at_the_lowest_point_that_reaches_it() -> None:
    # Of two draws from 0 and 1 the mean is 0, 1/2 or 1 with chances 1/4, 1/2 and 1/4.
    found = lattice_means([np.array([0.0, 1.0])])
    assert found is not None
    assert found.quantiles([0.2499, 0.2501, 0.7499, 0.7501]).tolist() == [-0.5, 0.0, 0.0, 0.5]


SAMPLES = {
    "normal": [np.random.default_rng(0).normal(size=40)],
    "skewed": [np.random.default_rng(1).exponential(size=60)],
    "mostly nought": [np.random.default_rng(2).exponential(size=80) * (np.arange(80) % 5 < 2)],
    "one far out": [np.append(np.random.default_rng(3).normal(size=49), 30.0)],
    "unequal strata": [
        np.random.default_rng(4).exponential(size=30),
        5 * np.random.default_rng(5).random(45),
        np.random.default_rng(6).normal(size=33),
    ],
    "strata of marks": [
        np.random.default_rng(k).integers(0, 5, size=n) / 4 for k, n in enumerate((40, 47, 51))
    ],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_million_resamples_are_distributed_as_the_series_says(name: str) -> None:
    groups, number = SAMPLES[name], 1_000_000
    found = fourier_means(groups)
    assert isinstance(found, FourierMeans)
    drawn = brute(groups, number, 7)
    for share in (0.002, 0.025, 0.2, 0.5, 0.8, 0.975, 0.998):
        (point,) = found.quantiles([share])
        seen = np.searchsorted(drawn, point) / number
        assert seen == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / number))
    assert found.below == pytest.approx(np.mean(drawn < 0), abs=4.5 * 0.5 / np.sqrt(number))


def test_the_series_and_the_convolution_agree_on_a_fine_lattice() -> None:
    values = np.round(np.random.default_rng(8).exponential(size=100), 2)
    series, exact = fourier_means([values]), lattice_means([values], most=1 << 17)
    assert series is not None
    assert exact is not None
    halfway = exact.first + exact.step * np.linspace(0.5, len(exact.shares) - 0.5, len(exact.shares))
    assert series.shares(halfway) == pytest.approx(exact.shares, abs=2e-4)
    shares = np.linspace(0.01, 0.99, 25)
    assert series.quantiles(shares) == pytest.approx(exact.quantiles(shares), abs=exact.step)


def test_a_quantile_undoes_a_share() -> None:
    found = fourier_means(SAMPLES["skewed"])
    assert found is not None
    shares = np.array([1e-4, 0.03, 0.5, 0.97, 0.9999])
    assert found.shares(found.quantiles(shares)) == pytest.approx(shares, abs=1e-9)


def test_the_window_cuts_nothing_off_a_long_lattice() -> None:
    # All sums of these marks are 20 times as many as the window holds; a lone one is far out.
    values = np.append(np.zeros(199), 1.0) + np.tile([0.0, 0.01], 100)
    found = lattice_means([values])
    assert found is not None
    error = values.std() / np.sqrt(len(values))
    chances = np.diff(found.shares, prepend=0.0)
    points = found.first + found.step * np.arange(len(found.shares))
    assert len(points) * found.step < 4 * REACH * error
    assert (points * chances).sum() == pytest.approx(0.0, abs=1e-12)
    assert (points**2 * chances).sum() == pytest.approx(error**2, rel=1e-9)


def wobbly(jitter: float) -> np.ndarray:
    rng = np.random.default_rng(9)
    return rng.integers(-4, 5, size=400) / 4 + jitter * rng.random(400)


def test_what_is_nearly_a_lattice_is_left_to_resampling() -> None:
    assert isinstance(ideal_means([wobbly(0.0)]), LatticeMeans)
    assert ideal_means([wobbly(1e-3)]) is None
    assert isinstance(ideal_means([wobbly(0.25)]), FourierMeans)


def test_a_few_graded_scores_and_one_that_outweighs_all_are_left_to_resampling() -> None:
    rng = np.random.default_rng(10)
    assert ideal_means([rng.random(8)]) is None
    assert ideal_means([np.append(1e-4 * rng.random(60), 1.0)]) is None


def test_equal_strata_of_marks_lie_on_one_lattice() -> None:
    rng = np.random.default_rng(11)
    groups = [rng.integers(0, 5, size=24) / 4 for _ in range(4)]
    found = ideal_means(groups)
    assert isinstance(found, LatticeMeans)
    assert found.step == pytest.approx(0.25 / 24 / 4)


@pytest.mark.parametrize("values", [wobbly(0.0), wobbly(0.25)])
def test_order_changes_no_digit(values: np.ndarray) -> None:
    first, second = ideal_means([values]), ideal_means([values[::-1]])
    assert first is not None
    assert second is not None
    assert first.quantiles([0.025, 0.975]).tolist() == second.quantiles([0.025, 0.975]).tolist()


@pytest.mark.parametrize("values", [wobbly(0.0), wobbly(0.25), np.random.default_rng(12).random(9)])
def test_the_result_says_how_it_was_found(values: np.ndarray) -> None:
    found, known = bca({"": values}, resamples=500), ideal_means([values])
    said = "500 resamples" if known is None else f"ideal bootstrap by {known.how}, no resampling"
    assert (found.method, found.resamples) == (said, 500 if known is None else 0)
    assert bca({"": values}, resamples=500, ideal=False).method == "500 resamples"


def test_an_interval_scales_and_shifts_with_its_units() -> None:
    strata = {"a": SAMPLES["skewed"][0], "b": SAMPLES["normal"][0]}
    plain = bca(strata)
    moved = bca({name: 1000 + 1e-3 * values for name, values in strata.items()})
    assert moved.low == pytest.approx(1000 + 1e-3 * plain.low, abs=1e-10)  # type: ignore[operator]
    assert moved.high == pytest.approx(1000 + 1e-3 * plain.high, abs=1e-10)  # type: ignore[operator]
