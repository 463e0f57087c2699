"""Pairs that are kept are those that a test from scratch gives, bit by bit, and stale ones are not used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selfreward_eval.harness.stats.multiplicity import holm
from selfreward_eval.leaderboards import kept_pairs
from selfreward_eval.leaderboards.kept_pairs import ARRAYS, pairs_of
from selfreward_eval.leaderboards.pair_tests import Pairs
from selfreward_eval.leaderboards.pairwise import Stratum
from selfreward_eval.leaderboards.ranking import adjusted
from selfreward_eval.leaderboards.scripts import _p_values

MODELS, ITEMS, SAMPLES = 9, 61, 2

Marks = NDArray[np.float64]


@pytest.fixture
def marks() -> Marks:
    """Models far apart, close together and almost equal (few gains, no loss), some with failed samples."""
    rng = np.random.default_rng(0)
    ease = rng.random(ITEMS)
    values = np.stack(
        [(rng.random((ITEMS, SAMPLES)) < (ease * k / MODELS)[:, None]).astype(float) for k in range(MODELS)]
    )
    values[4] = values[3]
    values[4, :2] = 1.0
    values[6, rng.random((ITEMS, SAMPLES)) < 0.1] = np.nan
    return values


def strata(clustered: bool = False) -> dict[str, Stratum]:
    clusters = [str(k // 2 if clustered else k) for k in range(ITEMS)]
    parts = {"few": range(7), "many": range(7, ITEMS)}
    return {name: Stratum.of(list(part), [clusters[k] for k in part]) for name, part in parts.items()}


def whole() -> Stratum:
    return Stratum.of(list(range(ITEMS)), [str(k) for k in range(ITEMS)])


class Asked:
    """Counts the pairs that are tested."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pairs = 0
        real = kept_pairs.pairwise_macro

        def counting(*args: Any, chosen: Any) -> Any:
            self.pairs += len(chosen[0])
            return real(*args, chosen=chosen)

        monkeypatch.setattr(kept_pairs, "pairwise_macro", counting)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def assert_equal(found: tuple[Pairs, dict[str, Pairs]], expected: tuple[Pairs, dict[str, Pairs]]) -> None:
    assert list(found[1]) == list(expected[1])
    for one, other in zip((found[0], *found[1].values()), (expected[0], *expected[1].values()), strict=True):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("overall", [None, whole()], ids=["macro", "items"])
@pytest.mark.parametrize("new", [0, 4, 6, MODELS - 1])
def test_a_run_that_is_added_has_its_pairs_tested_and_no_digit_differs(
    marks: Marks, asked: Asked, tmp_path: Path, new: int, overall: Stratum | None, clustered: bool
) -> None:
    parts, path = strata(clustered), tmp_path / "pairs.npz"
    pairs_of(np.delete(marks, new, axis=0), parts, overall, 1.0, path)
    asked.pairs = 0
    found = pairs_of(marks, parts, overall, 1.0, path)
    assert asked.pairs == MODELS - 1
    assert_equal(found, pairs_of(marks, parts, overall, 1.0))


def test_nothing_is_tested_twice_nor_when_a_run_is_taken_out(
    marks: Marks, asked: Asked, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.npz"
    pairs_of(marks, strata(), None, 1.0, path)
    asked.pairs = 0
    assert_equal(pairs_of(marks, strata(), None, 1.0, path), pairs_of(marks, strata(), None, 1.0))
    asked.pairs = 0
    fewer = np.delete(marks, 5, axis=0)
    assert_equal(pairs_of(fewer, strata(), None, 1.0, path), pairs_of(fewer, strata(), None, 1.0))
    assert asked.pairs == (MODELS - 1) * (MODELS - 2) // 2  # By the second of the two alone.


def test_a_run_that_was_measured_again_has_its_pairs_tested_again(
    marks: Marks, asked: Asked, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.npz"
    pairs_of(marks, strata(), None, 1.0, path)
    marks[2, 0, 0] = 1 - marks[2, 0, 0]
    asked.pairs = 0
    found = pairs_of(marks, strata(), None, 1.0, path)
    assert asked.pairs == MODELS - 1
    assert_equal(found, pairs_of(marks, strata(), None, 1.0))


def test_runs_in_another_order_are_not_read_the_wrong_way_round(marks: Marks, tmp_path: Path) -> None:
    path = tmp_path / "pairs.npz"
    pairs_of(marks, strata(), None, 1.0, path)
    turned = marks[::-1].copy()
    assert_equal(pairs_of(turned, strata(), None, 1.0, path), pairs_of(turned, strata(), None, 1.0))


EVERY = MODELS * (MODELS - 1) // 2


@pytest.mark.parametrize("change", ["groups", "width", "graded", "code", "damage", "torn"])
def test_what_was_tested_in_another_way_is_not_used(
    marks: Marks, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path, parts, width = tmp_path / "pairs.npz", strata(), 1.0
    pairs_of(marks, parts, None, width, path)
    if change == "groups":
        parts = {"few": parts["many"], "many": parts["few"]}
    elif change == "width":
        width = 2.0
    elif (
        change == "graded"
    ):  # A pair's interval depends on whether all marks of the board are right or wrong.
        marks[8, 0, 0] = 0.5
    elif change == "code":
        monkeypatch.setattr(kept_pairs, "_code", lambda: "changed")
    elif change == "damage":
        path.write_bytes(b"no archive")
    else:
        path.write_bytes(path.read_bytes()[:700])
    asked.pairs = 0
    found = pairs_of(marks, parts, None, width, path)
    assert asked.pairs == EVERY
    assert_equal(found, pairs_of(marks, parts, None, width))


def test_many_p_values_are_adjusted_as_few_are() -> None:
    rng = np.random.default_rng(1)
    p = np.round(rng.random(400) ** 3, 2).clip(0.001, 1.0)
    p[::17] = np.nan
    told: Sequence[float | None] = holm([None if np.isnan(one) else one for one in p.tolist()])
    (found,) = adjusted([p])
    np.testing.assert_array_equal(found, np.array([np.nan if one is None else one for one in told]))


def test_p_values_have_two_digits_as_text_would_round_them() -> None:
    rng = np.random.default_rng(2)
    odd = [1.0, 0.995, 0.9949999, 0.0995, 0.105, 0.125, 0.1, 1e-300, 5e-324, 9.96e-6, np.nan]
    p = np.concatenate([odd, 10 ** -rng.uniform(0, 300, 5000), np.arange(1, 1000) / 1000])
    assert _p_values(p) == [None if np.isnan(one) else float(f"{one:.2g}") for one in p.tolist()]
    assert _p_values(np.empty(0)) == []
