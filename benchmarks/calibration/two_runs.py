"""The paired comparison of two runs."""

from __future__ import annotations

from itertools import product

import numpy as np

from calibration.counting import Column, Rate, Table, count, covers, each
from calibration.one_run import ALIKE, PICTURES, SIZES
from calibration.worlds import Array, chances, item_means, moved, pictures, score_means
from selfreward_eval.harness.stats.bootstrap import bca
from selfreward_eval.harness.stats.choosing import FEW_UNITS, deciding_test
from selfreward_eval.harness.stats.means import t_quantile
from selfreward_eval.harness.stats.paired import PairedResult, paired
from selfreward_eval.harness.stats.permutation import sign_flip
from selfreward_eval.harness.stats.signs import sign_sums

ALPHA = 0.05
RESAMPLES = 999


def rejects(p: float | None) -> bool:
    return p is not None and p <= ALPHA


def naive_rejections(gaps: Array) -> Rate:
    """A paired t test over all pictures as if they were independent."""
    flat = gaps.reshape(len(gaps), -1)
    mean, spread = flat.mean(axis=1), flat.std(axis=1, ddof=1)
    critical = t_quantile(float(flat.shape[1] - 1), 1 - ALPHA / 2)
    return count(np.abs(mean) * np.sqrt(flat.shape[1]) > critical * spread)


def methods(items: Array, m: int, binary: bool, truth: float, runs: int) -> dict[str, Rate | None]:
    """How often each method is wrong about a mean difference of ``truth``, and what the chosen one covers.

    Wrong is a p of at most 5 % where ``truth`` is 0, else an interval without it.
    """

    def misses(result: PairedResult) -> bool:
        return rejects(result.p) if truth == 0 else not covers(result.low, result.high, truth)

    def bca_misses(one: Array) -> bool:
        interval = bca({"": one}, resamples=RESAMPLES)
        return not covers(interval.low, interval.high, truth)

    chosen = [deciding_test({"": one}, m=m, binary=binary, width=1.0, resamples=RESAMPLES) for one in items]
    few = max(1, runs // 20)
    rates: dict[str, Rate | None] = {
        "t": None,
        "sign flips": count(flip_p_values(items - truth) <= ALPHA),
        "McNemar": None,
        "BCa": each(items, few, bca_misses),
        "chosen": count([misses(result) for result in chosen]),
        "coverage": count([covers(result.low, result.high, truth) for result in chosen]),
    }
    if binary and m == 1:
        rates["McNemar"] = rates["chosen"]
    by_t = items.shape[1] >= FEW_UNITS and not (binary and m == 1)
    rates["t"] = rates["chosen"] if by_t else each(items, runs, lambda one: misses(paired(one)))
    return rates


def flip_p_values(items: Array) -> Array:
    """The p-values of the sign-flip test for many data sets, shape (runs, prompts), at once.

    The same numbers as :func:`sign_flip` gives one by one (which is checked on the first few): for a
    plain mean the studentised statistic grows with the sum, and all data sets share the patterns of seed 0.
    """
    signs = sign_sums(np.eye(items.shape[1]), RESAMPLES, 0).sums
    p = np.empty(len(items))
    for start in range(0, len(items), 1000):
        block = np.sort(items[start : start + 1000], axis=1)
        sums = np.abs(block.sum(axis=1, keepdims=True))
        # Coarse marks tie; rounding must not separate what is equal.
        extreme = np.abs(block @ signs.T) >= sums * (1 - 1e-9) - 1e-12
        p[start : start + 1000] = (1 + extreme.sum(axis=1)) / (RESAMPLES + 1)
    for one, value in zip(items[:5], p, strict=False):
        single = sign_flip({"": one}, resamples=RESAMPLES)
        if single.se and single.p != value:
            raise AssertionError(f"the batch gives p = {value}, the library {single.p}")
    return p


def no_difference(runs: int, seed: int) -> Table:
    """Rejections of a true null hypothesis, right-or-wrong pictures."""
    table = Table(
        "Two runs without a difference, right or wrong, 70 % right",
        "How often a true null hypothesis is rejected at 5 %, and how often the 95 % interval of the chosen "
        "test contains 0. Half of the prompts stand alike in both runs, the others moved up or down at "
        "random: on average nothing changed. `naive` is a paired t test over all pictures.",
        ("m", "ICC", "G"),
        (
            Column("naive", "error"),
            Column("t", "error"),
            Column("sign flips", "error", promised=True),
            Column("McNemar", "error", promised=True),
            Column("BCa", "error"),
            Column("chosen", "error", promised=True),
            Column("coverage", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for m, icc, size in product(PICTURES, ALIKE, SIZES):
        before = chances(rng, 0.7, icc, (runs, size))
        after = moved(rng, before, chances(rng, 0.7, icc, (runs, size)))
        gaps = item_means(rng, after, m) - item_means(rng, before, m)
        some = slice(max(1, runs // 10))
        naive = naive_rejections(pictures(rng, after[some], m) - pictures(rng, before[some], m))
        rates = methods(gaps, m, True, 0.0, runs) | {"naive": naive}
        table.rows.append(((str(m), f"{icc:g}", str(size)), rates))
    return table


def a_difference(runs: int, seed: int) -> Table:
    """Coverage of a true difference."""
    table = Table(
        "Two runs with a difference, 70 % and 80 % right",
        "How often 95 % intervals miss the true difference of 10 points, and the coverage of the chosen one. "
        "Every prompt gained a third of what it lacked.",
        ("m", "ICC", "G"),
        (
            Column("t", "error"),
            Column("sign flips", "error"),
            Column("BCa", "error"),
            Column("coverage", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for m, icc, size in product(PICTURES, ALIKE, SIZES):
        before = chances(rng, 0.7, icc, (runs, size))
        after = before + (1 - before) / 3
        gaps = item_means(rng, after, m) - item_means(rng, before, m)
        table.rows.append(((str(m), f"{icc:g}", str(size)), methods(gaps, m, True, 0.1, runs)))
    return table


def skewed(runs: int, seed: int) -> Table:
    """Skewed scores between 0 and 1, with and without a difference."""
    table = Table(
        "Two runs of skewed scores between 0 and 1",
        "As above for scores scattered around a Beta distributed quality, four pictures per prompt. In the "
        "last shape the second run is better by a tenth of what was left to gain, and wrong is an interval "
        "without that difference.",
        ("quality", "G"),
        (
            Column("t", "error"),
            Column("sign flips", "error", promised=True),
            Column("BCa", "error"),
            Column("chosen", "error", promised=True),
            Column("coverage", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    shapes = (("low, skewed", 0.5, 4.0), ("high, skewed", 5.0, 1.0), ("at both ends", 0.3, 0.1))
    for (name, a, b), size in product(shapes, SIZES):
        quality = rng.beta(a, b, size=(runs, size))
        other = moved(rng, quality, rng.beta(a, b, size=(runs, size)))
        gaps = score_means(rng, other, 4) - score_means(rng, quality, 4)
        table.rows.append(((name, str(size)), methods(gaps, 4, False, 0.0, runs)))
    for size in SIZES:
        quality = rng.beta(2.0, 1.0, size=(runs, size))
        better = quality + 0.1 * (1 - quality)
        gaps = score_means(rng, better, 4) - score_means(rng, quality, 4)
        rates = methods(gaps, 4, False, 0.1 / 3, runs)
        table.rows.append((("better by a tenth", str(size)), rates))
    return table


def unequal(runs: int, seed: int) -> Table:
    """A mean difference of zero that a few large losses and many small gains make up."""
    table = Table(
        "What no test repairs: a zero made of a few large losses and many small gains",
        "One prompt in ten loses much, the others gain a little, and the mean difference is 0. Too few of "
        "the losers are in a small sample, so every method claims a difference too often until there are "
        "some thirty of them. The sign-flip test is still exact for the question whether the runs differ at "
        "all, which here they do. Nothing is promised; look at the paired scatter.",
        ("G",),
        (
            Column("t", "error"),
            Column("sign flips", "error"),
            Column("BCa", "error"),
            Column("chosen", "error"),
        ),
    )
    rng = np.random.default_rng(seed)
    gain = 0.1 * (5 / 7) / 0.9
    for size in SIZES:
        gains = rng.beta(1.0, 1 / gain - 1, size=(runs, size))
        gaps = np.where(rng.random((runs, size)) < 0.1, -rng.beta(5, 2, size=(runs, size)), gains)
        rates = methods(gaps, 4, False, 0.0, runs)
        table.rows.append(
            ((str(size),), {name: rates[name] for name in ("t", "sign flips", "BCa", "chosen")})
        )
    return table
