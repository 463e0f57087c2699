"""Training a small BAGEL checkpoint: which half learns, and that what was learnt is in the saved files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.bagel import write_checkpoint

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.trainers.methods.dsr_grpo_flow import DualGrpoFlow
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.settings import Settings
from selfreward_eval.trainers.trainable_weights import TrainableWeights

PROMPTS, SEEDS = ["a red star", "a picture of two green hearts"], [3, 4]
PROJECTIONS = {"q_proj", "k_proj", "v_proj", "o_proj"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("bagel") / "small-bagel")


@pytest.fixture
def model(folder: Path) -> BagelModel:
    """A copy to train, in float32, that draws in four steps."""
    first = BagelModel(str(folder), device="cpu", num_timesteps=5)
    return first.training_copy(guidance=2.0, temperature=1.0, rows=2)


@pytest.fixture
def adapted(model: BagelModel) -> Iterator[tuple[BagelModel, TrainableWeights]]:
    """The model with adapters that have learnt something."""
    weights = TrainableWeights(model, Settings(lora_rank=2, lora_alpha=4.0, seed=1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, one in weights.parameters.items():
            if "lora_B" in name:
                one.copy_(torch.randn(one.shape, generator=generator))
    yield model, weights
    weights.close()


def drawn(model: BagelModel) -> np.ndarray[Any, Any]:
    return np.stack([np.asarray(image) for image in model.generate(PROMPTS, SEEDS)])


def test_adapters_go_on_the_half_that_draws(adapted: tuple[BagelModel, TrainableWeights]) -> None:
    _, weights = adapted
    layers = {name.rsplit(".lora_", 1)[0] for name in weights.parameters}
    # Three layers of four projections and three linear maps.
    assert len(layers) == 3 * 7
    attention = {name.rsplit(".", 1)[-1] for name in layers if "self_attn" in name}
    assert attention == {f"{name}_moe_gen" for name in PROJECTIONS}
    assert all("mlp_moe_gen" in name for name in layers if "self_attn" not in name)


def test_adapters_on_both_halves_are_a_setting(model: BagelModel) -> None:
    weights = TrainableWeights(model, Settings(lora_rank=2, only="layers"))
    layers = {name.rsplit(".lora_", 1)[0] for name in weights.parameters}
    weights.close()
    assert len(layers) == 2 * 3 * 7


def test_whole_weights_of_the_half_that_draws_are_trained(model: BagelModel) -> None:
    weights = TrainableWeights(model, Settings(only="moe_gen"))
    assert all("_moe_gen" in name for name in weights.parameters)
    assert "language_model.model.norm_moe_gen.weight" in weights.parameters
    weights.close()


def test_the_saved_checkpoint_draws_the_trained_pictures(
    adapted: tuple[BagelModel, TrainableWeights], tmp_path: Path
) -> None:
    model, weights = adapted
    trained = drawn(model)
    weights.export(tmp_path / "weights")
    again = BagelModel(str(tmp_path / "weights"), device="cpu", num_timesteps=5)
    copy = again.training_copy(guidance=2.0, temperature=1.0, rows=2)
    # Merged weights round otherwise than a sum of two products: a pixel may differ by one level.
    assert np.abs(drawn(copy).astype(int) - trained).max() <= 1
    weights.close()
    assert np.abs(drawn(model).astype(int) - trained).max() > 20


def test_captions_are_not_trained_by_the_half_that_draws(model: BagelModel) -> None:
    from selfreward_eval.trainers.engine import Engine

    trainer = DualGrpoFlow(captioning=0.1, lora_rank=2, precision="no")
    with pytest.raises(UsageError, match="set only=layers for both halves"):
        Engine(model, trainer)
    with Engine(model, RejectionFlow(lora_rank=2, precision="no")) as engine:
        assert engine.weights.count > 0
    with Engine(model, DualGrpoFlow(captioning=0.1, lora_rank=2, only="layers", precision="no")) as engine:
        assert engine.weights.count > 0
