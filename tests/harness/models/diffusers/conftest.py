"""Tiny pipelines on disk, each saved once, and adapters on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.tiny_pipelines import SETTINGS, save

from selfreward_eval.api.arguments import parse
from selfreward_eval.harness.models.diffusers.adapter import DiffusersModel

pytest.importorskip("diffusers")

SIDE, STEPS = 32, 2


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``saved("FluxPipeline")``: the folder of a random pipeline of that class."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = save(name, tmp_path_factory.mktemp("hub") / name)
        return folders[name]

    return folder


@pytest.fixture(scope="session")
def adapter(saved: Callable[[str], Path]) -> Callable[..., DiffusersModel]:
    """``adapter("FluxPipeline", **settings)``: small pictures in two steps on the CPU."""

    def make(name: str, **settings: Any) -> DiffusersModel:
        own = {"height": SIDE, "width": SIDE, "num_inference_steps": STEPS, "device": "cpu"}
        return DiffusersModel(
            str(saved(name)), **{**own, **parse(SETTINGS[name], "--model-args"), **settings}
        )

    return make
