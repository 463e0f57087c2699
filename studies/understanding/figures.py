"""What captions' rewards say, per kind of scene: order within a picture, best of n, the truth's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from selfreward_eval.rewarders.auditing.clusters import Estimate
from selfreward_eval.rewarders.auditing.ranking import inside_order
from studies.understanding.captions import Described

Rewards = Sequence[Sequence[float | None]]
"""Per picture the rewards of its sampled captions, of what the model says, and of the truth."""


def figures(rows: Sequence[Described], rewards: Mapping[str, Rewards]) -> dict[str, Any]:
    """The numbers of some pictures; marks are from 1 to 10.

    Args:
        rows: captions with their marks.
        rewards: rewarder -> rewards, aligned with ``rows``.
    """
    n = len(rows[0].texts)
    return {
        "pictures": len(rows),
        "captions": n,
        "greedy": fmean(row.marks[n] for row in rows),
        "sampled": fmean(value for row in rows for value in row.marks[:n]),
        "best_by_judge": fmean(max(row.marks[:n]) for row in rows),
        "right_among_n": fmean(max(row.marks[:n]) == 10 for row in rows),
        "rewards": {name: _of_reward(rows, given, n) for name, given in rewards.items()},
    }


def _of_reward(rows: Sequence[Described], rewards: Rewards, n: int) -> dict[str, Any]:
    values: list[float] = []
    marks: list[float] = []
    items: list[int] = []
    chosen: list[float] = []
    differs: list[bool] = []
    for row, given in zip(rows, rewards, strict=True):
        scored = [(float(value), row.marks[k]) for k, value in enumerate(given[:n]) if value is not None]
        values += [value for value, _ in scored]
        marks += [mark for _, mark in scored]
        items += [row.number] * len(scored)
        if scored:
            chosen.append(max(scored, key=lambda pair: pair[0])[1])
        said, truth = given[n], given[n + 1]
        if row.marks[n] < row.marks[n + 1] and said is not None and truth is not None:
            differs.append(truth > said)
    order = inside_order(values, marks, items, items)
    return {
        "scored": len(values),
        "auc": _auc(order),
        "best_of_n": fmean(chosen) if chosen else None,
        "truth_above_wrong_greedy": fmean(differs) if differs else None,
        "wrong_greedy": len(differs),
    }


def _auc(order: Estimate) -> dict[str, Any]:
    """Share of a picture's pairs of captions that the reward orders as the judge does, with its interval."""

    def share(value: float | None) -> float | None:
        return None if value is None else (1 + value) / 2

    return {
        "value": share(order.value),
        "low": share(order.low),
        "high": share(order.high),
        "pictures": order.units,
    }
