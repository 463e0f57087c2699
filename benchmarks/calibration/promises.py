"""Gates, families, interim looks, judges and power: everything that promises an error rate in another way."""

from __future__ import annotations

from itertools import product

import numpy as np

from calibration.counting import Column, Table, count, covers
from calibration.worlds import Array, chances, item_means, moved
from selfreward_eval.harness.stats.anytime_valid import first_rejection
from selfreward_eval.harness.stats.means import mean_interval, t_quantile
from selfreward_eval.harness.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm
from selfreward_eval.harness.stats.noninferiority import Verdict, non_inferiority
from selfreward_eval.harness.stats.power import detectable_effect
from selfreward_eval.harness.stats.ppi import ppi_difference, ppi_mean


def gates(runs: int, seed: int) -> Table:
    """Non-inferiority at the very margin."""
    margin = 0.05
    table = Table(
        "A model worse by exactly the margin of 5 points",
        "A gate at 5 % should then pass one time in twenty and fail one time in twenty. Pictures right or "
        "wrong, four per prompt, ICC 0.5.",
        ("G",),
        (
            Column("PASS", "error", promised=True),
            Column("FAIL", "error", promised=True),
            Column("INCONCLUSIVE"),
        ),
    )
    rng = np.random.default_rng(seed)
    for size in (60, 300, 553):
        before = chances(rng, 0.7, 0.5, (runs, size))
        after = before * (1 - margin / 0.7)
        gaps = item_means(rng, after, 4) - item_means(rng, before, 4)
        verdicts = [non_inferiority({"": one}, margin, width=1.0).verdict for one in gaps]
        rates = {str(verdict): count([one is verdict for one in verdicts]) for verdict in Verdict}
        table.rows.append(((str(size),), rates))
    return table


def families(runs: int, seed: int) -> Table:
    """Several tasks at once."""
    table = Table(
        "Six tasks at once",
        "Six correlated tests (correlation 0.3). `any` is how often at least one true null hypothesis is "
        "rejected, without and with Holm's correction, where no task changed and where three did. `BH` and "
        "`BY` are the false discovery rates after Benjamini-Hochberg and Benjamini-Yekutieli: how often a "
        "rejection taken at random is false, a run without any counting as none.",
        ("changed",),
        (
            Column("any, uncorrected", "error"),
            Column("any, Holm", "error", promised=True),
            Column("BH", "error", promised=True),
            Column("BY", "error", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    from scipy.special import ndtr

    for changed in (0, 3):
        common = np.sqrt(0.3) * rng.normal(size=(runs, 1))
        z = common + np.sqrt(0.7) * rng.normal(size=(runs, 6))
        z[:, :changed] += 3.0
        p = 2 * ndtr(-np.abs(z))

        def any_false(adjusted: list[float | None], changed: int = changed) -> bool:
            return any(one is not None and one <= 0.05 for one in adjusted[changed:])

        def false_share(adjusted: list[float | None], changed: int = changed) -> float:
            found = [one is not None and one <= 0.05 for one in adjusted]
            return sum(found[changed:]) / max(1, sum(found))

        rows = [list(map(float, row)) for row in p]
        # A mean share is a rate too: draw for each run whether a random rejection of it is false.
        draw = rng.random(runs)
        rates = {
            "any, uncorrected": count([any_false(list(row)) for row in rows]),
            "any, Holm": count([any_false(holm(row)) for row in rows]),
            "BH": count(
                [u < false_share(benjamini_hochberg(row)) for u, row in zip(draw, rows, strict=True)]
            ),
            "BY": count(
                [u < false_share(benjamini_yekutieli(row)) for u, row in zip(draw, rows, strict=True)]
            ),
        }
        table.rows.append(((f"{changed} of 6",), rates))
    return table


def looks(runs: int, seed: int) -> Table:
    """Looks at data that come in one by one."""
    table = Table(
        "Repeated looks at a comparison without a difference",
        "`t, ten looks` tests after each tenth of the prompts and stops at the first p of at most 5 %. "
        "`betting` looks after every prompt; each of its one-sided bounds, at 5 %, is wrong if it ever "
        "excludes the true difference of 0.",
        ("data", "G"),
        (
            Column("t, last look", "error"),
            Column("t, ten looks", "error"),
            Column("betting, above", "looks", promised=True),
            Column("betting, below", "looks", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for name, size in product(("right or wrong", "skewed"), (300, 553)):
        if name == "skewed":
            gaps = rng.beta(0.5, 4.0, size=(runs, size)) - rng.beta(0.5, 4.0, size=(runs, size))
        else:
            before = chances(rng, 0.7, 0.5, (runs, size))
            after = moved(rng, before, chances(rng, 0.7, 0.5, (runs, size)))
            gaps = item_means(rng, after, 4) - item_means(rng, before, 4)
        at = np.round(np.linspace(size / 10, size, 10)).astype(int)
        means, sds = _running(gaps, at)
        critical = np.array([t_quantile(float(n - 1), 0.975) for n in at])
        t = np.abs(means) * np.sqrt(at) > critical * sds
        # Larger is better: the truth of 0 lies at the limit, so a rejection on either side is wrong.
        options = {"bottom": -1.0, "top": 1.0, "planned": size}
        rates = {
            "t, last look": count(t[:, -1]),
            "t, ten looks": count(t.any(axis=1)),
            "betting, above": count([first_rejection(one, 0.0, **options) is not None for one in gaps]),
            "betting, below": count([first_rejection(-one, 0.0, **options) is not None for one in gaps]),
        }
        table.rows.append(((name, str(size)), rates))
    return table


def _running(gaps: Array, at: np.ndarray) -> tuple[Array, Array]:
    """Mean and standard deviation of the first ``at`` items of every run."""
    total, square = np.cumsum(gaps, axis=1)[:, at - 1], np.cumsum(gaps**2, axis=1)[:, at - 1]
    means = total / at
    return means, np.sqrt(np.maximum(square - at * means**2, 0) / (at - 1))


def judges(runs: int, seed: int) -> Table:
    """A biased judge, corrected by labels on some prompts."""
    table = Table(
        "A biased judge, corrected by people",
        "Coverage of 95 % intervals. The judge is 8 points too kind; after training it is another 6 points "
        "kinder to the trained model. `judge alone` and `people alone` are t intervals; `score` corrects one "
        "run, `difference` two, with labels on both arms; `labels on one arm` corrects both arms by the "
        "bias of the first. 500 further prompts have no label.",
        ("labels",),
        (
            Column("judge alone", "coverage"),
            Column("people alone", "coverage"),
            Column("score", "coverage", promised=True),
            Column("labels on one arm", "coverage"),
            Column("difference", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    more = 500
    for labels in (30, 50, 100, 200):
        names = ("judge alone", "people alone", "score", "labels on one arm", "difference")
        kept: dict[str, list[bool]] = {name: [] for name in names}
        for _ in range(runs):
            human, judge = [], []
            quality = rng.beta(2, 1, size=labels + more)
            for kinder in (0.0, 0.06):
                y = rng.binomial(4, quality) / 4
                human.append(y)
                judge.append(np.clip(y + 0.08 + kinder + 0.15 * rng.normal(size=len(y)), -1, 2))
            few, rest = slice(labels), slice(labels, None)
            alone = mean_interval(judge[0])
            people = mean_interval(human[0][few])
            score = ppi_mean(human[0][few], judge[0][few], judge[0][rest])
            difference = ppi_difference(
                (human[0][few], human[1][few]),
                (judge[0][few], judge[1][few]),
                (judge[0][rest], judge[1][rest]),
            )
            one_arm = mean_interval(judge[1] - judge[0])
            kept["judge alone"].append(covers(alone.low, alone.high, 2 / 3))
            kept["people alone"].append(covers(people.low, people.high, 2 / 3))
            kept["score"].append(covers(score.low, score.high, 2 / 3))
            kept["labels on one arm"].append(covers(one_arm.low, one_arm.high, 0.0))
            kept["difference"].append(covers(difference.low, difference.high, 0.0))
        table.rows.append(((str(labels),), {name: count(flags) for name, flags in kept.items()}))
    return table


def plans(runs: int, seed: int) -> Table:
    """The power of the effect that a plan calls detectable."""
    table = Table(
        "The detectable difference, found",
        "How often the paired t test finds a difference of just the size that "
        "`power.detectable_effect` promises to find 8 times in 10.",
        ("G", "sd"),
        (Column("found, planned 80 %", "power", promised=True),),
    )
    rng = np.random.default_rng(seed)
    for size, sd in product((24, 60, 553), (0.2, 0.5)):
        effect = detectable_effect(sd, size)
        gaps = effect + sd * rng.normal(size=(runs, size))
        t = gaps.mean(axis=1) * np.sqrt(size) / gaps.std(axis=1, ddof=1)
        found = count(np.abs(t) > t_quantile(float(size - 1), 0.975))
        table.rows.append(((str(size), f"{sd:g}"), {"found, planned 80 %": found}))
    return table
