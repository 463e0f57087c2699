"""Sampled captions of scenes of every kind, with the judge's mark and each self-reward of every caption."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.tasks.shapes.judge.answers import mark
from selfreward_eval.tasks.shapes.language import DESCRIBE, caption
from selfreward_eval.tasks.shapes.llavabench_hard.scenes import MAKERS
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene

if TYPE_CHECKING:
    from PIL.Image import Image

SEED = 7130
"""Seed of the scenes; neither the suite nor training uses it."""

WORLDS: dict[str, Callable[[np.random.Generator], Scene]] = {
    **{kind: KINDS[kind] for kind in ("plain", "counted", "textured", "sized", "occluding")},
    **MAKERS,
}
"""Kind of scene -> what makes one: those that training shows for captions, then those of the hard suite."""

REWARDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dsr_understanding": ("dsr_understanding", {}),
    "dsr": ("dsr", {}),
    "vqa": ("vqa", {}),
    "caption_questions": ("vqa", {"questions": "counted"}),
}
"""R_U, the likelihood of the picture given the caption; R_G, of the caption given the picture; the mean
probability of yes over questions about what the caption names; and the same with the number of objects."""


@dataclass(frozen=True)
class Described:
    """One picture's captions.

    Attributes:
        world: kind of scene.
        number: of the scene within its kind.
        truth: the right caption.
        greedy: what the model says at temperature 0.
        texts: sampled captions, n of them.
        marks: the judge's marks of ``texts``, then of ``greedy`` and of ``truth``: (n + 2,).
    """

    world: str
    number: int
    truth: str
    greedy: str
    texts: tuple[str, ...]
    marks: tuple[float, ...]


def described(model: Any, world: str, pictures: int, captions: int) -> Iterator[Described]:
    """Scenes of one kind with their captions and the judge's marks.

    Args:
        model: an adapter that answers and samples captions.
        world: key of :data:`WORLDS`.
        pictures: scenes.
        captions: sampled per scene.
    """
    for number in range(pictures):
        scene, image = shown(world, number)
        seeds = [sample_seed("captions", f"{world}.{number}", k, SEED) for k in range(captions)]
        texts = model.draw_captions([image] * captions, DESCRIBE, seeds)
        [greedy] = model.answer([image], [DESCRIBE])
        truth = caption(scene).lower()
        yield Described(
            world=world,
            number=number,
            truth=truth,
            greedy=greedy,
            texts=tuple(texts),
            marks=tuple(float(mark(DESCRIBE, text, scene) or 0.0) for text in [*texts, greedy, truth]),
        )


def shown(world: str, number: int) -> tuple[Scene, Image]:
    """A scene of the study and its picture."""
    from PIL import Image as PillowImage

    scene = WORLDS[world](np.random.default_rng((SEED, number, *world.encode())))
    return scene, PillowImage.fromarray(render(scene))


def rewards(model: Any, name: str, rows: Sequence[Described]) -> list[list[float | None]]:
    """Rewards of every row's captions, in the order of its marks; None where one could not be scored.

    For rewarders of pictures a caption stands in for the prompt.
    """
    registered, arguments = REWARDS[name]
    rewarder = build(registered, model, world="shapes", **arguments)
    scored = []
    for row in rows:
        _, image = shown(row.world, row.number)
        texts = [*row.texts, row.greedy, row.truth]
        samples = [RewardSample(image, text=text) for text in texts]
        scored.append([reward.value for reward in rewarder.score(texts, samples)])
    return scored
