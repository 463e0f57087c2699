"""Where official data lies on a developer's machine, and instruments that say what a test tells them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.paths import DATA

from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.measuring import Instruments


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files of T2I-CompBench, found as a user's would be."""
    folder = DATA.resolve()
    if not (folder / "t2i-compbench").is_dir():
        pytest.skip(f"{folder} holds no t2i-compbench: set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "t2i-compbench"


class Scripted:
    """All four instruments in one; every picture is the same to it, unless told apart by its width.

    Args:
        boxes: (label, box, score) of what is there, in pixels of the picture that is shown.
        yes: question -> P(yes); 0.5 for any other.
        similarity: to every text.
        depth: value of the left half of every map; the right half is 0.
        name: in its identity.
    """

    def __init__(
        self,
        boxes: Sequence[tuple[str, tuple[float, float, float, float], float]] = (),
        yes: Mapping[str, float] | None = None,
        similarity: float = 0.25,
        depth: float = 1.0,
        name: str = "scripted",
    ) -> None:
        self.boxes, self.yes, self.similarity, self.left = boxes, dict(yes or {}), similarity, depth
        self.name = name
        self.detect_calls: list[tuple[tuple[str, ...], list[tuple[int, int]]]] = []
        self.questions: list[list[str]] = []
        self.texts: list[list[str]] = []
        self.depth_calls: list[int] = []

    def identity(self) -> dict[str, Any]:
        return {"name": self.name}

    def detect(self, images: Sequence[Image.Image], labels: Sequence[str]) -> list[list[Detection]]:
        self.detect_calls.append((tuple(labels), [image.size for image in images]))
        found = [Detection(label, box, score) for label, box, score in self.boxes if label in labels]
        return [list(found) for _ in images]

    def yes_probabilities(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[float]:
        assert len(images) == len(questions)
        self.questions.append(list(questions))
        return [self.yes.get(question, 0.5) for question in questions]

    def similarities(self, images: Sequence[Image.Image], texts: Sequence[str]) -> list[float]:
        assert len(images) == len(texts)
        self.texts.append(list(texts))
        return [self.similarity] * len(texts)

    def depth(self, images: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
        self.depth_calls.append(len(images))
        maps = []
        for image in images:
            plane = np.zeros((image.height, image.width), np.float32)
            plane[:, : image.width // 2] = self.left
            maps.append(plane)
        return maps

    def all(self) -> Instruments:
        """Itself in every role."""
        return Instruments(detector=self, depth=self, vqa=self, similarity=self)


@pytest.fixture
def scripted() -> type[Scripted]:
    """The class; tests make their own."""
    return Scripted
