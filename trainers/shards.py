"""Checkpoints of sharded runs: every process writes its part, any number of processes reads them.

The format is :mod:`torch.distributed.checkpoint`'s with safetensors as files. Names are ``weights/<name>``,
``average/<name>`` and ``moments/<key>/<name>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import RunFolderError

if TYPE_CHECKING:
    import torch

__all__ = ["FOLDER", "names_in", "read", "write"]

FOLDER = "shards"

Tensors = Mapping[str, "torch.Tensor"]


def write(tensors: Tensors, folder: Path) -> None:
    """Writes the tensors of all processes, which all call this, into ``folder``."""
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint import HuggingFaceStorageWriter

    # Files know no tensors without dimensions, as AdamW's counters are.
    state = {name: tensor.detach().reshape(tensor.shape or (1,)) for name, tensor in tensors.items()}
    checkpoint.save(state, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))


def names_in(folder: Path) -> set[str]:
    """Names of the tensors there.

    Raises:
        OSError: it is not there, or damaged.
    """
    from safetensors import SafetensorError
    from torch.distributed.checkpoint import HuggingFaceStorageReader

    try:
        return set(HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata)
    except (SafetensorError, ValueError, KeyError) as error:
        raise OSError(f"{folder} cannot be read ({error})") from error


def read(tensors: Tensors, folder: Path, *, together: bool) -> None:
    """Fills tensors, whole ones or shards, with what was written under their names.

    Args:
        tensors: name -> tensor of the same shape and type, changed in place.
        folder: as :func:`write` got it.
        together: whether several processes call this, for their shards.

    Raises:
        RunFolderError: a tensor is missing, or of another shape.
    """
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint import CheckpointException, HuggingFaceStorageReader

    absent = sorted(set(tensors) - names_in(folder))
    if absent:
        raise RunFolderError(
            f"{folder} holds no {absent[0]}, which is trained; the folder is of another training run, so "
            "choose another"
        )
    state = {name: tensor.detach().reshape(tensor.shape or (1,)) for name, tensor in tensors.items()}
    reader = HuggingFaceStorageReader(str(folder))
    try:
        checkpoint.load(state, storage_reader=reader, no_dist=not together)
    # torch's exception derives from BaseException.
    except CheckpointException as error:
        raise RunFolderError(
            f"the checkpoint in {folder} does not load ({error}); remove it, and training goes on from the "
            "one before"
        ) from error
