"""When a figure is enough for what a hypothesis says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from studies.self_reward.decide import _good, _short_of
from studies.self_reward.plan import Hypothesis


def claim(effect: float) -> Any:
    return SimpleNamespace(effect=effect, low=effect - 0.05, high=effect + 0.05, a=0.4)


@pytest.mark.parametrize(
    ("arms", "p", "enough"),
    [
        (("srum",), 0.02, True),
        (("srum",), 0.05, False),
        (("srum", "srum-released", "dsr_grpo-srum", "rejection"), 0.02, False),
        (("srum", "srum-released", "dsr_grpo-srum", "rejection"), 0.012, True),
    ],
)
def test_of_several_arms_one_is_enough_and_needs_a_smaller_p(
    arms: tuple[str, ...], p: float, enough: bool
) -> None:
    gain = Hypothesis("SRUM gains", "gain", arms, ("shapes_geneval",), at_least=0.06, p=0.05)
    none: Any = None
    assert _good(gain, "shapes_geneval", claim(0.07), p, none) is enough
    assert not _good(gain, "shapes_geneval", claim(0.05), 0.0001, none)


def test_what_a_gain_lacks_is_said() -> None:
    gain = Hypothesis(
        "it gains", "gain", ("dsr",), ("shapes_geneval",), at_least=0.062, relative=0.117, p=0.01
    )
    assert _short_of(gain, claim(0.07), 0.001) == ""
    assert _short_of(gain, claim(0.059), 0.001) == " (less than +0.062)"
    lacks = " (less than +0.062, less than 11.7% of the score before, p not below 0.01)"
    assert _short_of(gain, claim(0.02), 0.3) == lacks
