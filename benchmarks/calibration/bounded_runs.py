"""The interval of one run near the end of the range, with difficulty at both ends, and with failures."""

from __future__ import annotations

from itertools import product

import numpy as np

from calibration.counting import Column, Rate, Table, count, covers
from calibration.worlds import Array, chances, item_means
from selfreward_eval.harness.stats.bounded import ends_of_tosses, freedom_of_spread
from selfreward_eval.harness.stats.choosing import choose_interval
from selfreward_eval.harness.stats.means import cluster_values, mean_interval, t_quantile

DESIGNS = (
    *((share, icc) for share in (0.95, 0.97, 0.99) for icc in (0.0, 0.3)),
    (0.75, 0.8),
)
"""Share right and ICC; the last is U-shaped: nearly every prompt is easy or hopeless."""


def ceiling(runs: int, seed: int) -> Table:
    """Coverage where nearly everything is right, or every prompt is easy or hopeless."""
    table = Table(
        "One run at the end of the range, and prompts that are easy or hopeless",
        "Coverage of 95 % intervals. Pictures are right or wrong; in the last rows difficulty is U-shaped.",
        ("right", "ICC", "m", "G"),
        (
            Column("t on item means", "coverage"),
            Column("Clopper-Pearson", "coverage"),
            Column("chosen", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for (share, icc), m, size in product(DESIGNS, (1, 4), (24, 80, 300, 553)):
        if m == 1 and icc == 0.3:
            continue
        items = item_means(rng, chances(rng, share, icc, (runs, size)), m)
        labels = (f"{share:.0%}", f"{icc:g}", str(m), str(size))
        table.rows.append((labels, _rates(items, m, share)))
    return table


def _rates(items: Array, m: int, truth: float) -> dict[str, Rate | None]:
    """All intervals at once; the first few are checked against the library's own."""
    size = items.shape[1]
    means, spread = items.mean(axis=1), items.std(axis=1, ddof=1) / np.sqrt(size)
    se = np.where(items.min(axis=1) == items.max(axis=1), 0.0, spread)
    freedom = _freedom(items)
    ends = {
        name: ends_of_tosses(means, se, size, size - 1.0, freedom, most=float(size * m), few=few)
        for name, few in (("chosen", None), ("Clopper-Pearson", float("inf")))
    }
    for k in range(min(5, len(items))):
        own = choose_interval({"": items[k]}, m=m, binary=True).interval
        if abs(own.low - ends["chosen"][0][k]) > 1e-9 or abs(own.high - ends["chosen"][1][k]) > 1e-9:  # type: ignore[operator]
            raise AssertionError(f"the batch gives {ends['chosen'][0][k]}, the library {own.low}")
    half = t_quantile(size - 1.0, 0.975) * se
    rates = {name: count((low <= truth) & (truth <= high)) for name, (low, high) in ends.items()}
    return {**rates, "t on item means": count(np.abs(means - truth) <= half + 1e-12)}


def _freedom(items: Array) -> Array:
    """:func:`freedom_of_spread` of every row."""
    size = items.shape[1]
    away = np.minimum((items > 0).sum(axis=1), (items < 1).sum(axis=1))
    squares = (items - items.mean(axis=1, keepdims=True)) ** 2
    spread = squares.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (squares**2).mean(axis=1) / spread**2 - 1
        found = np.minimum(np.minimum(away, np.where(excess > 0, 2 * size / excess, size)), size)
    found = np.where(spread > 0, found, away)
    if len(items) and abs(found[0] - freedom_of_spread(items[0])) > 1e-6:
        raise AssertionError("degrees of freedom differ from the library's")
    return np.asarray(found, dtype=float)


def torn(runs: int, seed: int) -> Table:
    """Coverage with clusters whose sizes failures make unequal."""
    table = Table(
        "One run with failures: pictures of one to four prompts, and 30 % of the samples lost",
        "Coverage of 95 % intervals over clusters. Prompts of a cluster share their difficulty; samples are "
        "lost at random, so that clusters and prompts differ in size.",
        ("right", "clusters"),
        (Column("t over clusters", "coverage"), Column("chosen", "coverage", promised=True)),
    )
    rng = np.random.default_rng(seed)
    for share, groups in product((0.7, 0.9, 0.97), (24, 80, 300)):
        labels = np.repeat(np.arange(groups), rng.integers(1, 5, groups))
        plain, chosen = [], []
        for _ in range(runs):
            chance = rng.beta(2 * share, 2 * (1 - share), groups)[labels]
            scored = rng.binomial(4, 0.7, len(labels))
            kept = scored > 0
            means = rng.binomial(scored[kept], chance[kept]) / scored[kept]
            names = labels[kept].tolist()
            wide = mean_interval(cluster_values(means, names))
            plain.append(covers(wide.low, wide.high, share))
            own = choose_interval({"": means}, m=4, binary=True, clusters={"": names}).interval
            chosen.append(covers(own.low, own.high, share))
        rates = {"t over clusters": count(plain), "chosen": count(chosen)}
        table.rows.append(((f"{share:.0%}", str(groups)), rates))
    return table
