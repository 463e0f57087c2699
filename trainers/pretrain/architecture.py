"""The tiny unified model: Janus's architecture at four million parameters.

Every number that fixes the shape of the shipped checkpoint is here. The class
is transformers' own ``JanusForConditionalGeneration``; nothing is patched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import JanusConfig, JanusForConditionalGeneration

PICTURE = 48
"""Picture side in pixels, for the picture codec and for the vision encoder."""

PATCH = 8
"""Pixels per token side: 6 x 6 = 36 picture tokens, as many for the vision encoder."""

PICTURE_TOKENS = (PICTURE // PATCH) ** 2
CODES = 2048
CODE_WIDTH = 8
"""Janus's own code width. Codes live on the unit sphere: Janus normalises them on decoding."""

WIDTH = 128
LAYERS = 5
HEADS = 4


def config(vocabulary: int, special: dict[str, int]) -> JanusConfig:
    """The configuration for a tokenizer of ``vocabulary`` words.

    Args:
        vocabulary: number of token ids.
        special: ids of ``bos``, ``eos``, ``pad``, ``boi`` (begin of image) and ``image`` (placeholder).
    """
    from transformers import JanusConfig, JanusVisionConfig, JanusVQVAEConfig, LlamaConfig

    text = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=256,
        bos_token_id=special["bos"],
        eos_token_id=special["eos"],
        pad_token_id=special["pad"],
        tie_word_embeddings=False,
    )
    vision = JanusVisionConfig(
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        image_size=PICTURE,
        patch_size=PATCH,
        mlp_ratio=3.0,
        projection_dim=WIDTH,
        num_image_tokens=PICTURE_TOKENS,
    )
    codec = JanusVQVAEConfig(
        embed_dim=CODE_WIDTH,
        num_embeddings=CODES,
        latent_channels=64,
        base_channels=32,
        channel_multiplier=(1, 1, 2, 4),
        num_res_blocks=1,
        num_patches=PICTURE // PATCH,
        projection_dim=WIDTH,
        image_token_embed_dim=WIDTH,
    )
    return JanusConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        vq_config=codec.to_dict(),
        image_token_id=special["image"],
        tie_word_embeddings=False,
    )


def new_model(configuration: JanusConfig, seed: int) -> JanusForConditionalGeneration:
    """A freshly initialised model; the same seed gives the same weights."""
    import torch
    from transformers import JanusForConditionalGeneration

    torch.manual_seed(seed)
    return JanusForConditionalGeneration(configuration)
