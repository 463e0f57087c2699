"""Several processes, one model: every rank takes its share of a batch, gradients are averaged.

On CPUs two single-threaded processes beat one process with two threads, since
layers this small spend longer in synchronising threads than in arithmetic.
Start with ``torchrun --nproc-per-node 2 -m selfreward_eval.trainers.pretrain train ...``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Ranks:
    """This process's number and how many there are."""

    rank: int
    count: int

    @property
    def writes(self) -> bool:
        """Whether this process writes checkpoints and logs."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """This rank's part of a batch.

        Raises:
            ValueError: the batch does not divide evenly, so that averaging would weigh samples unequally.
        """
        if batch % self.count:
            raise ValueError(f"a batch of {batch} does not divide over {self.count} processes")
        return batch // self.count

    def average(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the ranks; does nothing for a single one."""
        import torch
        import torch.distributed as distributed

        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()


def join() -> Ranks:
    """Joins the group that ``torchrun`` started, or stands alone without one."""
    import torch.distributed as distributed

    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks(0, 1)
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    return Ranks(distributed.get_rank(), distributed.get_world_size())
