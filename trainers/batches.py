"""Which examples a step learns from: a pure function of seed, round, step and how many there are.

Nothing is drawn while training goes on, so nothing about the data needs saving: a resumed run, and every
process of a distributed one, works out the same picks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side

__all__ = ["picks", "require_divisible", "share"]


def picks(seed: int, round_: int, step: int, side: Side, examples: int, size: int) -> list[int]:
    """Numbers of the examples of one step, ``size`` of them, each below ``examples``.

    The examples are gone through in epochs, each in an order of its own, and a step takes the next
    ``size``: after any number of steps no example was seen more than once oftener than another.

    Args:
        seed: the training seed.
        round_: number of the round, from 0.
        step: number of the step within the round, from 0.
        side: drawing and captioning have orders of their own.
        examples: how many there are, at least 1.
        size: examples a step; may exceed ``examples``.
    """
    import numpy as np

    which = get_args(Side).index(side)
    first, last = step * size, (step + 1) * size - 1
    epochs = range(first // examples, last // examples + 1)
    orders = [
        np.random.default_rng((seed % (1 << 64), round_, which, epoch)).permutation(examples)
        for epoch in epochs
    ]
    line = np.concatenate(orders)
    begin = first - epochs[0] * examples
    return [int(k) for k in line[begin : begin + size]]


def require_divisible(batch_size: int, accumulation: int, processes: int) -> None:
    """Returns if a batch can be cut into equal parts for every accumulated step of every process.

    Raises:
        UsageError: it cannot. With unequal parts their mean would not be the batch's.
    """
    parts = accumulation * processes
    if batch_size % parts:
        raise UsageError(
            f"batch_size {batch_size} does not divide into {accumulation} accumulated parts on {processes} "
            f"processes; use a multiple of {parts}"
        )


def share(picked: Sequence[int], part: int, process: int, accumulation: int, processes: int) -> list[int]:
    """What one process computes in one accumulated part of a step; the shares make up the batch."""
    size = len(picked) // (accumulation * processes)
    start = (part * processes + process) * size
    return list(picked[start : start + size])
