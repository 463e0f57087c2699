"""Times, windows and decays: everything about a flow trainer that depends on a counter alone.

Sources: Flow-GRPO (yifan123/flow_grpo at 9745241), MixGRPO (Tencent-Hunyuan/MixGRPO at e5cdd6a), DiffusionNFT
(NVlabs/DiffusionNFT at 24af555), diffusers 0.42.1.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "averaging_decay",
    "diffusers_times",
    "old_policy_decay",
    "shifted",
    "sliding_windows",
    "uniform_times",
]


def shifted(t: Any, shift: float) -> Any:
    """s t / (1 + (s - 1) t): more of the time near noise for s above 1.

    >>> shifted(0.5, 3.0)
    0.75
    """
    return shift * t / (1 + (shift - 1) * t)


def uniform_times(points: int, shift: float) -> list[float]:
    """``points`` times from 1 to 0, evenly spaced, then shifted once (BAGEL, DanceGRPO, MixGRPO).

    >>> uniform_times(3, 3.0)
    [1.0, 0.75, 0.0]
    """
    return [shifted(1 - k / (points - 1), shift) for k in range(points)]


def diffusers_times(steps: int, shift: float, train_steps: int = 1000) -> list[float]:
    """diffusers' schedule of ``steps`` steps, with 0 at its end.

    Its smallest time is shifted before the even spacing and again after it, so that the step before the last
    is long: for 10 steps and shift 3 it goes from 0.278 to 0.009.
    """
    lowest = shifted(1 / train_steps, shift)
    even = [1 + (lowest - 1) * k / (steps - 1) for k in range(steps)] if steps > 1 else [1.0]
    return [*(shifted(t, shift) for t in even), 0.0]


def sliding_windows(
    iterations: int, *, period: int, size: int, steps: int, stride: int, roll_back: bool = True
) -> list[list[int]]:
    """MixGRPO's progressive windows of trained steps, one an iteration, as its code has them.

    The window moves by ``stride`` every ``period`` iterations. At the end it shrinks, and is empty for one
    period before it rolls back: the code compares with > where >= is meant.

    Args:
        iterations: how many.
        period: iterations per window.
        size: of the window.
        steps: bound of the steps, exclusive.
        stride: its move.
        roll_back: whether it starts again behind the end; it stays there otherwise.
    """
    windows = []
    start = 0
    for iteration in range(iterations):
        windows.append(list(range(start, min(start + size, steps))))
        if (iteration + 1) % period == 0:
            start += stride
            if start > steps:
                start = 0 if roll_back else steps
    return windows


_OLD_DECAYS = {0: (0, 0.0, 0.0), 1: (0, 0.001, 0.5), 2: (75, 0.0075, 0.999)}
"""Type -> steps at decay 0, rise per step after them, highest."""


def old_policy_decay(step: int, kind: int) -> float:
    """How much of DiffusionNFT's sampling policy is kept when the trained one is averaged in.

    Args:
        step: optimiser steps taken.
        kind: 0 keeps nothing, 1 rises at once to 0.5, 2 rises after 75 steps to 0.999.

    >>> old_policy_decay(100, 1), old_policy_decay(100, 2)
    (0.1, 0.1875)
    """
    flat, rise, highest = _OLD_DECAYS[kind]
    return 0.0 if step < flat else min((step - flat) * rise, highest)


def averaging_decay(step: int, decay: float) -> float:
    """Decay of Flow-GRPO's average of the weights after ``step`` steps (from 0): it warms up to ``decay``.

    >>> round(averaging_decay(7, 0.9), 6)
    0.470588
    """
    return min((1 + step) / (10 + step), decay)
