"""What groundingdino-py cannot do is said, not guessed."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError, MissingExtra
from selfreward_eval.harness.instruments.groundingdino_py import GroundingDinoPyDetector

Draw = Callable[..., Image.Image]


def test_its_version_is_part_of_the_identity(grounding_folder: Path) -> None:
    detector = GroundingDinoPyDetector(str(grounding_folder))
    assert detector.identity()["package"] == importlib.metadata.version("groundingdino-py")


def test_without_the_package_the_extra_is_named(
    grounding_folder: Path, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*(name for name in sys.modules if name.startswith("groundingdino.")), "groundingdino"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"groundingdino-py.*selfreward-eval\[instruments\]"):
        GroundingDinoPyDetector(str(grounding_folder), device="cpu").detect([picture()], ["dog"])


def test_without_the_package_there_is_no_identity(
    grounding_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(MissingExtra, match=r"is not installed.*selfreward-eval\[instruments\]"):
        GroundingDinoPyDetector(str(grounding_folder)).identity()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"d_model": 64}, "d_model 64 instead of 256"),
        ({"activation_function": "gelu"}, "activation_function 'gelu' instead of 'relu'"),
        ({"decoder_ffn_dim": 16}, "encoder_ffn_dim 32 unlike decoder_ffn_dim 16"),
    ],
)
def test_a_configuration_that_it_has_no_network_for_is_refused(
    save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw, changes: dict[str, Any], said: str
) -> None:
    folder = save_grounding(tmp_path / "other", **changes)
    with pytest.raises(CheckpointError, match=said):
        GroundingDinoPyDetector(str(folder), device="cpu").detect([picture()], ["dog"])


@pytest.mark.parametrize("shared", [True, False])
def test_heads_that_it_would_have_to_share_are_refused(
    save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw, shared: bool
) -> None:
    folder = save_grounding(tmp_path / "apart", decoder_bbox_embed_share=shared, tie_word_embeddings=False)
    with pytest.raises(CheckpointError, match="of its own where groundingdino-py shares one"):
        GroundingDinoPyDetector(str(folder), device="cpu").detect([picture()], ["dog"])


def test_weights_without_a_place_are_named(
    save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw
) -> None:
    folder = save_grounding(tmp_path / "more")
    weights = load_file(folder / "model.safetensors")
    extra = weights["model.decoder.layers.1.fc1.bias"].clone()
    save_file(
        {**weights, "model.decoder.layers.2.fc1.bias": extra}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointError, match=r"transformer\.decoder\.layers\.2\.linear1\.bias"):
        GroundingDinoPyDetector(str(folder), device="cpu").detect([picture()], ["dog"])
