"""Codes that half precision cannot tell apart: all but the first are set aside."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from selfreward_eval.trainers.pretrain.duplicate_codes import disable_duplicates, duplicate_codes

NAME = "model.vqmodel.quantize.embedding.weight"


def table() -> torch.Tensor:
    codes = torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.02, 1.0], [-1.0, 0.0]])
    return F.normalize(codes, dim=1)


def test_the_first_of_near_codes_stays() -> None:
    assert duplicate_codes(table()).tolist() == [False, True, False, True, False]


def test_a_duplicate_of_a_duplicate_alone_stays() -> None:
    angles = torch.tensor([0.0, 0.06, 0.12])
    chain = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert duplicate_codes(chain).tolist() == [False, True, False]


def test_a_duplicate_is_never_nearest_and_still_decodes_the_same(tmp_path: Path) -> None:
    save_file({NAME: table(), "other": torch.ones(2)}, tmp_path / "model.safetensors", {"format": "pt"})
    assert disable_duplicates(tmp_path) == 2
    after = load_file(tmp_path / "model.safetensors")[NAME]
    encoding = 30 * table()[1]
    distances = (after**2).sum(1) - 2 * after @ encoding
    assert int(distances.argmin()) == 0
    assert torch.allclose(F.normalize(after, dim=1), table())


def test_it_is_not_done_twice(tmp_path: Path) -> None:
    save_file({NAME: table()}, tmp_path / "model.safetensors", {"format": "pt"})
    disable_duplicates(tmp_path)
    with pytest.raises(ValueError, match="disabled already"):
        disable_duplicates(tmp_path)
