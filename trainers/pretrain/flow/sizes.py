"""Sizes of ``tiny-flow``; everything that fixes the shape of the shipped checkpoint is here.

The language model and the vision tower have those of ``tiny``, whose weights they start from.
"""

from __future__ import annotations

from selfreward_eval.harness.models.bagel.config import (
    AutoencoderConfig,
    BagelConfig,
    Resizing,
    TextConfig,
    VisionConfig,
)

PICTURE = 48
"""Picture side in pixels."""

PATCH = 8
"""Pixels per patch of the vision tower, and per latent token."""

SIDE = PICTURE // PATCH
TOKENS = SIDE**2
"""Latent tokens of a picture, and patches of one: 36."""

LATENT_CHANNELS = 4
LATENT_SIDE = PICTURE // 4
TOKEN_PATCH = 2
TOKEN_WIDTH = TOKEN_PATCH**2 * LATENT_CHANNELS


def config(vocabulary: int, *, scale: float = 1.0, shift: float = 0.0) -> BagelConfig:
    """The configuration for a tokenizer of ``vocabulary`` words.

    Args:
        vocabulary: number of token ids.
        scale: of latents, after the shift; 1 while the autoencoder is trained.
        shift: subtracted from latents.
    """
    return BagelConfig(
        text=TextConfig(
            vocab_size=vocabulary,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=5,
            num_attention_heads=4,
            num_key_value_heads=4,
            rope_theta=10000.0,
            max_position_embeddings=512,
        ),
        # One layer more than the network has; see the class.
        vision=VisionConfig(
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            patch_size=PATCH,
        ),
        autoencoder=AutoencoderConfig(
            ch=32,
            ch_mult=(1, 2, 2),
            num_res_blocks=1,
            z_channels=LATENT_CHANNELS,
            scale_factor=scale,
            shift_factor=shift,
            norm_groups=8,
        ),
        latent_patch_size=TOKEN_PATCH,
        max_latent_size=SIDE,
        vit_max_num_patch_per_side=SIDE,
        image_size=(PICTURE, PICTURE),
        vae_resizing=Resizing(PICTURE, PICTURE, PATCH),
        vit_resizing=Resizing(PICTURE, PICTURE, PATCH),
    )
