"""Pairs of scenes that differ by their number of objects, and which of the two a reward prefers."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.rewarders.building import build
from selfreward_eval.rewarders.control import ConstantReward
from studies.composition.surplus import cases, preferred


def test_a_case_differs_from_what_is_right_by_its_number_of_objects() -> None:
    numbered, two = cases(1)
    number = len(numbered.right.things)
    assert [len(scene.things) - number for scene in numbered.others.values()] == [-1, 1, 2]
    assert {thing.form for scene in numbered.others.values() for thing in scene.things} == {
        numbered.right.things[0].form
    }
    missing, twice, third = two.others.values()
    assert [len(scene.things) for scene in (missing, twice, third)] == [1, 3, 3]
    assert len({thing.form for thing in twice.things}) == 2
    assert len({thing.form for thing in third.things}) == 3


def test_the_cases_are_the_same_every_time() -> None:
    assert list(cases(3)) == list(cases(3))
    assert list(cases(3)) != list(cases(3, seed=1))


def test_a_reward_that_counts_minds_a_surplus_where_a_number_is_asked_for() -> None:
    """GenEval's rule forbids more objects than a number says, and says nothing about others."""
    detection = build("detection", DummyModel(), world="shapes")
    found = preferred(list(cases(2)), {"detection": detection, "constant": ConstantReward(0.5)})
    assert {what: shares["detection"] for what, shares in found.items()} == {
        "a number: one too few": 1.0,
        "a number: one too many": 1.0,
        "a number: two too many": 1.0,
        "two objects: one missing": 1.0,
        "two objects: one of them twice": 0.5,
        "two objects: a third one": 0.5,
    }
    assert {shares["constant"] for shares in found.values()} == {0.5}


def test_a_reward_that_is_missing_is_no_number() -> None:
    class Broken(ConstantReward):
        def measure(self, prompts, samples):  # type: ignore[no-untyped-def]
            raise RuntimeError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        preferred(list(cases(1)), {"constant": Broken()})
