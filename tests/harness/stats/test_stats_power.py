"""Power and sample sizes: statsmodels, the recipes' table, and what is impossible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from selfreward_eval.harness.stats.components import paired_components
from selfreward_eval.harness.stats.means import macro_interval
from selfreward_eval.harness.stats.power import (
    assumed_components,
    detectable_effect,
    optimal_images,
    power,
    required_images,
    required_prompts,
    stratified_sd,
)


@pytest.mark.parametrize("n", [24, 60, 553, 2400])
@pytest.mark.parametrize(("effect", "sd"), [(0.02, 0.2), (0.05, 0.35), (0.1, 0.5)])
def test_power_is_statsmodels_s(n: int, effect: float, sd: float) -> None:
    two = TTestPower().power(effect / sd, n, 0.05, alternative="two-sided")
    one = TTestPower().power(effect / sd, n, 0.05, alternative="larger")
    assert power(effect, sd, n) == pytest.approx(two, abs=1e-8)
    assert power(effect, sd, n, sided=1) == pytest.approx(one, abs=1e-8)


def test_no_effect_is_found_as_often_as_alpha() -> None:
    assert power(0.0, 0.3, 100) == pytest.approx(0.05, abs=1e-10)


def test_a_huge_effect_is_always_found() -> None:
    assert power(5.0, 0.1, 2400) == 1.0


@pytest.mark.parametrize(
    ("n", "two_sided", "one_sided"),
    [
        (553, (0.024, 0.042, 0.060), (0.021, 0.037, 0.053)),
        (300, (0.032, 0.057, 0.081), (0.029, 0.050, 0.072)),
        (2400, (0.011, 0.020, 0.029), (0.010, 0.018, 0.025)),
        (800, (0.020, 0.035, 0.050), (0.018, 0.031, 0.044)),
    ],
)
def test_what_benchmarks_of_the_field_can_detect(
    n: int, two_sided: tuple[float, ...], one_sided: tuple[float, ...]
) -> None:
    for sd, two, one in zip((0.2, 0.35, 0.5), two_sided, one_sided, strict=True):
        assert detectable_effect(sd, n) == pytest.approx(two, abs=6e-4)
        assert detectable_effect(sd, n, sided=1) == pytest.approx(one, abs=6e-4)


@given(n=st.integers(5, 3000), sd=st.floats(0.05, 1.0), wanted=st.floats(0.5, 0.95))
@settings(max_examples=30, deadline=None)
def test_the_detectable_effect_has_the_wanted_power(n: int, sd: float, wanted: float) -> None:
    assert power(detectable_effect(sd, n, wanted=wanted), sd, n) == pytest.approx(wanted, abs=1e-6)


def test_required_prompts_are_the_fewest_that_do() -> None:
    needed = required_prompts(0.05, 0.35).count
    assert needed is not None
    assert power(0.05, 0.35, needed) >= 0.8 > power(0.05, 0.35, needed - 1)
    assert required_prompts(-0.05, 0.35).count == needed
    assert needed == int(np.ceil(TTestPower().solve_power(0.05 / 0.35, alpha=0.05, power=0.8)))


def test_a_difference_of_nothing_is_never_found() -> None:
    assert required_prompts(0.0, 0.3).count is None
    assert "0" in required_prompts(0.0, 0.3).why
    assert required_prompts(1e-9, 1.0).count is None


def test_required_images_are_the_fewest_that_do() -> None:
    omega2, noise = 0.01, 0.3
    needed = required_images(0.03, omega2, noise, 553).count
    assert needed is not None
    assert power(0.03, np.sqrt(omega2 + noise / needed), 553) >= 0.8
    assert power(0.03, np.sqrt(omega2 + noise / (needed - 1)), 553) < 0.8


def test_pictures_cannot_make_up_for_prompts() -> None:
    needed = required_images(0.03, 0.25, 0.1, 100)
    assert needed.count is None
    assert "more prompts are needed" in needed.why


@pytest.mark.parametrize(
    ("omega2", "noise", "cost_prompt", "cost_image", "expected"),
    [(0.04, 0.16, 4.0, 1.0, 4), (0.04, 0.16, 0.0, 1.0, 1), (0.04, 0.0, 1.0, 1.0, 1), (0.16, 0.01, 1, 1, 1)],
)
def test_the_best_number_of_pictures(
    omega2: float, noise: float, cost_prompt: float, cost_image: float, expected: int
) -> None:
    assert optimal_images(omega2, noise, cost_prompt, cost_image).count == expected


@given(omega2=st.floats(0.01, 0.3), noise=st.floats(0.01, 0.5), ratio=st.floats(0.1, 50))
def test_no_other_number_of_pictures_is_cheaper(omega2: float, noise: float, ratio: float) -> None:
    best = optimal_images(omega2, noise, ratio, 1.0).count
    assert best is not None

    def price(m: int) -> float:
        return (omega2 + noise / m) * (ratio + m)

    assert price(best) <= min(price(m) for m in range(1, 60)) * (1 + 1e-12)


def test_prompts_that_do_not_differ_want_pictures_only() -> None:
    assert optimal_images(0.0, 0.2, 1.0, 1.0).count is None


def test_assumptions_give_the_components_of_data_like_them() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(0.7 * 7 / 3, 0.3 * 7 / 3, size=(20_000, 1))  # ICC 0.3
    a, b = ((rng.random((20_000, 4)) < chance).astype(float) for _ in range(2))
    omega2, noise = assumed_components(0.7, 0.7, icc=0.3, correlation=1.0)
    pilot = paired_components(list(a), list(b), common_random_numbers=False)
    assert noise == pytest.approx(0.7 * 2 * 0.21)
    assert pilot.noise == pytest.approx(noise, rel=0.02)
    assert omega2 == 0
    assert pilot.omega2 == pytest.approx(0, abs=0.003)


def test_strata_are_planned_like_their_macro_mean() -> None:
    rng = np.random.default_rng(1)
    strata = {"a": rng.normal(size=40), "b": 3 * rng.normal(size=20)}
    sd, df = stratified_sd({name: (float(v.var(ddof=1)), len(v)) for name, v in strata.items()})
    interval = macro_interval(strata)
    assert sd / np.sqrt(60) == pytest.approx(interval.se)
    assert df == pytest.approx(interval.df)
    assert stratified_sd({"a": (0.0, 5), "b": (0.0, 4)}) == (0.0, 7.0)


def test_a_tenth_of_the_field_s_claims() -> None:
    # +5 points on 553 prompts x 4 pictures at 60 %: detectable if the gain is much alike on all prompts.
    omega2, noise = assumed_components(0.60, 0.65, icc=0.5, correlation=0.8)
    assert power(0.05, np.sqrt(omega2 + noise / 4), 553) > 0.9


@pytest.mark.parametrize(
    "call",
    [
        lambda: power(0.1, 0.0, 10),
        lambda: power(0.1, 1.0, 1),
        lambda: power(0.1, 1.0, 10, sided=3),
        lambda: power(0.1, 1.0, 10, alpha=1.5),
        lambda: detectable_effect(1.0, 10, wanted=0.01),
        lambda: required_images(0.1, 0.0, 0.0, 10),
        lambda: optimal_images(0.1, 0.1, 1.0, 0.0),
        lambda: assumed_components(1.2, 0.5, icc=0.1, correlation=0.0),
        lambda: stratified_sd({}),
        lambda: stratified_sd({"a": (0.1, 1)}),
    ],
)
def test_impossible_plans_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        call()  # type: ignore[operator]
