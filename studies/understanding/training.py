"""``python -m studies.understanding.training``: captions trained on a reward, measured on the hard suite.

The trainer is ``dsr_grpo`` with both sides, as ``train`` builds it, and captions are rewarded as
``--caption-rewarder`` has it. Pictures are of all kinds of scene, which ``train`` has no option for: they are
shown without a word about them, as dual self-rewards ask for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.api.arguments import parse
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.pooling import pool_seeds
from selfreward_eval.trainers.seeds import train_seeds
from selfreward_eval.trainers.sources import ShapesSource
from studies.understanding.captions import REWARDS, WORLDS

if TYPE_CHECKING:
    from PIL.Image import Image

CAPTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {**REWARDS, "random": ("random", {})}
"""Name -> rewarder and its arguments; with the control."""

SETTINGS: Mapping[str, Any] = {
    "captioning": 1.0,
    "captioning_kl": 0.1,
    "prompts": 8,
    "pictures": 32,
    "rounds": 4,
    "steps": 4,
    "batch_size": 16,
    "learning_rate": 2.5e-4,
    "ema": 0.0,
    "warmup": 2,
    "guidance": 1.5,
    "schedule": "constant",
}


class AllScenes(ShapesSource):
    """The training prompts, and pictures of every kind of scene of this study, harder ones included."""

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "pictures": list(WORLDS)}

    def pictures(self, round_: int, count: int, seed: int) -> list[Image]:
        from PIL import Image as PillowImage

        from selfreward_eval.tasks.shapes.render import render

        rng = np.random.default_rng((seed, round_, 2))
        worlds = list(WORLDS.values())
        return [
            PillowImage.fromarray(render(worlds[k % len(worlds)](rng)))
            for k in range(round_ * count, (round_ + 1) * count)
        ]


def job(captions: str, settings: Mapping[str, Any], output: Path) -> TrainingJob:
    """The training job; its training seed is 0.

    Args:
        captions: reward of captions, one of :data:`CAPTIONS`.
        settings: the trainer's, in place of :data:`SETTINGS`.
        output: folder; the runs go into one named after the captions' reward, and all share the measurement
            before training.
    """
    name, arguments = CAPTIONS[captions]
    made = TrainingJob.from_names(
        trainer="dsr_grpo",
        rewarder="dsr",
        caption_rewarder=name,
        caption_rewarder_args=arguments,
        trainer_args={**SETTINGS, **settings},
        tasks=["shapes_llava_bench_hard", "shapes_llava_bench"],
        prompts=AllScenes(),
        scales=(),
        output_path=output / captions,
    )
    return replace(made, before=output / "before")


def main() -> None:
    """Trains, and prints the differences by category: of every checkpoint, then of the method."""
    parser = argparse.ArgumentParser(prog="python -m studies.understanding.training", description=__doc__)
    parser.add_argument("--captions", choices=CAPTIONS, required=True, help="their reward")
    parser.add_argument("--trainer-args", default="", help="in place of the study's: key=value,key=value")
    parser.add_argument("--seeds", default="0", help="of training, comma separated (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder of training runs")
    options = parser.parse_args()
    settings = parse(options.trainer_args, "--trainer-args")
    seeds = [int(part) for part in options.seeds.split(",")]
    folders = []
    for trained in train_seeds(job(options.captions, settings, options.output), seeds):
        folders.append(trained.folder)
        _tell(f"seed {trained.seed}", trained.record.comparison)
    if len(folders) > 1:
        claims, page = pool_seeds(folders)
        _tell("method", claims.to_json(), "method")
        print(f"page: {page}")


def _tell(who: str, comparison: Mapping[str, Any], claim: str = "") -> None:
    """A line per task and category; of several runs, one of their claims."""
    kept = ("a", "b", "effect", "low", "high", "p")
    for task, compared in comparison["tasks"].items():
        for name, entry in {"all": compared["overall"], **compared["categories"]}.items():
            contrast = entry[claim] if claim else entry
            print(f"{who}: {task} {name}", json.dumps({key: contrast.get(key) for key in kept}))


if __name__ == "__main__":
    main()
