"""``python -m studies.understanding.training``: captions trained on a reward, measured on the hard suite.

The trainer is ``dsr_grpo`` with both sides, as ``train`` builds it. Two things can be chosen that ``train``
has no option for: the captions' reward, and pictures of all kinds of scene, which are shown without a word
about them, as dual self-rewards ask for.
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
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.rewarders.building import build
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.sources import ShapesSource
from studies.understanding.caption_questions import CaptionQuestions
from studies.understanding.captions import WORLDS

if TYPE_CHECKING:
    from PIL.Image import Image

UNDERSTANDING = "dsr_understanding"
"""What ``train`` rewards captions with."""

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


def job(captions: str, settings: Mapping[str, Any], seed: int, output: Path) -> TrainingJob:
    """The training job.

    Args:
        captions: reward of captions, ``dsr_understanding``, ``caption_questions`` or ``random``.
        settings: the trainer's, in place of :data:`SETTINGS`.
        seed: training seed.
        output: folder; the run goes into one named after the captions' reward.
    """

    def rewarder(name: str | None, model: Any) -> Rewarder:
        if name != UNDERSTANDING:
            return build(name or "dsr", model)
        return CaptionQuestions(model) if captions == CaptionQuestions.info.name else build(captions, model)

    made = TrainingJob.from_names(
        trainer="dsr_grpo",
        rewarder="dsr",
        trainer_args={**SETTINGS, **settings},
        tasks=["shapes_llava_bench_hard", "shapes_llava_bench"],
        prompts=AllScenes(),
        scales=(),
        training_seed=seed,
        output_path=output,
    )
    return replace(made, rewarder=rewarder, output=output / captions / f"seed-{seed}")


def main() -> None:
    """Trains, and prints the differences by category."""
    parser = argparse.ArgumentParser(prog="python -m studies.understanding.training", description=__doc__)
    parser.add_argument("--captions", default=UNDERSTANDING, help="their reward (default: %(default)s)")
    parser.add_argument("--trainer-args", default="", help="in place of the study's: key=value,key=value")
    parser.add_argument("--seed", type=int, default=0, help="of training (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder of training runs")
    options = parser.parse_args()
    settings = parse(options.trainer_args, "--trainer-args")
    record = train(job(options.captions, settings, options.seed, options.output))
    for task, compared in record.comparison["tasks"].items():
        for name, contrast in {"all": compared["overall"], **compared["categories"]}.items():
            kept = ("a", "b", "effect", "low", "high", "p")
            print(task, name, json.dumps({key: contrast[key] for key in kept}))


if __name__ == "__main__":
    main()
