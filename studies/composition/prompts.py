"""The prompts of the study: some of each category of two embedded benchmarks, and when a picture is right.

A picture is right if the task's own score reaches nine tenths of what rendered scenes that fulfil the prompt
get. A fixed threshold would not do: T2I-CompBench's rules give a perfect picture 1 in one category and 0.5
in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.harness.records import Item, Sample
from selfreward_eval.harness.task import Task
from selfreward_eval.tasks.shapes.compbench.requests import evaluated
from selfreward_eval.tasks.shapes.compbench.scenes import realise as realise_compbench
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import evaluation
from selfreward_eval.tasks.shapes.requests import realise as realise_geneval
from selfreward_eval.tasks.shapes.scene import Scene

ENOUGH = 0.9
"""Share of a right picture's score from which on a picture is called right."""

SCENES = 4
"""Rendered scenes per prompt whose lowest score counts as a right picture's."""

SEED = 40119
"""Of these scenes and of the candidates."""


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        task: the benchmark's name.
        item: the prompt with its category and metadata.
        threshold: score from which on a picture is right.
    """

    task: str
    item: Item
    threshold: float


@cache
def tasks() -> dict[str, Task]:
    """The two benchmarks by name."""
    made: list[Task] = [ShapesGenEval(), ShapesCompBench()]
    return {task.info.name: task for task in made}


def prompts(per_category: int) -> Iterator[list[Prompt]]:
    """``per_category`` rounds of one prompt of every category, spread evenly over the benchmark's list."""
    groups: list[tuple[Task, list[tuple[int, Item]]]] = []
    for task in tasks().values():
        by_category: dict[str, list[tuple[int, Item]]] = {}
        for number, item in enumerate(task.items()):
            by_category.setdefault(item.category, []).append((number, item))
        groups += [(task, members) for members in by_category.values()]
    for place in range(per_category):
        chosen = []
        for task, members in groups:
            number, item = members[place * len(members) // per_category]
            chosen.append(Prompt(task.info.name, item, ENOUGH * _score_of_right(task, number, item)))
        yield chosen


def scores(task: Task, item: Item, images: Sequence[object]) -> list[float | None]:
    """The task's own score of every picture; None where it could not be measured."""
    samples = [Sample(item.id, k, k) for k in range(len(images))]
    measured = task.measure([item] * len(images), samples, images)  # type: ignore[arg-type]
    return [one.values[task.metrics[0].name] if one.ok else None for one in measured]


def _score_of_right(task: Task, number: int, item: Item) -> float:
    from PIL import Image

    rng = np.random.default_rng((SEED, number))
    images = [Image.fromarray(render(_scene(task.info.name, number, rng))) for _ in range(SCENES)]
    return min(score for score in scores(task, item, images) if score is not None)


def _scene(task: str, number: int, rng: np.random.Generator) -> Scene:
    """A scene that fulfils the task's prompt of that number."""
    while True:
        if task == "shapes_geneval":
            scene = realise_geneval(rng, evaluation()[number][1], avoid_unseen=False)
        else:
            scene = realise_compbench(rng, evaluated()[number], avoid_unseen=False)
        if scene is not None:
            return scene
