"""What captions' rewards say, per kind of scene: order within a picture, best of n, the truth's place."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from selfreward_eval.rewarders.auditing.clusters import Estimate
from selfreward_eval.rewarders.auditing.ranking import inside_order
from studies.understanding.captions import REWARDS, Described


def figures(rows: Sequence[Described]) -> dict[str, Any]:
    """The numbers of some pictures; marks are from 1 to 10."""
    n = len(rows[0].texts)
    numbers: dict[str, Any] = {
        "pictures": len(rows),
        "captions": n,
        "greedy": fmean(row.marks[n] for row in rows),
        "sampled": fmean(value for row in rows for value in row.marks[:n]),
        "best_by_judge": fmean(max(row.marks[:n]) for row in rows),
        "right_among_n": fmean(max(row.marks[:n]) == 10 for row in rows),
    }
    for name in REWARDS:
        numbers[name] = _of_reward(rows, name, n)
    return numbers


def _of_reward(rows: Sequence[Described], name: str, n: int) -> dict[str, Any]:
    kept = [row for row in rows if all(value is not None for value in row.rewards[name])]
    rewards = [[float(value or 0.0) for value in row.rewards[name]] for row in kept]
    flat = [
        (value, row.marks[k], (row.world, row.number))
        for row, values in zip(kept, rewards, strict=True)
        for k, value in enumerate(values[:n])
    ]
    items = [item for _, _, item in flat]
    order = inside_order([value for value, _, _ in flat], [given for _, given, _ in flat], items, items)
    best = [
        row.marks[max(range(n), key=values.__getitem__)] for row, values in zip(kept, rewards, strict=True)
    ]
    differs = [
        (values[n + 1], values[n])
        for row, values in zip(kept, rewards, strict=True)
        if row.marks[n] < row.marks[n + 1]
    ]
    return {
        "scored": len(kept),
        # Somers' D of pairs with different marks; half of it above one half is their AUC.
        "auc": _auc(order),
        "best_of_n": fmean(best) if best else None,
        "truth_above_wrong_greedy": fmean(right > wrong for right, wrong in differs) if differs else None,
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
