"""The shipped flow model: same pictures in any batch and after a kill, and what it can do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval import run
from selfreward_eval.harness.models.base import capabilities
from selfreward_eval.harness.models.tiny_flow import WEIGHTS, TinyFlowModel
from selfreward_eval.harness.models.training import TrainsFlow, lacking
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.scene import Scene, Thing

PROMPTS = [
    f"{count} {colour} {shape}"
    for count in ("two", "three")
    for colour in ("red", "blue", "green", "yellow")
    for shape in ("circles", "squares")
]
SEEDS = [101 + k for k in range(len(PROMPTS))]


@pytest.fixture(scope="module")
def model() -> TinyFlowModel:
    return TinyFlowModel(num_timesteps=4)


def drawn(model: TinyFlowModel, size: int) -> list[bytes]:
    """All pictures, ``size`` at a time."""
    return [
        image.tobytes()
        for start in range(0, len(PROMPTS), size)
        for image in model.generate(PROMPTS[start : start + size], SEEDS[start : start + size])
    ]


def test_a_picture_is_the_same_in_any_batch(model: TinyFlowModel) -> None:
    together = drawn(model, len(PROMPTS))
    assert drawn(model, 1) == together
    assert drawn(model, 7) == together


def test_it_draws_answers_and_trains(model: TinyFlowModel) -> None:
    assert {"generate", "answer", "text_logprobs"} <= set(capabilities(model))
    assert lacking(model, TrainsFlow) == []


def test_its_identity_holds_no_path_of_this_machine(model: TinyFlowModel) -> None:
    assert str(WEIGHTS.parent) not in str(model.identity())


def test_a_copy_of_trained_weights_keeps_them(model: TinyFlowModel, tmp_path: Path) -> None:
    copied = tmp_path / "trained"
    shutil.copytree(WEIGHTS, copied)
    trained = model.variant(weights=str(copied), name="trained").variant(guidance=2.0)
    assert trained.weights == str(copied)
    assert trained.identity()["weights"] == str(copied)
    assert model.variant(guidance=2.0).identity()["weights"] == "tiny-flow"


def test_it_names_the_colour_of_an_object(model: TinyFlowModel) -> None:
    from PIL import Image

    picture = Image.fromarray(render(Scene((Thing("circle", "red", 24, 24),))))
    assert model.answer([picture], ["what colour is the circle?"]) == ["red"]


def test_latents_carry_a_picture(model: TinyFlowModel) -> None:
    from PIL import Image

    picture = Image.fromarray(render(Scene((Thing("star", "blue", 16, 32),))))
    back = model.decode_latents(model.encode([picture]))[0]
    difference = np.abs(np.asarray(back, dtype=float) - np.asarray(picture, dtype=float))
    assert difference.mean() < 6


class Kill:
    """A progress bar that stops the run at the first batch."""

    def start(self, task: str, total: int, done: int) -> None:
        pass

    def advance(self, task: str, count: int) -> None:
        raise KeyboardInterrupt


def test_a_killed_run_draws_the_same_pictures(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"model_args": {"num_timesteps": 4}, "limit": 4, "page": False}
    whole = run("tiny-flow", "shapes_geneval", tmp_path / "whole", **arguments)

    with pytest.raises(KeyboardInterrupt):
        run("tiny-flow", "shapes_geneval", tmp_path / "killed", batch_size=3, progress=Kill(), **arguments)
    killed = run("tiny-flow", "shapes_geneval", tmp_path / "killed", batch_size=5, **arguments)
    pictures = [
        {path.name: path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))}
        for folder in (whole.folder, killed.folder)
    ]
    assert pictures[0]
    assert pictures[0] == pictures[1]
