"""Two runs that differ in few items, or nearly always one way; strata of two items; leaderboards of them."""

from __future__ import annotations

from itertools import product

import numpy as np

from calibration.counting import Column, Table, count, covers
from calibration.two_runs import RESAMPLES, rejects
from calibration.worlds import Array
from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.paired import paired, paired_macro
from selfreward_eval.leaderboards.pairwise import Stratum, pairwise_macro
from selfreward_eval.leaderboards.ranking import adjusted

SHAPES = (
    ("10 % gain", 0.1, 0.0, 0.5),
    ("2 % gain", 0.02, 0.0, 0.5),
    ("10 % lose all", 0.0, 0.1, 1.0),
    ("10 % gain, 2 % lose", 0.1, 0.02, 0.5),
    ("5 % gain, 5 % lose", 0.05, 0.05, 0.5),
)
"""Name, share of items that gain, that lose, and by how much on average."""


def changes(rng: np.random.Generator, up: float, down: float, size: float, shape: tuple[int, int]) -> Array:
    """Item differences of four pictures, shape ``shape``."""
    draw, moved = rng.random(shape), rng.binomial(4, size, shape) / 4
    return np.where(draw < up, moved, 0.0) - np.where((draw >= up) & (draw < up + down), moved, 0.0)


def one_way(runs: int, seed: int) -> Table:
    """Coverage and false claims where few items change, or nearly all one way."""
    table = Table(
        "Two runs that differ in few items",
        "Coverage of 95 % intervals, four pictures per prompt. Few items change, by half of their pictures "
        "on average (or all of them); `t` is what a paired t interval covers. Where no difference exists on "
        "average, `error` is how often one is claimed.",
        ("changes", "G"),
        (
            Column("t", "coverage"),
            Column("coverage", "coverage", promised=True),
            Column("error", "error", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for (name, up, down, size), items in product(SHAPES, (6, 10, 24, 48, 60, 120, 300)):
        truth = (up - down) * size
        plain, covered, wrong = [], [], []
        for gaps in changes(rng, up, down, size, (runs, items)):
            t = paired(gaps)
            plain.append(covers(t.low, t.high, truth))
            found = deciding_test({"": gaps}, m=4, binary=True, width=1.0, resamples=RESAMPLES)
            covered.append(covers(found.low, found.high, truth))
            wrong.append(rejects(found.p))
        rates = {"t": count(plain), "coverage": count(covered), "error": count(wrong) if truth == 0 else None}
        table.rows.append(((name, str(items)), rates))
    return table


STRATA = ((2, 2, 30, 30), (3, 4, 60), (5, 5, 30, 30), (5, 60, 60))


def _no_difference(rng: np.random.Generator, size: int, runs: int) -> Array:
    """Differences of two equal models on prompts of any difficulty, four pictures each."""
    chance = rng.random((runs, size))
    return (rng.binomial(4, chance) - rng.binomial(4, chance)) / 4


def tiny_strata(runs: int, seed: int) -> Table:
    """Macro means with strata of few items."""
    table = Table(
        "Two equal runs, unweighted mean over categories of which some are tiny",
        "How often a difference is claimed that is not there, and the coverage of 95 % intervals, four "
        "pictures per prompt. `t` takes two items that agree for items that never vary. A mean over a "
        "category of fewer than five items has an interval and no claim.",
        ("prompts",),
        (
            Column("t", "error"),
            Column("error", "error", promised=True),
            Column("coverage", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for sizes in STRATA:
        arms = [_no_difference(rng, size, runs) for size in sizes]
        plain, wrong, covered = [], [], []
        for run in range(runs):
            gaps = {str(j): arm[run] for j, arm in enumerate(arms)}
            plain.append(rejects(paired_macro(gaps).p))
            found = deciding_test(gaps, m=4, binary=True, width=1.0, resamples=RESAMPLES)
            wrong.append(rejects(found.p))
            covered.append(covers(found.low, found.high, 0.0))
        rates = {"t": count(plain), "error": count(wrong), "coverage": count(covered)}
        table.rows.append(((" + ".join(map(str, sizes)),), rates))
    return table


def leaderboards(runs: int, seed: int) -> Table:
    """Eight equal models: how often any two are told apart."""
    table = Table(
        "A leaderboard of eight equal models",
        "How often any of the 28 pairs is told apart after Holm's adjustment, four pictures per prompt, on "
        "the unweighted mean over categories.",
        ("prompts",),
        (Column("t", "error"), Column("any", "error", promised=True)),
    )
    rng = np.random.default_rng(seed)
    for sizes in STRATA:
        ends = np.cumsum(sizes)
        strata = {
            str(j): Stratum.of(range(end - size, end), [str(k) for k in range(size)])
            for j, (size, end) in enumerate(zip(sizes, ends, strict=True))
        }
        found, plain = [], []
        for _ in range(runs):
            chance = rng.random(ends[-1])
            marks = (rng.random((8, ends[-1], 4)) < chance[None, :, None]).astype(float)
            pairs, _single = pairwise_macro(marks, strata)
            found.append(bool((adjusted([pairs.p])[0] <= 0.05).any()))
            plain.append(_plain(marks.mean(axis=2), sizes))
        table.rows.append(((" + ".join(map(str, sizes)),), {"t": count(plain), "any": count(found)}))
    return table


def _plain(means: Array, sizes: tuple[int, ...]) -> bool:
    """Whether Student's t over the strata tells any two models apart, whatever their size."""
    p = []
    for i in range(len(means)):
        for j in range(i + 1, len(means)):
            parts = np.split(means[j] - means[i], np.cumsum(sizes)[:-1])
            p.append(paired_macro({str(k): part for k, part in enumerate(parts)}).p)
    known = np.array([np.nan if one is None else one for one in p])
    return bool((adjusted([known])[0] <= 0.05).any())
