"""Guards of a training run and equivalence: rare changes as large as the margin, and none at all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from calibration.counting import Column, Rate, Table, count
from calibration.worlds import Array
from selfreward_eval.harness.stats.means import t_quantile
from selfreward_eval.harness.stats.noninferiority import NonInferiority, Verdict, equivalence, non_inferiority

MARGIN = 0.01
SIZES = (240, 300, 553, 1200)
LOSSES = (("marks, one picture", 1.0, True), ("all four pictures", 1.0, False), ("two of four", 0.5, False))
"""What an item loses that changes: name, by how much, and whether differences are of single marks."""


def losses(rng: np.random.Generator, share: float, size: float, both: float, shape: tuple[int, int]) -> Array:
    """Losses of ``size`` in a share of the items, and changes either way in ``both`` of them."""
    draw = rng.random(shape)
    lost, gained = draw < share + both / 2, draw > 1 - both / 2
    return size * (gained.astype(float) - lost)


def t_bounds(gaps: Array) -> tuple[Array, Array]:
    """Student's one-sided bounds at 5 % of every row; without spread those on the unseen share."""
    n = gaps.shape[1]
    half = t_quantile(n - 1.0, 0.95) * gaps.std(axis=1, ddof=1) / np.sqrt(n)
    mean, unseen = gaps.mean(axis=1), 1 - 0.05 ** (1 / n)
    half = np.where(gaps.min(axis=1) == gaps.max(axis=1), unseen, half)
    return mean - half, mean + half


def _passing(test: Callable[..., NonInferiority], gaps: Array, marks: bool) -> Rate:
    """How often ``test`` passes. It is asked once for rows of the same numbers, whatever their order."""
    rows, times = np.unique(np.sort(gaps, axis=1), axis=0, return_counts=True)
    passed = [test({"": row}, MARGIN, width=1.0, marks=marks).verdict is Verdict.PASS for row in rows]
    return count(np.repeat(passed, times))


def _kept(gaps: Array, marks: bool) -> Rate:
    return _passing(non_inferiority, gaps, marks)


def guards(runs: int, seed: int) -> Table:
    """How often a guard is kept at a loss of exactly the margin, and without any loss."""
    table = Table(
        "A guard that lost exactly its margin of one point, by rare losses",
        "`kept` is how often the guard is said to be kept at that loss, 5 % being right; `t` is Student's "
        "test. The last two columns are the power: how often it is kept where 1 % of the items gained and "
        "1 % lost.",
        ("an item loses", "G"),
        (
            Column("t", "error"),
            Column("kept", "error", promised=True),
            Column("no loss, t"),
            Column("no loss, kept"),
        ),
    )
    rng = np.random.default_rng(seed)
    for (name, size, marks), items in product(LOSSES, SIZES):
        lost = losses(rng, MARGIN / size, size, 0.0, (runs, items))
        same = losses(rng, 0.0, size, 0.02, (runs, items))
        rates = {
            "t": count(t_bounds(lost)[0] > -MARGIN),
            "kept": _kept(lost, marks),
            "no loss, t": count(t_bounds(same)[0] > -MARGIN),
            "no loss, kept": _kept(same, marks),
        }
        table.rows.append(((name, str(items)), rates))
    return table


def equivalence_section(runs: int, seed: int) -> Table:
    """How often arms a margin apart are called equivalent."""
    table = Table(
        "Two runs exactly a margin of one point apart, by rare changes",
        "How often they are said to be less than a point apart (two one-sided tests at 5 %), and how often "
        "where 1 % of the items gained and 1 % lost.",
        ("an item changes by", "G"),
        (
            Column("t", "error"),
            Column("equivalent", "error", promised=True),
            Column("equal, t"),
            Column("equal, equivalent"),
        ),
    )
    rng = np.random.default_rng(seed)
    for (name, size, marks), items in product(LOSSES, SIZES):
        apart = -losses(rng, MARGIN / size, size, 0.0, (runs, items))
        same = losses(rng, 0.0, size, 0.02, (runs, items))

        def by_t(gaps: Array) -> Rate:
            low, high = t_bounds(gaps)
            return count((low > -MARGIN) & (high < MARGIN))

        rates = {
            "t": by_t(apart),
            "equivalent": _passing(equivalence, apart, marks),
            "equal, t": by_t(same),
            "equal, equivalent": _passing(equivalence, same, marks),
        }
        table.rows.append(((name, str(items)), rates))
    return table
