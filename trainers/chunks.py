"""A chunk of a round's candidates on disk: a safetensors file, with what else is to be told in its header."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.base import Side


def chunk_path(home: Path, side: Side, number: int) -> Path:
    return home / f"{side}-{number:04d}.safetensors"


def save(path: Path, tensors: dict[str, torch.Tensor], told: dict[str, Any]) -> None:
    from safetensors.torch import save as packed

    from selfreward_eval.harness.files import atomic_write_bytes

    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    atomic_write_bytes(path, packed(whole, {"told": json.dumps(told, ensure_ascii=False)}))


def load(
    home: Path, side: Side, todo: Iterable[tuple[Side, int, Any]], reasons: Counter[str]
) -> tuple[dict[str, list[torch.Tensor]], list[str]]:
    """Tensors by name, in order, and texts where there are any."""
    from safetensors import safe_open

    tensors: dict[str, list[torch.Tensor]] = {}
    texts: list[str] = []
    for which, number, _ in todo:
        if which != side:
            continue
        with safe_open(chunk_path(home, side, number), framework="pt") as file:
            told = json.loads(file.metadata()["told"])
            for name in file.keys():  # noqa: SIM118 - the file is no dictionary
                tensors.setdefault(name, []).append(file.get_tensor(name))
        texts += told.get("texts", [])
        reasons.update(told["reasons"])
    return tensors, texts


def padded(rows: Sequence[torch.Tensor], shape: tuple[int, int]) -> torch.Tensor:
    """Rows of unequal length as one tensor (P, n, T), NaN behind their ends."""
    import torch

    longest = max(map(len, rows))
    out = torch.full((len(rows), longest), float("nan"))
    for k, row in enumerate(rows):
        out[k, : len(row)] = row.cpu()
    return out.view(*shape, longest)
