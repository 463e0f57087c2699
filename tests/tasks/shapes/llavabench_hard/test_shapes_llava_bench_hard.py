"""The harder embedded LLaVA-Bench: its items, its judge's accuracy, and scenes that were not in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.registry import Registry
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.tasks.shapes.judge.answers import mark
from selfreward_eval.tasks.shapes.language import caption
from selfreward_eval.tasks.shapes.llavabench_hard.asking import HARD
from selfreward_eval.tasks.shapes.llavabench_hard.items import SCENES, digest, questions
from selfreward_eval.tasks.shapes.llavabench_hard.scenes import MAKERS
from selfreward_eval.tasks.shapes.llavabench_hard.task import ShapesLlavaBenchHard
from selfreward_eval.tasks.shapes.oracle.accuracy import scene_is_read
from selfreward_eval.tasks.shapes.oracle.reading import read
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import CELL, COUNTS, MAX_COUNT, TEXTURES
from selfreward_eval.trainers.pretrain.mixture import asked_scenes, draw_compbench, draw_request

NAME = "shapes_llava_bench_hard"

SCENE_OF = {row.number: row.scene for row in questions()}


class Answers:
    """Gives prepared answers, by picture and question."""

    def __init__(self, given: Sequence[str]) -> None:
        task = ShapesLlavaBenchHard()
        self.given = {
            (task.input_image(item).tobytes(), item.text): text
            for item, text in zip(task.items(), given, strict=True)
        }

    def identity(self) -> dict[str, Any]:
        return {"name": "prepared"}

    def answer(self, images: Sequence[Image.Image], asked: Sequence[str]) -> list[str]:
        return [self.given[image.tobytes(), text] for image, text in zip(images, asked, strict=True)]


def wrong(answer: str, number: int) -> str:
    """A wrong answer of the same kind; of a description that of another scene of the same sort."""
    for words in (("yes", "no"), TEXTURES, COUNTS):
        if answer in words:
            return words[(words.index(answer) + max(1, len(words) // 2)) % len(words)]
    return caption(SCENE_OF[(number + len(MAKERS)) % SCENES])


def outside_training(scene: Scene) -> bool:
    """Whether a scene has what no scene of the tiny models' training has."""

    def gap(a: Any, b: Any) -> int:
        return max(abs(a.x - b.x), abs(a.y - b.y))

    pairs = list(combinations(scene.things, 2))
    many = len(scene.things) > MAX_COUNT
    small_apart = any(
        {a.size, b.size} == {"small", "large"}
        and (a if a.size == "large" else b).texture != "solid"
        and gap(a, b) >= CELL
        for a, b in pairs
    )
    covered = any(
        (a.texture, b.texture) != ("solid", "solid")
        and a.size == b.size == "large"
        and 0 < gap(a, b) < CELL - 2
        for a, b in pairs
    )
    return many or small_apart or covered


def test_the_task_is_installed() -> None:
    assert Registry("tasks").load(NAME) is ShapesLlavaBenchHard


def test_every_scene_is_described_and_asked_twice_more() -> None:
    assert Counter(row.category for row in questions()) == {
        "description": SCENES,
        **dict.fromkeys(HARD, SCENES // 2),
    }
    assert set(Counter(row.number for row in questions()).values()) == {3}


def test_no_question_is_asked_twice_about_a_scene_and_no_scene_is_shown_twice() -> None:
    assert len({item.id for item in ShapesLlavaBenchHard().items()}) == len(questions())
    assert len({(row.number, row.question.text) for row in questions()}) == len(questions())
    assert len({render(scene).tobytes() for scene in SCENE_OF.values()}) == SCENES


def test_yes_and_no_are_equally_frequent() -> None:
    counts = Counter(row.question.answer for row in questions())
    assert counts["yes"] == counts["no"]


def test_counts_go_up_to_nine() -> None:
    answers = {row.question.answer for row in questions() if row.category == "counting"}
    assert answers == set(COUNTS[1:])


@pytest.mark.parametrize("world", MAKERS)
def test_scenes_are_unlike_those_of_training(world: str) -> None:
    scenes = {row.number: row.scene for row in questions() if row.world == world}
    assert len(scenes) == SCENES // len(MAKERS)
    assert all(map(outside_training, scenes.values()))


def test_no_scene_of_training_has_what_these_have() -> None:
    rng = np.random.default_rng(0)
    scenes = [scene for step in range(20) for scene in asked_scenes(0, step, 48)[1]]
    scenes += [draw_compbench(rng, avoid_unseen=False)[1] for _ in range(1500)]
    scenes += [draw_request(rng, avoid_unseen=False)[2] for _ in range(500)]
    assert [scene for scene in scenes if outside_training(scene)] == []


def test_the_oracle_reads_the_pictures_so_they_can_be_answered() -> None:
    seen = [scene_is_read(scene, read(render(scene))) for scene in SCENE_OF.values()]
    assert fmean(seen) > 0.98


def test_a_model_that_knows_scores_like_the_reference(tmp_path: Path) -> None:
    model = Answers([row.question.answer for row in questions()])
    scores = run(model, [ShapesLlavaBenchHard()], tmp_path).scores[NAME]
    assert scores.overall.value == pytest.approx(10)
    assert scores.overall.n_scored == len(questions())
    assert scores.extra["relative"] == pytest.approx(100)


def test_wrong_answers_score_low_in_every_category() -> None:
    marks: dict[str, list[float]] = {}
    for row in questions():
        given = mark(row.question.text, wrong(row.question.answer, row.number), row.scene)
        assert given is not None
        marks.setdefault(row.category, []).append(given)
    means = {category: fmean(values) for category, values in marks.items()}
    assert means.pop("description") < 3
    assert means == pytest.approx(dict.fromkeys(means, 1.0))


def test_a_better_description_scores_higher() -> None:
    """One object of a wrong colour costs a part of the mark, and two cost more."""
    recoloured = {"red": "blue", "blue": "red", "green": "yellow", "yellow": "green"}
    for row in questions():
        words = row.question.answer.split()
        places = [k for k, word in enumerate(words) if word in recoloured]
        if row.category != "description" or len(places) < 2:
            continue
        marks = []
        for wrong_words in range(3):
            said = [recoloured[w] if k in places[:wrong_words] else w for k, w in enumerate(words)]
            marks.append(mark(row.question.text, " ".join(said), row.scene) or 0.0)
        assert marks[0] == 10 > marks[1] >= marks[2]


def test_one_answer_to_everything_is_no_way_to_a_good_score() -> None:
    for answer in ("yes", "no", "five", "solid"):
        marks = [mark(row.question.text, answer, row.scene) or 0.0 for row in questions()]
        assert fmean(marks) < 4


def test_the_record_has_the_digest_of_the_questions(tmp_path: Path) -> None:
    model = Answers([row.question.answer for row in questions()])
    finished = run(model, [ShapesLlavaBenchHard()], tmp_path, limit=3)
    identity = load_run(finished.folder).manifest.identity["tasks"][NAME]
    assert identity["options"]["questions"] == digest()
    # A changed digest is another benchmark: raise the version with it.
    assert (identity["version"], digest()[:12]) == ("1", "09d13a8df789")


def test_scores_are_given_for_every_category(tmp_path: Path) -> None:
    model = Answers(["yes"] * len(questions()))
    scores = run(model, [ShapesLlavaBenchHard()], tmp_path).scores[NAME]
    assert set(scores.categories) == {"description", *HARD}
    assert {f"relative_{category}" for category in HARD} <= set(scores.extra)
