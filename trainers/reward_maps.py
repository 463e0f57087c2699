"""Reward maps on the token grid, for trainers that weigh a picture cell by cell (``uses="map"``)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.rewarders.base import Reward, Rewarder
from selfreward_eval.rewarders.srum.maps import code_map, to_grid


def reward_maps(rewarder: Rewarder, rewards: Sequence[Reward], cells: int) -> NDArray[np.float32]:
    """The reward of every cell of every picture: (B, ``cells``).

    A picture without a reward has NaN everywhere. A rewarder without maps gives a flat one, as SRUM does for
    a picture without regions: half the layout factor, with the reward on its declared range as the layout
    score.

    Args:
        rewarder: gave the rewards; its declared range must be bounded if it gives no maps.
        rewards: one per picture.
        cells: of the token grid, which is square.
    """
    side = isqrt(cells)
    return np.stack([_reward_map(rewarder, reward, side) for reward in rewards])


def _reward_map(rewarder: Rewarder, reward: Reward, side: int) -> NDArray[np.float32]:
    if not reward.ok or reward.value is None:
        return np.full(side * side, np.nan, dtype=np.float32)
    if reward.map is not None:
        return to_grid(reward.map, (side, side)).reshape(-1)
    low, high = rewarder.info.range
    assert low is not None
    assert high is not None
    layout = 2 * (reward.value - low) / (high - low) - 1
    return code_map((side, side), [], layout).reshape(-1)
