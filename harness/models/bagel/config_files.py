"""Reads the sizes of a network from the configuration files of a checkpoint.

``llm_config.json`` and ``vit_config.json`` give the two transformers. What the official loader writes into
its code (the side of the latent table, patch sizes, the autoencoder, the sizes of pictures) is read from
``config.json`` where it stands there, and is that of BAGEL-7B-MoT where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.models.bagel.config import (
    FILES,
    MODEL_TYPE,
    AutoencoderConfig,
    BagelConfig,
    TextConfig,
    VisionConfig,
)

__all__ = ["read_config"]


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


def _part(default: Any, values: Mapping[str, Any]) -> Any:
    """``default`` with those of its numbers that ``values`` gives; each must be positive and of its type."""
    changes: dict[str, Any] = {}
    for entry in fields(default):
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
    return replace(default, **changes)


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
