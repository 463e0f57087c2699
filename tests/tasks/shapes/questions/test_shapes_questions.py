"""The embedded questions: what they ask, what counts as right, and what a comparison can tell by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item, Sample, Status
from selfreward_eval.harness.registry import Registry
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.stats.noninferiority import NonInferiority, Verdict, non_inferiority
from selfreward_eval.tasks.shapes.judge.answers import HIGHEST, mark
from selfreward_eval.tasks.shapes.judge.facts import scene_of
from selfreward_eval.tasks.shapes.judge.solving import solve
from selfreward_eval.tasks.shapes.language import QUESTION_KINDS
from selfreward_eval.tasks.shapes.llavabench.items import questions as llava_bench_questions
from selfreward_eval.tasks.shapes.oracle.accuracy import measure as read_scenes
from selfreward_eval.tasks.shapes.questions.items import CARD_SEED, PER_SCENE, SCENES, questions
from selfreward_eval.tasks.shapes.questions.task import ShapesQuestions, compared
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.trainers.pretrain.measuring import SEED as MEASURED_SEED
from selfreward_eval.trainers.pretrain.measuring import answers

MARGIN = 0.01
"""One point."""


@cache
def items() -> tuple[Item, ...]:
    return tuple(ShapesQuestions().items())


def accuracies(said: Sequence[str]) -> list[float]:
    samples = [Sample(item.id, 0, 0, text=text) for item, text in zip(items(), said, strict=True)]
    measured = ShapesQuestions().measure(items(), samples, [])
    return [one.values["accuracy"] for one in measured]


class Knowing:
    """Knows every right answer, by the picture and the question; says it after its own fashion."""

    def __init__(self) -> None:
        task = ShapesQuestions()
        self.truth = {
            (task.input_image(item).tobytes(), item.text): item.metadata["reference"] for item in items()
        }

    def identity(self) -> dict[str, Any]:
        return {"name": "knowing"}

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        return [self.truth[image.tobytes(), text] for image, text in zip(images, asked, strict=True)]


class Blind(Knowing):
    """Takes everything for red."""

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        known = super().answer(images, asked)
        return [
            "red" if text.startswith("what colour") else truth
            for text, truth in zip(asked, known, strict=True)
        ]


class Watching:
    """Keeps every picture that it is asked about."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        self.seen |= {image.tobytes() for image in images}
        return [""] * len(images)


def pictures() -> set[bytes]:
    return {render(asked.scene).tobytes() for asked in questions()}


def test_the_task_is_installed() -> None:
    assert Registry("tasks").load("shapes_questions") is ShapesQuestions


def test_all_kinds_but_the_caption_are_asked_and_nearly_equally_often() -> None:
    count = Counter(item.category for item in items())
    assert set(count) == set(QUESTION_KINDS) - {"caption"}
    contact = count.pop("contact")
    assert max(count.values()) - min(count.values()) <= 1
    assert contact > 0.85 * max(count.values())


def test_every_kind_of_scene_is_shown_equally_often() -> None:
    worlds = {asked.number: asked.world for asked in questions()}
    assert Counter(worlds.values()) == dict.fromkeys(KINDS, SCENES // len(KINDS))


def test_no_scene_is_asked_more_than_its_share_or_the_same_twice() -> None:
    assert max(Counter(item.cluster for item in items()).values()) == PER_SCENE
    assert len({(item.cluster, item.category) for item in items()}) == len(items())


def test_no_two_scenes_look_the_same() -> None:
    assert len(pictures()) == SCENES


def test_no_scene_is_one_of_the_embedded_llava_bench() -> None:
    assert pictures().isdisjoint(render(asked.scene).tobytes() for asked in llava_bench_questions())


def test_no_scene_is_one_that_the_card_asked_about() -> None:
    model = Watching()
    answers(model, 200)  # type: ignore[arg-type]
    answers(model, 160, ("textured", "occluding", "touching", "sized"))  # type: ignore[arg-type]
    assert MEASURED_SEED == CARD_SEED
    assert len(model.seen) > 300
    assert pictures().isdisjoint(model.seen)


def test_no_scene_is_one_that_the_card_read() -> None:
    seen: set[bytes] = set()

    def through(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen.add(picture.tobytes())
        # What is read afterwards does not matter here, and nothing is read fastest.
        return np.full_like(picture, 240)

    read_scenes(2000, seed=CARD_SEED, through=through)
    assert len(seen) > 1000
    assert pictures().isdisjoint(seen)


def test_the_references_are_what_the_scenes_say() -> None:
    for item in items():
        scene = scene_of(item.metadata["context"])
        assert scene is not None
        assert solve(item.text, scene) == item.metadata["reference"]


def test_the_picture_is_the_scene_that_was_asked_about() -> None:
    task = ShapesQuestions()
    for item, asked in zip(items(), questions(), strict=True):
        assert np.array_equal(np.asarray(task.input_image(item)), render(asked.scene))


def test_an_item_without_its_scene_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="shapes_questions: item 'x' holds no scene"):
        ShapesQuestions().input_image(Item("x", "how?", "count", metadata={"context": "a mess"}))


@pytest.mark.parametrize("said", ["letter a", "Letter A", " letter a\n", "letter a."])
def test_case_blanks_and_a_full_stop_do_not_count(said: str) -> None:
    assert compared(said, "letter a").values == {"accuracy": 1.0}


@pytest.mark.parametrize("said", ["", ".", "a", "letter", "letter e", "it is letter a", "letter a letter a"])
def test_anything_else_is_wrong(said: str) -> None:
    assert compared(said, "letter a").values == {"accuracy": 0.0}


def test_a_wrong_answer_is_told_beside_the_right_one() -> None:
    assert compared("blue", "red").reason == "said 'blue'; 'red' is right"


def test_no_answer_is_no_number() -> None:
    measured = compared(None, "red")
    assert measured.status is Status.GENERATION_ERROR
    assert measured.values == {}


@pytest.mark.parametrize("said", ["yes", "No.", "two", "RED", "star"])
def test_what_is_right_here_is_what_the_shapes_judge_marks_highest(said: str) -> None:
    for item, asked in zip(items(), questions(), strict=True):
        right = compared(said, item.metadata["reference"]).values["accuracy"] == 1
        assert right == (mark(item.text, said, asked.scene) == HIGHEST)


def test_no_single_answer_comes_far() -> None:
    said = Counter(item.metadata["reference"] for item in items())
    assert said.most_common(1)[0][1] < 0.4 * len(items())


def test_a_model_that_knows_answers_everything_right(tmp_path: Path) -> None:
    finished = run(Knowing(), [ShapesQuestions()], tmp_path, limit=66)
    overall = finished.scores["shapes_questions"].overall
    assert (overall.value, overall.n_scored) == (1.0, 66)


def test_the_score_is_the_share_of_right_answers_and_its_error_is_over_scenes(tmp_path: Path) -> None:
    finished = run(Blind(), [ShapesQuestions()], tmp_path, limit=66)
    records = load_run(finished.folder).records["shapes_questions"]
    marks = [record.measurement.values["accuracy"] for record in records]
    scores = finished.scores["shapes_questions"]
    assert 0 < scores.categories["colour"].n_scored * 0.5 < 66 - sum(marks) <= 6
    assert scores.overall.value == pytest.approx(sum(marks) / 66)
    assert scores.overall.df == len({record.item.cluster for record in records}) - 1


def gate(before: Sequence[float], after: Sequence[float]) -> NonInferiority:
    differences = [b - a for a, b in zip(before, after, strict=True)]
    clusters = {"": [item.cluster for item in items()]}
    return non_inferiority({"": differences}, MARGIN, width=1.0, clusters=clusters)


def forgetting(share: float, seed: int) -> list[float]:
    """The marks of a model that answers all but a random ``share`` of the questions right."""
    wrong = np.random.default_rng(seed).random(len(items())) < share
    known = [item.metadata["reference"] for item in items()]
    return accuracies(["" if bad else truth for bad, truth in zip(wrong, known, strict=True)])


def test_as_many_mistakes_elsewhere_pass_at_a_margin_of_one_point() -> None:
    """One answer in a hundred becomes wrong, and one in a hundred right."""
    verdicts = Counter(
        gate(forgetting(0.01, seed), forgetting(0.01, 1000 + seed)).verdict for seed in range(40)
    )
    assert verdicts[Verdict.PASS] >= 32


def test_a_loss_of_three_points_does_not_pass() -> None:
    verdicts = {gate(forgetting(0.0, 0), forgetting(0.03, seed)).verdict for seed in range(20)}
    assert Verdict.PASS not in verdicts
