"""Sign flips: agreement with scipy and brute force, exactness, and the interval that belongs to the test."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from selfreward_eval.harness.stats.mcnemar import mcnemar_p
from selfreward_eval.harness.stats.paired import paired, paired_macro
from selfreward_eval.harness.stats.permutation import sign_flip
from selfreward_eval.harness.stats.signs import sign_sums

quarters = st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]), min_size=3, max_size=9)


def brute_force(strata: list[list[list[float]]], null: float = 0.0) -> float:
    """p by definition: strata of clusters of differences, every sign pattern, t worked out anew."""

    def t_squared(signs: tuple[int, ...]) -> float:
        left = iter(signs)
        mean = variance = 0.0
        for clusters in strata:
            flipped = [
                [sign * (d - null) for d in cluster] for cluster, sign in zip(clusters, left, strict=False)
            ]
            n, count = sum(map(len, flipped)), len(flipped)
            centre = sum(map(sum, flipped)) / n
            spread = sum(sum(d - centre for d in cluster) ** 2 for cluster in flipped)
            mean += centre / len(strata)
            variance += count / (count - 1) * spread / n**2 / len(strata) ** 2
        return np.inf if variance < 1e-24 and abs(mean) > 1e-12 else mean**2 / max(variance, 1e-300)

    units = sum(len(clusters) for clusters in strata)
    values = np.array([t_squared(signs) for signs in product((1, -1), repeat=units)])
    return float(np.mean(values >= values[0] * (1 - 1e-9)))


@pytest.mark.parametrize("n", [4, 9, 12])
def test_few_units_give_scipy_s_exact_p(n: int) -> None:
    d = np.random.default_rng(n).normal(0.3, 1, size=n)
    theirs = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    ours = sign_flip({"": d})
    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-12)
    assert ours.method == f"studentised sign flips (all {2**n:,})"


def test_many_units_give_scipy_s_p_within_monte_carlo_error() -> None:
    d = np.random.default_rng(0).normal(0.25, 1, size=70)
    theirs = stats.permutation_test(
        (d,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", n_resamples=9999, rng=1
    )
    assert sign_flip({"": d}).p == pytest.approx(theirs.pvalue, abs=4 * np.sqrt(2 * 0.04 / 9999))


@given(gained=st.integers(0, 7), lost=st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_on_single_marks_it_is_mcnemar_s_exact_test(gained: int, lost: int) -> None:
    d = [1.0] * gained + [-1.0] * lost
    if gained and lost:
        assert sign_flip({"": d}).p == pytest.approx(mcnemar_p(gained, lost), abs=1e-12)


@given(values=quarters)
@settings(max_examples=40, deadline=None)
def test_coarse_marks_with_ties_agree_with_brute_force(values: list[float]) -> None:
    if len(set(values)) > 1:
        assert sign_flip({"": values}).p == pytest.approx(brute_force([[[v] for v in values]]), abs=1e-12)


def test_strata_agree_with_brute_force() -> None:
    strata = [[[0.5], [-0.25], [1.0]], [[0.25], [0.75], [0.5], [-0.5]]]
    ours = sign_flip({str(j): [d for (d,) in one] for j, one in enumerate(strata)})
    assert ours.p == pytest.approx(brute_force(strata), abs=1e-12)


def test_clusters_of_different_size_agree_with_brute_force() -> None:
    strata = [[[0.5, 0.75, 1.0], [-0.25], [1.0, -0.5], [0.25]], [[0.25, 0.5], [0.75], [0.5, 0.5], [-0.5]]]
    flat = {str(j): [d for cluster in one for d in cluster] for j, one in enumerate(strata)}
    names = {str(j): [c for c, cluster in enumerate(one) for _ in cluster] for j, one in enumerate(strata)}
    assert sign_flip(flat, names).p == pytest.approx(brute_force(strata), abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_interval_is_the_means_that_are_not_rejected(shift: float) -> None:
    d = np.random.default_rng(1).exponential(size=13) - 1 + shift
    ours = sign_flip({"": d})
    assert ours.low is not None
    assert ours.high is not None
    for end, inward in ((ours.low, 1e-6), (ours.high, -1e-6)):
        assert sign_flip({"": d - end - inward}).p > 0.05
        assert sign_flip({"": d - end + inward}).p <= 0.05


def test_the_interval_of_clusters_is_that_of_their_means_if_they_are_alike() -> None:
    # The one is found by search, the other in closed form.
    d = np.random.default_rng(2).normal(0.2, 1, size=12)
    plain = sign_flip({"": d})
    doubled = sign_flip({"": np.repeat(d, 2)}, {"": np.repeat(np.arange(12), 2).tolist()})
    assert doubled.p == plain.p
    assert doubled.low == pytest.approx(plain.low, abs=1e-3 * plain.se)  # type: ignore[operator]
    assert doubled.high == pytest.approx(plain.high, abs=1e-3 * plain.se)  # type: ignore[operator]


def test_effect_and_error_are_those_of_the_t_test() -> None:
    d = np.random.default_rng(3).normal(size=30)
    flips, t = sign_flip({"": d}), paired(d)
    assert (flips.effect, flips.se, flips.df, flips.t, flips.n) == (t.effect, t.se, t.df, t.t, t.n)


def test_five_units_can_reject_nothing_at_five_percent() -> None:
    result = sign_flip({"": [0.5, 0.25, 0.75, 1.0, 0.5]})
    assert result.p == 2 / 2**5
    assert (result.low, result.high) == (None, None)
    assert "too few for any mean to be rejected" in result.why


def test_p_counts_the_data_as_a_resample() -> None:
    d = np.random.default_rng(4).normal(5, 1, size=40)
    assert sign_flip({"": d}, resamples=999).p == 1 / 1000


def test_a_sum_of_zero_is_as_little_extreme_as_can_be() -> None:
    # 0.1 + 0.2 - 0.3 is not 0 in floating point.
    assert sign_flip({"": [0.1, 0.2, -0.3, 0.4, -0.4, 0.7, -0.7]}).p == 1


@pytest.mark.parametrize("values", [[0.5], [0.5] * 8, [0.0] * 8])
def test_without_spread_it_says_what_the_t_test_s_module_says(values: list[float]) -> None:
    assert sign_flip({"": values}) == paired(values)


def test_a_stratum_of_one_is_named() -> None:
    strata = {"a": [0.0, 1.0, 0.5], "position": [0.5]}
    assert sign_flip(strata) == paired_macro(strata)


@given(values=st.lists(st.floats(-1, 1, width=16), min_size=12, max_size=30), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_the_order_of_items_changes_nothing(values: list[float], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(values)
    assert sign_flip({"": shuffled}, resamples=199) == sign_flip({"": values}, resamples=199)


def test_swapping_the_arms_mirrors_the_result() -> None:
    d = np.random.default_rng(5).normal(0.3, 1, size=11)
    there, back = sign_flip({"": d}), sign_flip({"": -d})
    assert back.p == there.p
    assert back.low == pytest.approx(-there.high)  # type: ignore[operator]


def test_a_seed_fixes_the_result_and_another_one_changes_it() -> None:
    d = np.random.default_rng(6).normal(0.2, 1, size=40)
    assert sign_flip({"": d}, seed=1) == sign_flip({"": d}, seed=1)
    assert sign_flip({"": d}, seed=1).p != sign_flip({"": d}, seed=2).p


def test_resamples_and_clusters_must_fit() -> None:
    with pytest.raises(ValueError, match="at least one resample"):
        sign_flip({"": [0.0, 1.0, 2.0]}, resamples=0)
    with pytest.raises(ValueError, match="3 items but 2 cluster names"):
        sign_flip({"": [0.0, 1.0, 2.0]}, {"": ["x", "y"]})
    with pytest.raises(ValueError, match="at least one value"):
        sign_flip({"": []})


def test_signed_sums_are_those_of_a_sign_matrix() -> None:
    columns = np.random.default_rng(7).normal(size=(11, 3))
    columns = columns[np.lexsort(columns.T)]
    ours = sign_sums(columns, resamples=1024, seed=0)
    signs = 1 - 2 * ((np.arange(1024)[:, None] >> np.arange(11)) & 1)
    assert ours.exact
    assert np.allclose(ours.sums, signs @ columns, atol=1e-12)


def test_random_signs_are_fair_coins() -> None:
    sums = sign_sums(np.eye(20), resamples=20_000, seed=0).sums
    assert np.abs(sums.mean(axis=0)).max() < 4 / np.sqrt(20_000)
    assert np.abs(np.corrcoef(sums.T) - np.eye(20)).max() < 5 / np.sqrt(20_000)
