"""A newcomer needs no arguments: what a rewarder is built with follows from the pictures' world."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.registry import registry
from selfreward_eval.rewarders.building import build
from selfreward_eval.rewarders.defaults import DEFAULTS, PHOTOGRAPHS, SHAPES, default_arguments, world_of
from selfreward_eval.rewarders.self_vqa import SelfVQA


def test_the_tiny_model_lives_in_the_shapes_world(tiny: Any) -> None:
    assert world_of(tiny) == SHAPES


@pytest.mark.parametrize("name", ["shapes_geneval", "shapes_t2i_compbench", "shapes_t2i_reasonbench"])
def test_a_shapes_task_names_its_world(name: str) -> None:
    assert world_of(registry("tasks").load(name)) == SHAPES


def test_whatever_names_none_is_of_photographs() -> None:
    assert world_of(object()) == PHOTOGRAPHS
    assert world_of(registry("tasks").load("geneval")) == PHOTOGRAPHS


def test_an_unknown_world_is_refused() -> None:
    class Martian:
        world = "mars"

    with pytest.raises(UsageError, match="the world 'mars'; known: photographs, shapes"):
        world_of(Martian())


def test_srum_needs_no_arguments_for_the_tiny_model(tiny: Any) -> None:
    plain = build("srum", tiny).identity()
    told = build("srum", tiny, ask="yes", regions="shapes", questions="shapes").identity()
    assert plain == told


def test_what_is_given_wins(tiny: Any) -> None:
    assert build("srum", tiny, reading="paper").identity()["reading"] == "paper"
    assert build("clip", world=SHAPES).identity() != build("clip", world=SHAPES, template="x").identity()


def test_the_tiny_model_is_its_own_vqa_instrument(tiny: Any) -> None:
    made = build("vqa", tiny)
    assert isinstance(made.vqa, SelfVQA)  # type: ignore[attr-defined]
    assert made.info.kind == "self"


def test_a_part_of_a_sum_is_built_for_the_same_world(tiny: Any) -> None:
    whole = build("composite", tiny, parts="srum+0.5*clip")
    assert whole.parts["srum"].identity() == build("srum", tiny).identity()


def test_nothing_stands_in_for_a_model_that_is_not_there() -> None:
    with pytest.raises(MissingCapability, match="name one by --model"):
        build("srum", None, world=SHAPES)


@pytest.mark.parametrize("world", DEFAULTS)
def test_settings_are_arguments_that_the_rewarder_takes(world: str) -> None:
    from inspect import signature

    for name in DEFAULTS[world]:
        assert (
            default_arguments(name, world).keys()
            <= signature(registry("rewarders").load(name)).parameters.keys()
        )


def test_the_prompt_may_stand_in_for_a_caption(tiny: Any, scene: Any) -> None:
    sample = scene(("star", "red", 8, 24))
    captioned = scene(("star", "red", 8, 24), text="a red star")
    by_prompt = build("dsr_understanding", tiny, caption="prompt").score(["a red star"], [sample])
    by_caption = build("dsr_understanding", tiny).score(["anything"], [captioned])
    assert by_prompt[0].value == pytest.approx(by_caption[0].value)
    with pytest.raises(UsageError, match="no caption 'title'; known: sample, prompt"):
        build("dsr_understanding", tiny, caption="title")
