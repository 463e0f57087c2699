"""Few seeds, few units, few labels: where little data once carried too much."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from calibration.counting import Column, Table, count, covers
from calibration.two_runs import RESAMPLES, rejects
from calibration.worlds import Array, chances
from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.deciding_power import Design, detectable
from selfreward_eval.harness.stats.ppi import ppi_mean
from selfreward_eval.harness.stats.run_pool import run_pool

GAIN = 0.06
"""The true gain whose power is counted."""


def pooled_seeds(runs: int, seed: int) -> Table:
    """Five methods of three seeds each, one of which may vary more."""
    table = Table(
        "Five methods of three training seeds each",
        "Claims about one method by Banerjee's bound, with its own variance between runs and with that "
        "pooled over the methods that are alike in it. 553 prompts (sd 0.2), cells with sd 0.35, single runs "
        "with sd 0.02 but for one method. `power` is for a gain of 6 points and the four alike. `pooled, "
        "error` is over all five claims. The method that varies more is missed by the check of equal "
        "variances in some cases, and its pooled claim then errs too often: nothing is promised for it "
        "alone, and its own interval is printed beside.",
        ("sd of the fifth",),
        (
            Column("own, error", "error", promised=True),
            Column("pooled, error", "error", promised=True),
            Column("pooled, error of the others", "error", promised=True),
            Column("pooled, error of the fifth", "error"),
            Column("own, power"),
            Column("pooled, power"),
        ),
    )
    rng = np.random.default_rng(seed)
    size, repeats = 553, 3
    for odd in (0.02, 0.03, 0.04, 0.06, 0.1):
        spread = np.array([0.02] * 4 + [odd])
        run_sd = np.sqrt(spread**2 + 0.35**2 / size)
        scores = run_sd[:, None] * rng.normal(size=(runs, 5, repeats))
        prompt_variance = (0.2**2 + 0.35**2 / repeats) / size
        v_prompts = prompt_variance * rng.chisquare(size - 1, size=(runs, 5)) / (size - 1)
        means = scores.mean(axis=2) + 0.2 / np.sqrt(size) * rng.normal(size=(runs, 5))
        own_variance, free = scores.var(axis=2, ddof=1), np.full((runs, 5), repeats - 1.0)
        variance = own_variance.copy()
        for place in range(runs):
            pool = run_pool({str(k): scores[place, k] for k in range(5)})
            if pool.variance is not None:
                inside = [int(name) for name in pool.members]
                variance[place, inside], free[place, inside] = pool.variance, pool.df
        own = _reach(v_prompts, size - 1, own_variance / repeats, np.full((runs, 5), repeats - 1.0))
        pooled = _reach(v_prompts, size - 1, variance / repeats, free)
        wrong = np.abs(means) > pooled
        rates = {
            "own, error": count(np.abs(means) > own),
            "pooled, error": count(wrong),
            "pooled, error of the others": count(wrong[:, :4]),
            "pooled, error of the fifth": count(wrong[:, 4]),
            "own, power": count(np.abs(means + GAIN)[:, :4] > own[:, :4]),
            "pooled, power": count(np.abs(means + GAIN)[:, :4] > pooled[:, :4]),
        }
        table.rows.append(((f"{odd:g}",), rates))
    return table


def _reach(prompts: Array, prompts_df: int, between: Array, df: Array) -> Array:
    """Half the width of Banerjee's 95 % interval."""
    return np.sqrt(stdtrit(prompts_df, 0.975) ** 2 * prompts + stdtrit(df, 0.975) ** 2 * between)


def plans_of_few(runs: int, seed: int) -> Table:
    """The detectable difference of small benchmarks, found by the test that decides."""
    table = Table(
        "The detectable difference of fewer than 300 prompts, found by the deciding test",
        "Right-or-wrong pictures, ICC 0.3; every prompt gains a share of what it lacks, and half of the "
        "prompts stand elsewhere in the second run. `t plan` is how often the difference is found that the t "
        "formula promises to find 8 times in 10, `plan` that of the plan for McNemar's test or sign flips, "
        "and `plan of two` the same where two scores are corrected (alpha / 2).",
        ("m", "G"),
        (Column("t plan"), Column("plan"), Column("plan of two")),
    )
    rng = np.random.default_rng(seed)
    for m, size in ((1, 24), (1, 60), (1, 200), (4, 24), (4, 40)):
        effects = {
            "t plan": (_planned(rng, size, m, 0.05, by_t=True), 0.05),
            "plan": (_planned(rng, size, m, 0.05), 0.05),
            "plan of two": (_planned(rng, size, m, 0.025), 0.025),
        }
        rates = {}
        for name, (effect, alpha) in effects.items():
            if effect is None or effect >= 0.4:
                rates[name] = None
                continue
            gaps = _gaps(rng, effect, m, (runs, size))
            p = [deciding_test({"": one}, m=m, binary=True, resamples=RESAMPLES).p for one in gaps]
            rates[name] = count([rejects(one) if alpha == 0.05 else (one or 1.0) <= alpha for one in p])
        table.rows.append(((str(m), str(size)), rates))
    return table


def _planned(
    rng: np.random.Generator, size: int, m: int, alpha: float, *, by_t: bool = False
) -> float | None:
    """The detectable difference, planned with the sd and its parts that the data have at this difference."""
    effect: float | None = 0.2
    for _ in range(4):
        if effect is None or effect >= 0.4:
            return None
        gaps, true = _gaps(rng, effect, m, (4000, size)), _gaps(rng, effect, 1000, (400, size))
        sd = float(gaps.std())
        between = min(1.0, float(true.var()) / sd**2)
        effect = detectable(Design((size,), m, True, sd, size - 1.0, between, alpha, by_t=by_t), 0.8)
    return effect


def _gaps(rng: np.random.Generator, effect: float, m: int, shape: tuple[int, int]) -> Array:
    before = chances(rng, 0.6, 0.3, shape)
    other = np.where(rng.random(shape) < 0.5, before, chances(rng, 0.6, 0.3, shape))
    after = other + (1 - other) * effect / 0.4
    gaps: Array = (rng.binomial(m, after) - rng.binomial(m, before)) / m
    return gaps


LABELS = (20, 50, 100, 200, 400)


def few_labels(runs: int, seed: int) -> Table:
    """A good judge with few labels that differ from it."""
    table = Table(
        "A good judge and few labels",
        "Coverage of 95 % intervals for a share of right pictures. 500 further pictures have no label. Below "
        "eight labels that differ from the judge in a way of their own the labels speak alone; `always "
        "corrected` is the interval without that rule.",
        ("right", "judge wrong on right, wrong", "labels"),
        (
            Column("always corrected", "coverage"),
            Column("score", "coverage", promised=True),
            Column("judge used"),
        ),
    )
    rng = np.random.default_rng(seed)
    for rate, missed, kind in ((0.7, 0.05, 0.05), (0.9, 0.01, 0.3), (0.7, 0.2, 0.2)):
        for labels in LABELS:
            always, kept, used = [], [], []
            for _ in range(runs):
                truth = (rng.random(labels + 500) < rate) * 1.0
                wrong = rng.random(len(truth)) < np.where(truth == 1, missed, kind)
                judge = np.where(wrong, 1 - truth, truth)
                found = ppi_mean(truth[:labels], judge[:labels], judge[labels:], score_range=(0.0, 1.0))
                kept.append(covers(found.low, found.high, rate))
                used.append(not found.why)
                low, high = _uncorrected(truth[:labels], judge[:labels], judge[labels:])
                always.append(covers(low, high, rate))
            rates = {"always corrected": count(always), "score": count(kept), "judge used": count(used)}
            table.rows.append(((f"{rate:g}", f"{missed:g}, {kind:g}", str(labels)), rates))
    return table


def _uncorrected(human: Array, judge: Array, rest: Array) -> tuple[float, float]:
    """PPI's interval whatever the number of labels that differ."""
    n, more = len(human), len(rest)
    spread = float(np.concatenate([judge, rest]).var(ddof=1))
    weight = 0.0 if spread == 0 else float(np.cov(human, judge)[0, 1]) / ((1 + n / more) * spread)
    weight = min(max(weight, 0.0), 1.0)
    left = human - weight * judge
    value = weight * float(rest.mean()) + float(left.mean())
    used = 1 if weight in (0.0, 1.0) else 2
    error = weight**2 * rest.var(ddof=1) / more + left.var() / (n - used)
    half = float(stdtrit(n - used, 0.975) * np.sqrt(error))
    return value - half, value + half
