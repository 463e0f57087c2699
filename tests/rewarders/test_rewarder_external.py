"""CLIP, VQA, detection and judge: instruments and scoring rules of the benchmarks, as rewards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import (
    CheckpointError,
    InputError,
    MissingCapability,
    UnknownName,
    UsageError,
)
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.rewarders.building import instrument
from selfreward_eval.rewarders.clip import ClipReward
from selfreward_eval.rewarders.detection import DetectionReward, labels_and_colours
from selfreward_eval.rewarders.judge import JudgeReward
from selfreward_eval.rewarders.vqa import VqaReward
from selfreward_eval.tasks.shapes.oracle.colour import OracleColourClassifier
from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
from selfreward_eval.tasks.shapes.oracle.vqa import OracleVQA

STAR = {"tag": "colors", "include": [{"class": "star", "count": 1, "color": "red"}], "prompt": "a red star"}


# CLIP


class Lengths:
    """A scorer whose similarity is the text's length over 100."""

    def identity(self) -> dict[str, Any]:
        return {"name": "lengths", "revision": "1"}

    def similarities(self, images: Sequence[Any], texts: Sequence[str]) -> list[float]:
        if any("long" in text for text in texts):
            raise InputError("the text is too long")
        return [math.nan if "odd" in text else len(text) / 100 for text in texts]


def test_clip_is_the_scorers_cosine(sample: Any) -> None:
    rewards = ClipReward(Lengths()).score(["a star", "a red star"], [sample(1), sample(2)])
    assert [reward.value for reward in rewards] == [0.06, 0.1]


def test_clip_may_wrap_the_prompt(sample: Any) -> None:
    (reward,) = ClipReward(Lengths(), template="a photo of {prompt}").score(["a star"], [sample(1)])
    assert reward.value == 0.17


def test_a_text_that_the_scorer_refuses_or_cannot_score_costs_one_reward(sample: Any) -> None:
    prompts = ["a star", "a long star", "an odd star"]
    rewards = ClipReward(Lengths()).score(prompts, [sample(k) for k in range(3)])
    assert [reward.value for reward in rewards] == [0.06, None, None]
    assert [reward.reason for reward in rewards[1:]] == [
        "the text is too long",
        "the similarity is nan, no finite number",
    ]


# VQA


def test_the_mean_and_the_product_of_yes(scene: Any) -> None:
    sample = scene(("star", "red", 8, 24), metadata={"chunks": ["a red star", "a blue ring"]})
    mean, product = (
        VqaReward(OracleVQA(), combine=how).score(["a red star and a blue ring"], [sample])[0]
        for how in ("mean", "product")
    )
    assert mean.value == pytest.approx(0.5, abs=0.05)
    assert product.value == 0.0
    assert mean.evidence["questions"] == ["a red star?", "a blue ring?"]
    assert mean.components["least"] == mean.components["yes_2"] == 0.0


def test_a_question_that_the_instrument_does_not_understand_costs_one_reward(scene: Any) -> None:
    right = scene(("star", "red", 8, 24), metadata={"chunks": ["a red star"]})
    odd = scene(("star", "red", 8, 24), metadata={"chunks": ["a toaster"]})
    rewards = VqaReward(OracleVQA()).score(["a red star", "a toaster"], [right, odd])
    assert rewards[0].value == pytest.approx(1.0, abs=0.05)
    assert (rewards[1].value, rewards[1].status) == (None, Status.MEASUREMENT_ERROR)
    assert "toaster" in rewards[1].reason


def test_a_prompt_without_questions_is_not_scored(sample: Any) -> None:
    (reward,) = VqaReward(OracleVQA(), questions="geneval").score(["a red star"], [sample(1)])
    assert reward.reason.startswith("the item 'a red star' has no include clauses")


def test_no_probability_is_no_reward(sample: Any) -> None:
    class Odd:
        def identity(self) -> dict[str, Any]:
            return {"name": "odd"}

        def yes_probabilities(self, images: Sequence[Any], questions: Sequence[str]) -> list[float]:
            return [1.5 for _ in questions]

    (reward,) = VqaReward(Odd(), questions="template").score(["a star"], [sample(1)])
    assert "is 1.5, no probability" in reward.reason


def test_vqa_by_the_model_itself_needs_a_model() -> None:
    with pytest.raises(MissingCapability, match="the rewarder 'vqa' needs the model that rewards itself"):
        VqaReward("self")


def test_vqa_by_the_model_itself_is_a_self_reward(tiny: Any, scene: Any) -> None:
    rewarder = VqaReward("self", questions="shapes", combine="product", model=tiny)
    assert rewarder.info.kind == "self"
    assert rewarder.identity()["vqa"]["model"]["name"] == "tiny-final"
    right, wrong = rewarder.score(
        ["a red star", "a red star"], [scene(("star", "red", 24, 24)), scene(("star", "blue", 24, 24))]
    )
    assert right.value > 0.9  # type: ignore[operator]
    assert wrong.value < 0.1  # type: ignore[operator]


def test_an_unknown_combination_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot combine by 'median'; known: mean, product"):
        VqaReward(OracleVQA(), combine="median")


# Detection


def detecting() -> DetectionReward:
    return DetectionReward(OracleDetector(), colour=OracleColourClassifier(), vocabulary="shapes")


def test_detection_is_genevals_verdict(scene: Any) -> None:
    right, wrong = detecting().score(
        ["a red star"] * 2,
        [scene(("star", "red", 8, 8), metadata=STAR), scene(("star", "blue", 8, 8), metadata=STAR)],
    )
    assert (right.value, wrong.value) == (1.0, 0.0)
    assert wrong.evidence["verdict"] == "expected red star>=1, found 0 red; and 1 blue"
    assert right.evidence["boxes"][0]["label"] == "star"


def test_detection_agrees_with_the_benchmark(scene: Any) -> None:
    """The same rule on the same instruments: reward and measurement cannot differ."""
    from selfreward_eval.harness.records import Sample
    from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

    task = ShapesGenEval()
    items = task.items()[::40]
    shown = [scene(("star", "red", 8, 8), ("ring", "blue", 40, 8), metadata=item.metadata) for item in items]
    samples = [Sample(item.id, 0, 0) for item in items]
    measured = task.measure(items, samples, [one.image for one in shown])
    rewards = detecting().score([item.text for item in items], shown)
    assert [r.value for r in rewards] == [m.values["accuracy"] for m in measured]


def test_an_item_without_a_row_is_not_scored(scene: Any) -> None:
    bare, row = scene(("star", "red", 8, 8)), scene(("star", "red", 8, 8), metadata=STAR)
    rewards = detecting().score(["a red star"] * 2, [bare, row])
    assert [reward.value for reward in rewards] == [None, 1.0]
    assert "carries no include clauses" in rewards[0].reason


def test_a_damaged_row_is_not_scored(scene: Any) -> None:
    broken = {"tag": "colors", "include": [{"class": "star"}], "prompt": "a red star"}
    (reward,) = detecting().score(["a red star"], [scene(("star", "red", 8, 8), metadata=broken)])
    assert reward.status is Status.MEASUREMENT_ERROR
    assert "lacks 'count'" in reward.reason


def test_photographs_are_searched_for_genevals_own_names() -> None:
    labels, colours = labels_and_colours("coco")
    assert len(labels) == 80
    assert {"computer keyboard", "tv remote", "computer mouse", "bench"} <= set(labels)
    assert len(colours) == 10


def test_an_unknown_vocabulary_is_refused() -> None:
    with pytest.raises(UsageError, match="no vocabulary 'lvis'; known: coco, shapes"):
        DetectionReward(OracleDetector(), colour=OracleColourClassifier(), vocabulary="lvis")


# Judge


def test_a_judges_score_becomes_a_share_of_a_hundred(sample: Any) -> None:
    judge = ScriptedJudge(reply='{"score": 85, "explanation": "good"}')
    (reward,) = JudgeReward(judge).score(["a red star"], [sample(1)])
    assert (reward.value, reward.components) == (0.85, {"score": 85.0})
    assert reward.evidence["reply"] == '{"score": 85, "explanation": "good"}'
    assert "a red star" in judge.asked[0][-1].text
    assert len(judge.asked[0][-1].images) == 1


@pytest.mark.parametrize(
    ("judge", "status"),
    [
        (ScriptedJudge(reply="rather good"), Status.JUDGE_PARSE_ERROR),
        (ScriptedJudge(reply='{"score": 850}'), Status.JUDGE_PARSE_ERROR),
        (ScriptedJudge(reply="8", fail="star"), Status.JUDGE_TRANSPORT_ERROR),
    ],
)
def test_a_judge_without_a_score_leaves_the_picture_unscored(
    sample: Any, judge: ScriptedJudge, status: Status
) -> None:
    (reward,) = JudgeReward(judge).score(["a red star"], [sample(1)])
    assert (reward.value, reward.status) == (None, status)
    assert reward.reason


def test_a_judge_that_fails_once_costs_one_reward(sample: Any) -> None:
    judge = ScriptedJudge(reply='{"score": 50}', fail="unicorn")
    rewards = JudgeReward(judge).score(["a horse", "a unicorn", "a dog"], [sample(k) for k in range(3)])
    assert [reward.value for reward in rewards] == [0.5, None, 0.5]


def test_a_judge_may_be_told_something_else(sample: Any, tmp_path: Path) -> None:
    file = tmp_path / "told.md"
    file.write_text("Is it pretty? {prompt}")
    judge = ScriptedJudge(reply='{"score": 50}')
    usual, other = JudgeReward(judge), JudgeReward(judge, instruction=file)
    other.score(["a star"], [sample(1)])
    assert judge.asked[0][-1].text == "Is it pretty? a star"
    assert usual.identity() != other.identity()


def test_an_instruction_without_the_prompt_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "told.md"
    file.write_text("Is it pretty?")
    with pytest.raises(InputError, match=r"told\.md has no \{prompt\} in it"):
        JudgeReward(ScriptedJudge(reply="x"), instruction=file)
    with pytest.raises(InputError, match=r"absent\.md cannot be read"):
        JudgeReward(ScriptedJudge(reply="x"), instruction=tmp_path / "absent.md")


# Instruments by name


def test_an_instrument_of_another_trade_is_refused() -> None:
    with pytest.raises(UsageError, match="OracleVQA cannot be the scorer: it has no 'similarities'"):
        ClipReward(OracleVQA())  # type: ignore[arg-type]


def test_an_instrument_may_be_named() -> None:
    rewarder = DetectionReward("shapes_oracle", colour="shapes_oracle_colour", vocabulary="shapes")
    assert rewarder.identity()["detector"] == OracleDetector().identity()
    with pytest.raises(UnknownName, match="unknown instrument 'shapes_orakle'; did you mean shapes_oracle"):
        DetectionReward("shapes_orakle")


def test_arguments_are_for_names_only() -> None:
    with pytest.raises(UsageError, match=r"vqa: arguments .* are for an instrument given by name"):
        instrument(OracleVQA(), {"device": "cpu"}, "yes_probabilities", "vqa")


def test_weights_that_are_not_there_stop_everything_at_once(sample: Any, tmp_path: Path) -> None:
    rewarder = ClipReward("open_clip", {"model": str(tmp_path)})
    with pytest.raises(CheckpointError):
        rewarder.score(["a star"] * 3, [sample(k) for k in range(3)])
