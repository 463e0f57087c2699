"""Settings say what is wrong with them."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.building import build
from selfreward_eval.trainers.settings import Settings


def test_a_setting_is_changed_by_name() -> None:
    trainer = build("srum", steps=7, learning_rate=1)
    assert trainer.settings.steps == 7
    assert trainer.settings.learning_rate == 1.0


def test_an_unknown_setting_names_all_there_are() -> None:
    with pytest.raises(UsageError, match="no setting 'stepps'; known: constraint, keep, away, prompts"):
        build("srum", stepps=7)


def test_a_setting_of_another_type_is_refused() -> None:
    with pytest.raises(UsageError, match="steps of 'rejection' is a int, got 'many'"):
        build("rejection", steps="many")


@pytest.mark.parametrize(
    "bad", [{"steps": 0}, {"ema": 1.0}, {"schedule": "linear"}, {"precision": "int8"}, {"learning_rate": 0.0}]
)
def test_values_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Settings(**bad)  # type: ignore[arg-type]


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    settings = Settings(steps=100, warmup=10, learning_rate=1.0)
    assert settings.rate(0) == pytest.approx(0.1, abs=0.01)
    assert settings.rate(10) == pytest.approx(0.98, abs=0.02)
    assert settings.rate(99) == pytest.approx(0.1, abs=0.01)


def test_grpo_writes_captions_at_temperature_1() -> None:
    with pytest.raises(UsageError, match="captions at temperature 1"):
        build("dsr_grpo", temperature=0.7)
    assert build("dsr_grpo", guidance=2.0, temperature=0.7, captioning=0.0).settings.guidance == 2.0
