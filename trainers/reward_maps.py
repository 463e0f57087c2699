"""Reward maps on the token grid, for trainers that weigh a picture cell by cell (``uses="map"``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.rewarders.base import Reward, Rewarder
from selfreward_eval.rewarders.srum.maps import code_map, to_grid


def reward_maps(rewarder: Rewarder, rewards: Sequence[Reward], grid: tuple[int, int]) -> NDArray[np.float32]:
    """The reward of every cell of every picture, in raster order: (B, rows * columns).

    A picture without a reward has NaN everywhere. A rewarder without maps gives a flat one, as SRUM does for
    a picture without regions: half the layout factor, with the reward on its declared range as the layout
    score.

    Args:
        rewarder: gave the rewards; its declared range must be bounded if it gives no maps.
        rewards: one per picture.
        grid: rows and columns of tokens.
    """
    return np.stack([_reward_map(rewarder, reward, grid) for reward in rewards])


def _reward_map(rewarder: Rewarder, reward: Reward, grid: tuple[int, int]) -> NDArray[np.float32]:
    if not reward.ok or reward.value is None:
        return np.full(grid[0] * grid[1], np.nan, dtype=np.float32)
    if reward.map is not None:
        return to_grid(reward.map, grid).reshape(-1)
    low, high = rewarder.info.range
    assert low is not None
    assert high is not None
    layout = 2 * (reward.value - low) / (high - low) - 1
    return code_map(grid, [], layout).reshape(-1)
