"""SRUM's reward by the shipped model: it finds the wrong region, in any batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.srum.rewarder import SrumReward


def test_a_model_that_cannot_write_scores_is_given_none(tiny: Any, scene: Any) -> None:
    """The tiny model answers in a word or two."""
    (reward,) = SrumReward(tiny, regions="shapes").score(["a red star"], [scene(("star", "red", 8, 24))])
    assert (reward.value, reward.status) == (None, Status.JUDGE_PARSE_ERROR)
    assert reward.reason.startswith("no layout score: no score in")
    assert set(reward.evidence["replies"]) == {"layout", "regions"}


def on_shapes(tiny: Any) -> SrumReward:
    return SrumReward(tiny, ask="yes", regions="shapes", questions="shapes")


def test_the_tiny_model_finds_the_wrong_region(tiny: Any, scene: Any) -> None:
    prompt = "a picture of a red star and a blue ring"
    picture = scene(("star", "red", 8, 24), ("ring", "green", 40, 24))
    (reward,) = on_shapes(tiny).score([prompt], [picture])
    scores = {region["label"]: region["score"] for region in reward.evidence["regions"]}
    assert scores["star"] > 0.5
    assert scores["ring"] < -0.5
    assert reward.map is not None
    # As released, the right region stands out and the wrong one stays at the ground.
    assert reward.map[24, 8] > reward.map[24, 24] == reward.map[24, 40]


def test_a_batch_gives_what_one_by_one_gives(tiny: Any, scene: Any) -> None:
    prompts = ["a red star", "two rings", "a star left of a ring", "a blue circle"]
    samples = [
        scene(("star", "red", 8, 8)),
        scene(("ring", "blue", 8, 8), ("ring", "blue", 40, 8)),
        scene(("star", "red", 8, 24), ("ring", "green", 40, 24)),
        scene(("heart", "red", 24, 24)),
    ]
    rewarder = on_shapes(tiny)
    together = rewarder.score(prompts, samples)
    alone = [rewarder.score([prompt], [one])[0] for prompt, one in zip(prompts, samples, strict=True)]
    assert [r.value for r in together] == pytest.approx([r.value for r in alone], abs=1e-5)
    for a, b in zip(together, alone, strict=True):
        assert a.map is not None
        assert b.map is not None
        np.testing.assert_allclose(a.map, b.map, atol=1e-5)
