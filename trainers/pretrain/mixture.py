"""What each training step sees: batches as pure functions of (seed, step)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from selfreward_eval.tasks.shapes.compbench import requests as compbench
from selfreward_eval.tasks.shapes.compbench.scenes import realise as realise_compbench
from selfreward_eval.tasks.shapes.language import Question
from selfreward_eval.tasks.shapes.reasonbench import requests as reasonbench
from selfreward_eval.tasks.shapes.reasonbench.scenes import realise as realise_reasonbench
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import TAGS, Request, all_requests, realise, training_sentences
from selfreward_eval.tasks.shapes.sampling import choose, mixed, plain
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.trainers.pretrain.codec import to_tensor
from selfreward_eval.trainers.pretrain.generation import DROPPED
from selfreward_eval.trainers.pretrain.understanding import (
    KIND_WEIGHTS,
    LOOKUP_WEIGHTS,
    PER_PICTURE,
    RELATION_WEIGHTS,
    SCENE_WEIGHTS,
    PackedBatch,
    pack,
    prompt_question,
    questions_for,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TAG_WEIGHTS = {
    "single_object": 0.7,
    "two_object": 1.5,
    "counting": 1.5,
    "colors": 1.0,
    "position": 2.5,
    "color_attr": 2.5,
}
"""How often each kind of prompt is trained on."""

BINDING_WEIGHTS = {
    "single_object": 0.7,
    "two_object": 1.0,
    "counting": 1.0,
    "colors": 4.0,
    "position": 1.0,
    "color_attr": 1.5,
}
"""The same while the model learns that a colour word is about the object after it: one object at a time."""


COMPBENCH_WEIGHTS = {
    "color": 1.0,
    "shape": 1.0,
    "texture": 2.0,
    "spatial": 1.5,
    "3d_spatial": 1.2,
    "numeracy": 1.5,
    "non_spatial": 1.2,
    "complex": 1.2,
}
"""The same for T2I-CompBench's categories."""

SHARES = {"geneval": 0.42, "compbench": 0.38, "reasonbench": 0.20}
"""Share of the prompts that are worded as each benchmark's."""


def draw_compbench(rng: np.random.Generator, *, avoid_unseen: bool) -> tuple[str, Scene]:
    """A CompBench prompt that no evaluation asks, and a scene that fulfils it."""
    odds = np.asarray([COMPBENCH_WEIGHTS[category] for category in compbench.CATEGORIES])
    category = compbench.CATEGORIES[int(rng.choice(len(odds), p=odds / odds.sum()))]
    while True:
        request = compbench.draw(rng, category)
        if request.text in compbench.withheld():
            continue
        scene = realise_compbench(rng, request, avoid_unseen=avoid_unseen)
        if scene is not None:
            return request.text, scene


def draw_reasonbench(rng: np.random.Generator, *, avoid_unseen: bool) -> tuple[str, Scene]:
    """A ReasonBench prompt that the evaluation does not ask, and a scene of what it means."""
    dimension = choose(rng, reasonbench.DIMENSIONS)
    while True:
        request = reasonbench.draw(rng, dimension)
        if request.text in reasonbench.withheld():
            continue
        scene = realise_reasonbench(rng, request, avoid_unseen=avoid_unseen)
        if scene is not None:
            return request.text, scene


def draw_request(
    rng: np.random.Generator, *, avoid_unseen: bool, weights: dict[str, float] | None = None
) -> tuple[Request, str, Scene]:
    """A trainable request, one of its sentences and a scene that fulfils it."""
    odds = np.asarray([(weights or TAG_WEIGHTS)[tag] for tag in TAGS])
    odds = odds / odds.sum()
    while True:
        requests = all_requests(TAGS[int(rng.choice(len(TAGS), p=odds))])
        request = requests[int(rng.integers(len(requests)))]
        sentences = training_sentences(request)
        if not sentences:
            continue
        scene = realise(rng, request, avoid_unseen=avoid_unseen)
        if scene is not None:
            return request, choose(rng, sentences), scene


def _prompted(
    rng: np.random.Generator, *, avoid_unseen: bool, weights: dict[str, float] | None = None
) -> tuple[str, Scene]:
    """A sentence in the wording of one of the benchmarks and a scene that fulfils it."""
    wording = list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]
    if wording == "compbench":
        return draw_compbench(rng, avoid_unseen=avoid_unseen)
    if wording == "reasonbench":
        return draw_reasonbench(rng, avoid_unseen=avoid_unseen)
    _, sentence, scene = draw_request(rng, avoid_unseen=avoid_unseen, weights=weights)
    return sentence, scene


def understanding_batch(
    tokenizer: PreTrainedTokenizerFast,
    special: dict[str, int],
    seed: int,
    step: int,
    size: int,
    *,
    focus: str = "all",
) -> PackedBatch:
    """What :func:`asked_scenes` gives, packed for the tiny model."""
    pictures, scenes, questions = asked_scenes(seed, step, size, focus=focus)
    return pack(tokenizer, special, to_tensor(pictures), scenes, questions)


def asked_scenes(
    seed: int, step: int, size: int, *, focus: str = "all"
) -> tuple[np.ndarray, list[Scene], list[list[Question]]]:
    """Two thirds free scenes with questions, one third requested scenes with their prompt among them.

    Pictures are uint8 (size, 48, 48, 3).

    ``focus`` is ``all``, or ``lookup`` (free scenes of two or three objects, most questions ask for one
    property), or ``relation`` (the same scenes half of the time, most questions ask for a relation).
    """
    weights = {"all": KIND_WEIGHTS, "lookup": LOOKUP_WEIGHTS, "relation": RELATION_WEIGHTS}[focus]
    rng = np.random.default_rng((seed, step))
    pictures, scenes, questions = [], [], []
    for k in range(size):
        if k % 3 == 0:
            sentence, scene = _prompted(rng, avoid_unseen=False)
            asked = [prompt_question(sentence), *questions_for(rng, scene, PER_PICTURE - 1, weights)]
        else:
            few = focus == "lookup" or (focus == "relation" and k % 2 == 0)
            scene = plain(rng, int(rng.integers(2, 4))) if few else mixed(rng, SCENE_WEIGHTS)
            asked = questions_for(rng, scene, PER_PICTURE, weights)
        pictures.append(render(scene))
        scenes.append(scene)
        questions.append(asked)
    return np.stack(pictures), scenes, questions


def drawing_scenes(
    seed: int, step: int, size: int, *, binding: bool = False
) -> tuple[list[str], np.ndarray, list[bool]]:
    """Prompts, pictures uint8 (B, 48, 48, 3) and which prompts are blanked out, without unseen pairs."""
    weights = BINDING_WEIGHTS if binding else TAG_WEIGHTS
    rng = np.random.default_rng((seed, step))
    sentences, pictures, dropped = [], [], []
    for _ in range(size):
        sentence, scene = _prompted(rng, avoid_unseen=True, weights=weights)
        sentences.append(sentence)
        pictures.append(render(scene))
        dropped.append(bool(rng.random() < DROPPED))
    return sentences, np.stack(pictures), dropped
