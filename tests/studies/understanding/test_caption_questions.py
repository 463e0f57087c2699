"""Captions rewarded by the model's own answers to questions about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from studies.understanding.training import AllScenes, job

PICTURE = Image.fromarray(
    render(Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 40, 24), Thing("heart", "green", 8, 40))))
)


@pytest.fixture(scope="module")
def rewarder() -> Rewarder:
    return build("vqa", TinyModel(), questions="counted")


def rewards(rewarder: Rewarder, *captions: str) -> list[Reward]:
    return rewarder.score(captions, [RewardSample(PICTURE, text=caption) for caption in captions])


def test_a_wrong_object_and_a_missing_one_cost_reward(rewarder: Rewarder) -> None:
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
def test_a_caption_without_questions_is_not_scored(rewarder: Rewarder, caption: str) -> None:
    [reward] = rewards(rewarder, caption)
    assert reward.status is Status.MEASUREMENT_ERROR
    assert reward.value is None


def test_pictures_to_caption_are_of_every_kind_and_differ_by_round() -> None:
    source = AllScenes()
    first, again, second = (source.pictures(round_, 9, 0) for round_ in (0, 0, 1))
    assert [image.tobytes() for image in first] == [image.tobytes() for image in again]
    assert {image.tobytes() for image in first}.isdisjoint(image.tobytes() for image in second)


def test_runs_with_another_reward_of_captions_share_the_measurement_before(tmp_path: Path) -> None:
    asked, drawn = (job(name, {}, tmp_path) for name in ("caption_questions", "dsr_understanding"))
    assert asked.caption_rewarder(asked.model).identity()["questions"] == "counted"
    assert drawn.caption_rewarder(drawn.model).info.name == "dsr_understanding"
    assert asked.output != drawn.output
    assert asked.before == drawn.before
