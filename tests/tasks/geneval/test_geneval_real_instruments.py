"""The task on both real instruments, with tiny networks of random weights saved as the real ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.instruments.backends import mask2former_mmdet as instances
from selfreward_eval.harness.records import Item, Sample
from selfreward_eval.tasks.geneval.options import COLOURS
from selfreward_eval.tasks.geneval.task import GenEval

BENCH = 13
"""Place of "bench" among COCO's classes."""


def save_detector(folder: Path) -> None:
    """A Mask2Former that calls everything a bench."""
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    torch.manual_seed(0)
    stages = [f"stage{i}" for i in range(1, 5)]
    backbone = SwinConfig(  # type: ignore[call-arg]
        image_size=64, embed_dim=8, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=4, out_features=stages
    )
    widths = ("feature_size", "mask_feature_size", "hidden_dim", "encoder_feedforward_dim", "dim_feedforward")
    sizes: dict[str, Any] = dict.fromkeys(widths, 32) | {"encoder_layers": 1, "decoder_layers": 2}
    sizes |= {"num_attention_heads": 2, "num_queries": 5, "num_labels": 80}
    config = Mask2FormerConfig(backbone_config=backbone, **sizes)
    network = Mask2FormerForUniversalSegmentation(config)
    with torch.no_grad():
        network.class_predictor.bias[BENCH] = 20.0
    network.save_pretrained(folder)


def save_classifier(folder: Path) -> str:
    """A CLIP under a name of its own; returns the name."""
    open_clip = pytest.importorskip("open_clip")
    from safetensors.torch import save_file

    name = "tiny-clip-of-geneval"
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    (folder / f"{name}.json").write_text(
        json.dumps({"embed_dim": 16, "vision_cfg": vision, "text_cfg": text})
    )
    open_clip.add_model_config(folder / f"{name}.json")
    state = open_clip.create_model(name).state_dict()
    save_file({key: value.clone().contiguous() for key, value in state.items()}, folder / "clip.safetensors")
    return name


def test_pictures_are_measured_by_both(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "SHORT_EDGE", 64)
    save_detector(tmp_path / "detector")
    name = save_classifier(tmp_path)
    task = GenEval(
        detector_args={"weights": str(tmp_path / "detector"), "device": "cpu"},
        colour_args={"model": name, "pretrained": str(tmp_path / "clip.safetensors"), "device": "cpu"},
    )
    row = {"tag": "colors", "prompt": "p", "include": [{"class": "bench", "count": 1, "color": "red"}]}
    item = Item("00000", "p", "colors", metadata=row)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    (measurement,) = task.measure([item], [Sample("00000", 0, 42)], [Image.fromarray(pixels)])
    assert measurement.ok
    best = measurement.evidence["boxes"][0]
    assert (best["label"], best["kept"]) == ("bench", True)
    assert best["colour"] in COLOURS
    assert measurement.values["accuracy"] == float(best["colour"] == "red")
    assert {role: len(identity["sha256"]) for role, identity in task.instruments().items()} == {
        "detector": 64,
        "colour": 64,
    }
