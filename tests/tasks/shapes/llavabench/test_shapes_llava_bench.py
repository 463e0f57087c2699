"""The embedded LLaVA-Bench and ReasonBench through the runner, with models that know or do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.judge.facts import scene_of
from selfreward_eval.tasks.shapes.judge.judge import ShapesJudge
from selfreward_eval.tasks.shapes.judge.solving import solve
from selfreward_eval.tasks.shapes.llavabench.items import KINDS, SCENES, questions
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench
from selfreward_eval.tasks.shapes.reasonbench.requests import evaluated
from selfreward_eval.tasks.shapes.reasonbench.scenes import realise
from selfreward_eval.tasks.shapes.reasonbench.task import ShapesReasonBench
from selfreward_eval.tasks.shapes.render import render


class Knowing:
    """Knows the truth behind every picture and prompt of both benchmarks."""

    def __init__(self) -> None:
        items = ShapesLlavaBench().items()
        self.answers = {
            (self._key(ShapesLlavaBench().input_image(item)), item.text): item.metadata["reference"]
            for item in items
        }

    @staticmethod
    def _key(image: Image.Image) -> bytes:
        return image.tobytes()

    def identity(self) -> dict[str, Any]:
        return {"name": "knowing"}

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        return [self.answers[self._key(image), text] for image, text in zip(images, asked, strict=True)]

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        requests = {request.text: request for request in evaluated()}
        rng = np.random.default_rng(0)
        scenes = [realise(rng, requests[prompt], avoid_unseen=False) for prompt in prompts]
        return [Image.fromarray(render(scene)) for scene in scenes if scene is not None]


class Flaky(ShapesJudge):
    """Is not there for every ``nth`` conversation."""

    def __init__(self, nth: int) -> None:
        self.nth, self.asked = nth, 0

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        found = []
        for reply in super().replies(conversations):
            self.asked += 1
            away = self.asked % self.nth == 0
            found.append(Reply(None, Status.JUDGE_TRANSPORT_ERROR, "away") if away else reply)
        return found


class Guessing(Knowing):
    """Knows half of the answers."""

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        right = super().answer(images, asked)
        return [text if len(text) % 2 else "yes" for text in right]


def test_when_no_judge_is_there_nothing_is_scored(tmp_path: Path) -> None:
    overall = run(Guessing(), [ShapesLlavaBench(Flaky(1))], tmp_path).scores["shapes_llava_bench"].overall
    assert overall.value is None
    assert overall.n_scored == 0


def test_the_bounds_hold_what_a_judge_that_is_always_there_gives(tmp_path: Path) -> None:
    whole = run(Guessing(), [ShapesLlavaBench()], tmp_path / "a").scores["shapes_llava_bench"].overall
    partly = (
        run(Guessing(), [ShapesLlavaBench(Flaky(10))], tmp_path / "b").scores["shapes_llava_bench"].overall
    )
    assert partly.n_scored == 65
    assert whole.value is not None
    assert partly.bound_low is not None
    assert partly.bound_high is not None
    assert partly.bound_low <= whole.value <= partly.bound_high


def test_every_scene_is_asked_three_kinds_of_question() -> None:
    assert len(questions()) == 3 * SCENES
    assert Counter(asked.category for asked in questions()) == dict.fromkeys(KINDS, SCENES)


def test_references_are_the_right_answers() -> None:
    for item in ShapesLlavaBench().items():
        scene = scene_of(item.metadata["context"])
        assert scene is not None
        assert solve(item.text, scene) == item.metadata["reference"]


def test_a_model_that_knows_scores_like_the_reference(tmp_path: Path) -> None:
    finished = run(Knowing(), [ShapesLlavaBench(), ShapesReasonBench()], tmp_path)
    overall = finished.scores["shapes_llava_bench"].overall
    assert overall.value == pytest.approx(10)
    assert finished.scores["shapes_llava_bench"].overall.n_scored == 72
    assert finished.scores["shapes_t2i_reasonbench"].overall.value == pytest.approx(1, abs=0.02)


def test_a_model_that_draws_anything_scores_low(tmp_path: Path) -> None:
    finished = run(DummyModel(), [ShapesReasonBench()], tmp_path)
    score = finished.scores["shapes_t2i_reasonbench"].overall
    assert score.value is not None
    assert score.value < 0.3


def test_replies_are_kept_with_judge_and_prompts(tmp_path: Path) -> None:
    finished = run(Knowing(), [ShapesLlavaBench()], tmp_path, limit=3)
    for record in load_run(finished.folder).records["shapes_llava_bench"]:
        assert record.measurement.status is Status.SUCCESS
        evidence = record.measurement.evidence
        assert evidence["judge"]["name"] == "judge_shapes"
        assert set(evidence["prompts"]) == {"system", "compare"}
        assert evidence["replies"]["review"]["text"].startswith("10 10")
