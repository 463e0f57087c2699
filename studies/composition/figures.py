"""The numbers of a category: how often it is drawn right, how a reward orders candidates, what it selects.

All expectations over ``n`` of a prompt's candidates are exact: over every subset of that size, not over some.

>>> drawn_right(right=1, total=4, n=2)
0.5
>>> selected([0.1, 0.9, 0.5], [1.0, 0.0, 1.0], n=3)
0.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import comb
from statistics import fmean
from typing import Any

import numpy as np

from selfreward_eval.rewarders.auditing.ranking import inside_area
from studies.composition.candidates import COLUMNS, Candidates

BEST_OF = (8, 32, 128)
"""Numbers of candidates among which a right one is looked for."""

SELECTED_OF = 8
"""Candidates among which a reward selects, as trainers' groups have by default."""


def drawn_right(right: int, total: int, n: int) -> float:
    """Probability that ``n`` of ``total`` candidates, of which ``right`` are right, hold a right one."""
    return 1 - comb(total - right, n) / comb(total, n)


def selected(rewards: Sequence[float], values: Sequence[float], n: int) -> float:
    """Expected value of the candidate with the highest reward among ``n``; equal rewards share the place."""
    order = np.argsort(np.asarray(rewards, dtype=float), kind="stable")
    kept = np.asarray(rewards, dtype=float)[order]
    sorted_values = np.asarray(values, dtype=float)[order]
    total = len(order)
    weights = np.array([comb(place, n - 1) for place in range(total)], dtype=float) / comb(total, n)
    value = 0.0
    for level in np.unique(kept):
        tied = kept == level
        value += float(weights[tied].sum() * sorted_values[tied].mean())
    return value


def category_figures(rows: Sequence[Candidates]) -> dict[str, Any]:
    """The numbers of the prompts of one category."""
    right = [_right(row) for row in rows]
    totals = [int(np.isfinite(row.scores).sum()) for row in rows]
    return {
        "prompts": len(rows),
        "candidates": sum(totals),
        "unscored": sum(len(row.scores) for row in rows) - sum(totals),
        "score": fmean(float(np.nanmean(row.scores)) for row in rows),
        "right": fmean(float(marks.sum()) / total for marks, total in zip(right, totals, strict=True)),
        "drawn_right": {
            str(n): fmean(
                drawn_right(int(marks.sum()), total, n) for marks, total in zip(right, totals, strict=True)
            )
            for n in BEST_OF
            if n <= min(totals)
        },
        "rewards": {column: _reward_figures(rows, right, column) for column in COLUMNS},
    }


def _right(row: Candidates) -> np.ndarray:
    return np.where(np.isfinite(row.scores), row.scores, -np.inf) >= row.prompt.threshold - 1e-9


def _reward_figures(rows: Sequence[Candidates], right: Sequence[np.ndarray], column: str) -> dict[str, Any]:
    """AUC inside a prompt, and the mean score of candidates that the reward selects; None without rewards."""
    rewards: list[float] = []
    marks: list[bool] = []
    items: list[str] = []
    chosen, rights, means = [], [], []
    for row, row_right in zip(rows, right, strict=True):
        given = row.rewards[column]
        kept = np.flatnonzero(np.isfinite(given) & np.isfinite(row.scores[: len(given)]))
        rewards += given[kept].tolist()
        marks += row_right[kept].tolist()
        items += [row.prompt.item.id] * len(kept)
        if len(kept) >= SELECTED_OF:
            chosen.append(selected(given[kept].tolist(), row.scores[kept].tolist(), SELECTED_OF))
            rights.append(selected(given[kept].tolist(), row_right[kept].astype(float).tolist(), SELECTED_OF))
            means.append(float(row.scores[kept].mean()))
    return {
        "scored": len(rewards),
        "auc": asdict(inside_area(rewards, marks, items, items)),
        "best_of_n": fmean(chosen) if chosen else None,
        "best_of_n_right": fmean(rights) if rights else None,
        "over_the_mean": fmean(chosen) - fmean(means) if chosen else None,
    }
