"""Sizes of a BAGEL network, read from the files of a checkpoint.

``llm_config.json`` and ``vit_config.json`` give the two transformers. What the official loader writes into
its code (the side of the latent table, patch sizes, the autoencoder, the sizes of pictures) is read from
``config.json`` where it stands there, and is that of BAGEL-7B-MoT where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from selfreward_eval.harness.errors import CheckpointError

__all__ = ["AutoencoderConfig", "BagelConfig", "Resizing", "TextConfig", "VisionConfig", "read_config"]

T = TypeVar("T")

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


def read_config(folder: Path, name: str) -> BagelConfig:
    """The configuration in ``folder``; messages call it ``name``.

    Raises:
        CheckpointError: a file is missing or damaged, or the network is of a kind that is not built here.
    """
    llm, vit = (_json(folder / file, name) for file in FILES[:2])
    whole = _json(folder / FILES[2], name) if (folder / FILES[2]).is_file() else {}
    if whole.get("model_type", MODEL_TYPE) != MODEL_TYPE:
        raise CheckpointError(
            f"{name} is a {whole['model_type']!r} where {MODEL_TYPE!r} is needed; name other weights"
        )
    _only(whole, {"interpolate_pos": False, "connector_act": "gelu_pytorch_tanh"}, "config.json", name)
    _only(
        llm,
        {"hidden_act": "silu", "tie_word_embeddings": False, "rope_scaling": None, "qk_norm": True},
        "llm_config.json",
        name,
    )
    _only(vit, {"hidden_act": "gelu_pytorch_tanh", "rope": False}, "vit_config.json", name)
    try:
        vision = _part(VisionConfig(), vit)
        autoencoder = _part(AutoencoderConfig(), whole.get("vae_config") or {})
        base = BagelConfig(_part(TextConfig(), _with_theta(llm)), vision, autoencoder)
        sizes = {key: whole[key] for key in _COUNTS if key in whole}
        base = _part(base, sizes)
        if "image_size" in whole:
            height, width = whole["image_size"]
            base = replace(base, image_size=(int(height), int(width)))
        # The strides follow from the network; a file that gives other ones is refused below.
        vae = replace(base.vae_resizing, stride=base.token_pixels)
        seen = replace(base.vit_resizing, stride=vision.patch_size)
        found = replace(
            base,
            vae_resizing=_part(vae, whole.get("vae_resizing") or {}),
            vit_resizing=_part(seen, whole.get("vit_resizing") or {}),
        )
        _check(found)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"the configuration files of {name} do not describe a network ({error}); copy them again from "
            "where the weights come from"
        ) from error
    return found


_COUNTS = ("latent_patch_size", "max_latent_size", "vit_max_num_patch_per_side")


def _check(config: BagelConfig) -> None:
    """Raises ValueError for sizes that no network can have."""
    text, vision = config.text, config.vision
    if text.hidden_size % text.num_attention_heads or text.head_dim % 2:
        raise ValueError(f"{text.num_attention_heads} heads do not divide {text.hidden_size} evenly")
    if text.num_attention_heads % text.num_key_value_heads:
        raise ValueError(f"{text.num_key_value_heads} key heads for {text.num_attention_heads} heads")
    if text.hidden_size % 4:
        raise ValueError(f"hidden_size {text.hidden_size} is no multiple of 4")
    if vision.hidden_size % vision.num_attention_heads:
        raise ValueError(f"{vision.num_attention_heads} heads do not divide {vision.hidden_size} evenly")
    if vision.layers < 1:
        raise ValueError(f"vit_config.json has {vision.num_hidden_layers} layers, of which one is left out")
    for multiple in config.autoencoder.ch_mult:
        if config.autoencoder.ch * multiple % config.autoencoder.norm_groups:
            raise ValueError(
                f"{config.autoencoder.norm_groups} groups do not divide "
                f"{config.autoencoder.ch * multiple} channels of the autoencoder"
            )
    for resizing, stride, what in (
        (config.vae_resizing, config.token_pixels, "vae_resizing"),
        (config.vit_resizing, vision.patch_size, "vit_resizing"),
    ):
        if resizing.stride % stride:
            raise ValueError(f"the stride of {what} is {resizing.stride}, no multiple of {stride}")
    config.grid()


def _with_theta(llm: Mapping[str, Any]) -> dict[str, Any]:
    """transformers 5 writes rope_theta into ``rope_parameters``."""
    nested = llm.get("rope_parameters") or {}
    return {**llm, **({"rope_theta": nested["rope_theta"]} if "rope_theta" in nested else {})}


def _part(default: T, values: Mapping[str, Any]) -> T:
    """``default`` with those of its numbers that ``values`` gives; each must be positive and of its type."""
    changes: dict[str, Any] = {}
    for entry in fields(default):  # type: ignore[arg-type]
        if entry.name not in values:
            continue
        value, old = values[entry.name], getattr(default, entry.name)
        if isinstance(old, tuple):
            value = tuple(_whole(entry.name, member) for member in value)
            if not value:
                raise ValueError(f"{entry.name} is empty")
        elif isinstance(old, int):
            value = _whole(entry.name, value)
        elif isinstance(old, float):
            value = float(value)
        else:
            continue
        changes[entry.name] = value
    return replace(default, **changes)  # type: ignore[type-var]


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}, no whole number above 0")
    return value


def _only(content: Mapping[str, Any], accepted: Mapping[str, Any], file: str, name: str) -> None:
    """Refuses settings of networks that are built otherwise."""
    for key, value in accepted.items():
        if content.get(key, value) != value:
            raise CheckpointError(
                f"{file} of {name} says {key} {content[key]!r}; only {value!r} is computed here, so name a "
                "checkpoint of the published architecture"
            )


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problem = "is missing" if not path.is_file() else f"cannot be read ({error})"
        raise CheckpointError(
            f"{path.name} of {name} {problem}; copy it from where the weights come from"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} of {name} is no JSON object; copy it again")
    return content
