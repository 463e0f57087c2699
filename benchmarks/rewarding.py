"""Rewards of many pictures at once beside one by one: the same values, and how much faster.

The tiny model on pictures of prompts of each kind, as a trainer with groups scores them, one thread. CPU
time is user and system time; wall time depends on what else the machine does. Medians of five rounds,
taken in turn after one that is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import torch
from PIL import Image

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.rewarders.detection import DetectionReward
from selfreward_eval.rewarders.dual import PictureLikelihood, PromptLikelihood
from selfreward_eval.rewarders.srum.rewarder import SrumReward
from selfreward_eval.rewarders.vqa import VqaReward
from selfreward_eval.tasks.shapes.oracle.colour import OracleColourClassifier
from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import TAGS, all_requests
from selfreward_eval.tasks.shapes.sampling import plain

GROUP = 10
ROUNDS = 5
CLOSE = 1e-5


def pictures() -> tuple[list[str], list[RewardSample]]:
    """One prompt of each kind, with some pictures of anything."""
    rng = np.random.default_rng(0)
    prompts, samples = [], []
    for tag in TAGS:
        request = all_requests(tag)[0]
        for _ in range(GROUP):
            prompts.append(f"a picture of {request.content}")
            image = Image.fromarray(render(plain(rng)))
            samples.append(RewardSample(image, text=prompts[-1], metadata=request.metadata(prompts[-1])))
    return prompts, samples


def together(rewarder: Rewarder, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
    """All in one call."""
    return rewarder.score(prompts, samples)


def alone(rewarder: Rewarder, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
    """One call per picture."""
    pairs = zip(prompts, samples, strict=True)
    return [rewarder.score([prompt], [sample])[0] for prompt, sample in pairs]


Way = Callable[[Rewarder, Sequence[str], Sequence[RewardSample]], list[Reward]]


def measured(
    rewarder: Rewarder, prompts: list[str], samples: list[RewardSample]
) -> tuple[dict[Way, list[float]], int]:
    """CPU and wall seconds of either way, medians, and how many values are the same to the last bit.

    Refuses a rewarder whose values differ.
    """
    taken: dict[Way, list[tuple[float, float]]] = {together: [], alone: []}
    values: dict[Way, list[float]] = {}
    for round_ in range(ROUNDS + 1):
        for way in taken:
            cpu, wall = time.process_time(), time.perf_counter()
            rewards = way(rewarder, prompts, samples)
            spent = time.process_time() - cpu, time.perf_counter() - wall
            values[way] = [float("nan") if reward.value is None else reward.value for reward in rewards]
            if round_:
                taken[way].append(spent)
    gap = np.abs(np.subtract(values[together], values[alone])).max()
    if not gap <= CLOSE:
        raise SystemExit(f"{rewarder.info.name}: values differ by {gap:g} between the two ways")
    same = sum(a == b for a, b in zip(values[together], values[alone], strict=True))
    spent_by = {way: [median(column) for column in zip(*rows, strict=True)] for way, rows in taken.items()}
    return spent_by, same


def main() -> None:
    torch.set_num_threads(1)
    model = TinyModel("final", device="cpu")
    prompts, samples = pictures()
    rewarders: list[Rewarder] = [
        PromptLikelihood(model),
        PictureLikelihood(model),
        VqaReward("self", questions="shapes", model=model),
        SrumReward(model, ask="yes", regions="shapes", questions="shapes"),
        DetectionReward(OracleDetector(), colour=OracleColourClassifier(), vocabulary="shapes"),
    ]
    print(f"{len(samples)} pictures; milliseconds per picture")
    print(f"{'rewarder':20} {'at once':>18} {'one by one':>18} {'faster':>14}")
    print(f"{'':20} {'CPU':>9}{'wall':>9} {'CPU':>9}{'wall':>9} {'CPU':>7}{'wall':>7} {'equal':>6}")
    for rewarder in rewarders:
        spent, same = measured(rewarder, prompts, samples)
        cells = [f"{1000 * s / len(samples):9.2f}" for way in (together, alone) for s in spent[way]]
        ratios = [f"{b / a:6.1f}x" for a, b in zip(spent[together], spent[alone], strict=True)]
        row = f"{cells[0]}{cells[1]} {cells[2]}{cells[3]} {ratios[0]}{ratios[1]} {same:6}"
        print(f"{rewarder.info.name:20} {row}")


if __name__ == "__main__":
    main()
