"""SRUM's reward from end to end: regions, questions or replies, scores, map and summary."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, MissingCapability, UsageError
from selfreward_eval.harness.models.base import CutAnswer
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.srum.elicitation import PROMPTS, fill_template
from selfreward_eval.rewarders.srum.regions import Proposal
from selfreward_eval.rewarders.srum.rewarder import SrumReward, summary

BOXES = ((0, 0, 6, 2), (0, 0, 3, 2))


class Boxes:
    """Proposes the same boxes for every picture."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def identity(self) -> dict[str, Any]:
        return {"name": "boxes", "boxes": [list(box) for box in self.boxes]}

    def propose(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[list[Proposal]]:
        return [[Proposal(box, 1) for box in self.boxes] for _ in samples]


class Writing:
    """A model that answers questions about regions and about the layout with set replies."""

    def __init__(self, regions: str, layout: str) -> None:
        self.regions, self.layout = regions, layout
        self.asked: list[str] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "writing", "revision": "1"}

    def answer(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[str]:
        self.asked += questions
        return [self.regions if "Region ID" in question else self.layout for question in questions]


GOOD = (
    "Region ID: 1\nIdentified Object: a dog\nScore: 0.5\n\nRegion ID: 2\nIdentified Object: a cat\nScore: -1"
)


def written(sample: Any, regions: str = GOOD, layout: str = "Score: 1", **settings: Any) -> Any:
    rewarder = SrumReward(Writing(regions, layout), regions=Boxes(*BOXES), **settings)
    return rewarder.score(["a dog"], [sample(1)])[0]


# In words


def test_written_scores_become_map_and_summary(sample: Any) -> None:
    reward = written(sample)
    assert reward.map.shape == (4, 6)
    assert reward.map is not None
    assert reward.map[0].tolist() == [0.75] * 6  # the bad region cannot pull the larger one down
    assert reward.map[3].tolist() == [0.5] * 6
    assert reward.value == summary(1.0, [0.5, -1.0]) == 0.375
    assert reward.components["layout"] == 1.0
    assert (reward.components["local"], reward.components["worst_region"]) == (-0.25, -1.0)
    assert reward.components["map_mean"] == pytest.approx(0.625)


def test_the_papers_reading_paints_the_bad_region(sample: Any) -> None:
    assert written(sample, reading="paper").map[0].tolist() == [-1.0] * 3 + [0.5] * 3


def test_an_answer_that_the_model_cut_gives_no_score_from_its_last_line(sample: Any) -> None:
    reward = written(sample, layout=CutAnswer("Score: 0.9"))
    assert (reward.value, "no layout score: the reply was cut" in reward.reason) == (None, True)
    regions = CutAnswer(GOOD.removesuffix("-1") + "-0.")
    assert written(sample, regions).components["regions"] == 1.0


def test_halves_of_surrogate_pairs_can_be_stored(sample: Any) -> None:
    evidence = written(sample, GOOD.replace("a dog", "a \ud83d"), "\ud83d\nScore: 1").evidence
    json.dumps(evidence, ensure_ascii=False).encode("utf-8")


def test_both_replies_and_every_region_are_in_the_evidence(sample: Any) -> None:
    evidence = written(sample).evidence
    assert evidence["replies"] == {"regions": GOOD, "layout": "Score: 1"}
    assert [region["box"] for region in evidence["regions"]] == [list(box) for box in BOXES]
    assert [region["identified"] for region in evidence["regions"]] == ["a dog", "a cat"]


def test_the_model_is_told_prompt_boxes_and_format(sample: Any) -> None:
    model = Writing(GOOD, "Score: 1")
    SrumReward(model, regions=Boxes(*BOXES)).score(["a dog"], [sample(1)])
    layout, regions = sorted(model.asked, key=len)
    assert '"a dog"' in layout
    assert '"a dog"' in regions
    assert "Region ID: 2, box [0, 0, 3, 2]" in regions
    assert "{" not in layout + regions


def test_a_prompt_that_spells_a_placeholder_is_quoted_as_it_is() -> None:
    assert fill_template("{prompt} {regions}", prompt="{regions}", regions="none") == "{regions} none"


def test_only_the_largest_regions_are_asked_about(sample: Any) -> None:
    reward = written(sample, "Region ID: 1\nScore: 0.5", most=1)
    assert reward.value == summary(1.0, [0.5])


def test_a_picture_without_regions_is_asked_for_its_layout_only(sample: Any) -> None:
    model = Writing(GOOD, "Score: 0.5")
    (reward,) = SrumReward(model, regions=Boxes()).score(["a dog"], [sample(1)])
    assert len(model.asked) == 1
    assert reward.value == 0.5
    np.testing.assert_array_equal(reward.map, np.full((4, 6), 0.375, dtype=np.float32))


def test_a_region_that_cannot_be_read_is_left_out_and_told(sample: Any) -> None:
    reward = written(sample, "Region ID: 1\nScore: 0.5")
    assert reward.value == summary(1.0, [0.5])
    assert reward.evidence["regions"][1]["reason"] == "the reply leaves it out"


@pytest.mark.parametrize(
    ("regions", "layout", "reason"),
    [
        (GOOD, "It is fine.", "no layout score: no score in 'It is fine.'"),
        (GOOD, "Score: 7", "no layout score: the score 7 is outside -1 to 1"),
        ("I cannot.", "Score: 1", "no region has a score: the reply leaves it out"),
    ],
)
def test_a_reply_that_cannot_be_read_is_no_reward(
    sample: Any, regions: str, layout: str, reason: str
) -> None:
    reward = written(sample, regions, layout)
    assert (reward.value, reward.map, reward.status) == (None, None, Status.JUDGE_PARSE_ERROR)
    assert reward.reason == reason
    assert reward.evidence["replies"]["layout"] == layout


def test_as_released_a_layout_of_0_is_left_out_read_or_not(sample: Any) -> None:
    assert written(sample, layout="Score: 0.0").value is not None
    zero = written(sample, layout="Score: 0.0", parser="released")
    assert (zero.value, zero.status) == (None, Status.JUDGE_PARSE_ERROR)
    assert "layout score of 0 is left out" in zero.reason


def test_as_released_unreadable_regions_leave_a_flat_map(sample: Any) -> None:
    reward = written(sample, "I cannot.", "Score: 0.5", parser="released")
    assert (reward.map == 0.375).all()
    assert reward.value == 0.5


def test_as_released_a_region_counts_only_if_identified(sample: Any) -> None:
    bare = "Region ID: 1\nScore: 0.5"
    assert "local" in written(sample, bare).components
    assert "local" not in written(sample, bare, parser="released").components


def test_as_released_scores_are_not_clamped(sample: Any) -> None:
    wild = "Region ID: 1\nIdentified Object: a dog\nScore: 9"
    reward = written(sample, wild, parser="released")
    assert reward.map.max() == 5.0
    assert reward.value == summary(1.0, [9.0]) == 5.0


def test_other_instructions_are_another_rewarder(tmp_path: Path) -> None:
    for name in ("region.md", "layout.md"):
        (tmp_path / name).write_text((PROMPTS / name).read_text() + "\nBe brief.")
    model = Writing(GOOD, "Score: 1")
    usual, other = (SrumReward(model, regions=Boxes(), prompts=folder) for folder in (PROMPTS, tmp_path))
    assert usual.identity() != other.identity()
    with pytest.raises(InputError, match=r"the prompt template .*region\.md cannot be read"):
        SrumReward(model, regions=Boxes(), prompts=tmp_path / "absent")


# By yes


class Sees:
    """A VQA instrument that says how red the picture is on average."""

    def __init__(self, rule: Any = None) -> None:
        self.rule = rule
        self.asked: list[str] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "sees"}

    def yes_probabilities(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[float]:
        self.asked += questions
        if self.rule is not None:
            return [self.rule(question) for question in questions]
        return [float(np.asarray(image)[..., 0].mean() / 255) for image in images]


def halves() -> RewardSample:
    """Red on the left, black on the right."""
    pixels = np.zeros((4, 8, 3), dtype=np.uint8)
    pixels[:, :4, 0] = 255
    return RewardSample(Image.fromarray(pixels))


def by_yes(vqa: Any, *boxes: tuple[int, int, int, int], **settings: Any) -> SrumReward:
    settings = {"questions": "template", "show": "crop"} | settings
    return SrumReward(ask="yes", vqa=vqa, regions=Boxes(*boxes), **settings)


def test_probabilities_become_scores_of_regions_and_layout() -> None:
    (reward,) = by_yes(Sees(), (0, 0, 4, 4), (4, 0, 8, 4)).score(["red"], [halves()])
    assert [region["score"] for region in reward.evidence["regions"]] == [1.0, -1.0]
    assert reward.components["layout"] == pytest.approx(0.0)
    assert reward.value == pytest.approx(0.0)
    assert reward.map is not None
    assert reward.map[0].tolist() == [0.5] * 4 + [0.25] * 4


def test_a_region_is_scored_as_the_object_that_it_shows_best() -> None:
    vqa = Sees(lambda question: 0.75 if question == "Is there a dog?" else 0.25)
    row = {"include": [{"class": "cat", "count": 1}, {"class": "dog", "count": 1}]}
    sample = RewardSample(halves().image, metadata=row)
    (reward,) = by_yes(vqa, (0, 0, 4, 4), questions="geneval").score(["a cat and a dog"], [sample])
    assert reward.evidence["regions"][0]["score"] == 0.5
    assert reward.evidence["regions"][0]["identified"] == "Is there a dog?"


def test_the_layout_is_the_geometric_mean_of_its_answers() -> None:
    vqa = Sees(lambda question: 1.0 if question == "Is there a dog?" else 0.25)
    row = {"include": [{"class": "cat", "count": 1}, {"class": "dog", "count": 1}]}
    sample = RewardSample(halves().image, metadata=row)
    (reward,) = by_yes(vqa, questions="geneval").score(["a cat and a dog"], [sample])
    assert reward.components["layout"] == pytest.approx(2 * math.sqrt(0.25) - 1)
    assert [told["yes"] for told in reward.evidence["layout_answers"]] == [0.25, 1.0]


@pytest.mark.parametrize("answer", [math.nan, 1.5, -0.5])
def test_an_answer_that_is_no_probability_is_no_reward(answer: float) -> None:
    (reward,) = by_yes(Sees(lambda question: answer), (0, 0, 4, 4)).score(["red"], [halves()])
    assert (reward.value, reward.status) == (None, Status.MEASUREMENT_ERROR)
    assert reward.reason == "no layout score: an answer is no probability"


def test_a_prompt_that_cannot_be_taken_apart_costs_its_own_reward() -> None:
    row = {"include": [{"class": "cat", "count": 1}]}
    samples = [RewardSample(halves().image, metadata=row), halves()]
    rewards = by_yes(Sees(), questions="geneval").score(["a cat", "a cat"], samples)
    assert rewards[0].ok
    assert rewards[1].reason.startswith("no layout score: the item 'a cat' has no include clauses")


def test_by_an_instrument_it_is_no_self_reward() -> None:
    external = by_yes(Sees())
    assert (external.info.kind, external.info.needs) == ("external", ("vqa", "regions"))
    assert SrumReward(Writing("", ""), regions=Boxes()).info.kind == "self"


# What it needs


def test_a_model_is_needed_for_self_reward() -> None:
    with pytest.raises(MissingCapability, match="the rewarder 'srum' needs the model that rewards itself"):
        SrumReward(regions=Boxes())
    with pytest.raises(MissingCapability, match="'srum' needs a model that can 'text_logprobs'; writing"):
        SrumReward(Writing("", ""), ask="yes", regions=Boxes())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ask": "speech"}, "no ask 'speech'; known: text, yes"),
        ({"reading": "blog"}, "no reading 'blog'; known: code, paper"),
        ({"parser": "strict"}, "no parser 'strict'; known: robust, released"),
        ({"most": 0}, "at least one region, got most=0"),
    ],
)
def test_what_it_does_not_know_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SrumReward(Writing("", ""), regions=Boxes(), **settings)
