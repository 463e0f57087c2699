"""groundingdino-py and transformers compute the same network: same boxes, same scores, same weights."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends import grounding
from selfreward_eval.harness.instruments.backends.groundingdino_convert import (
    is_idle,
    is_original,
    to_original,
    to_transformers,
)
from selfreward_eval.harness.instruments.backends.groundingdino_network import build
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.instruments.grounding_dino import GroundingDinoDetector
from selfreward_eval.harness.instruments.groundingdino_py import GroundingDinoPyDetector

Draw = Callable[..., Image.Image]
LABELS = ["Dog", "red frog", "t-shirt", "bus stop sign"]


def same(one: list[Detection], other: list[Detection]) -> bool:
    """Whether two lists of candidates agree within 1e-4, in scores and in pixels."""
    assert [d.label for d in one] == [d.label for d in other]
    mine, theirs = (
        [torch.tensor([d.score for d in found]), torch.tensor([d.box for d in found])]
        for found in (one, other)
    )
    return all(
        torch.allclose(a, b, atol=atol, rtol=0)
        for a, b, atol in zip(mine, theirs, (1e-4, 1e-4 * 96), strict=True)
    )


def both(folder: Path, image: Image.Image, **settings: Any) -> list[list[Detection]]:
    """The candidates of transformers and of groundingdino-py."""
    return [
        kind(str(folder), device="cpu", floor=0.0, **settings).detect([image], LABELS)[0]
        for kind in (GroundingDinoDetector, GroundingDinoPyDetector)
    ]


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (64, 64), (101, 67)])
@pytest.mark.parametrize("seed", [0, 1])
def test_both_backends_find_the_same(
    grounding_folder: Path, picture: Draw, size: tuple[int, int], seed: int
) -> None:
    ours, theirs = both(grounding_folder, picture(*size, seed=seed))
    assert len(ours) == 20 * len(LABELS)
    assert same(ours, theirs)


@pytest.mark.parametrize(
    "changes",
    [
        {"decoder_bbox_embed_share": False},
        {"num_feature_levels": 3},
        {"encoder_n_points": 2, "decoder_n_points": 3},
        {"positional_embedding_temperature": 50},
        {"encoder_layers": 1, "decoder_layers": 3},
    ],
)
def test_they_agree_in_other_shapes(
    save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw, changes: dict[str, Any]
) -> None:
    assert same(*both(save_grounding(tmp_path / "shape", **changes), picture()))


def test_boxes_that_fill_the_picture_end_a_thousandth_of_it_apart(
    save_grounding: Callable[..., Path], tmp_path: Path, picture: Draw
) -> None:
    folder = save_grounding(tmp_path / "filling")
    weights = load_file(folder / "model.safetensors")
    weights["model.encoder_output_bbox_embed.layers.2.bias"] += 20
    for kind in ("weight", "bias"):
        weights[f"bbox_embed.0.layers.2.{kind}"] *= 0
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    ours, theirs = both(folder, picture())
    # Centre and side are 0.99999 of the picture or 0.999; the near edge is half of that from its own.
    assert [d.box[0] / 96 for d in ours] == pytest.approx([0.5 * 0.99999] * len(ours), abs=1e-5)
    assert [d.box[0] / 96 for d in theirs] == pytest.approx([0.5 * 0.999] * len(ours), abs=1e-5)


def test_a_weight_of_either_that_differs_is_noticed(
    grounding_folder: Path, tmp_path: Path, picture: Draw
) -> None:
    (found,) = GroundingDinoDetector(str(grounding_folder), device="cpu", floor=0.0).detect(
        [picture()], LABELS
    )
    target = tmp_path / "swapped"
    target.mkdir()
    for path in grounding_folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    weights = load_file(target / "model.safetensors")
    one, other = (
        f"model.decoder.layers.0.{name}.weight" for name in ("self_attn_layer_norm", "final_layer_norm")
    )
    weights[one], weights[other] = weights[other], weights[one]
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    (others,) = GroundingDinoPyDetector(str(target), device="cpu", floor=0.0).detect([picture()], LABELS)
    assert not same(found, others)


def test_the_packages_own_predict_reads_the_same_boxes(grounding_folder: Path, picture: Draw) -> None:
    inference = importlib.import_module("groundingdino.util.inference")
    image = picture()
    detector = GroundingDinoPyDetector(str(grounding_folder), device="cpu", floor=0.0)
    (found,) = detector.detect([image], ["dog"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boxes, _, _ = inference.predict(
            detector._loaded(), grounding.load_pixels(image), "Dog", 0.0, 0.0, device="cpu"
        )
    edges = inference.box_convert(boxes, "cxcywh", "xyxy") * torch.tensor([96, 64, 96, 64])
    edges = torch.minimum(edges.clamp(min=0), torch.tensor([96, 64, 96, 64]))
    assert sorted(d.box for d in found) == [pytest.approx(edge, abs=1e-3) for edge in sorted(edges.tolist())]


def test_weights_come_back_from_conversion_unchanged(grounding_folder: Path) -> None:
    weights = load_file(grounding_folder / "model.safetensors")
    back = to_transformers(to_original(weights))
    assert set(back) == {name for name in weights if not is_idle(name)}
    assert all(torch.equal(back[name], weights[name]) for name in back)


def test_every_original_name_is_one_of_the_packages_own(grounding_folder: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    network = build(
        AutoConfig.from_pretrained(grounding_folder), AutoTokenizer.from_pretrained(grounding_folder)
    )
    converted = to_original(load_file(grounding_folder / "model.safetensors"))
    assert {name: weight.shape for name, weight in converted.items()} == {
        name: weight.shape for name, weight in network.named_parameters()
    }


def test_both_read_weights_as_they_are_published(
    grounding_folder: Path, tmp_path: Path, picture: Draw
) -> None:
    weights = load_file(grounding_folder / "model.safetensors")
    swin = "model.backbone.conv_encoder.model"
    published = {name: value for name, value in weights.items() if not name.startswith(f"{swin}.swin.")}
    assert len(published) == len(weights) - 2
    for name, value in weights.items():
        if name.startswith("bbox_embed.0"):
            rest = name.removeprefix("bbox_embed.0")
            copies = (f"bbox_embed.1{rest}", *(f"model.decoder.bbox_embed.{i}{rest}" for i in range(2)))
            published |= {copy: value.clone() for copy in copies}
    index = f"{swin}.encoder.layers.0.blocks.0.attention.self.relative_position_index"
    published[index] = torch.zeros(9, 9, dtype=torch.int64)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((grounding_folder / name).read_bytes())
    save_file(published, tmp_path / "model.safetensors", {"format": "pt"})
    assert both(tmp_path, picture()) == both(grounding_folder, picture())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_named_as_in_the_original_are_read_by_the_package(
    grounding_folder: Path, tmp_path: Path, picture: Draw, prefix: str
) -> None:
    original = to_original(load_file(grounding_folder / "model.safetensors"))
    assert is_original(original)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((grounding_folder / name).read_bytes())
    idle = {"bert.pooler.dense.bias": torch.zeros(32), "bert.embeddings.position_ids": torch.zeros(1, 256)}
    named = {f"{prefix}{name}": value for name, value in {**original, **idle}.items()}
    save_file(named, tmp_path / "model.safetensors", {"format": "pt"})
    (expected,) = GroundingDinoPyDetector(str(grounding_folder), device="cpu").detect([picture()], LABELS)
    (found,) = GroundingDinoPyDetector(str(tmp_path), device="cpu").detect([picture()], LABELS)
    assert found == expected


def test_original_weights_load_into_transformers_once_converted(
    grounding_folder: Path, tmp_path: Path, picture: Draw
) -> None:
    original = to_original(load_file(grounding_folder / "model.safetensors"))
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((grounding_folder / name).read_bytes())
    converted = to_transformers({f"module.{name}": value for name, value in original.items()})
    save_file(converted, tmp_path / "model.safetensors", {"format": "pt"})
    (expected,) = GroundingDinoDetector(str(grounding_folder), device="cpu").detect([picture()], LABELS)
    (found,) = GroundingDinoDetector(str(tmp_path), device="cpu").detect([picture()], LABELS)
    assert found == expected


@pytest.mark.parametrize("convert", [to_original, to_transformers])
def test_a_weight_of_another_network_is_named(convert: Callable[..., Any]) -> None:
    with pytest.raises(CheckpointError, match=r"'visual\.proj'"):
        convert({"visual.proj": torch.zeros(1)})


def test_a_projection_without_its_fellows_is_named() -> None:
    with pytest.raises(CheckpointError, match="lacks its query and value"):
        to_original({"model.decoder.layers.0.self_attn.key.bias": torch.zeros(4)})
