"""A stage can be killed anywhere and resumed: the weights come out the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.trainers.pretrain.stage import Stage, save_tensors, train


class Killed(Exception):
    """Stands for a signal."""


class Toy:
    """A linear module, its optimizer and a running mean, as fresh as after a restart."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Linear(4, 3)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 0.0, betas=(0.9, 0.99), weight_decay=0.1)
        self.mean = torch.zeros(3)

    def losses(self, step: int) -> dict[str, torch.Tensor]:
        """A batch that is a function of the step alone."""
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        out = self.model(x)
        return {"loss": (out - x[:, :3].sin()).pow(2).mean(), "out": out.detach()}

    def after(self, step: int, terms: dict[str, torch.Tensor]) -> None:
        self.mean.mul_(0.9).add_(terms["out"].mean(0), alpha=0.1)

    def run(self, stage: Stage, kill_at: int | None = None, **more: Any) -> Toy:
        def losses(step: int) -> dict[str, torch.Tensor]:
            if step == kill_at:
                raise Killed
            return self.losses(step)

        train(
            stage,
            self.model,
            self.optimizer,
            losses,
            extra={"mean": self.mean},
            after_step=self.after,
            **more,
        )
        return self

    def state(self) -> list[float]:
        tensors = [*self.model.state_dict().values(), self.mean]
        moments = [t for s in self.optimizer.state_dict()["state"].values() for t in s.values()]
        return [float(v) for t in (*tensors, *moments) for v in t.flatten()]


def stage(root: Path, **changes: Any) -> Stage:
    return replace(Stage("toy", root, steps=40, peak=0.05, save_every=7), **changes)


@pytest.fixture
def straight(tmp_path: Path) -> list[float]:
    """What an undisturbed training ends in."""
    return Toy().run(stage(tmp_path / "straight")).state()


def test_training_learns(tmp_path: Path) -> None:
    toy = Toy()
    before = float(toy.losses(100)["loss"].detach())
    toy.run(stage(tmp_path))
    assert float(toy.losses(100)["loss"].detach()) < before / 2


@pytest.mark.parametrize("killed_at", [0, 3, 7, 8, 20, 39])
def test_killed_and_resumed_is_as_if_nothing_had_happened(
    killed_at: int, tmp_path: Path, straight: list[float]
) -> None:
    with pytest.raises(Killed):
        Toy().run(stage(tmp_path), kill_at=killed_at)
    assert Toy().run(stage(tmp_path)).state() == straight


def test_killed_again_and_again(tmp_path: Path, straight: list[float]) -> None:
    for killed_at in (5, 9, 9, 23, 31):
        with pytest.raises(Killed):
            Toy().run(stage(tmp_path), kill_at=killed_at)
    assert Toy().run(stage(tmp_path)).state() == straight


def test_a_finished_stage_does_nothing_more(tmp_path: Path, straight: list[float]) -> None:
    Toy().run(stage(tmp_path))
    assert Toy().run(stage(tmp_path), kill_at=0).state() == straight


def test_stopping_early_keeps_the_schedule_of_the_whole(tmp_path: Path, straight: list[float]) -> None:
    Toy().run(stage(tmp_path, stop=14))
    assert torch.load(tmp_path / "toy" / "resume.pt", weights_only=True)["step"] == 14
    assert Toy().run(stage(tmp_path)).state() == straight


def test_snapshots_are_the_weights_at_their_step(tmp_path: Path) -> None:
    Toy().run(stage(tmp_path, keep=(10, 25)))
    assert sorted(p.name for p in (tmp_path / "toy").iterdir()) == [
        "log.jsonl", "resume.pt", "step10.pt", "step25.pt"
    ]  # fmt: skip
    kept = torch.load(tmp_path / "toy" / "step10.pt", weights_only=True)
    stopped = Toy().run(stage(tmp_path / "other", stop=10)).model.state_dict()
    assert all((kept[name] == stopped[name]).all() for name in stopped)


def test_a_resume_file_is_replaced_whole(tmp_path: Path) -> None:
    """Half a file never has the name of a whole one."""

    class Unwritable:
        def __reduce__(self) -> Any:
            raise OSError("no space left on device")

    path = tmp_path / "resume.pt"
    save_tensors(path, {"step": 1})
    with pytest.raises(OSError, match="no space"):
        save_tensors(path, {"step": 2, "bad": Unwritable()})
    assert torch.load(path, weights_only=True) == {"step": 1}


def test_a_loss_that_is_no_number_stops_before_the_weights_are_spoilt(tmp_path: Path) -> None:
    toy = Toy()

    def losses(step: int) -> dict[str, torch.Tensor]:
        terms = toy.losses(step)
        return terms | {"loss": terms["loss"] * (float("nan") if step == 10 else 1.0)}

    with pytest.raises(FloatingPointError, match="toy: the loss is no longer finite at step 10"):
        train(stage(tmp_path), toy.model, toy.optimizer, losses)
    assert torch.load(tmp_path / "toy" / "resume.pt", weights_only=True)["step"] == 7
    assert all(parameter.isfinite().all() for parameter in toy.model.parameters())


def test_the_log_has_a_line_every_fifty_steps(tmp_path: Path) -> None:
    Toy().run(stage(tmp_path, steps=120))
    lines = [json.loads(line) for line in (tmp_path / "toy" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [50, 100]
    assert all(line["loss"] > 0 and line["seconds"] >= 0 for line in lines)


def test_progress_is_told_every_step(tmp_path: Path) -> None:
    told: list[int] = []
    Toy().run(stage(tmp_path, stop=5), progress=lambda done, terms: told.append(done))
    assert told == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("pick", [lambda s: s.rate(0), lambda s: s.rate(s.steps - 1)])
def test_the_rate_begins_and_ends_low(pick: Callable[[Stage], float], tmp_path: Path) -> None:
    assert pick(stage(tmp_path, steps=1000)) < 0.05 * 0.05


def test_the_rate_peaks_after_the_warm_up_and_falls_from_there(tmp_path: Path) -> None:
    one = stage(tmp_path, steps=1000, warmup=0.1)
    rates = [one.rate(step) for step in range(1000)]
    assert max(rates) == pytest.approx(0.05)
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] == pytest.approx(0.05 / 50, rel=0.01)
