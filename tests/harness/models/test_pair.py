"""Two models as one: who does what, and what the pair is called by rewarders and trainers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image
from support.commands import command as command

from selfreward_eval.api.arguments import as_text, parse
from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.models.base import capabilities
from selfreward_eval.harness.models.pair import PairModel
from selfreward_eval.harness.testing import DummyModel
from selfreward_eval.rewarders.building import build, rewards_itself
from selfreward_eval.rewarders.records import RewardSample
from selfreward_eval.trainers.jobs import TrainingJob


@pytest.fixture(scope="module")
def pair() -> PairModel:
    return PairModel("dummy", "tiny", {"size": 48}, {"device": "cpu"})


def test_one_draws_and_the_other_answers(pair: PairModel) -> None:
    (picture,) = pair.generate(["a red circle"], [1])
    (alone,) = DummyModel(size=48).generate(["a red circle"], [1])
    assert isinstance(picture, Image)
    assert picture == alone
    assert pair.answer([picture], ["what colour is it?"]) == pair.understander.answer(
        [picture], ["what colour is it?"]
    )
    assert capabilities(pair) == ["generate", "answer", "text_logprobs"]


def test_the_identity_is_both(pair: PairModel) -> None:
    about = pair.identity()
    assert (about["name"], about["adapter"]) == ("dummy+tiny-final", "pair")
    assert about["understander"]["weights"] == "tiny-final"
    assert about["generation"]["generator"]["size"] == 48
    assert "guidance" in about["generation"]["understander"]
    other = PairModel("dummy", "tiny", {"size": 48}, {"device": "cpu", "checkpoint": "early"})
    assert other.identity()["revision"] != about["revision"]


def test_a_dot_after_a_name_gives_the_arguments_of_what_is_named() -> None:
    text = "generator=dummy,generator.size=48,understander.checkpoint=early,understander=tiny"
    nested = parse(text, "--model-args")
    assert nested == {
        "generator": "dummy",
        "generator_args": {"size": 48},
        "understander": "tiny",
        "understander_args": {"checkpoint": "early"},
    }
    assert parse(as_text(nested), "--model-args") == nested


@pytest.mark.parametrize("text", ["guidance=3,guidance.x=1", "guidance.x=1,guidance=3", "a=b,a=c"])
def test_a_number_has_no_arguments(text: str) -> None:
    with pytest.raises(UsageError, match=r"given (both a value and parts|twice)"):
        parse(text, "--model-args")


@pytest.mark.parametrize(
    ("generator", "understander", "told"),
    [("dummy", "dummy", "the understander of a pair needs"), ("tiny", "dummy", "the understander of a pair")],
)
def test_a_model_in_the_wrong_place_is_refused(generator: str, understander: str, told: str) -> None:
    with pytest.raises(MissingCapability, match=told):
        PairModel(generator, understander)


@pytest.mark.parametrize("rewarder", ["dsr", "srum"])
def test_a_rewarder_uses_the_pair_as_an_external_judge(pair: PairModel, rewarder: str) -> None:
    alone = build(rewarder, pair.understander, world="shapes")
    judged = build(rewarder, pair, world="shapes")
    assert (alone.info.kind, judged.info.kind) == ("self", "external")
    assert rewards_itself(judged), "it still depends on the model"
    sample = RewardSample(pair.understander.generate(["a red circle"], [1])[0])
    assert [one.value for one in judged.score(["a red circle"], [sample])] == [
        one.value for one in alone.score(["a red circle"], [sample])
    ]


def test_a_rewarder_that_needs_one_policy_refuses_it(pair: PairModel) -> None:
    """log pi(picture | caption) of the understander says nothing about the generator's pictures."""
    with pytest.raises(MissingCapability, match="image_logprobs"):
        build("dsr_understanding", pair, world="shapes")


@pytest.mark.parametrize("trainer", ["srum", "dsr_grpo", "dsr_simpo", "rejection"])
def test_trainers_refuse_it_by_name(pair: PairModel, trainer: str, tmp_path: Path) -> None:
    with pytest.raises(MissingCapability, match="--model pair is two, a generator and an understander"):
        TrainingJob.from_names(model=pair, trainer=trainer, output_path=tmp_path)  # type: ignore[arg-type]


def test_the_command_line_builds_and_runs_one(command: Callable[..., Any], tmp_path: Path) -> None:
    arguments = "generator=dummy,generator.size=48,understander=tiny,understander.device=cpu"
    done = command(
        "run", "--model", "pair", "--model-args", arguments, "--tasks", "shapes_geneval,shapes_llava_bench",
        "--limit", 2, "-o", tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.err
    folder = tmp_path / "dummy__tiny-final"
    assert {path.name.split("_2")[0] for path in folder.glob("samples_*")} == {
        "samples_shapes_geneval",
        "samples_shapes_llava_bench",
    }
    rewarded = command("reward", folder, "--rewarder", "dsr", "-o", tmp_path / "rewards")
    assert rewarded.code == 0, rewarded.err
    assert "the one that judges is external" in rewarded.out
