"""The power of the test that decides where that is no t test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.deciding_power import (
    Design,
    deciding_power,
    detectable,
    fewest_units,
    mcnemar_power,
)
from selfreward_eval.harness.stats.mcnemar import mcnemar_p
from selfreward_eval.harness.stats.power import power

FEW = Design((24,), 4, True, 0.3, 23.0)
SINGLE = Design((60,), 1, True, 0.6, 59.0)


def test_mcnemars_power_is_the_sum_over_all_outcomes() -> None:
    n, effect, sd = 12, 0.3, 0.6
    disagree = sd**2 + effect**2
    gain, lose = (disagree + effect) / 2, (disagree - effect) / 2
    from math import comb

    expected = sum(
        comb(n, g) * comb(n - g, k) * gain**g * lose**k * (1 - disagree) ** (n - g - k)
        for g in range(n + 1)
        for k in range(n + 1 - g)
        if mcnemar_p(g, k) <= 0.05
    )
    assert mcnemar_power(effect, sd=sd, n=n) == pytest.approx(expected)


@pytest.mark.parametrize(("design", "test"), [(FEW, "sign flips"), (SINGLE, "exact McNemar")])
def test_the_deciding_test_finds_less_than_t_says(design: Design, test: str) -> None:
    effect = 0.2
    assert design.test == test
    by_t = power(effect, design.sd, design.units, df=design.df)
    assert deciding_power(effect, design) < by_t - 0.01


@pytest.mark.parametrize(
    "design",
    [
        replace(FEW, images=1, sizes=(50,)),
        replace(FEW, marks=False, sizes=(60,)),
        replace(FEW, sizes=(30, 30)),
    ],
)
def test_which_test_decides_is_that_of_a_comparison(design: Design) -> None:
    rng = np.random.default_rng(0)
    strata = {
        str(k): rng.integers(-1, 2, size) * 1.0 if design.images == 1 else rng.integers(-4, 5, size) / 4
        for k, size in enumerate(design.sizes)
    }
    method = deciding_test(strata, m=design.images, binary=design.marks).method
    word = {"exact McNemar": "exact McNemar", "sign flips": "sign flips", "t": "paired t"}[design.test]
    assert word in method


def test_a_promised_power_is_found_by_the_deciding_test() -> None:
    design, effect = replace(FEW, marks=False), 0.2
    rng = np.random.default_rng(3)
    found = sum(
        (deciding_test({"": effect + 0.3 * rng.normal(size=24)}, m=4, binary=False, resamples=499).p or 1.0)
        <= 0.05
        for _ in range(400)
    )
    assert found / 400 == pytest.approx(deciding_power(effect, design), abs=0.05)


@pytest.mark.parametrize("design", [FEW, SINGLE])
def test_the_detectable_difference_has_the_wanted_power(design: Design) -> None:
    smallest = detectable(design, 0.8)
    assert smallest is not None
    assert deciding_power(smallest, design) >= 0.8
    assert deciding_power(0.9 * smallest, design) < 0.8


def test_the_units_that_are_needed_suffice() -> None:
    count = fewest_units(0.2, SINGLE, 0.8)
    assert count is not None
    assert deciding_power(0.2, SINGLE.resized(count)) >= 0.8
    assert count > 60


def test_so_few_units_can_find_nothing() -> None:
    assert detectable(replace(FEW, sizes=(5,), df=4.0), 0.8) is None


def test_a_smaller_level_finds_less() -> None:
    assert deciding_power(0.2, replace(FEW, alpha=0.025)) < deciding_power(0.2, FEW)


def test_one_side_finds_more() -> None:
    assert deciding_power(0.2, replace(SINGLE, sided=1)) > deciding_power(0.2, SINGLE)


def test_by_t_the_formula_holds_whatever_the_size() -> None:
    assert deciding_power(0.2, replace(FEW, by_t=True)) == power(0.2, 0.3, 24)
