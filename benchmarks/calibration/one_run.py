"""The interval of one run's score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from calibration.counting import Column, Rate, Table, count, covers, each
from calibration.worlds import Array, chances, item_means, marks_of, score_means
from selfreward_eval.harness.stats.bootstrap import bca
from selfreward_eval.harness.stats.choosing import choose_interval
from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.harness.stats.wilson import wilson_clustered

SIZES = (24, 60, 300, 553)
PICTURES = (1, 4, 10)
ALIKE = (0.0, 0.3, 0.6)


def naive_coverage(items: Array, m: int, truth: float) -> Rate:
    """Wilson's interval with every picture taken as independent."""
    n, z = items.shape[1] * m, 1.959963984540054
    share = items.mean(axis=1)
    weight = z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return count(np.abs(truth - centre) <= half)


def right_or_wrong(mean: float, runs: int, seed: int) -> Table:
    """Coverage on pictures that are right or wrong."""
    table = Table(
        f"One run, right or wrong, {100 * mean:.0f} % right",
        "Coverage of 95 % intervals. Each prompt has its own chance of a right picture, Beta distributed so "
        "that the pictures of a prompt have the ICC of the row. `naive` is Wilson's interval over all "
        "pictures as if they were independent.",
        ("m", "ICC", "G"),
        (
            Column("naive", "coverage"),
            Column("t on item means", "coverage"),
            Column("Wilson, effective n", "coverage"),
            Column("chosen", "coverage", promised=True),
        ),
    )
    rng = np.random.default_rng(seed)
    for m, icc, size in product(PICTURES, ALIKE, SIZES):
        items = item_means(rng, chances(rng, mean, icc, (runs, size)), m)

        def t_covers(one: Array) -> bool:
            interval = mean_interval(one)
            return covers(interval.low, interval.high, mean)

        def wilson_covers(one: Array, m: int = m) -> bool:
            share = wilson_clustered(marks_of(one, m))  # type: ignore[arg-type]
            return covers(share.low, share.high, mean)

        def chosen_covers(one: Array, m: int = m) -> bool:
            interval = choose_interval({"": one}, m=m, binary=True).interval
            return covers(interval.low, interval.high, mean)

        table.rows.append(
            (
                (str(m), f"{icc:g}", str(size)),
                {
                    "naive": naive_coverage(items, m, mean),
                    "t on item means": each(items, runs, t_covers),
                    "Wilson, effective n": each(items, max(1, runs // 4), wilson_covers),
                    "chosen": each(items, runs, chosen_covers),
                },
            )
        )
    return table


SHAPES = (
    ("low, skewed", 0.5, 4.0),
    ("high, skewed", 5.0, 1.0),
    ("at both ends", 0.3, 0.1),
)
"""Quality of the prompts: name and Beta parameters."""

EXTREME = (("nearly always 0", 0.2, 4.0),)
"""Few prompts carry the mean; with two dozen of them, often none is among them."""


def skewed(runs: int, seed: int) -> Table:
    """Coverage on skewed scores in [0, 1]."""
    table = Table(
        "One run, skewed scores between 0 and 1",
        "Coverage of 95 % intervals. The prompts' quality is Beta distributed, with pictures scattered "
        "around it, as a question-answering or similarity score is. `BCa` is the robustness line.",
        ("quality", "m", "G"),
        (
            Column("t on item means", "coverage"),
            Column("BCa", "coverage"),
            Column("chosen", "coverage", promised=True),
        ),
    )
    return _fill(table, SHAPES, runs, seed)


def extreme(runs: int, seed: int) -> Table:
    """The same where nothing can be promised for few prompts."""
    table = Table(
        "What no interval repairs: a score that is nearly always 0",
        "As above, where a few prompts carry the mean. With two dozen prompts there are too few of them to "
        "show how far they reach. Nothing is promised; more prompts are needed.",
        ("quality", "m", "G"),
        (Column("t on item means", "coverage"), Column("BCa", "coverage"), Column("chosen", "coverage")),
    )
    return _fill(table, EXTREME, runs, seed)


def _fill(table: Table, shapes: Sequence[tuple[str, float, float]], runs: int, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    for (name, a, b), m, size in product(shapes, (1, 4), SIZES):
        truth = a / (a + b)
        items = score_means(rng, rng.beta(a, b, size=(runs, size)), m)

        def t_covers(one: Array, truth: float = truth) -> bool:
            interval = mean_interval(one)
            return covers(interval.low, interval.high, truth)

        def bca_covers(one: Array, truth: float = truth) -> bool:
            interval = bca({"": one}, resamples=999)
            return covers(interval.low, interval.high, truth)

        def chosen_covers(one: Array, truth: float = truth, m: int = m) -> bool:
            interval = choose_interval({"": one}, m=m, binary=False).interval
            return covers(interval.low, interval.high, truth)

        table.rows.append(
            (
                (name, str(m), str(size)),
                {
                    "t on item means": each(items, runs, t_covers),
                    "BCa": each(items, max(1, runs // 10), bca_covers),
                    "chosen": each(items, runs, chosen_covers),
                },
            )
        )
    return table
