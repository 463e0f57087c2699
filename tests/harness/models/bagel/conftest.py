"""A small random BAGEL on disk, and adapters on it that share what they load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.bagel import write_checkpoint

from selfreward_eval.harness.models.bagel.adapter import BagelModel


@pytest.fixture(scope="session")
def bagel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint's files."""
    return write_checkpoint(tmp_path_factory.mktemp("bagel") / "small-bagel")


@pytest.fixture(scope="session")
def bagel(bagel_folder: Path) -> Callable[..., BagelModel]:
    """``bagel(**settings)``: an adapter on :func:`bagel_folder`, loaded once per dtype; 6 steps."""
    loaded: dict[str, Any] = {}

    def make(dtype: str = "auto", **settings: Any) -> BagelModel:
        arguments: dict[str, Any] = {"num_timesteps": 7, "max_new_tokens": 12, **settings}
        model = BagelModel(str(bagel_folder), device="cpu", dtype=dtype, **arguments)
        if dtype not in loaded:
            loaded[dtype] = model.loaded
        model.__dict__["loaded"] = loaded[dtype]
        return model

    return make


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Five pictures of 32 x 48 pixels (height x width)."""
    import numpy as np

    rng = np.random.default_rng(3)
    return [Image.fromarray(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)) for _ in range(5)]
