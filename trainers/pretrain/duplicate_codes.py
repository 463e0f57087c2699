"""Disables codes that the drawing side hardly ever saw, because training encoded in half precision.

The shipped weights were trained on picture tokens that were computed under bfloat16 autocast. There, codes
whose cosines to an encoding differ by less than a half-precision step are equal, and the first of them is
taken. In float32 the nearest is taken, which may be a duplicate that the language model has hardly ever seen.
This does not change what a model draws, but it lowers the likelihood of an encoded picture: to -15 per token.

A duplicate is disabled by halving its vector. Decoding normalises codes, so that it still decodes to the
same pixels; it is only never the nearest code. Training encodes in float32 now, so that new weights need no
such repair.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

APART = 0.0078
"""Squared distance of unit codes below which the later is a duplicate: bfloat16's step below 1, twice."""


def duplicate_codes(table: torch.Tensor, apart: float = APART) -> torch.Tensor:
    """Which codes (K, width) duplicate an earlier one that is not a duplicate itself: boolean (K,)."""
    import torch
    import torch.nn.functional as F

    unit = F.normalize(table.float(), dim=1)
    near = (2 - 2 * unit @ unit.T) < apart
    duplicates = torch.zeros(len(table), dtype=torch.bool)
    for code in range(1, len(table)):
        duplicates[code] = bool((near[code, :code] & ~duplicates[:code]).any())
    return duplicates


def disable_duplicates(folder: Path, apart: float = APART) -> int:
    """Disables the duplicate codes of a saved model, in place; returns how many there were.

    Raises:
        ValueError: it was done before; a second time would disable other codes.
    """
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    name = "model.vqmodel.quantize.embedding.weight"
    tensors = load_file(path)
    table = tensors[name]
    if bool((table.float().norm(dim=1) < 0.75).any()):
        raise ValueError(f"the duplicate codes of {folder} are disabled already")
    duplicates = duplicate_codes(table, apart)
    tensors[name] = table.where(~duplicates[:, None], table / 2)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata)
    os.replace(part, path)
    return int(duplicates.sum())
