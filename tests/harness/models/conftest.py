"""Random checkpoints on disk: the tiny model's own layout, and one dressed like Janus's on the hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.models.janus.adapter import JanusModel

LOUDNESS = 5.0
"""Random weights are scaled up by this, so that a prompt or a picture makes a difference."""


def loud(model: Any) -> Any:
    """``model`` with louder matrices everywhere but in its picture codec."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "vqmodel" not in name:
                parameter.mul_(LOUDNESS)
    return model


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's architecture, tokenizer and processor with random weights."""
    from selfreward_eval.trainers.pretrain import architecture, saving, tokenizer

    folder = tmp_path_factory.mktemp("random-tiny")
    configuration = architecture.config(tokenizer.SIZE, tokenizer.special_ids())
    saving.save(loud(architecture.new_model(configuration, seed=5)), folder)
    return folder


@pytest.fixture(scope="session")
def janus(checkpoint: Path) -> Callable[..., JanusModel]:
    """``janus(**settings)``: an adapter on :func:`checkpoint`, loaded once per dtype."""
    loaded: dict[str, Any] = {}

    def make(dtype: str = "float64", **settings: Any) -> JanusModel:
        model = JanusModel(str(checkpoint), device="cpu", dtype=dtype, **settings)
        if dtype not in loaded:
            loaded[dtype] = model.loaded
        model.__dict__["loaded"] = loaded[dtype]
        return model

    return make


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Five pictures of the shapes world."""
    import numpy as np

    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.sampling import plain

    return [Image.fromarray(render(plain(np.random.default_rng(seed)))) for seed in range(5)]


TEMPLATE = (
    "{% for turn in messages %}"
    "{{ '<|User|>: ' if turn['role'] == 'user' else '<|Assistant|>: ' }}"
    "{% for part in turn['content'] %}"
    "{{ '<image_placeholder>\n' if part['type'] == 'image' else part['text'] }}"
    "{% endfor %}"
    "{{ '\n\n' if turn['role'] == 'user' else '<eos>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|>:{% endif %}"
)
"""Turns in the manner of Janus: a colon after the speaker, a blank line after the user."""

SENTENCES = (
    "a red star left of a blue ring",
    "describe the picture in a few words",
    "how many circles are there in this image?",
    "User and Assistant: a picture of two green hearts above a cross",
)


@pytest.fixture(scope="session")
def hub_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random Janus with a byte-level BPE tokenizer and a chat template like the published ones'."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from tokenizers.trainers import BpeTrainer
    from transformers import (
        GenerationConfig,
        JanusConfig,
        JanusForConditionalGeneration,
        JanusImageProcessor,
        JanusProcessor,
        JanusVisionConfig,
        JanusVQVAEConfig,
        LlamaConfig,
        PreTrainedTokenizerFast,
    )

    special = ["<bos>", "<eos>", "<pad>", "<begin_of_image>", "<end_of_image>", "<image_placeholder>"]
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator(
        SENTENCES * 3, BpeTrainer(vocab_size=360, special_tokens=special, initial_alphabet=alphabet)
    )
    words.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        extra_special_tokens={
            "boi_token": "<begin_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_placeholder>",
        },
    )
    images = JanusImageProcessor(
        size={"height": 32, "width": 32}, min_size=8, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    width, tokens = 32, 16
    configuration = JanusConfig(
        text_config=LlamaConfig(
            vocab_size=len(tokenizer) + 7,  # published embeddings are padded, too
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        ).to_dict(),
        vision_config=JanusVisionConfig(
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            mlp_ratio=2.0,
            projection_dim=width,
            num_image_tokens=tokens,
        ).to_dict(),
        vq_config=JanusVQVAEConfig(
            embed_dim=8,
            num_embeddings=96,
            latent_channels=32,
            base_channels=32,
            channel_multiplier=(1, 1, 1, 1),
            num_res_blocks=1,
            num_patches=4,
            projection_dim=width,
            image_token_embed_dim=width,
        ).to_dict(),
        image_token_id=5,
    )
    torch.manual_seed(11)
    model = loud(JanusForConditionalGeneration(configuration))
    model.generation_config = GenerationConfig(
        bos_token_id=0, eos_token_id=1, pad_token_id=2, generation_kwargs={"boi_token_id": 3}
    )
    folder = tmp_path_factory.mktemp("hub") / "Janus-Tiny-1B"
    model.save_pretrained(folder)
    JanusProcessor(images, tokenizer, chat_template=TEMPLATE, num_image_tokens=tokens).save_pretrained(folder)
    return folder
