"""Weights that a task needs and that are not here: one message with every option that would name them."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.build import identities


class Detector:
    def __init__(self, weights: str = "", error: Exception | None = None) -> None:
        self.error = error

    def identity(self) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"name": "detector"}


class Colour(Detector):
    def __init__(self, pretrained: str = "", error: Exception | None = None) -> None:
        super().__init__(error=error)


class Depth(Detector):
    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(error=error)


def test_what_is_here_is_known() -> None:
    assert identities("toy", {"detector": Detector}) == {"detector": {"name": "detector"}}


def test_everything_that_is_missing_is_one_message() -> None:
    gone = CheckpointError("nowhere")
    with pytest.raises(CheckpointError) as caught:
        identities(
            "toy",
            {"detector": lambda: Detector(error=gone), "colour": lambda: Colour(error=gone), "depth": Depth},
        )
    assert str(caught.value) == (
        "task 'toy' cannot measure without weights; name them by --task-args toy.detector_args.weights and "
        "toy.colour_args.pretrained. toy.detector_args.weights: nowhere; toy.colour_args.pretrained: nowhere"
    )


def test_an_instrument_without_such_an_argument_is_named_by_its_role() -> None:
    with pytest.raises(CheckpointError, match=r"toy\.depth_args: nowhere"):
        identities("toy", {"depth": lambda: Depth(error=CheckpointError("nowhere"))})


def test_another_mistake_is_told_as_it_is() -> None:
    with pytest.raises(UsageError, match="no such dtype"):
        identities("toy", {"detector": lambda: Detector(error=UsageError("no such dtype"))})


def test_geneval_names_both(tmp_path: Any) -> None:
    from selfreward_eval.tasks.geneval.task import GenEval

    task = GenEval(
        detector_args={"weights": str(tmp_path / "detector")},
        colour_args={"pretrained": str(tmp_path / "colour.safetensors")},
    )
    with pytest.raises(
        CheckpointError, match=r"detector_args\.weights and geneval\.colour_args\.pretrained\."
    ):
        task.instruments()
