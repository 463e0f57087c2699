"""Sizes of a BAGEL network, and the files of a checkpoint that hold them; the defaults are BAGEL-7B-MoT's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "FILES",
    "MODEL_TYPE",
    "AutoencoderConfig",
    "BagelConfig",
    "Resizing",
    "TextConfig",
    "VisionConfig",
]

MODEL_TYPE = "bagel"
FILES = ("llm_config.json", "vit_config.json", "config.json")


@dataclass(frozen=True)
class TextConfig:
    """The language model, as ``llm_config.json`` names its sizes; the defaults are Qwen2.5-7B's."""

    vocab_size: int = 152064
    hidden_size: int = 3584
    intermediate_size: int = 18944
    num_hidden_layers: int = 28
    num_attention_heads: int = 28
    num_key_value_heads: int = 4
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    max_position_embeddings: int = 32768

    @property
    def head_dim(self) -> int:
        """Numbers of one head."""
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class VisionConfig:
    """The SigLIP tower, as ``vit_config.json`` names its sizes.

    ``num_hidden_layers`` is the file's. The network has one layer less: it takes the features of the last
    layer but one.
    """

    hidden_size: int = 1152
    intermediate_size: int = 4304
    num_hidden_layers: int = 27
    num_attention_heads: int = 16
    patch_size: int = 14
    num_channels: int = 3
    layer_norm_eps: float = 1e-6

    @property
    def layers(self) -> int:
        """Layers that the network has."""
        return self.num_hidden_layers - 1


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the autoencoder; the defaults are those of FLUX, which BAGEL uses.

    Attributes:
        ch: channels at full resolution.
        ch_mult: multiple of ``ch`` at each resolution, from the finest; one halving between two.
        num_res_blocks: residual blocks at each resolution of the encoder; the decoder has one more.
        z_channels: channels of a latent.
        in_channels: of a picture.
        out_ch: of a decoded picture.
        scale_factor: latents are multiplied by it after the shift.
        shift_factor: subtracted from latents before they are scaled.
        norm_groups: groups of every group normalisation; divides all channel counts.
    """

    ch: int = 128
    ch_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    z_channels: int = 16
    in_channels: int = 3
    out_ch: int = 3
    scale_factor: float = 0.3611
    shift_factor: float = 0.1159
    norm_groups: int = 32

    @property
    def downsample(self) -> int:
        """Pixels per latent along each side."""
        return 1 << (len(self.ch_mult) - 1)


@dataclass(frozen=True)
class Resizing:
    """Limits that an input picture is resized to.

    Attributes:
        max_side: longest side, in pixels.
        min_side: shortest side.
        stride: both sides become multiples of it.
        max_pixels: largest area.
    """

    max_side: int
    min_side: int
    stride: int
    max_pixels: int = 14 * 14 * 9 * 1024


@dataclass(frozen=True)
class BagelConfig:
    """All sizes of the network and of its pictures.

    Attributes:
        text: the language model.
        vision: the tower that looks at pictures.
        autoencoder: of pictures that are drawn.
        latent_patch_size: latents per token along each side.
        max_latent_size: side of the table of latent places, in tokens.
        vit_max_num_patch_per_side: side of the table of patches.
        image_size: height and width of a drawn picture, in pixels.
        vae_resizing: of pictures for the autoencoder.
        vit_resizing: of pictures for the tower.
    """

    text: TextConfig = field(default_factory=TextConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    latent_patch_size: int = 2
    max_latent_size: int = 64
    vit_max_num_patch_per_side: int = 70
    image_size: tuple[int, int] = (1024, 1024)
    vae_resizing: Resizing = Resizing(1024, 512, 16)
    vit_resizing: Resizing = Resizing(980, 224, 14)

    @property
    def token_pixels(self) -> int:
        """Pixels that a latent token covers along each side: 16 in the published model."""
        return self.autoencoder.downsample * self.latent_patch_size

    @property
    def token_width(self) -> int:
        """Numbers of a latent token: 64 in the published model."""
        return self.latent_patch_size**2 * self.autoencoder.z_channels

    @property
    def patch_width(self) -> int:
        """Numbers of a patch of the tower: 588 in the published model."""
        return self.vision.patch_size**2 * self.vision.num_channels

    def grid(self, size: tuple[int, int] | None = None) -> tuple[int, int]:
        """(rows, columns) of the latent tokens of a picture of ``size`` pixels (height, width).

        Raises:
            ValueError: a side is no multiple of :attr:`token_pixels`, or larger than the table.
        """
        height, width = size or self.image_size
        side = self.token_pixels
        for name, pixels in (("height", height), ("width", width)):
            if pixels < side or pixels % side:
                below = max(pixels // side, 1) * side
                raise ValueError(
                    f"the {name} of a picture must be a multiple of {side} pixels, got {pixels}; "
                    f"the next ones are {below} and {below + side}"
                )
            if pixels > side * self.max_latent_size:
                raise ValueError(
                    f"the {name} of a picture is at most {side * self.max_latent_size} pixels in this "
                    f"checkpoint, got {pixels}"
                )
        return height // side, width // side

    def to_files(self) -> dict[str, dict[str, Any]]:
        """Content of the three configuration files, by file name."""
        text = {**vars(self.text), "model_type": "qwen2", "tie_word_embeddings": False, "hidden_act": "silu"}
        vision = {**vars(self.vision), "model_type": "siglip_vision_model", "hidden_act": "gelu_pytorch_tanh"}
        vision["image_size"] = self.vision.patch_size * self.vit_max_num_patch_per_side
        autoencoder = vars(self.autoencoder) | {"downsample": self.autoencoder.downsample}
        whole = {
            "model_type": MODEL_TYPE,
            "latent_patch_size": self.latent_patch_size,
            "max_latent_size": self.max_latent_size,
            "vit_max_num_patch_per_side": self.vit_max_num_patch_per_side,
            "connector_act": "gelu_pytorch_tanh",
            "interpolate_pos": False,
            "image_size": list(self.image_size),
            "vae_config": {**autoencoder, "ch_mult": list(self.autoencoder.ch_mult)},
            "vae_resizing": vars(self.vae_resizing),
            "vit_resizing": vars(self.vit_resizing),
        }
        return {"llm_config.json": text, "vit_config.json": vision, "config.json": whole}
