"""Questions about rendered shapes for lm-eval: the functions that ``shapes_*.yaml`` name.

A document holds the seed of its scene, not its pixels: the picture is rendered
when it is asked about, so nothing is shipped or fetched. One looks like

    {"scene": 3, "kind": "colour", "question": "what colour is the star?", "answer": "red",
     "choices": ["red", "orange", "yellow", "green", "blue", "purple"], "gold": 0}

``python -m selfreward_eval.tasks.lm_eval.examples.shapes shapes.jsonl`` writes them as a file, for
a task that loads its data in lm-eval's usual way (``dataset_path: json``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Whoever names these functions in a task's YAML file wants its pictures looked at: this makes
# `lm_eval --model selfreward` known to releases of lm-eval that read no entry points.
import selfreward_eval.harness.models.lm_eval_bridge  # noqa: F401

if TYPE_CHECKING:
    from datasets import Dataset
    from PIL.Image import Image

    from selfreward_eval.tasks.shapes.scene import Scene

SEED = 20_240_613
"""First number of every scene's seed, so that no training batch uses the same."""

SCENES = 100

YES_NO = ("existence", "relation")
SHORT = ("colour", "shape", "count")


def scene(number: int) -> Scene:
    """Scene ``number``: one to five solid shapes."""
    import numpy as np

    from selfreward_eval.tasks.shapes.sampling import plain

    return plain(np.random.default_rng([SEED, number]))


def rows(kinds: Sequence[str], scenes: int = SCENES) -> list[dict[str, Any]]:
    """One document per scene and kind; where a scene has no single answer there is none."""
    import numpy as np

    from selfreward_eval.tasks.shapes.language import ask
    from selfreward_eval.tasks.shapes.vocabulary import COLOURS, NUMBERS, SHAPES

    choices = {"colour": list(COLOURS), "shape": list(SHAPES), "count": list(NUMBERS)}
    documents = []
    for number in range(scenes):
        for place, kind in enumerate(kinds):
            question = ask(np.random.default_rng([SEED, number, place]), scene(number), kind)
            if question is None:
                continue
            options = choices.get(kind, ["yes", "no"])
            documents.append(
                {
                    "scene": number,
                    "kind": kind,
                    "question": question.text,
                    "answer": question.answer,
                    "choices": options,
                    "gold": options.index(question.answer),
                }
            )
    return documents


def yes_no(**_: Any) -> dict[str, Dataset]:
    """The documents of ``shapes_yes_no``; lm-eval passes its metadata, which changes nothing here."""
    from datasets import Dataset

    return {"test": Dataset.from_list(rows(YES_NO))}


def short_answers(**_: Any) -> dict[str, Dataset]:
    """The documents of ``shapes_short_answers``."""
    from datasets import Dataset

    return {"test": Dataset.from_list(rows(SHORT))}


def pictures(doc: dict[str, Any]) -> list[Image]:
    """The picture of a document's scene, in a list as lm-eval wants it."""
    from PIL import Image as PillowImage

    from selfreward_eval.tasks.shapes.render import render

    return [PillowImage.fromarray(render(scene(int(doc["scene"]))))]


def write(path: Path, kinds: Sequence[str] = YES_NO + SHORT, scenes: int = SCENES) -> int:
    """Writes documents as JSON lines; how many."""
    documents = rows(kinds, scenes)
    path.write_text("".join(json.dumps(row) + "\n" for row in documents), encoding="utf-8")
    return len(documents)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m selfreward_eval.tasks.lm_eval.examples.shapes FILE.jsonl")
    print(f"{write(Path(sys.argv[1]))} questions in {sys.argv[1]}")
