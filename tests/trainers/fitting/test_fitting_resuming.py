"""A run can be killed anywhere: the same call goes on and ends with the same weights, to the last bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.trainers.fitting import Fitted, fit
from selfreward_eval.trainers.folder import TrainingFolder
from selfreward_eval.trainers.methods.rejection import Rejection

Read = Callable[[Path], dict[str, torch.Tensor]]

SETTINGS: dict[str, dict[str, Any]] = {
    "weights with their average": {"ema": 0.8, "accumulation": 2},
    "adapters": {"lora_rank": 2, "checkpointing": True},
}
STEPS = {"steps": 4, "rounds": 2, "save_every": 3}
"""Checkpoints at 3, 4 (the round's end), 6 and 8."""


@pytest.fixture(scope="module")
def unbroken(
    _loaded: Any, plain: Any, candidates: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Fitted]:
    """What each kind of run ends with when nothing happens to it."""
    return {
        kind: fit(_loaded, plain(**STEPS, **settings), candidates, tmp_path_factory.mktemp("unbroken"))
        for kind, settings in SETTINGS.items()
    }


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize(
    ("killed_at", "resumed_at"),
    [(2, 0), (3, 3), (4, 4), (5, 4), (7, 6), (8, 8)],
    ids=[
        "before any checkpoint",
        "right after a checkpoint",
        "at the round's end",
        "in the second round",
        "late in the second round",
        "before the weights are written",
    ],
)
def test_killed_and_resumed_ends_with_the_same_weights(
    model: Any,
    plain: Any,
    candidates: Any,
    kill_at: Any,
    killed: Any,
    unbroken: dict[str, Fitted],
    read_weights: Read,
    tmp_path: Path,
    kind: str,
    killed_at: int,
    resumed_at: int,
) -> None:
    trainer = plain(**STEPS, **SETTINGS[kind])
    with pytest.raises(killed):
        fit(model, trainer, candidates, tmp_path, progress=kill_at(killed_at))
    fitted = fit(model, trainer, candidates, tmp_path)
    assert fitted.resumed_at == resumed_at
    assert same(read_weights(fitted.checkpoint), read_weights(unbroken[kind].checkpoint))
    logs = [
        [
            {**json.loads(line), "seconds": None, "cpu_seconds": None}
            for line in one.log.read_text().splitlines()
        ]
        for one in (fitted, unbroken[kind])
    ]
    assert logs[0] == logs[1]


def test_the_last_two_checkpoints_are_kept(unbroken: dict[str, Fitted]) -> None:
    for fitted in unbroken.values():
        folder = fitted.checkpoint.parent / "checkpoints"
        assert sorted(one.name for one in folder.iterdir()) == ["000006", "000008"]


def test_a_finished_run_is_not_run_again(model: Any, plain: Any, unbroken: dict[str, Fitted]) -> None:
    kind = "adapters"

    def collect(round_: int, adapter: Any, moved: bool) -> Any:
        raise AssertionError("nothing is left to train")

    again = fit(model, plain(**STEPS, **SETTINGS[kind]), collect, unbroken[kind].checkpoint.parent)
    assert again.resumed_at == again.steps == 8
    assert again.checkpoint == unbroken[kind].checkpoint
    assert again.seconds == unbroken[kind].seconds


@pytest.mark.parametrize("damage", ["part", "torn", "stateless"])
def test_a_half_written_checkpoint_is_passed_over(
    model: Any,
    plain: Any,
    candidates: Any,
    unbroken: dict[str, Fitted],
    read_weights: Read,
    tmp_path: Path,
    damage: str,
) -> None:
    kind = "adapters"
    shutil.copytree(unbroken[kind].checkpoint.parent, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "weights")
    newest = tmp_path / "run" / "checkpoints" / "000008"
    if damage == "part":
        newest.rename(newest.with_name("000008.part"))
    elif damage == "torn":
        file = newest / "moments.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
    else:
        (newest / "state.json").unlink()
    fitted = fit(model, plain(**STEPS, **SETTINGS[kind]), candidates, tmp_path / "run")
    assert fitted.resumed_at == 6
    assert same(read_weights(fitted.checkpoint), read_weights(unbroken[kind].checkpoint))
    assert sorted(one.name for one in newest.parent.iterdir()) == ["000006", "000008"]


def test_another_run_is_refused_and_the_difference_named(
    model: Any, plain: Any, candidates: Any, unbroken: dict[str, Fitted]
) -> None:
    folder = unbroken["adapters"].checkpoint.parent
    settings = {**STEPS, **SETTINGS["adapters"], "learning_rate": 0.5}
    with pytest.raises(RunFolderError, match=r"trainer\.settings\.learning_rate: 0\.001 there, 0\.5 here"):
        fit(model, plain(**settings), candidates, folder)


def test_another_starting_model_is_refused(
    model: Any, plain: Any, candidates: Any, unbroken: dict[str, Fitted]
) -> None:
    kind = "adapters"
    from selfreward_eval.harness.models.janus.adapter import JanusModel

    other = JanusModel(str(unbroken[kind].checkpoint), device="cpu", dtype="float32")
    with pytest.raises(RunFolderError, match=r"model\.revision"):
        fit(other, plain(**STEPS, **SETTINGS[kind]), candidates, unbroken[kind].checkpoint.parent)


def test_what_else_decides_the_outcome_is_part_of_the_identity(
    model: Any, plain: Any, candidates: Any, unbroken: dict[str, Fitted]
) -> None:
    kind = "adapters"
    with pytest.raises(RunFolderError, match='rewarder: absent there, "clip" here'):
        fit(
            model,
            plain(**STEPS, **SETTINGS[kind]),
            candidates,
            unbroken[kind].checkpoint.parent,
            identity={"rewarder": "clip"},
        )


def test_a_folder_that_is_being_written_is_refused(
    model: Any, plain: Any, candidates: Any, tmp_path: Path
) -> None:
    with (
        TrainingFolder(tmp_path, {}, True, lambda: None),
        pytest.raises(RunFolderError, match="another process"),
    ):
        fit(model, plain(), candidates, tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_weights_that_no_loss_has_reached_go_on_without_moments(
    model: Any, candidates: Any, kill_at: Any, killed: Any, read_weights: Read, tmp_path: Path
) -> None:
    trainer = Rejection(steps=3, batch_size=2, save_every=1, weight_decay=0.1, precision="no")
    whole = fit(model, trainer, candidates, tmp_path / "whole")
    with pytest.raises(killed):
        fit(model, trainer, candidates, tmp_path / "broken", progress=kill_at(1))
    fitted = fit(model, trainer, candidates, tmp_path / "broken")
    assert same(read_weights(fitted.checkpoint), read_weights(whole.checkpoint))
    moments = load_file(tmp_path / "broken" / "checkpoints" / "000003" / "moments.safetensors")
    assert "exp_avg/lm_head.weight" not in moments
    assert "exp_avg/model.generation_head.vision_head.weight" in moments
