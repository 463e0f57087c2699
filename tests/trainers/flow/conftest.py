"""A small flow model, prompts, and a reward that is easy to raise: how red a picture is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.flow_model import FlowModel

from selfreward_eval.harness.records import Item
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.trainers import rollouts
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.rollouts import RolloutCollector
from selfreward_eval.trainers.sources import ShapesSource

WORDS = ("red star", "blue ring", "two green stars", "a ring")


class Redness(Rewarder):
    """Mean red minus mean blue of a picture, in [-1, 1]; the map says where."""

    info = RewarderInfo("redness", "1", "how red a picture is", "external", (-1.0, 1.0), maps=True)

    def identity(self) -> dict[str, Any]:
        return self.described()

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        rewards = []
        for sample in samples:
            pixels = np.asarray(sample.image, dtype=np.float32) / 255
            where = (pixels[..., 0] - pixels[..., 2]).astype(np.float32)
            rewards.append(Reward(float(where.mean()), map=where))
        return rewards


class Prompts(ShapesSource):
    """The same prompts in every round."""

    def items(self, round_: int, count: int, seed: int) -> list[Item]:
        return [Item(id=f"p{k}", text=WORDS[k % len(WORDS)], category="one") for k in range(min(count, 4))]

    def pictures(self, round_: int, count: int, seed: int) -> list[Any]:
        model = FlowModel()
        return model.generate(["a ring"] * count, range(count))

    def identity(self) -> dict[str, Any]:
        return {"source": "four prompts"}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "CHUNK", 3)


@pytest.fixture
def model() -> FlowModel:
    return FlowModel()


@pytest.fixture
def collector() -> Callable[..., RolloutCollector]:
    """``collector(folder, trainer)``: candidates of four prompts, rewarded by their redness."""

    def make(folder: Path, trainer: Trainer, **changes: Any) -> RolloutCollector:
        from selfreward_eval.rewarders.building import build

        settings: dict[str, Any] = {
            "load_reference": FlowModel,
            "rewarder": lambda model: Redness(),
            "caption_rewarder": lambda model: build("flow_surrogate", model, steps=2),
            "question": "describe the picture.",
            **changes,
        }
        return RolloutCollector(folder=folder, source=Prompts(), trainer=trainer, **settings)

    return make


@pytest.fixture
def redness() -> Callable[[FlowModel], float]:
    """Mean reward of pictures that the model draws with fixed seeds."""

    def measure(model: FlowModel) -> float:
        images = [image for text in WORDS for image in model.generate([text] * 32, range(32))]
        samples = [RewardSample(image) for image in images]
        return float(np.mean([reward.value for reward in Redness().score([""] * len(samples), samples)]))

    return measure
