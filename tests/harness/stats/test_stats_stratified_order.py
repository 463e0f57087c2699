"""The random order of a sequential gate, and the weights of a macro score."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from selfreward_eval.harness.stats.stratified_order import macro_weights, stratified_order


def test_the_order_of_looks_mixes_the_categories_evenly() -> None:
    categories = ["a"] * 100 + ["b"] * 50 + ["c"] * 10
    order = stratified_order(categories, seed=0)
    assert sorted(order) == list(range(160))
    first_half = Counter(categories[i] for i in order[:80])
    assert abs(first_half["a"] - 50) <= 2
    assert abs(first_half["b"] - 25) <= 2
    assert abs(first_half["c"] - 5) <= 1
    assert order != stratified_order(categories, seed=1)
    assert order == stratified_order(categories, seed=0)


def test_every_item_of_a_category_is_as_likely_to_come_first() -> None:
    firsts = Counter(stratified_order(["a"] * 4 + ["b"] * 8, seed)[0] for seed in range(3000))
    assert all(firsts[item] > 0 for item in range(12))
    assert abs(firsts[0] - firsts[3]) < 4 * sqrt(2 * max(firsts[0], 1))


def test_macro_weights_make_a_plain_mean_the_macro_mean() -> None:
    categories = ["a", "a", "a", "b"]
    values = np.array([0.0, 0.3, 0.6, 1.0])
    assert np.mean(values * macro_weights(categories)) == pytest.approx((0.3 + 1.0) / 2)
