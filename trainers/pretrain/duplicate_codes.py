"""Sets aside codes that the drawing side never learnt, because training encoded in half precision.

The shipped weights were trained on picture tokens that were computed under bfloat16 autocast. There, codes
whose cosines to an encoding differ by less than a half-precision step are equal, and the first of them is
taken; in float32 the nearest is, which may be a twin that the language model has hardly ever seen. What a
model draws is not touched by this, but the likelihood of an encoded picture is: it fell to -15 per token.

A twin is set aside by halving its vector. Decoding normalises codes, so that it still draws the same; it
is just never the nearest one. Training encodes in float32 now, so that new weights need no such repair.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

APART = 0.0078
"""Squared distance of unit codes below which the later one is a twin: bfloat16's step just below 1, twice."""


def twins(table: torch.Tensor, apart: float = APART) -> torch.Tensor:
    """Which codes (K, width) are twins of an earlier one that is none itself: boolean (K,)."""
    import torch
    import torch.nn.functional as F

    unit = F.normalize(table.float(), dim=1)
    near = (2 - 2 * unit @ unit.T) < apart
    aside = torch.zeros(len(table), dtype=torch.bool)
    for code in range(1, len(table)):
        aside[code] = bool((near[code, :code] & ~aside[:code]).any())
    return aside


def set_aside(folder: Path, apart: float = APART) -> int:
    """Sets the twins of a saved model aside, in place; returns how many there were.

    Raises:
        ValueError: it was done before: a second time would find other twins.
    """
    import os

    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    name = "model.vqmodel.quantize.embedding.weight"
    tensors = load_file(path)
    table = tensors[name]
    if bool((table.float().norm(dim=1) < 0.75).any()):
        raise ValueError(f"the twins of {folder} were set aside before")
    aside = twins(table, apart)
    tensors[name] = table.where(~aside[:, None], table / 2)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata)
    os.replace(part, path)
    return int(aside.sum())
