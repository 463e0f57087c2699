"""Tiny networks with random weights, saved as the real ones are, and pictures for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfreward_eval.harness.instruments.backends import grounding

WORDS = ("dog", "frog", "red", "green", "t", "-", "shirt", "a", "cat", "##s", "'", "e", "bus", "stop", "sign")
"""The vocabulary of the tiny BERT, beside its signs."""


def bert_words() -> Any:
    """A tokenizer with BERT's signs where BERT has them."""
    from transformers import BertTokenizer

    names = [f"[unused{i}]" for i in range(1100)]
    for index, sign in {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?"}.items():
        names[index] = sign
    names[103] = "[MASK]"
    names[500 : 500 + len(WORDS)] = WORDS
    return BertTokenizer(vocab={name: index for index, name in enumerate(names)})


def grounding_network(**changes: Any) -> Any:
    """A Grounding DINO in which every weight bears on the result and no score is certain."""
    from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    swin = SwinConfig(  # type: ignore[call-arg]
        image_size=64,
        embed_dim=8,
        depths=[1, 2, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=3,
        out_indices=[2, 3, 4],
    )
    bert = BertConfig(
        vocab_size=1100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
    )
    settings: dict[str, Any] = {
        "d_model": 256,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "num_queries": 20,
    }
    torch.manual_seed(0)
    config = GroundingDinoConfig(backbone_config=swin, text_config=bert, **{**settings, **changes})
    network = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.05)
        network.model.decoder.layer_norm.weight *= 0.1
    return network.eval()


def clip_words() -> Any:
    """A tokenizer of single characters, with CLIP's signs last and its filler first."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    signs = list(bytes_to_unicode().values())
    names = [*signs, *(f"{sign}</w>" for sign in signs), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], pad_token="!", model_max_length=40)


def owlv2_network() -> Any:
    """An OWLv2 of 4 x 4 patches in which no score is certain."""
    from transformers import Owlv2Config, Owlv2ForObjectDetection

    text = {
        "vocab_size": 514,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 40,
        "bos_token_id": 512,
        "eos_token_id": 513,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 16,
    }
    torch.manual_seed(0)
    network = Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=vision, projection_dim=32))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
        for layer in (network.class_head.logit_shift, network.class_head.logit_scale):
            layer.weight *= 0.2
        network.box_head.dense2.weight *= 0.05
    return network.eval()


@pytest.fixture(scope="session")
def save_grounding() -> Callable[..., Path]:
    """Save a tiny Grounding DINO with its tokenizer, some settings changed if need be."""

    def save(folder: Path, **changes: Any) -> Path:
        grounding_network(**changes).save_pretrained(folder)
        bert_words().save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def grounding_folder(tmp_path_factory: pytest.TempPathFactory, save_grounding: Callable[..., Path]) -> Path:
    return save_grounding(tmp_path_factory.mktemp("grounding") / "tiny")


@pytest.fixture(scope="session")
def save_owlv2() -> Callable[[Path], Path]:
    """Save a tiny OWLv2 with its tokenizer."""

    def save(folder: Path) -> Path:
        owlv2_network().save_pretrained(folder)
        clip_words().save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def owlv2_folder(tmp_path_factory: pytest.TempPathFactory, save_owlv2: Callable[[Path], Path]) -> Path:
    return save_owlv2(tmp_path_factory.mktemp("owlv2") / "tiny")


@pytest.fixture(autouse=True)
def small_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are shown small here, to be quick."""
    monkeypatch.setattr(grounding, "SHORT_EDGE", 128)
    monkeypatch.setattr(grounding, "LONG_EDGE", 224)


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """Noise of any size."""

    def draw(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    return draw
