"""The premise of self-reward on pictures whose truth is known: right above wrong, chance for the control."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.rewarders.base import Rewarder, RewardSample
from selfreward_eval.rewarders.control import RandomReward
from selfreward_eval.rewarders.dual import PromptLikelihood
from selfreward_eval.rewarders.srum.rewarder import SrumReward
from selfreward_eval.rewarders.vqa import VqaReward

EACH = 8
"""Prompts of each kind."""


@cache
def cases() -> tuple[tuple[str, RewardSample, bool], ...]:
    """Prompts with a picture of what they ask, and with one of what another prompt of their kind asks."""
    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.requests import TAGS, all_requests, realise

    rng = np.random.default_rng(11)
    found = []
    for tag in TAGS:
        requests = all_requests(tag)
        for _ in range(EACH):
            asked, other = (requests[int(rng.integers(len(requests)))] for _ in range(2))
            for request in (asked, other):
                scene = realise(rng, request, avoid_unseen=False)
                assert scene is not None
                sample = RewardSample(Image.fromarray(render(scene)))
                found.append((f"a picture of {asked.content}", sample, request.content == asked.content))
    return tuple(found)


def auc(rewarder: Rewarder) -> float:
    """How often a right picture is rewarded above a wrong one, a tie counting one half."""
    rewards = rewarder.score([prompt for prompt, _, _ in cases()], [sample for _, sample, _ in cases()])
    right, wrong = (values(rewards, truth) for truth in (True, False))
    gaps = np.subtract.outer(right, wrong)
    return float((np.sign(gaps) / 2 + 0.5).mean())


def values(rewards: Sequence[Any], truth: bool) -> list[float]:
    return [r.value for r, (_, _, right) in zip(rewards, cases(), strict=True) if right is truth]


@pytest.mark.parametrize("name", ["srum", "dsr", "vqa"])
def test_self_rewards_rank_right_above_wrong(tiny: Any, name: str) -> None:
    rewarder = {
        "srum": lambda: SrumReward(tiny, ask="yes", regions="shapes", questions="shapes"),
        "dsr": lambda: PromptLikelihood(tiny),
        "vqa": lambda: VqaReward("self", questions="shapes", model=tiny),
    }[name]()
    assert auc(rewarder) >= 0.8


def test_a_random_reward_ranks_by_chance() -> None:
    """The standard error of the area is about 0.06 for so few pictures."""
    areas = [auc(RandomReward(seed)) for seed in range(10)]
    assert abs(np.mean(areas) - 0.5) < 0.06
