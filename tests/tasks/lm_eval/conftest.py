"""Local tasks in lm-eval's format about pictures of one colour, and models that look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
DOCUMENTS = [
    {"colour": colour, "kind": kind, "choices": list(COLOURS), "gold": gold, "page": f"{colour} {copy}"}
    for copy in range(2)
    for gold, colour in enumerate(COLOURS)
    for kind in ("plain", "hard")
]
"""Twelve: two pictures of every colour, each asked about twice."""

HELPERS = """
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def pictures(doc):
    return [Image.new("RGB", (4, 4), COLOURS[doc["colour"]])]


def two_pictures(doc):
    return 2 * pictures(doc)


def scored(doc, results):
    return {"acc": float(results[0][1]), "points": 40.0 * results[0][1], "colours": (doc["colour"], "x")}
"""

SHARED = """
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
  cache_dir: {cache}
test_split: test
num_fewshot: 0
"""

CHOOSE = """
include: shared
task: colours_choose
output_type: multiple_choice
doc_to_image: !function helpers.pictures
doc_to_text: "<image>a {{kind}} question: what colour?"
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: f1
    aggregation: !function helpers.same
    higher_is_better: true
metadata:
  version: 2.0
  category: kind
  cluster: page
"""

SAY = """
include: shared
task: colours_say
output_type: generate_until
doc_to_image: !function helpers.pictures
doc_to_text: "<image>a {{kind}} question: what colour?"
doc_to_target: colour
generation_kwargs:
  until: ["."]
  do_sample: false
  max_gen_toks: 16
filter_list:
  - name: whole
    filter:
      - function: take_first
  - name: first-word
    filter:
      - function: regex
        regex_pattern: "([a-z]+)"
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
"""

WORDS = """
include: shared
task: words
output_type: multiple_choice
doc_to_text: "{{page}} is"
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for ``include_path``: data, helpers and the tasks above."""
    place = tmp_path / "own"
    place.mkdir()
    data = place / "colours.jsonl"
    data.write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS))
    shared = SHARED.format(data=data, cache=tmp_path / "cache")
    (place / "helpers.py").write_text(
        HELPERS + "\n\ndef same(pairs):\n    return sum(a == b for a, b in pairs) / 3\n"
    )
    for name, text in {"colours_choose": CHOOSE, "colours_say": SAY, "words": WORDS}.items():
        (place / f"{name}.yaml").write_text(text.replace("include: shared\n", shared))
    again = CHOOSE.replace("task: colours_choose", "task: colours_again").replace("include: shared\n", shared)
    (place / "colours_again.yaml").write_text(again)
    return place


class Looker:
    """Sees a picture's colour, and takes it for the next one in a hard question about ``confused``."""

    max_new_tokens = 64

    def __init__(self, confused: Sequence[str] = (), name: str = "looker", fails: str | None = None) -> None:
        self.confused, self.name, self.fails = tuple(confused), name, fails

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "weights": f"{self.name} {self.confused}", "generation": {}}

    def answer(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[str]:
        return [f"{self._seen(*one)}, I think. Really." for one in zip(images, questions, strict=True)]

    def text_logprobs(
        self, images: Sequence[Image.Image], texts: Sequence[str], *, question: str | None = None
    ) -> list[torch.Tensor]:
        return [
            torch.tensor([-0.25 if text == self._seen(image, str(question)) else -4.0])
            for image, text in zip(images, texts, strict=True)
        ]

    def _seen(self, image: Image.Image, question: str) -> str:
        names = list(COLOURS)
        seen = next(name for name, rgb in COLOURS.items() if rgb == image.getpixel((0, 0)))
        if seen == self.fails:
            raise RuntimeError(f"blind to {seen}")
        if seen in self.confused and "hard" in question:
            return names[(names.index(seen) + 1) % 3]
        return seen


class Reader(Looker):
    """Takes a text to go on with its own first word; has no eyes."""

    def complete(self, contexts: Sequence[str], *, limit: int, until: Sequence[str] = ()) -> list[str]:
        return [context.split()[0] for context in contexts]

    def completion_logprobs(
        self, contexts: Sequence[str], texts: Sequence[str]
    ) -> list[tuple[torch.Tensor, bool]]:
        right = [text.strip() == context.split()[0] for context, text in zip(contexts, texts, strict=True)]
        return [(torch.tensor([-0.5 if one else -2.0]), one) for one in right]


@pytest.fixture
def kinds() -> Mapping[str, type[Looker]]:
    """The models above by name."""
    return {"looker": Looker, "reader": Reader}
