"""Captions rewarded by the model's own answers to questions about them."""

from __future__ import annotations

import pytest
from PIL import Image

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, RewardSample
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from studies.understanding.caption_questions import CaptionQuestions
from studies.understanding.training import AllScenes, job

PICTURE = Image.fromarray(
    render(Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 40, 24), Thing("heart", "green", 8, 40))))
)


@pytest.fixture(scope="module")
def rewarder() -> CaptionQuestions:
    return CaptionQuestions(TinyModel())


def rewards(rewarder: CaptionQuestions, *captions: str) -> list[Reward]:
    samples = [RewardSample(PICTURE, text=caption) for caption in captions]
    return rewarder.score(["describe the picture."] * len(captions), samples)


def test_a_wrong_object_and_a_missing_one_cost_reward(rewarder: CaptionQuestions) -> None:
    right, wrong, incomplete = rewards(
        rewarder,
        "a red star, a blue ring and a green heart",
        "a red star, a blue ring and a purple cross",
        "a red star and a blue ring",
    )
    assert right.value is not None
    assert wrong.value is not None
    assert incomplete.value is not None
    assert right.value > 0.9
    assert right.value > wrong.value + 0.1
    assert right.value > incomplete.value + 0.1


@pytest.mark.parametrize("caption", ["the fruit is big", "six red stars", "", "five red stars and a ring"])
def test_a_caption_without_questions_is_not_scored(rewarder: CaptionQuestions, caption: str) -> None:
    [reward] = rewards(rewarder, caption)
    assert reward.status is Status.MEASUREMENT_ERROR
    assert reward.value is None


def test_pictures_to_caption_are_of_every_kind_and_differ_by_round() -> None:
    source = AllScenes()
    first, again, second = (source.pictures(round_, 9, 0) for round_ in (0, 0, 1))
    assert [image.tobytes() for image in first] == [image.tobytes() for image in again]
    assert {image.tobytes() for image in first}.isdisjoint(image.tobytes() for image in second)


def test_the_jobs_record_says_what_rewards_captions(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("training")
    made = job("caption_questions", {}, 0, folder)
    assert made.rewarder("dsr_understanding", made.model).info.name == "caption_questions"
    assert made.rewarder(None, made.model).info.name == "dsr"
    assert job("dsr_understanding", {}, 0, folder).output != made.output
