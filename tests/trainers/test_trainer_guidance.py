"""Each arm's own guidance scale, chosen where the evaluation never looks."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.tasks.shapes.llavabench.task import ShapesLlavaBench
from selfreward_eval.trainers.guidance import best, development_tasks


def test_the_best_scale_has_the_highest_mean_over_tasks() -> None:
    assert best({"1": {"a": 0.2, "b": 0.4}, "2": {"a": 0.5, "b": 0.3}, "3": {"a": 0.0, "b": 0.6}}) == 2.0


def test_of_equal_scales_the_smaller_one_is_taken() -> None:
    assert best({"2": {"a": 0.4}, "1.5": {"a": 0.4}}) == 1.5


def test_development_items_keep_rules_and_instruments_and_change_the_prompts() -> None:
    base = ShapesCompBench()
    [task] = development_tasks([base, ShapesLlavaBench()], 16, "tuned")
    assert task.info.name == "shapes_t2i_compbench_development"
    assert task.instruments() == base.instruments()
    assert not {item.text for item in task.items()} & {item.text for item in base.items()}


def test_no_scale_is_chosen_on_the_evaluation() -> None:
    with pytest.raises(UsageError, match="use --guidance-policy fixed"):
        development_tasks([ShapesLlavaBench()], 16, "tuned")
