"""Weights, pictures and maps that recorded numbers of BAGEL were made with: all given by rules in words.

A recorded file holds no weights. It says how each number follows from its index, so that a network of any
size is rebuilt exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from selfreward_eval.harness.models.bagel.config import (
    AutoencoderConfig,
    BagelConfig,
    TextConfig,
    VisionConfig,
)
from selfreward_eval.harness.models.bagel.settings import Guidance

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["build", "config_of", "guidance_of", "reward_map", "wave", "weight"]

_WAVE = re.compile(
    r"(?:(?P<scale>[\d.]{1,12})\*)?sin\((?P<step>[\d.]{1,12})\*i\+(?P<start>[\d.]{1,12})\)"
    r"(?: over (?:the )?(?:flat )?\((?P<shape>[\d, ]{1,40})\))?"
)
_GUIDANCE = re.compile(
    r"text([\d.]{1,8}?)(?:_img([\d.]{1,8}?))?_(global|channel|text_channel)(?:_min([\d.]{1,8}))?"
)
_MAP = re.compile(
    r"(\d{1,5})x(\d{1,5}) of ([\d.]{1,12}), rows (\d{1,5})-(\d{1,5}) columns (\d{1,5})-(\d{1,5}) set to "
    r"([\d.]{1,12}), times ([\d.]{1,12})"
)


def config_of(document: Mapping[str, Any]) -> BagelConfig:
    """The sizes that a recorded file names. Its number of vision layers is the network's own."""
    vision = {**document["vit_config"]}
    vision["num_hidden_layers"] += 1
    autoencoder = {**document["ae_params"]}
    autoencoder["ch_mult"] = tuple(autoencoder["ch_mult"])
    bagel = document["bagel"]
    height, width = document["gen"]["image_shape"]
    return BagelConfig(
        _known(TextConfig, document["llm_config"]),
        _known(VisionConfig, vision),
        _known(AutoencoderConfig, autoencoder),
        bagel["latent_patch_size"],
        bagel["max_latent_size"],
        bagel["vit_max_num_patch_per_side"],
        (height, width),
    )


def build(config: BagelConfig) -> tuple[Bagel, FluxAutoencoder]:
    """Network and autoencoder in float32 with weights by rule; gradients are enabled."""
    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.network import Bagel

    network, autoencoder = Bagel(config), FluxAutoencoder(config.autoencoder)
    for module, prefix in ((network, ""), (autoencoder, "ae.")):
        state = {
            name: tensor if name.endswith("pos_embed") else weight(prefix + name, tuple(tensor.shape))
            for name, tensor in module.state_dict().items()
        }
        module.load_state_dict(state)
    return network, autoencoder


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor ``name``: a sine of the flat index, started by the name's checksum; float32."""
    import torch

    place = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = np.sin(0.7 * place + 0.001 * place * np.sqrt(place) + crc32(name.encode()) % 1000)
    if "norm" in name and name.endswith(".weight"):
        values = 1 + 0.1 * values
    elif len(shape) >= 2:
        values = values * 1.2 / np.sqrt(np.prod(shape[1:]))
    else:
        values = 0.05 * values
    return torch.tensor(values.reshape(shape), dtype=torch.float32)


def wave(rule: str, shape: tuple[int, ...] | None = None) -> torch.Tensor:
    """The array of a rule such as ``1.3*sin(0.9*i+2) over the flat (6,64) array``: float32.

    Args:
        rule: its first sine counts.
        shape: in place of the one in the rule.

    Raises:
        ValueError: the rule has another form.
    """
    import torch

    found = _WAVE.search(rule)
    if found is None or (shape is None and found["shape"] is None):
        raise ValueError(f"no rule for an array: {rule!r}")
    sides = shape or tuple(int(side) for side in found["shape"].split(","))
    place = np.arange(int(np.prod(sides)), dtype=np.float64)
    values = float(found["scale"] or 1) * np.sin(float(found["step"]) * place + float(found["start"]))
    return torch.tensor(values.reshape(sides), dtype=torch.float32)


def reward_map(rule: str) -> torch.Tensor:
    """The map of ``32x32 of 0.5, rows 0-15 columns 8-23 set to 0.95, times 0.7``: float32 (H, W).

    Raises:
        ValueError: the rule has another form.
    """
    import torch

    found = _MAP.search(rule)
    if found is None:
        raise ValueError(f"no rule for a reward map: {rule!r}")
    height, width, top, bottom, left, right = (int(found[k]) for k in (1, 2, 4, 5, 6, 7))
    values = torch.full((height, width), float(found[3]))
    values[top : bottom + 1, left : right + 1] = float(found[8])
    return values * float(found[9])


def guidance_of(name: str) -> Guidance:
    """The setting that ``text4_img1.5_global_min0.0`` names.

    Raises:
        ValueError: it names none.
    """
    found = _GUIDANCE.fullmatch(name)
    if found is None:
        raise ValueError(f"no setting of guidance: {name!r}")
    return Guidance(
        float(found[1]), float(found[2] or 1), 0.0, 1.0, renorm=found[3], renorm_min=float(found[4] or 0)
    )


def _known(kind: Any, values: Mapping[str, Any]) -> Any:
    """A configuration of those values that it has."""
    return kind(**{name: value for name, value in values.items() if name in kind.__dataclass_fields__})
