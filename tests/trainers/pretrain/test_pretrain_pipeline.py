"""All stages of pretraining, at toy length: each builds on the one before, and a kill changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.trainers.pretrain.pipeline import joint_checkpoint, run
from selfreward_eval.trainers.pretrain.recipe import STAGES, Recipe

TOY = Recipe(
    codec=2,
    codec_fine=1,
    understand=(4, 1),
    question=(4, 1),
    unify=2,
    keep=(1,),
    unify_asked=2,
    unify_drawn=2,
    codebook_pictures=64,
    codec_batch=2,
    batch=3,
    threads=1,
)


FIRST = ("codec", "understand")
"""Stages that start from nothing."""


class Killed(Exception):
    """Stands for a signal."""


def silent(stage: str, done: int, steps: int, loss: float) -> None:
    pass


def weights(root: Path, step: int) -> dict[str, Any]:
    return dict(joint_checkpoint(root, step).state_dict())


@pytest.fixture(scope="module", autouse=True)
def _threads() -> Iterator[None]:
    """The recipe's number of threads stays in these tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which every stage ran through."""
    root = tmp_path_factory.mktemp("pretraining")
    run(root, STAGES, TOY, silent)
    return root


def test_every_stage_leaves_its_weights(trained: Path) -> None:
    assert sorted(folder.name for folder in trained.iterdir()) == sorted(STAGES)
    assert all((trained / stage / "resume.pt").is_file() for stage in STAGES)


def test_the_joint_model_has_the_codec_of_the_codec_stages(trained: Path) -> None:
    last = torch.load(trained / "codec-fine" / "resume.pt", weights_only=True)["model"]
    joint = weights(trained, 2)
    for name, tensor in last.items():
        torch.testing.assert_close(joint[f"model.vqmodel.{name}"], tensor, rtol=0, atol=0)


def test_kept_steps_differ_from_the_last(trained: Path) -> None:
    first, last = weights(trained, 1), weights(trained, 2)
    changed = {name for name in first if (first[name] != last[name]).any()}
    assert any("generation_head" in name for name in changed)
    assert any("language_model" in name for name in changed)
    assert not any("vqmodel" in name for name in changed)


def test_a_step_that_was_not_kept_is_named(trained: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"step7\.pt is not there and .* stands at step 2"):
        joint_checkpoint(trained, 7)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in FIRST])
def test_a_stage_without_its_predecessor_says_which_to_run(stage: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not there; run the stage"):
        run(tmp_path, (stage,), TOY, silent)


def test_killed_in_every_stage_and_resumed_ends_in_the_same_weights(trained: Path, tmp_path: Path) -> None:
    for killed_in in STAGES:

        def kill(stage: str, done: int, steps: int, loss: float, victim: str = killed_in) -> None:
            if stage == victim:
                raise Killed

        with pytest.raises(Killed):
            run(tmp_path, STAGES, TOY, kill)
    run(tmp_path, STAGES, TOY, silent)
    straight, resumed = weights(trained, 2), weights(tmp_path, 2)
    assert all((straight[name] == resumed[name]).all() for name in straight)
