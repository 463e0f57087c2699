"""Designs beyond a plain list of prompts: categories, clusters, ratios, several training runs."""

from __future__ import annotations

from itertools import product

import numpy as np

from calibration.counting import Column, Table, count, covers
from calibration.two_runs import RESAMPLES, rejects
from calibration.worlds import Array, chances, item_means, moved
from selfreward_eval.harness.stats.choosing import choose_interval, deciding_test
from selfreward_eval.harness.stats.crossed import method_claim
from selfreward_eval.harness.stats.means import cluster_values, mean_interval
from selfreward_eval.harness.stats.paired import paired, paired_macro
from selfreward_eval.harness.stats.permutation import sign_flip
from selfreward_eval.harness.stats.ratio import ratio_values

CATEGORIES = (
    ("GenEval, 553", (80, 99, 80, 94, 100, 100)),
    ("6 x 10", (10,) * 6),
    ("6 x 4", (4,) * 6),
    ("5 + 60 + 60", (5, 60, 60)),
)
RATES = (0.95, 0.85, 0.5, 0.8, 0.2, 0.4)
"""How hard the categories are."""


def categories(runs: int, seed: int) -> Table:
    """Macro scores: the unweighted mean of categories of different size and difficulty."""
    table = Table(
        "Categories of different difficulty, unweighted mean",
        "Four pictures per prompt, ICC 0.5, from 20 % to 95 % right by category; half of the prompts moved "
        "at random. The last two columns are intervals of one run's macro score.",
        ("prompts",),
        (
            Column("stratified t", "error"),
            Column("sign flips", "error"),
            Column("chosen", "error", promised=True),
            Column("coverage", "coverage", promised=True),
            Column("t of one run", "coverage"),
            Column("chosen of one run", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for name, sizes in CATEGORIES:
        truth = float(np.mean(RATES[: len(sizes)]))
        arms: list[tuple[Array, Array]] = []
        for size, rate in zip(sizes, RATES, strict=False):
            before = chances(rng, rate, 0.5, (runs, size))
            after = moved(rng, before, chances(rng, rate, 0.5, (runs, size)))
            arms.append((item_means(rng, before, 4), item_means(rng, after, 4)))
        t, flips, chosen, covered, plain, one_run = [], [], [], [], [], []
        for run in range(runs):
            gaps = {str(j): b[run] - a[run] for j, (a, b) in enumerate(arms)}
            result = deciding_test(gaps, m=4, binary=True, width=1.0, resamples=RESAMPLES)
            chosen.append(rejects(result.p))
            covered.append(covers(result.low, result.high, 0.0))
            t.append(rejects(paired_macro(gaps).p))
            if run < max(1, runs // 20):
                flips.append(rejects(sign_flip(gaps, resamples=RESAMPLES).p))
            scores = {str(j): a[run] for j, (a, _) in enumerate(arms)}
            best = choose_interval(scores, m=4, binary=True).interval
            one_run.append(covers(best.low, best.high, truth))
            wide = choose_interval(scores, m=4, binary=True, score_range=None).interval
            plain.append(covers(wide.low, wide.high, truth))
        rates = {
            "stratified t": count(t),
            "sign flips": count(flips),
            "chosen": count(chosen),
            "coverage": count(covered),
            "t of one run": count(plain),
            "chosen of one run": count(one_run),
        }
        table.rows.append(((name,), rates))
    return table


CLUSTERS = (("24 x 2.5", (1, 2, 3, 4) * 6), ("60 x 2.5", (1, 2, 3, 4) * 15), ("12 x 2.5", (1, 2, 3, 4) * 3))


def clusters(runs: int, seed: int) -> Table:
    """Questions about one picture: items in clusters of one to four."""
    table = Table(
        "Several questions about one picture",
        "Pictures with one to four questions each, as in LLaVA-Bench (24 pictures, 60 questions). A picture "
        "shifts the difference of all its questions. `naive` takes the questions as independent; `ratio` is "
        "the coverage of the interval of 100 * mean(score) / mean(reference), linearised and clustered; a "
        "line through a ratio needs some twenty pictures, so of 12 it is only shown.",
        ("pictures",),
        (
            Column("naive", "error"),
            Column("clustered t", "error"),
            Column("chosen", "error", promised=True),
            Column("coverage", "coverage", promised=True),
            Column("ratio", "coverage", promised=True),
            Column("ratio of few", "coverage"),
        ),
    )
    rng = np.random.default_rng(seed)
    for name, sizes in CLUSTERS:
        label = np.repeat(np.arange(len(sizes)), sizes)
        names = label.tolist()
        naive, clustered, chosen, covered, ratio = [], [], [], [], []
        for _ in range(runs):
            gaps = np.round(rng.normal(size=len(sizes))[label] + rng.normal(size=len(label)))
            naive.append(rejects(paired(gaps).p))
            clustered.append(rejects(paired(cluster_values(gaps, names)).p))
            result = deciding_test({"": gaps}, m=1, binary=False, clusters={"": names}, resamples=RESAMPLES)
            chosen.append(rejects(result.p))
            covered.append(covers(result.low, result.high, 0.0))
            # Marks from 1 to 10 whose means are 6 and 8, correlated through the picture.
            hard = rng.normal(size=len(sizes))[label]
            score = np.clip(6 + hard + rng.normal(size=len(label)), 1, 11)
            reference = 8 + 0.5 * hard + 0.5 * rng.normal(size=len(label))
            interval = mean_interval(cluster_values(ratio_values(score, reference), names))
            ratio.append(covers(interval.low, interval.high, 75.0))
        rates = {
            "naive": count(naive),
            "clustered t": count(clustered),
            "chosen": count(chosen),
            "coverage": count(covered),
            "ratio" if len(sizes) >= 24 else "ratio of few": count(ratio),
        }
        table.rows.append(((name,), rates))
    return table


def training_runs(runs: int, seed: int) -> Table:
    """Prompts crossed with training runs."""
    table = Table(
        "Several training runs of a method that does nothing",
        "Prompts vary with standard deviation 0.2, cells with 0.35, and training runs as in the row. "
        "`checkpoint` clusters by prompt alone, which answers for these checkpoints and not for the method; "
        "`Satterthwaite` is the analysis-of-variance test with its approximate degrees of freedom.",
        ("runs", "sd of runs", "G"),
        (
            Column("checkpoint", "error"),
            Column("Satterthwaite", "error"),
            Column("method claim", "error", promised=True),
            Column("coverage", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for repeats, spread, size in product((2, 3, 5, 8, 12), (0.0, 0.02, 0.1), (60, 553)):
        checkpoint, anova, method, covered = [], [], [], []
        for _ in range(runs):
            cells = (
                0.2 * rng.normal(size=(size, 1))
                + spread * rng.normal(size=(1, repeats))
                + 0.35 * rng.normal(size=(size, repeats))
            )
            claim = method_claim({"": cells})
            method.append(rejects(claim.result.p))
            covered.append(covers(claim.result.low, claim.result.high, 0.0))
            checkpoint.append(rejects(paired(cells.mean(axis=1)).p))
            anova.append(_satterthwaite(cells))
        rates = {
            "checkpoint": count(checkpoint),
            "Satterthwaite": count(anova),
            "method claim": count(method),
            "coverage": count(covered),
        }
        table.rows.append(((str(repeats), f"{spread:g}", str(size)), rates))
    return table


def _satterthwaite(cells: Array) -> bool:
    """Whether (MS_P + MS_R - MS_PR) / (G R) with Satterthwaite's df rejects, without any safeguard."""
    from scipy.special import stdtr

    size, repeats = cells.shape
    by_prompt = repeats * cells.mean(axis=1).var(ddof=1)
    by_run = size * cells.mean(axis=0).var(ddof=1)
    rest = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0) + cells.mean()
    freedom = (size - 1) * (repeats - 1)
    by_cell = float((rest**2).sum()) / freedom
    variance = by_prompt + by_run - by_cell
    if variance <= 0:
        return True
    df = variance**2 / (by_prompt**2 / (size - 1) + by_run**2 / (repeats - 1) + by_cell**2 / freedom)
    t = abs(float(cells.mean())) / float(np.sqrt(variance / cells.size))
    return rejects(2 * float(stdtr(df, -t)))
