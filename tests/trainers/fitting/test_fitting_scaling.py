"""fp16's loss scale: a step whose gradients overflow is left out and the scale lowered.

fp16 itself needs a GPU; here its scaler is put into a float32 run, which takes the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf
from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import TrainingStopped
from selfreward_eval.trainers.base import Side
from selfreward_eval.trainers.engine import Engine

PICKED: dict[Side, list[int]] = {"drawing": [0, 1], "captioning": [0, 1]}


@pytest.fixture
def scaled(model: Any, plain: Any) -> Iterator[Any]:
    """``scaled(scale)``: an engine with a scaler of that scale."""
    from accelerate.optimizer import AcceleratedOptimizer

    engines = []

    def make(scale: float) -> Engine:
        engine = Engine(model, plain(ema=0.5))
        engines.append(engine)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=100)
        engine.accelerator.scaler = scaler
        engine._optimizer = AcceleratedOptimizer(engine._adamw, scaler=scaler)
        engine.accelerator.unscale_gradients = lambda optimizer=None: scaler.unscale_(engine._adamw)
        return engine

    yield make
    for engine in engines:
        engine.close()


def test_a_step_that_overflows_moves_nothing_and_lowers_the_scale(scaled: Any, candidates: Any) -> None:
    engine = scaled(3e38)
    before = {name: one.detach().clone() for name, one in engine.weights.parameters.items()}
    taken = engine.step(candidates(0, None), PICKED, 0.1, 1)
    assert taken.skipped
    assert isinf(taken.norm) or taken.norm != taken.norm
    assert all(torch.equal(one, before[name]) for name, one in engine.weights.parameters.items())
    assert all(torch.equal(one, before[name]) for name, one in engine.state(1).tensors["average"].items())
    assert engine.state(1).scaler["scale"] == pytest.approx(1.5e38)


def test_a_step_that_fits_is_that_of_an_unscaled_run(
    scaled: Any, model: Any, plain: Any, candidates: Any
) -> None:
    pool = candidates(0, None)
    with Engine(model, plain(ema=0.5)) as unscaled:
        usual = unscaled.step(pool, PICKED, 0.1, 1)
    taken = scaled(1024.0).step(pool, PICKED, 0.1, 1)
    assert not taken.skipped
    assert taken.norm == pytest.approx(usual.norm, rel=1e-5)


def test_the_scale_goes_on_where_it_was(scaled: Any, candidates: Any) -> None:
    first = scaled(3e38)
    first.step(candidates(0, None), PICKED, 0.1, 1)
    state = first.state(1)
    first.close()
    second = scaled(8.0)
    second.load(state)
    assert second.state(1).scaler == state.scaler


def test_a_scale_that_cannot_get_smaller_stops_the_run(scaled: Any, candidates: Any) -> None:
    engine = scaled(1.5)
    hooks = [
        one.register_hook(lambda gradient: gradient * float("inf"))
        for one in engine.weights.parameters.values()
    ]
    try:
        with pytest.raises(TrainingStopped, match="step 7: gradients overflow fp16"):
            engine.step(candidates(0, None), PICKED, 0.1, 7)
    finally:
        for hook in hooks:
            hook.remove()
