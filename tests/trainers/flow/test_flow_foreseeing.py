"""What training takes is foreseen from shapes alone, and compared with what torch counts in a real step.

No GPU is needed: torch's profiler records every allocation on the CPU.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from support.bagel import modules, small_config
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.bagel.contexts import Markers
from selfreward_eval.harness.models.bagel.sequences import velocities
from selfreward_eval.harness.models.bagel.shapes import BagelShapes
from selfreward_eval.harness.models.bagel.training import FROZEN
from selfreward_eval.trainers.flow.foreseeing import PROMPT_TOKENS, foresee, step_on_meta
from selfreward_eval.trainers.recomputing import recomputing
from selfreward_eval.trainers.settings import Settings
from selfreward_eval.trainers.trainable_weights import TrainableWeights

ROWS = 6
SIZE: dict[str, Any] = {"image_size": (64, 64)}


@pytest.fixture(scope="module")
def network() -> Any:
    """Real weights, all that may be trained requiring gradients."""
    made, _ = modules(**SIZE)
    made.requires_grad_(False)
    for name, parameter in made.named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN))
    return made


def real_step(network: Any, checkpointing: bool) -> None:
    config = network.config
    grid = config.grid()
    latents = torch.zeros(ROWS, grid[0] * grid[1], config.token_width)
    ids = [[0] * (PROMPT_TOKENS - 2)] * ROWS
    with recomputing(network.transformer) if checkpointing else nullcontext():
        found = velocities(network, Markers(0, 1, 2, 3), ids, latents, torch.zeros(ROWS), grid)
    ((found - torch.zeros_like(found)) ** 2).mean().backward()


def meta_step(checkpointing: bool) -> Any:
    shapes = BagelShapes(small_config(**SIZE), FROZEN)
    for _, parameter in shapes.trainable():
        parameter.requires_grad_(True)
    options: dict[str, Any] = {"precision": "no", "sharded": False, "keeps": True}
    return step_on_meta(shapes, ROWS, checkpointing=checkpointing, **options)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_memory_is_that_of_torchs_allocator(network: Any, checkpointing: bool) -> None:
    with torch.profiler.profile(
        profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]
    ) as seen:
        real_step(network, checkpointing)
    network.zero_grad()
    events = sorted(
        (event.start_ns(), event.nbytes())
        for event in seen.profiler.kineto_results.events()
        if event.name() == "[memory]"
    )
    alive = peak = 0
    for _, change in events:
        alive += change
        peak = max(peak, alive)
    assert meta_step(checkpointing).peak_bytes == pytest.approx(peak, rel=0.15)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_operations_are_those_that_torch_counts(network: Any, checkpointing: bool) -> None:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        real_step(network, checkpointing)
    network.zero_grad()
    # Torch keeps the scores here, which a GPU's kernel computes again in the backward pass: a product more.
    text, tokens = network.config.text, 2 + PROMPT_TOKENS + 64
    scores = 2 * ROWS * tokens**2 * text.hidden_size * text.num_hidden_layers
    assert meta_step(checkpointing).flops == pytest.approx(counter.get_total_flops() + scores, rel=0.02)


def test_recomputing_trades_operations_for_memory() -> None:
    plain, again = meta_step(False), meta_step(True)
    assert again.peak_bytes < 0.6 * plain.peak_bytes
    assert 1.2 < again.flops / plain.flops < 1.4


def test_weights_gradients_and_moments_are_shared_out() -> None:
    shapes = BagelShapes(small_config(), FROZEN)
    found = foresee(shapes, Settings(batch_size=4, ema=0.9, precision="no"), processes=(1, 2, 3))
    assert [(one.processes, one.checkpointing, one.rows) for one in found] == [
        (1, False, 4), (1, True, 4), (2, False, 2), (2, True, 2)
    ]  # fmt: skip
    alone, both = found[1], found[3]
    trained = sum(parameter.numel() for _, parameter in shapes.trainable())
    whole = sum(parameter.numel() for parameter in shapes.network.parameters())
    assert alone.parameters == whole
    assert (alone.gradients_bytes, alone.moments_bytes, alone.average_bytes) == (
        4 * trained, 8 * trained, 4 * trained
    )  # fmt: skip
    assert alone.weights_bytes == 4 * whole + shapes.beside()
    assert both.moments_bytes == 4 * trained
    assert alone.gathered_bytes == 0 < both.gathered_bytes
    assert not any(parameter.requires_grad for parameter in shapes.network.parameters())


def test_only_configuration_files_are_read(tmp_path: Path) -> None:
    for name, content in small_config().to_files().items():
        (tmp_path / name).write_text(json.dumps(content))
    shapes = BagelModel(str(tmp_path), size="16x24").shapes()
    assert shapes.config.image_size == (16, 24)
    assert shapes.velocity(2, 5).shape == (2, 6, 16)


def test_a_deep_networks_step_is_that_of_few_layers_carried_on() -> None:
    shapes = BagelShapes(small_config(), FROZEN).with_layers(9)
    settings = Settings(batch_size=2, precision="no", only="moe_gen")
    plain, again = foresee(shapes, settings, processes=(1,), encodes=False)
    weights = TrainableWeights(shapes, settings, restores=False)
    for one in (plain, again):
        how: dict[str, Any] = {"checkpointing": one.checkpointing, "precision": "no", "sharded": False}
        found = step_on_meta(shapes, 2, **how, keeps=False)
        assert one.flops == found.flops
        assert one.activations_bytes == pytest.approx(found.peak_bytes, rel=0.05)
    weights.close()
