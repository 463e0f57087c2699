"""Training from Python: names or objects, one seed or several."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pytest

import selfreward_eval as se
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.control import RandomReward
from selfreward_eval.rewarders.dual import PromptLikelihood
from selfreward_eval.trainers.methods.rejection import Rejection

SMALLEST = {"prompts": 2, "candidates": 2, "steps": 1, "batch_size": 2, "warmup": 0}
QUICK: dict[str, Any] = {"tasks": "shapes_geneval", "scales": (), "limit": 1}


def test_names_and_objects_make_the_same_training_run(tmp_path: Path) -> None:
    """The second one shares the first one's measurement before training."""
    arguments = {"seed": 3}
    named = se.train(
        "tiny", "rejection", "random", output_path=tmp_path, trainer_args=SMALLEST, rewarder_args=arguments,
        **QUICK,
    )  # fmt: skip
    (first,) = named.runs
    assert first.folder == tmp_path / "rejection-random" / "seed-0"
    assert first.page.is_file()
    assert named.method is None
    kept = first.folder.rename(tmp_path / "kept")
    built = se.train("tiny", Rejection(**SMALLEST), RandomReward(seed=3), output_path=str(tmp_path), **QUICK)
    (second,) = built.runs
    assert second.record.rewarder == first.record.rewarder
    assert second.record.trainer == first.record.trainer
    weights = [folder / first.record.checkpoint / "model.safetensors" for folder in (kept, second.folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_python_takes_what_the_command_line_takes() -> None:
    from selfreward_eval.cli.train import train as command

    printing = {"ctx", "config", "dry_run", "json_"}
    assert signature(command).parameters.keys() - printing == signature(se.train).parameters.keys() - {
        "progress"
    }


def test_captions_may_be_rewarded_by_another_rewarder(tmp_path: Path) -> None:
    captions = {"captioning": 1.0, "pictures": 8, "candidates": 4, "rounds": 1}
    trained = se.train(
        "tiny", "dsr_grpo", "dsr", output_path=tmp_path, trainer_args=SMALLEST | captions,
        caption_rewarder="random", caption_rewarder_args={"seed": 7}, **QUICK,
    )  # fmt: skip
    (run,) = trained.runs
    assert run.folder == tmp_path / "dsr_grpo-dsr-random" / "seed-0"
    assert "captions were rewarded by random, which was chosen" in run.record.notes
    assert run.record.name == "tiny-final-dsr_grpo-dsr-random-s0"


@pytest.mark.parametrize(
    ("trainer", "rewarder", "arguments", "message"),
    [
        ("rejction", "random", {}, "unknown trainer 'rejction'; did you mean rejection"),
        ("rejection", "random", {"seeds": ()}, "seeds names no training seed"),
        (
            Rejection(),
            "random",
            {"trainer_args": SMALLEST},
            "trainer_args are for a trainer that is given by",
        ),
        (
            "rejection",
            RandomReward(),
            {"rewarder_args": {"seed": 1}},
            "rewarder_args are for a rewarder that",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    tmp_path: Path, trainer: Any, rewarder: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        se.train("tiny", trainer, rewarder, output_path=tmp_path / "out", **QUICK, **arguments)
    assert not (tmp_path / "out").exists()


def test_a_rewarder_that_uses_the_model_is_given_by_name(tmp_path: Path) -> None:
    """Training builds it anew for the starting model and for every round's."""
    own = PromptLikelihood.__new__(PromptLikelihood)
    with pytest.raises(UsageError, match=r"'dsr' uses the model.*give its name"):
        se.train("tiny", "rejection", own, output_path=tmp_path / "out", **QUICK)
