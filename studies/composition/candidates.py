"""Candidates of every prompt with scores and rewards, kept on disk: what is there is not made again.

``<task>/<item>.npz`` holds a prompt's pictures and their scores, ``<task>/<item>.<rewarder>.json``
the rewards of the first of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.files import atomic_write_bytes, atomic_write_json
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Reward, RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.rewarders.srum.maps import Region, reward_map
from studies.composition.prompts import SEED, Prompt, scores, tasks

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.rewarders.base import Rewarder

REWARDERS = ("dsr", "srum", "vqa", "detection", "random")
"""Registry names, built as the shapes world builds them."""

COLUMNS: Mapping[str, str] = {
    "dsr": "log-likelihood of the prompt given the picture",
    "srum": "mean of layout and regions, the scalar",
    "srum_map": "mean of the map in the released code's reading",
    "srum_map_paper": "mean of the map in the paper's reading",
    "srum_global": "the layout factor alone",
    "srum_local": "mean of the regions alone",
    "vqa": "mean probability of yes over the prompt's questions",
    "detection": "GenEval's rule on the oracle's detections; GenEval's own score",
    "random": "control",
}
"""Reward -> what it is."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """One prompt's candidates.

    Attributes:
        prompt: the prompt.
        scores: the task's own, NaN where a picture could not be measured: float64 (N,).
        rewards: column -> rewards of the first m candidates, NaN where there is none: float64 (m,).
    """

    prompt: Prompt
    scores: NDArray[np.float64]
    rewards: Mapping[str, NDArray[np.float64]]


def candidates(folder: Path, model: Any, prompt: Prompt, count: int, rewarded: int) -> Candidates:
    """The candidates of a prompt; what is missing in ``folder`` is drawn, measured and rewarded.

    Args:
        folder: where they are kept.
        model: draws, and rewards itself.
        prompt: the prompt.
        count: candidates drawn and measured.
        rewarded: how many of them, the first, are rewarded.
    """
    place = folder / prompt.task / prompt.item.id
    place.parent.mkdir(parents=True, exist_ok=True)
    pictures, measured = _drawn(place.with_name(f"{place.name}.npz"), model, prompt, count)
    rewards: dict[str, NDArray[np.float64]] = {}
    for name in REWARDERS:
        columns = _rewarded(
            place.with_name(f"{place.name}.{name}.json"), name, model, prompt, pictures[:rewarded]
        )
        rewards |= {column: np.array(values, dtype=np.float64) for column, values in columns.items()}
    return Candidates(prompt, measured, rewards)


def is_complete(folder: Path, prompt: Prompt) -> bool:
    """Whether everything about a prompt is in ``folder``."""
    place = folder / prompt.task / prompt.item.id
    names = [f"{place.name}.npz", *(f"{place.name}.{name}.json" for name in REWARDERS)]
    return all(place.with_name(name).exists() for name in names)


def _drawn(
    path: Path, model: Any, prompt: Prompt, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    if not path.exists():
        seeds = [sample_seed("composition", prompt.item.id, k, SEED) for k in range(count)]
        images = model.generate([prompt.item.text] * count, seeds)
        given = scores(tasks()[prompt.task], prompt.item, images)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            pictures=np.stack([np.asarray(image) for image in images]),
            scores=np.array([np.nan if score is None else score for score in given]),
        )
        atomic_write_bytes(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as kept:
        return kept["pictures"], kept["scores"]


def _rewarded(
    path: Path, name: str, model: Any, prompt: Prompt, pictures: NDArray[np.uint8]
) -> dict[str, list[float | None]]:
    from PIL import Image as PillowImage

    if not path.exists():
        rewarder = _rewarder(name, model)
        images = [PillowImage.fromarray(picture) for picture in pictures]
        samples = [
            RewardSample(image, category=prompt.item.category, metadata=prompt.item.metadata, group="all")
            for image in images
        ]
        rewards = rewarder.score([prompt.item.text] * len(samples), samples)
        atomic_write_json(path, _columns(name, rewards, images))
    columns: dict[str, list[float | None]] = json.loads(path.read_text(encoding="utf-8"))
    return columns


def _rewarder(name: str, model: Any) -> Rewarder:
    return build(name, model, world="shapes")


def _columns(name: str, rewards: Sequence[Reward], images: Sequence[Image]) -> dict[str, list[float | None]]:
    """What one rewarder says, column by column."""
    columns = {name: [reward.value for reward in rewards]}
    if name == "srum":
        parts = {"srum_map": "map_mean", "srum_global": "layout", "srum_local": "local"}
        columns |= {
            column: [reward.components.get(part) for reward in rewards] for column, part in parts.items()
        }
        columns["srum_map_paper"] = [
            None if reward.value is None else _paper_mean(reward, image)
            for reward, image in zip(rewards, images, strict=True)
        ]
    return columns


def _paper_mean(reward: Reward, image: Image) -> float:
    """Mean of the map in the paper's reading, from the scores that the reward holds."""
    regions = [
        Region(tuple(region["box"]), region["score"])
        for region in reward.evidence["regions"]
        if region["score"] is not None
    ]
    size = (image.height, image.width)
    return float(reward_map("paper", size, regions, reward.evidence["layout"]).mean())
