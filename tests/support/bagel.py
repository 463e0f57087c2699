"""A random BAGEL of a few hundred thousand weights in the layout of its hub repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SENTENCES = (
    "a red star left of a blue ring",
    "describe the picture in a few words",
    "how many circles are there in this image?",
    "a picture of two green hearts above a cross",
)

LOUDNESS = 6.0
"""Random weights are scaled up by this, so that a prompt or a picture makes a difference."""


def small_config(**changes: Any) -> Any:
    """The architecture at hidden size 48; a token covers 8 pixels, a picture has 4 x 6 tokens."""
    from dataclasses import replace

    from selfreward_eval.harness.models.bagel.config import (
        AutoencoderConfig,
        BagelConfig,
        Resizing,
        TextConfig,
        VisionConfig,
    )

    config = BagelConfig(
        TextConfig(
            vocab_size=400,
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
        ),
        VisionConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            patch_size=8,
        ),
        AutoencoderConfig(ch=16, ch_mult=(1, 1, 2), num_res_blocks=1, z_channels=4, norm_groups=8),
        max_latent_size=8,
        vit_max_num_patch_per_side=9,
        image_size=(32, 48),
        vae_resizing=Resizing(64, 32, 8),
        vit_resizing=Resizing(72, 32, 8),
    )
    return replace(config, **changes)


def tokenizer() -> Any:
    """Byte-level BPE with the four markers, without anything added to a text by itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    from selfreward_eval.harness.models.bagel.words import MARKERS

    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator(
        SENTENCES * 3,
        BpeTrainer(vocab_size=380, special_tokens=["<|endoftext|>", *MARKERS], initial_alphabet=alphabet),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(MARKERS),
    )


def modules(seed: int = 7, **changes: Any) -> tuple[Any, Any]:
    """(network, autoencoder) with random weights."""
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.network import Bagel, initialise

    config = small_config(**changes)
    network = Bagel(config)
    initialise(network, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 2 and not name.endswith("pos_embed"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
                parameter.mul_(LOUDNESS * 0.02)
        autoencoder = FluxAutoencoder(config.autoencoder)
        for parameter in autoencoder.parameters():
            if parameter.ndim > 1:
                fan = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / fan**0.5)
    return network, autoencoder


def write_checkpoint(folder: Path, seed: int = 7, **changes: Any) -> Path:
    """A whole checkpoint in ``folder``, which is made."""
    from selfreward_eval.harness.models.bagel.saving import save_checkpoint

    network, autoencoder = modules(seed, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(folder, network, autoencoder, network.config)
    tokenizer().save_pretrained(folder)
    return folder
