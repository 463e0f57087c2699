"""One random tiny model for all tests of its training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

LOUDNESS = 4.0
"""Random weights are scaled up by this, so that one token makes a difference to another."""


@pytest.fixture(scope="session")
def words() -> Any:
    """The tiny model's tokenizer."""
    from selfreward_eval.trainers.pretrain import tokenizer

    return tokenizer.build()


@pytest.fixture(scope="session")
def tiny() -> Any:
    import torch

    from selfreward_eval.trainers.pretrain import architecture, tokenizer

    model = architecture.new_model(architecture.config(tokenizer.SIZE, tokenizer.special_ids()), seed=2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "vqmodel" not in name:
                parameter.mul_(LOUDNESS)
    return model.eval()


@pytest.fixture(params=["eager", "sdpa"])
def model(request: pytest.FixtureRequest, tiny: Any) -> Iterator[Any]:
    """The model under both implementations of attention."""
    tiny.set_attn_implementation(request.param)
    yield tiny
    tiny.zero_grad(set_to_none=True)
