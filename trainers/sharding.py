"""Weights, gradients and moments shared out over processes: FSDP2, which is torch's ``fully_shard``.

It is asked for as accelerate does, ``accelerate launch --use_fsdp --fsdp_version 2``. accelerate then starts
the processes and sums their numbers up; the sharding is done here, because accelerate's own takes one model
with its optimizer, drops it on CPUs, and rounds sums to the narrow type of ``precision=bf16``.

Every layer of the transformer is a unit; all else is one with the root. Weights are gathered in float32 and
computed with under autocast, so that a run's numbers are those of one process but for the order of sums.

A sharded model computes inside the root's forward pass alone. Drawing and saving call its methods, for which
:func:`gathered` makes it whole.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.recomputing import layers_of

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import Trains

__all__ = ["ASKED", "copy_whole", "gathered", "shard", "sharding_asked", "unasked"]

ASKED = "ACCELERATE_USE_FSDP"
"""Variable of the environment that ``accelerate launch --use_fsdp`` sets to ``true``."""


def sharding_asked() -> bool:
    """Whether this run was started with ``--use_fsdp``.

    Raises:
        UsageError: with the first version of it.
    """
    if os.environ.get(ASKED, "").lower() != "true":
        return False
    if os.environ.get("FSDP_VERSION", "2") != "2":
        raise UsageError(
            f"accelerate was told to shard by version {os.environ['FSDP_VERSION']} of FSDP; add "
            "--fsdp_version 2 to accelerate launch"
        )
    return True


@contextmanager
def unasked() -> Iterator[None]:
    """Inside, accelerate finds no wish for sharding, and leaves it to this module."""
    before = os.environ.pop(ASKED, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[ASKED] = before


def shard(root: torch.nn.Module, model: Trains, processes: int) -> None:
    """Shares all parameters of ``root`` out over so many processes, which all call this.

    Afterwards the parameters are other objects, of the same names: take them anew. All processes have to
    hold the same weights: each keeps its rows of what it has.

    Args:
        root: its forward pass is the loss; holds the model's network.
        model: its transformer's layers are the units.
        processes: of the run.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(model.compute_device.type, (processes,))
    for layer in layers_of(model.transformer):
        fully_shard(layer, mesh=mesh)
    fully_shard(root, mesh=mesh)
    # Gradients of a loss without pictures, or without text, have no rows of some weights.
    root.set_reduce_scatter_unused_params(True)  # type: ignore[operator]


@contextmanager
def gathered(root: torch.nn.Module, wait: Callable[[], None]) -> Iterator[None]:
    """Inside, every process holds all weights, and calls what it likes as often as it likes.

    All processes enter and leave together. What the weights are changed to inside is forgotten.

    Args:
        root: as :func:`shard` got it; called with None it computes nothing.
        wait: returns when all processes have called it.
    """
    import torch
    from torch.distributed.fsdp import FSDPModule

    units = [module for module in root.modules() if isinstance(module, FSDPModule)]
    with torch.no_grad():
        # Sharding is set up by the first forward pass, which has to be the root's.
        root(None, {})
    for unit in units:
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()
    # state_dict() would share its parameters out again.
    hooks = [(module, module._state_dict_pre_hooks) for module in root.modules()]
    for module, _ in hooks:
        module._state_dict_pre_hooks = OrderedDict()
    try:
        yield
    finally:
        wait()
        for module, before in hooks:
            module._state_dict_pre_hooks = before
        for unit in units:
            unit.reshard()
            unit.set_reshard_after_forward(unit is not root, recurse=False)


def copy_whole(target: torch.Tensor, whole: torch.Tensor) -> None:
    """Fills a tensor, or this process's shard of it, with a whole one that every process has."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(target, DTensor):
        there = whole.to(target.device, target.dtype)
        whole = distribute_tensor(there, target.device_mesh, target.placements, src_data_rank=None)
    target.copy_(whole)
