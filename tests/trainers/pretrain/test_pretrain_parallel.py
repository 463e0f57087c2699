"""Sharing a batch between processes."""

from __future__ import annotations

import pytest
import torch

from selfreward_eval.trainers.pretrain.parallel import Ranks, join


def test_a_process_alone_takes_everything_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ranks = join()
    assert ranks == Ranks(0, 1)
    assert ranks.share(7) == 7
    assert ranks.writes


def test_only_the_first_of_several_writes() -> None:
    assert [Ranks(rank, 3).writes for rank in range(3)] == [True, False, False]
    assert Ranks(1, 3).share(12) == 4


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 7 does not divide over 2 processes"):
        Ranks(0, 2).share(7)


def test_a_single_process_keeps_its_gradients() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    Ranks(0, 1).average([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]
