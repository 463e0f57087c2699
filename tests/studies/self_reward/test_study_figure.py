"""The small picture of the study that leads the README."""

from __future__ import annotations

from typing import Any

from selfreward_eval.harness.report.drawing import Word
from studies.self_reward.figure import LEAD, figure, lead
from studies.self_reward.plan import PLAN, read_plan


def found(*arms: str) -> dict[str, Any]:
    """Arms that were each measured once on GenEval."""
    tasks = {"shapes_geneval": {"score": 0.6, "scores": [0.6]}}
    point = {"pictures": 512, "cpu_seconds": 9.0, "reward": -1.5, "tasks": tasks}
    curve = {"before": {"shapes_geneval": 0.5}, "points": [point], "tasks": ["shapes_geneval"]}
    return {
        "before": {"shapes_geneval": {"range": [0.0, 1.0]}},
        "arms": {name: {"curve": curve} for name in arms} | {"unmeasured": {"curve": None}},
    }


def test_leading_arms_are_called_by_what_they_are() -> None:
    drawn = lead(found("dsr_grpo-dsr", "dsr_grpo-random", "srum-policy-loose"))
    assert drawn is not None
    words = {one.text for one in drawn.shapes if isinstance(one, Word)}
    assert {LEAD["dsr_grpo-dsr"], LEAD["dsr_grpo-random"], "shapes_geneval, %"} <= words
    assert "srum-policy-loose" not in words
    assert not any(word.startswith("reward of") for word in words)


def test_without_a_leading_arm_there_is_only_the_large_picture() -> None:
    assert lead(found("srum-policy-loose")) is None
    assert figure(found("srum-policy-loose")) is not None


def test_every_leading_arm_is_planned() -> None:
    assert set(LEAD) <= {arm.name for arm in read_plan(PLAN).arms}
