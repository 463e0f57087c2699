"""Low-rank adapters: in place, merged on the way out, and gone afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.trainers import lora
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.settings import Settings
from selfreward_eval.trainers.trainable_weights import TrainableWeights

Read = Callable[[Path], dict[str, torch.Tensor]]
PROMPT = ["a red circle"]
TOKENS = torch.arange(36)[None]


@pytest.fixture
def adapted(model: Any) -> Any:
    """A model whose adapters have learnt something, and what moves in it."""
    moving = TrainableWeights(model, Settings(lora_rank=2, lora_alpha=4.0, seed=1))
    with torch.no_grad():
        for name, one in moving.parameters.items():
            if "lora_B" in name:
                one.copy_(torch.randn(one.shape, generator=torch.Generator().manual_seed(0)) * 0.1)
    yield model, moving
    moving.close()


def scores(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.drawing_logprobs(PROMPT, TOKENS)
    return found


def test_fresh_adapters_change_nothing_and_only_they_move(model: Any) -> None:
    before = scores(model)
    moving = TrainableWeights(model, Settings(lora_rank=2, seed=1))
    try:
        assert torch.allclose(scores(model), before, atol=1e-5)
        assert all("lora_" in name for name in moving.parameters)
        required = {name for name, one in model.loaded.model.named_parameters() if one.requires_grad}
        assert required == set(moving.parameters)
        # Two layers of seven linear maps, two matrices each.
        assert len(moving.parameters) == 2 * 7 * 2
        assert moving.count < moving.total / 50
    finally:
        moving.close()


def test_the_same_seed_gives_the_same_adapters_and_leaves_the_generator_alone(model: Any) -> None:
    def first(seed: int) -> torch.Tensor:
        moving = TrainableWeights(model, Settings(lora_rank=2, seed=seed))
        value = next(iter(moving.parameters.values())).detach().clone()
        moving.close()
        return value

    state = torch.get_rng_state()
    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_without_its_adapters_the_model_is_the_starting_one(model: Any) -> None:
    before = scores(model)
    moving = TrainableWeights(model, Settings(lora_rank=2))
    with torch.no_grad():
        for one in moving.parameters.values():
            one.fill_(0.05)
    try:
        moved = scores(model)
        with lora.disabled(model.transformer):
            assert torch.allclose(scores(model), before, atol=1e-5)
        assert not torch.equal(moved, before)
        assert torch.equal(scores(model), moved)
    finally:
        moving.close()


def test_the_exported_folder_computes_what_the_adapted_model_does(adapted: Any, tmp_path: Path) -> None:
    model, moving = adapted
    moving.export(tmp_path / "merged")
    plain = JanusModel(str(tmp_path / "merged"), device="cpu", dtype="float32")
    torch.testing.assert_close(scores(plain), scores(model), atol=1e-4, rtol=1e-4)


def test_exporting_disturbs_nothing(adapted: Any, tmp_path: Path) -> None:
    model, moving = adapted
    before, held = scores(model), {name: one.detach().clone() for name, one in moving.parameters.items()}
    moving.export(tmp_path / "merged", {name: torch.zeros_like(one) for name, one in held.items()})
    assert torch.equal(scores(model), before)
    assert all(torch.equal(one, held[name]) for name, one in moving.parameters.items())


def test_a_run_moves_the_linear_layers_of_the_language_model_alone(
    model: Any, plain: Any, candidates: Any, weights: Path, tmp_path: Path, read_weights: Read
) -> None:
    fitted = fit(model, plain(lora_rank=2), candidates, tmp_path)
    before, after = read_weights(weights), read_weights(fitted.checkpoint)
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[-2] for name in moved} == set(lora.TARGETS)
    assert all(name.startswith("model.language_model.layers.") for name in moved)


def test_a_model_without_such_layers_is_told() -> None:
    with pytest.raises(UsageError, match="lora_rank"):
        lora.inject(torch.nn.Sequential(torch.nn.Linear(2, 2)), 2, 16.0, 0)


def wrapped(network: torch.nn.Module) -> set[str]:
    """Names of the layers that have adapters."""
    return {name.removesuffix(".lora_A") for name, _ in network.named_modules() if name.endswith(".lora_A")}


def test_the_vision_tower_and_the_aligners_have_layers_of_the_same_names_and_no_adapters(model: Any) -> None:
    network = model.loaded.model
    linear = {name for name, one in network.named_modules() if isinstance(one, torch.nn.Linear)}
    named = {name for name in linear if name.rsplit(".", 1)[-1] in lora.TARGETS}
    assert any(name.startswith("model.vision_model.") for name in named)
    moving = TrainableWeights(model, Settings(lora_rank=2))
    try:
        assert wrapped(network) == {name for name in named if name.startswith("model.language_model.layers.")}
    finally:
        moving.close()
    assert not wrapped(network)


def test_neither_head_nor_embeddings_have_adapters(model: Any) -> None:
    """Where both are one matrix, an adapter on one would be merged into the other as well."""
    moving = TrainableWeights(model, Settings(lora_rank=2))
    try:
        assert not {name for name in wrapped(model.loaded.model) if "head" in name or "embed" in name}
    finally:
        moving.close()
