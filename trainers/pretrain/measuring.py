"""How well the tiny model sees, answers and draws: the numbers on its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.models.janus.decode import pictures
from selfreward_eval.tasks.shapes.language import QUESTION_KINDS, ask
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.trainers.pretrain.mixture import draw_request

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Answers, Trains
    from selfreward_eval.harness.models.janus.adapter import JanusModel

SEED = 77
"""Of the measured scenes; no training stage uses it."""


@dataclass(frozen=True)
class Count:
    """``correct`` of ``total``."""

    correct: int
    total: int

    @property
    def rate(self) -> float:
        return self.correct / self.total


def answers(
    model: Answers,
    pictures: int,
    kinds: tuple[str, ...] = ("plain", "counted"),
    batch: int = 64,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Count]:
    """Exact-match accuracy per kind of question on freshly rendered scenes of ``kinds``.

    Returns:
        Question kind -> count, plus ``questions`` for all but captions together.
    """
    from PIL import Image

    asked: list[tuple[str, Any, str, str]] = []
    for k in range(pictures):
        rng = np.random.default_rng((SEED, k))
        scene = KINDS[kinds[k % len(kinds)]](rng)
        picture = Image.fromarray(render(scene))
        for kind in QUESTION_KINDS:
            question = ask(rng, scene, kind)
            if question is not None:
                asked.append((kind, picture, question.text, question.answer))
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        replies = model.answer([row[1] for row in part], [row[2] for row in part])
        for (kind, _, _, truth), reply in zip(part, replies, strict=True):
            for name in (kind,) if kind == "caption" else (kind, "questions"):
                total[name] += 1
                right[name] += reply == truth
        if progress is not None:
            progress(len(part))
    return {name: Count(right[name], total[name]) for name in total}


def round_trip(model: JanusModel) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Encodes and decodes a picture by the model's codec: uint8 (48, 48, 3) to the same."""
    from PIL import Image

    def through(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        tokens = model.encode([Image.fromarray(picture)])
        decoded: NDArray[np.uint8] = pictures(model.loaded.model, tokens)[0].numpy()
        return decoded

    return through


def drawing(model: Trains, prompts: int, seed: int, batch: int = 64) -> dict[str, Count]:
    """Accuracy per tag on prompts of the training split, which is what settings are chosen on."""
    from selfreward_eval.harness.records import Item, Sample
    from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

    rng = np.random.default_rng((SEED, seed))
    task = ShapesGenEval()

    items = []
    for k in range(prompts):
        request, sentence, _ = draw_request(rng, avoid_unseen=True)
        items.append(Item(f"dev{k}", sentence, request.tag, metadata=request.metadata(sentence)))
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for start in range(0, len(items), batch):
        part = items[start : start + batch]
        seeds = [int(rng.integers(2**62)) for _ in part]
        images = model.generate([item.text for item in part], seeds)
        samples = [Sample(item.id, 0, s) for item, s in zip(part, seeds, strict=True)]
        for item, measured in zip(part, task.measure(part, samples, images), strict=True):
            total[item.category] += 1
            right[item.category] += int(measured.values["accuracy"])
    return {tag: Count(right[tag], total[tag]) for tag in sorted(total)}
