"""Rewards from Python: rewarders by name or as objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import selfreward_eval as se
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.control import RandomReward


class OfTheModel(se.Rewarder):
    """A rewarder that was built with a model."""

    info = se.RewarderInfo("of_the_model", "1", "One for everything", "self", (0.0, 1.0))

    def __init__(self, model: Any) -> None:
        self.model = model

    def identity(self) -> dict[str, Any]:
        return self.described(model=self.model.identity())

    def measure(self, prompts: Sequence[str], samples: Sequence[se.RewardSample]) -> list[se.Reward]:
        return [se.Reward(1.0) for _ in samples]


class Named:
    """A model with nothing but a name."""

    def identity(self) -> dict[str, Any]:
        return {"name": "mine"}


def test_a_name_and_its_object_give_the_same_rewards(runs: tuple[Path, Path], tmp_path: Path) -> None:
    named = se.reward(runs[0], "random", tmp_path / "a", rewarder_args={"seed": 3})
    built = se.reward(se.load_run(runs[0]), RandomReward(seed=3), tmp_path / "b")
    assert len(named.lines) == 24
    assert [line.reward.value for line in named.lines] == [line.reward.value for line in built.lines]
    assert (named.path.name, named.page.name) == ("rewards.jsonl", "rewards.html")
    assert set(named.audits) == {"shapes_geneval"}
    assert named.unscored == {}


def test_a_rewarder_object_names_its_own_model(runs: tuple[Path, Path], tmp_path: Path) -> None:
    assert se.reward(runs[0], OfTheModel(Named()), tmp_path).model == "mine, given with the rewarder"


def test_the_world_of_the_pictures_can_be_said(runs: tuple[Path, Path], tmp_path: Path) -> None:
    assert se.reward(runs[0], "random", tmp_path / "a").world == "shapes"
    assert se.reward(runs[0], "random", tmp_path / "b", world="photographs").world == "photographs"
    with pytest.raises(UsageError, match="the world 'moon' is not known"):
        se.reward(runs[0], "random", tmp_path / "c", world="moon")


@pytest.mark.parametrize("arguments", [{"rewarder_args": {"seed": 1}}, {"model": "tiny"}])
def test_arguments_for_a_name_are_refused_with_an_object(
    runs: tuple[Path, Path], tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="given by name"):
        se.reward(runs[0], RandomReward(), tmp_path, **arguments)
