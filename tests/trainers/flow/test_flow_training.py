"""Training a flow model: every method moves it the right way, stops and resumes bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support.flow_model import FlowModel

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.methods.dsr_grpo_flow import DualGrpoFlow
from selfreward_eval.trainers.methods.forward_process import FlowAwm, FlowNft
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.methods.srum_flow import SrumFlow
from selfreward_eval.trainers.rollouts import RolloutCollector

Make = Callable[..., RolloutCollector]
Measure = Callable[[FlowModel], float]

ROUNDS: dict[str, Any] = {
    "prompts": 4,
    "candidates": 8,
    "rounds": 3,
    "steps": 3,
    "batch_size": 4,
    "learning_rate": 5e-3,
    "warmup": 0,
    "ema": 0.0,
    "save_every": 2,
    "precision": "no",
}


def short(**changes: Any) -> dict[str, Any]:
    return {**ROUNDS, **changes}


METHODS: dict[str, Callable[[], Trainer]] = {
    "srum": lambda: SrumFlow(**short()),
    "srum sampled": lambda: SrumFlow(encoding="sample", keep="best", **short()),
    "srum bf16": lambda: SrumFlow(**short(precision="bf16", candidates=1, accumulation=2)),
    "srum policy": lambda: SrumFlow(away="policy", **short()),
    "rejection": lambda: RejectionFlow(**short()),
    "dsr_grpo": lambda: DualGrpoFlow(**short()),
    "dsr_grpo captions": lambda: DualGrpoFlow(captioning=0.05, **short(pictures=4)),
    "flow_nft": lambda: FlowNft(**short(batch_size=16)),
    "flow_awm": lambda: FlowAwm(**short(batch_size=16)),
}


class Killed(Exception):
    """Stands for a signal."""


class KillAt:
    """Raises after so many steps of training in all."""

    def __init__(self, step: int) -> None:
        self.left = step

    def start(self, name: str, total: int, done: int) -> None:
        self.left -= done

    def advance(self, name: str, count: int) -> None:
        self.left -= count
        if self.left == 0:
            raise Killed


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights" / "model.safetensors")


@pytest.mark.parametrize("method", METHODS)
def test_killed_anywhere_and_resumed_the_weights_are_the_same(
    tmp_path: Path, collector: Make, method: str
) -> None:
    whole = METHODS[method]()
    fit(FlowModel(), whole, collector(tmp_path / "a" / "rounds", whole), tmp_path / "a")
    for step in (1, 5):
        trainer = METHODS[method]()
        collect = collector(tmp_path / "b" / "rounds", trainer)
        with pytest.raises(Killed):
            fit(FlowModel(), trainer, collect, tmp_path / "b", progress=KillAt(step))
    last = METHODS[method]()
    fit(FlowModel(), last, collector(tmp_path / "b" / "rounds", last), tmp_path / "b")
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(first[name], value) for name, value in second.items())
    start = FlowModel().network.state_dict()
    assert not torch.equal(first["out_moe_gen.weight"], start["out_moe_gen.weight"])
    assert torch.equal(first["frozen_vae.weight"], start["frozen_vae.weight"])


@pytest.mark.parametrize(
    "trainer",
    [
        RejectionFlow(**short(rounds=2, steps=15)),
        DualGrpoFlow(**short(rounds=6, steps=2, kl=0.0)),
        SrumFlow(away="policy", **short(rounds=6, steps=2)),
        FlowNft(**short(rounds=4, steps=5, batch_size=16)),
        FlowAwm(kl=0.0, **short(rounds=4, steps=5, batch_size=16)),
    ],
    ids=lambda trainer: str(trainer.info.name),
)
def test_an_easy_reward_rises(tmp_path: Path, collector: Make, redness: Measure, trainer: Trainer) -> None:
    model = FlowModel()
    before = redness(model)
    fit(model, trainer, collector(tmp_path / "rounds", trainer), tmp_path)
    assert redness(model) == before  # training gives the model back as it was
    assert redness(FlowModel(str(tmp_path / "weights"))) > before + 0.03


def test_a_random_place_is_another_in_every_step_and_none_in_a_repeated_one(
    tmp_path: Path, collector: Make, model: FlowModel
) -> None:
    trainer = SrumFlow(**short(candidates=1))
    pool = collector(tmp_path, trainer)(0, model)
    losses = []
    for step in (1, 2, 1):
        trainer.step = step
        losses.append(float(trainer.loss(model, pool, {"drawing": [0, 1]})[0]))
    assert losses[0] == losses[2] != losses[1]


def test_srums_loss_is_the_sum_over_both_pictures(tmp_path: Path, collector: Make, model: FlowModel) -> None:
    """With the same latents for both it is mean((R + lambda)(v - (noise - x0))^2)."""
    from selfreward_eval.trainers.flow import draws

    trainer = SrumFlow(dropout=0.0, constraint=0.3, shift=2.0, **short(candidates=1))
    pool = collector(tmp_path, trainer)(0, model)
    assert pool.flow is not None
    assert pool.flow.maps is not None
    trainer.step = 7
    loss, logged = trainer.loss(model, pool, {"drawing": [2]})
    item = pool.flow.items[2]
    draw = draws.noisy([(item.id, 0)], (16, 3), step=7, seed=0, shift=2.0, dropout=0.0)
    x0, t = pool.flow.latents[2, 0], float(draw.times)
    v = model.velocity([item.text], (1 - t) * x0[None] + t * draw.noise, draw.times)[0]
    error = (v - (draw.noise[0] - x0)) ** 2
    reward = torch.from_numpy(pool.flow.maps[2, 0])[:, None]
    assert float(loss) == pytest.approx(float(((reward + 0.3) * error).mean()), rel=1e-5)
    assert logged["error"] == pytest.approx(float(error.mean()), rel=1e-5)


def test_text_dropout_leaves_prompts_out(
    tmp_path: Path, collector: Make, model: FlowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = SrumFlow(dropout=0.5, **short(candidates=1))
    pool = collector(tmp_path, trainer)(0, model)
    asked: list[str | None] = []
    velocity = model.velocity

    def noting(prompts: Any, *arguments: Any, **options: Any) -> torch.Tensor:
        asked.extend(prompts)
        assert "guided" not in options
        return velocity(prompts, *arguments, **options)

    monkeypatch.setattr(model, "velocity", noting)
    for step in range(1, 11):
        trainer.step = step
        trainer.loss(model, pool, {"drawing": [0, 1, 2, 3]})
    assert 8 < asked.count(None) < 32


def test_the_log_tells_ratio_clipping_and_distance(tmp_path: Path, collector: Make) -> None:
    trainer = DualGrpoFlow(**short())
    fit(FlowModel(), trainer, collector(tmp_path / "rounds", trainer), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 9
    # The first step of a round is on policy.
    assert lines[0]["ratio"] == pytest.approx(1.0, abs=1e-5)
    assert lines[0]["distance"] == pytest.approx(0.0, abs=1e-8)
    assert lines[-1]["distance"] > 0
    assert {"clipped", "advantage", "loss", "lr"} <= set(lines[0])


def test_only_the_half_that_draws_is_trained_where_asked_for(tmp_path: Path, collector: Make) -> None:
    start = FlowModel().network.state_dict()
    for name, changes in (("all", {}), ("lora", {"lora_rank": 2})):
        trainer = RejectionFlow(**short(only="moe_gen", **changes))
        fit(FlowModel(), trainer, collector(tmp_path / name / "rounds", trainer), tmp_path / name)
        trained = weights(tmp_path / name)
        moved = {key for key, value in trained.items() if not torch.equal(value, start[key])}
        assert "block.q_proj_moe_gen.weight" in moved
        assert all("moe_gen" in key for key in moved)
        assert ("out_moe_gen.weight" in moved) is (name == "all")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "no weight that may be trained has 'nothing' in its name"),
        ({"lora_rank": 2}, "none of the layers q_proj.* with 'nothing' in its name"),
    ],
)
def test_a_half_that_is_not_there_is_refused(
    tmp_path: Path, collector: Make, changes: dict[str, Any], message: str
) -> None:
    trainer = RejectionFlow(**short(only="nothing", **changes))
    with pytest.raises(UsageError, match=message):
        fit(FlowModel(), trainer, collector(tmp_path / "rounds", trainer), tmp_path)
