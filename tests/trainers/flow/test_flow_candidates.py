"""A flow model's candidates: what is kept, the same in any sitting, with likelihoods that are the
policy's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.flow_model import FlowModel

from selfreward_eval.harness.errors import InputError, TrainingStopped, UsageError
from selfreward_eval.trainers.flow import sampling
from selfreward_eval.trainers.flow.policy import policy_rows
from selfreward_eval.trainers.flow.sampling import Window, draw_ode
from selfreward_eval.trainers.methods.dsr_grpo_flow import DualGrpoFlow
from selfreward_eval.trainers.methods.forward_process import FlowAwm
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.methods.srum_flow import SrumFlow
from selfreward_eval.trainers.pool import FlowDrawings, Pool
from selfreward_eval.trainers.rollouts import RolloutCollector

Make = Callable[..., RolloutCollector]

SMALL: dict[str, Any] = {"prompts": 4, "candidates": 3, "steps": 2}


def flow(pool: Pool) -> FlowDrawings:
    assert pool.flow is not None
    return pool.flow


def equal(first: FlowDrawings, second: FlowDrawings) -> bool:
    """Whether all tensors are the same bit for bit."""
    pairs = [(value, getattr(second, name)) for name, value in vars(first).items() if name != "items"]
    return all(
        np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs if a is not None or b is not None
    )


def test_pictures_are_those_that_the_model_draws(tmp_path: Path, collector: Make, model: FlowModel) -> None:
    drawings = flow(collector(tmp_path, RejectionFlow(**SMALL))(0, model))
    assert drawings.latents.shape == (4, 3, 16, 3)
    assert {"generate", "encode"} <= set(model.calls)
    assert drawings.path is drawings.pictures is drawings.maps is None


def test_a_map_reaches_the_latent_tokens(tmp_path: Path, collector: Make, model: FlowModel) -> None:
    drawings = flow(collector(tmp_path, SrumFlow(**{**SMALL, "candidates": 2}))(0, model))
    assert drawings.maps is not None
    # A token's latents are its cell's colours in [-1, 1]; the reward is red minus blue in [0, 1].
    expected = (drawings.latents[..., 0] - drawings.latents[..., 2]).numpy() / 2
    assert drawings.maps == pytest.approx(expected, abs=1e-4)


def test_a_killed_round_goes_on_where_it_stopped(tmp_path: Path, collector: Make, model: FlowModel) -> None:
    whole = flow(collector(tmp_path / "whole", DualGrpoFlow(**SMALL))(0, model))
    collector(tmp_path / "cut", DualGrpoFlow(**SMALL))(0, model)
    [first, *_] = sorted((tmp_path / "cut" / "000").glob("*.safetensors"))
    first.unlink()
    assert equal(whole, flow(collector(tmp_path / "cut", DualGrpoFlow(**SMALL))(0, model)))
    first.unlink()
    with pytest.raises(InputError, match="is missing"):
        collector(tmp_path / "cut", DualGrpoFlow(**SMALL))(0, model, moved=True)


def test_a_batch_changes_no_picture(
    tmp_path: Path, collector: Make, model: FlowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = flow(collector(tmp_path / "a", DualGrpoFlow(**SMALL))(0, model))
    monkeypatch.setattr(sampling, "ROWS", 2)
    apart = flow(collector(tmp_path / "b", DualGrpoFlow(**SMALL))(0, model))
    assert torch.allclose(together.latents, apart.latents, atol=1e-5)


def test_training_runs_may_learn_from_the_same_pictures(
    tmp_path: Path, collector: Make, model: FlowModel
) -> None:
    kept = tmp_path / "kept"
    first = flow(collector(tmp_path / "a", RejectionFlow(**SMALL), drawn=kept)(0, model))
    again = FlowModel()
    second = flow(collector(tmp_path / "b", SrumFlow(**SMALL), drawn=kept)(0, again))
    assert torch.equal(first.latents, second.latents)
    assert "generate" not in again.calls
    latents = flow(collector(tmp_path / "c", FlowAwm(**SMALL), drawn=kept)(0, model)).latents
    assert not torch.equal(first.latents, latents)


def test_our_own_drawing_is_the_models(model: FlowModel) -> None:
    prompts, seeds = ["red star", "a ring"], [3, 4]
    with torch.no_grad():
        latents = draw_ode(model, prompts, seeds, 0)
    ours, theirs = model.decode_latents(latents), model.generate(prompts, seeds)
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).max() <= 1


@pytest.mark.parametrize("sampler", ["sde", "cps"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_before_any_update_the_ratio_is_1(
    tmp_path: Path, collector: Make, sampler: str, guidance: float
) -> None:
    model = FlowModel(guidance=guidance)
    trainer = DualGrpoFlow(sampler=sampler, random_steps=3, **SMALL)
    drawings = flow(collector(tmp_path, trainer)(0, model))
    places = np.argwhere(drawings.scored)
    assert trainer.window is not None
    rows = policy_rows(model, drawings, places, trainer.window, 0)
    assert rows.log_ratio.shape == (12, 3, 16)
    assert rows.log_ratio.abs().max() < 1e-4
    assert rows.distance is not None
    assert rows.distance.max() < 1e-8


def test_ratios_are_those_of_normal_distributions(tmp_path: Path, collector: Make, model: FlowModel) -> None:
    trainer = DualGrpoFlow(**SMALL)
    drawings = flow(collector(tmp_path, trainer)(0, model))
    with torch.no_grad():
        dict(model.trainable())["out_moe_gen.bias"].add_(0.05)
    assert trainer.window is not None
    assert drawings.path is not None
    assert drawings.starts is not None
    rows = policy_rows(model, drawings, np.array([[1, 2]]), trainer.window, 0)
    x, following, k = drawings.path[1, 2, 0], drawings.path[1, 2, 1], int(drawings.starts[1])
    times = model.times()
    s, s_next = float(times[k]), float(times[k + 1])
    expected = []
    for shift in (0.0, 0.05):
        v = model.velocity(["blue ring"], x[None], torch.tensor([s]))[0] - 0.05 + shift
        step = trainer.window.step(x, v, s, s_next, float(times[1]))
        expected.append(torch.distributions.Normal(step.mean, step.std).log_prob(following).mean(-1))
    assert torch.allclose(rows.log_ratio[0, 0], expected[1] - expected[0], atol=1e-4)


def test_all_noises_differ_and_windows_are_shared_by_a_prompt(
    tmp_path: Path, collector: Make, model: FlowModel
) -> None:
    trainer = DualGrpoFlow(**{**SMALL, "candidates": 4}, points=17)
    collect = collector(tmp_path, trainer)
    drawings = flow(collect(0, model))
    assert drawings.path is not None
    assert drawings.starts is not None
    jumps = (drawings.path[:, :, 1:] - drawings.path[:, :, :-1]).flatten(0, 2)
    assert len({tuple(row.flatten().tolist()) for row in jumps}) == len(jumps)
    later = flow(collect(1, model)).starts
    assert later is not None
    assert all(1 <= start <= 6 for start in (*drawings.starts.tolist(), *later.tolist()))
    assert not torch.equal(drawings.starts, later)


def test_a_model_that_computes_no_numbers_stops_the_training(
    tmp_path: Path, collector: Make, model: FlowModel
) -> None:
    with torch.no_grad():
        dict(model.trainable())["out_moe_gen.bias"].fill_(torch.nan)
    with pytest.raises(TrainingStopped, match="no candidates in round 1: a drawn latent is NaN"):
        collector(tmp_path, DualGrpoFlow(**SMALL))(0, model)
    assert not list(tmp_path.rglob("drawing-*"))


def test_a_window_is_neither_the_first_step_nor_the_last() -> None:
    assert Window(size=2).starts(14) == (1, 5)
    assert Window(size=2).starts(4) == (1, 1)
    with pytest.raises(UsageError, match="no place between the first and the last of 3"):
        Window(size=2).starts(3)
