"""Writes a checkpoint in the hub's layout: network, autoencoder and three configuration files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.files import AUTOENCODER
from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["save_checkpoint"]


def save_checkpoint(
    folder: Path,
    network: Bagel,
    autoencoder: FluxAutoencoder,
    config: BagelConfig,
    *,
    dtype: str = "float32",
    autoencoder_dtype: str = "float32",
) -> None:
    """Writes everything but the tokenizer into ``folder``, which exists.

    Args:
        folder: files of these names are replaced.
        network: its tensors, adapters merged.
        autoencoder: likewise.
        config: as it is written.
        dtype: of the network's tensors in the file.
        autoencoder_dtype: of the autoencoder's.
    """
    for file, module, kind in (
        ("ema.safetensors", network, dtype),
        (AUTOENCODER, autoencoder, autoencoder_dtype),
    ):
        save_file(_stored(module.state_dict(), getattr(torch, kind)), folder / file, {"format": "pt"})
    for file, content in config.to_files().items():
        (folder / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _stored(state: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
