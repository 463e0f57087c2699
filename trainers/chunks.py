"""A chunk of a round's candidates on disk: a safetensors file, with texts and reasons in its header."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import atomic_write_bytes

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.base import Side


HEADER = "told"
"""Key of the header's JSON in the file's metadata."""


def chunk_path(folder: Path, side: Side, number: int) -> Path:
    return folder / f"{side}-{number:04d}.safetensors"


def save(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
    atomic_write_bytes(path, content(tensors, header))


def content(tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> bytes:
    """Of the file."""
    from safetensors.torch import save as serialise

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return serialise(contiguous, {HEADER: json.dumps(header, ensure_ascii=False)})


def load(
    folder: Path, side: Side, numbers: Iterable[int], reasons: Counter[str]
) -> tuple[dict[str, list[torch.Tensor]], list[str]]:
    """Tensors by name, in order, and texts where there are any."""
    from safetensors import safe_open

    tensors: dict[str, list[torch.Tensor]] = {}
    texts: list[str] = []
    for number in numbers:
        with safe_open(chunk_path(folder, side, number), framework="pt") as file:
            header = json.loads(file.metadata()[HEADER])
            for name in file.keys():  # noqa: SIM118 - the file is no dictionary
                tensors.setdefault(name, []).append(file.get_tensor(name))
        texts += header.get("texts", [])
        reasons.update(header["reasons"])
    return tensors, texts


def padded(rows: Sequence[torch.Tensor], shape: tuple[int, int]) -> torch.Tensor:
    """Rows of unequal length as one tensor (P, n, T), NaN behind their ends."""
    import torch

    longest = max(map(len, rows))
    out = torch.full((len(rows), longest), float("nan"))
    for k, row in enumerate(rows):
        out[k, : len(row)] = row.cpu()
    return out.view(*shape, longest)
