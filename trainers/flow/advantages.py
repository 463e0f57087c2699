"""Advantages: rewards of a prompt's candidates against each other. float64; equal rewards give exactly 0.

Sources: Flow-GRPO (yifan123/flow_grpo at 9745241), DanceGRPO (XueZeyue/DanceGRPO at 15cc71d), verl-omni
(verl-project/verl-omni at a1139ba).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.errors import UsageError

__all__ = ["STABILISER", "GroupStatistics", "grouped", "normalised_groups", "statistics", "unbiased_groups"]

Kind = Literal["grpo", "rwr", "sft", "dpo"]

KINDS = ("grpo", "rwr", "sft", "dpo")

STABILISER = 1e-4
"""Added to the deviation that rewards are divided by."""


def grouped(keys: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    """Places of equal keys, in order of first appearance."""
    places: dict[Hashable, list[int]] = {}
    for k, key in enumerate(keys):
        places.setdefault(key, []).append(k)
    return [np.asarray(group) for group in places.values()]


def normalised_groups(
    rewards: Sequence[float], keys: Sequence[Hashable], *, across: bool, kind: str = "grpo"
) -> NDArray[np.float64]:
    """Flow-GRPO's advantages, (B,).

    Args:
        rewards: (B,), finite.
        keys: the group of each.
        across: divide by the deviation of all rewards instead of the group's (``global_std``).
        kind: ``grpo``: (r - group mean) / (deviation + 1e-4), population deviation. ``rwr``: the reward.
            ``sft``: 1 for every maximum of a group, 0 for others. ``dpo``: 1 for the first maximum, -1 for
            the first minimum; where all are equal, 1 for the second and -1 for the first.

    Raises:
        UsageError: an unknown kind, or ``dpo`` with a group of one.
    """
    values = np.asarray(rewards, dtype=np.float64)
    out = np.zeros_like(values)
    if kind == "rwr":
        return values
    if kind not in KINDS:
        raise UsageError(f"unknown kind of advantages {kind!r}; known: {', '.join(KINDS)}")
    deviation = float(values.std()) if across else None
    for group in grouped(keys):
        own = values[group]
        if kind == "sft":
            out[group] = own == own.max()
        elif kind == "dpo":
            if len(own) < 2:
                raise UsageError("a preference needs two candidates of a prompt; this prompt has one")
            best, worst = (int(own.argmax()), int(own.argmin())) if np.ptp(own) else (1, 0)
            out[group[best]], out[group[worst]] = 1.0, -1.0
        elif np.ptp(own):
            out[group] = (own - own.mean()) / ((own.std() if deviation is None else deviation) + STABILISER)
    return out


def unbiased_groups(
    rewards: Sequence[float],
    keys: Sequence[Hashable],
    *,
    epsilon: float,
    across: bool = False,
    divide: bool = True,
) -> NDArray[np.float64]:
    """DanceGRPO's and verl-omni's advantages: with the unbiased deviation, (B,).

    A group of one has mean 0 and deviation 1 in verl-omni.

    Args:
        rewards: (B,), finite.
        keys: the group of each.
        epsilon: added to the deviation; 1e-8 in DanceGRPO, 1e-4 in verl-omni.
        across: divide by the deviation of all rewards.
        divide: False subtracts the mean only.
    """
    values = np.asarray(rewards, dtype=np.float64)
    everything = float(values.std(ddof=1)) if len(values) > 1 else 1.0
    out = np.zeros_like(values)
    for group in grouped(keys):
        own = values[group]
        if len(own) > 1 and not np.ptp(own):
            continue
        mean, deviation = (own.mean(), own.std(ddof=1)) if len(own) > 1 else (0.0, 1.0)
        gaps = own - mean
        out[group] = gaps / ((everything if across else deviation) + epsilon) if divide else gaps
    return out


@dataclass(frozen=True)
class GroupStatistics:
    """What tells whether rewards separate candidates.

    Attributes:
        size: mean number of candidates per group.
        groups: how many groups.
        flat: share of the groups whose rewards have a deviation of 0.
        deviation: mean of the groups' population deviations.
    """

    size: float
    groups: int
    flat: float
    deviation: float


def statistics(rewards: Sequence[float], keys: Sequence[Hashable]) -> GroupStatistics:
    """Of one set of rewards with their groups."""
    values = np.asarray(rewards, dtype=np.float64)
    groups = grouped(keys)
    deviations = np.asarray([values[group].std() for group in groups])
    return GroupStatistics(
        len(values) / len(groups), len(groups), float((deviations == 0).mean()), float(deviations.mean())
    )
