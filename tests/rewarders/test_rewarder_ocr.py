"""OCR as a reward: a wanted text that is written is 1, and a prompt that wants none has no reward."""

from __future__ import annotations

from typing import Any

import pytest
from support.reading import Reads

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.ocr import OcrReward


def rewarded(prompt: str, *lines: str) -> Any:
    from PIL import Image

    from selfreward_eval.rewarders.base import RewardSample

    (reward,) = OcrReward(Reads(*lines)).score([prompt], [RewardSample(Image.new("RGB", (8, 8)))])
    return reward


def test_a_written_text_is_the_best_reward() -> None:
    reward = rewarded("a sign that says 'Open 24 hours'", "OPEN", "24 HOURS")
    assert (reward.value, reward.status) == (1, Status.SUCCESS)
    assert reward.evidence == {"read": ["OPEN", "24 HOURS"], "wanted": ["Open 24 hours"]}


def test_several_texts_are_averaged() -> None:
    reward = rewarded("'Open' above 'Closed'", "OPEN")
    assert reward.components == {"text_1": 1, "text_2": pytest.approx(1 / 3)}
    assert reward.value == pytest.approx((1 + 1 / 3) / 2)


def test_nothing_written_is_zero_and_nothing_wanted_is_no_reward() -> None:
    assert rewarded("a sign that says 'Open'").value == 0
    none = rewarded("a red star", "OPEN")
    assert (none.value, none.status) == (None, Status.MEASUREMENT_ERROR)
    assert "no text between quotation marks" in none.reason


def test_an_instrument_that_reads_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="shapes_oracle cannot be the reader"):
        OcrReward("shapes_oracle")


def test_the_reader_is_part_of_the_reward() -> None:
    assert OcrReward(Reads("a")).source() != OcrReward(Reads("b")).source()
