"""Other trainers' call shapes: TRL's reward function and flow_grpo's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.errors import SelfRewardError, UsageError
from selfreward_eval.rewarders.adapters import as_flow_grpo, as_trl, pictures
from selfreward_eval.rewarders.base import Reward, RewardSample


class Spy:
    """Keeps what a rewarder was given."""

    def __init__(self, rewarder: Any) -> None:
        self.rewarder, self.info = rewarder, rewarder.info
        self.prompts: list[str] = []
        self.samples: list[RewardSample] = []

    def score(self, prompts: Any, samples: Any) -> list[Reward]:
        self.prompts, self.samples = list(prompts), list(samples)
        return self.rewarder.score(prompts, samples)


@pytest.fixture
def picky(measuring: Any) -> Any:
    """Cannot score picture 2."""

    def rule(number: int) -> float:
        if number == 2:
            raise RuntimeError("no")
        return float(number)

    return measuring(rule)


def images(sample: Any, *numbers: int) -> list[Image.Image]:
    return [sample(number).image for number in numbers]


# TRL


def test_trl_gets_a_number_or_none_per_completion(picky: Any, sample: Any) -> None:
    function = as_trl(picky)
    found = function(
        prompts=["a", "a", "a"],
        completions=images(sample, 1, 2, 3),
        completion_ids=[[1], [2], [3]],
        trainer_state=None,
        log_metric=print,
    )
    assert found == [1.0, None, 3.0]
    assert function.__name__ == "measuring"


def test_trls_conversations_are_understood(measuring: Any, sample: Any) -> None:
    spy = Spy(measuring())
    prompts = [
        [{"role": "user", "content": "a red star"}],
        [{"role": "user", "content": [{"type": "text", "text": "a ring"}]}],
    ]
    completions = [
        [{"role": "assistant", "content": [{"type": "image", "image": sample(5).image}]}],
        [sample(6).image],
    ]
    assert as_trl(spy)(prompts, completions) == [5.0, 6.0]  # type: ignore[arg-type]
    assert spy.prompts == ["a red star", "a ring"]


def test_trl_rewards_captions_of_a_columns_pictures(measuring: Any, sample: Any) -> None:
    spy = Spy(measuring())
    found = as_trl(spy, images="image")(["describe it"], ["a red star"], image=images(sample, 7))  # type: ignore[arg-type]
    assert found == [7.0]
    assert spy.samples[0].text == "a red star"


def test_trls_metadata_column_reaches_the_rewarder(measuring: Any, sample: Any) -> None:
    spy = Spy(measuring())
    as_trl(spy, metadata="row")(["a"], images(sample, 1), row=[{"tag": "colors"}])  # type: ignore[arg-type]
    assert spy.samples[0].metadata == {"tag": "colors"}


def test_a_column_that_trl_does_not_send_is_named(measuring: Any, sample: Any) -> None:
    with pytest.raises(UsageError, match="'measuring' got no 'image' to take pictures from"):
        as_trl(measuring(), images="image")(["a"], ["a star"])
    with pytest.raises(UsageError, match="got no column 'row'; it is to hold the metadata"):
        as_trl(measuring(), metadata="row")(["a"], images(sample, 1))


def test_text_where_a_picture_is_due_is_refused(measuring: Any) -> None:
    with pytest.raises(UsageError, match="got str where one PIL picture is needed"):
        as_trl(measuring())(["a"], ["a star"])


def test_what_is_better_when_lower_is_turned_round(measuring: Any, sample: Any) -> None:
    class Loss(measuring):
        info = measuring.info.__class__("loss", "1", "", "external", (0.0, None), higher_is_better=False)

    assert as_trl(Loss())(["a"], images(sample, 3)) == [-3.0]


# flow_grpo


def test_flow_grpos_tensors_are_rounded_to_8_bits(measuring: Any) -> None:
    batch = torch.zeros(2, 3, 4, 6)
    batch[:, 0] = torch.tensor([0.0, 10.4 / 255])[:, None, None]
    scores, rest = as_flow_grpo(measuring())(batch, ["a", "a"], [{}, {}])
    assert (scores, rest) == ([0.0, 10.0], {})


def test_flow_grpos_arrays_are_taken_as_they_are(measuring: Any) -> None:
    batch = np.zeros((2, 4, 6, 3), dtype=np.uint8)
    batch[1, ..., 0] = 9
    assert as_flow_grpo(measuring())(batch, ["a", "a"], [{}, {}])[0] == [0.0, 9.0]


def test_tensors_and_arrays_of_one_picture_are_one_picture() -> None:
    array = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2).float() / 255
    for a, b in zip(pictures(array), pictures(tensor), strict=True):
        assert a.tobytes() == b.tobytes()
        assert a.size == (6, 4)


def test_values_beyond_the_unit_interval_are_clipped() -> None:
    (picture,) = pictures(torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1))
    assert picture.getpixel((0, 0)) == (0, 128, 255)


def test_flow_grpos_metadata_reaches_the_rewarder(measuring: Any, sample: Any) -> None:
    spy = Spy(measuring())
    as_flow_grpo(spy)(images(sample, 1), ["a"], [{"tag": "colors"}])  # type: ignore[arg-type]
    assert spy.samples[0].metadata == {"tag": "colors"}


def test_an_unscored_picture_is_an_error_for_flow_grpo(picky: Any, sample: Any) -> None:
    with pytest.raises(SelfRewardError, match="could not score picture 1 of 'b': RuntimeError: no"):
        as_flow_grpo(picky)(images(sample, 1, 2), ["a", "b"], [{}, {}])


def test_an_unscored_picture_may_be_nan_if_asked_for(picky: Any, sample: Any) -> None:
    scores, _ = as_flow_grpo(picky, unscored="nan")(images(sample, 1, 2), ["a", "b"], [{}, {}])
    assert scores[0] == 1.0
    assert math.isnan(scores[1])


@pytest.mark.parametrize("batch", [np.zeros((2, 4, 6)), np.zeros((1, 4, 6, 3)), torch.zeros(1, 4, 2, 2)])
def test_other_arrays_are_refused(batch: Any) -> None:
    with pytest.raises(UsageError, match="are not understood; give floats"):
        pictures(batch)


def test_pictures_that_hold_no_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="no finite numbers; look at the decoder"):
        pictures(torch.full((1, 3, 2, 2), math.nan))
