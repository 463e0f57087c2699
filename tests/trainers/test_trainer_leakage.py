"""What would spoil a comparison is found before training."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.rewarders.building import build
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.trainers.leakage import entanglements, refuse_overlap


def test_training_on_an_evaluated_prompt_is_refused_in_any_spelling() -> None:
    task = ShapesGenEval()
    asked = task.items()[0].text
    with pytest.raises(UsageError, match="1 training prompts are asked by the evaluation 'shapes_geneval'"):
        refuse_overlap([Item("x", f"{asked.upper()} . ", "")], [task])


def test_other_prompts_pass() -> None:
    refuse_overlap([Item("x", "a small green cat", "")], [ShapesGenEval()])


def test_a_reward_that_measures_as_the_evaluation_does_is_named() -> None:
    [detector, colour] = entanglements(build("detection", world="shapes"), [ShapesGenEval()])
    assert "detector (shapes_oracle) is also part of the reward 'detection'" in detector
    assert "shapes_oracle_colour" in colour


def test_an_independent_reward_has_nothing_to_say() -> None:
    assert entanglements(build("random"), [ShapesGenEval(), ShapesCompBench()]) == []
