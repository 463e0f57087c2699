"""A dry run measures time, memory and sizes, and leaves no trace."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from selfreward_eval.trainers import cost as estimating
from selfreward_eval.trainers.cost import estimate


def test_both_stages_are_forecast_from_what_was_measured(
    model: Any, plain: Any, candidates: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0

    class Timed(plain):
        """A step takes a second the first time, a quarter of one from then on."""

        calls = 0

        def loss(self, *given: Any) -> Any:
            nonlocal clock
            clock += 0.25 if self.calls else 1.0
            self.calls += 1
            return super().loss(*given)

    def collect_few(prompts: int) -> Any:
        nonlocal clock
        clock += 0.5 * prompts
        return candidates(0, model)

    monkeypatch.setattr(estimating, "time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.chdir(tmp_path)
    found = estimate(model, Timed(prompts=40, rounds=2, steps=50), collect_few, prompts=3)
    assert found.prompts == 3
    assert found.seconds == {"candidates": pytest.approx(0.5 * 40 * 2), "training": pytest.approx(0.25 * 100)}
    assert found.notes == ()
    assert not list(tmp_path.iterdir())


def test_weights_are_counted(model: Any, plain: Any, candidates: Any) -> None:
    few = estimate(model, plain(lora_rank=2), lambda prompts: candidates(0, model))
    many = estimate(model, plain(), lambda prompts: candidates(0, model))
    assert few.total == many.total == sum(one.numel() for one in model.loaded.model.parameters())
    assert many.trainable == sum(one.numel() for _, one in model.trainable())
    assert few.trainable < many.trainable / 10


def test_memory_that_candidates_take_is_seen(model: Any, plain: Any, candidates: Any) -> None:
    def collect_few(prompts: int) -> Any:
        held = np.ones(8_000_000)  # 64 MB, gone when this returns
        time.sleep(0.1)
        assert held[-1] == 1
        return candidates(0, model)

    found = estimate(model, plain(), collect_few)
    assert found.device == "cpu"
    assert found.growth_bytes is not None
    assert found.peak_bytes is not None
    assert found.growth_bytes > 50_000_000
    assert found.peak_bytes > found.growth_bytes


def test_a_time_that_cannot_be_measured_is_absent(model: Any, plain: Any, candidates: Any) -> None:
    from dataclasses import replace

    pool = candidates(0, model)
    flat = replace(pool, drawings=replace(pool.drawings, values=np.zeros((4, 3))))
    found = estimate(model, plain(), lambda prompts: flat)
    assert found.seconds["training"] is None
    assert "collapsed" in found.notes[0]
