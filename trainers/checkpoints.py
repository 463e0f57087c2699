"""Checkpoints of a training run: folders of safetensors and one JSON file, complete or absent.

::

    checkpoints/000050/
        weights.safetensors   the weights that are trained
        average.safetensors   their moving average, where one is kept
        moments.safetensors   AdamW's, named ``exp_avg/<weight>``, ``exp_avg_sq/<weight>``, ``step/<weight>``
        state.json            step, round, fingerprint of the run, the loss scale, sizes of the files

A checkpoint is written under ``.part``, brought to the disk, and renamed. The last two are kept: should
the disk lose the newer one, the older one is still there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import RunFolderError

if TYPE_CHECKING:
    import torch

__all__ = ["Checkpoints", "State", "fingerprint", "settle"]

SCHEMA = 1
KEPT = 2
STATE = "state.json"


@dataclass(frozen=True)
class State:
    """What training resumes from.

    Attributes:
        step: optimiser steps taken.
        tensors: file -> name -> tensor: ``weights``, ``average``, ``moments``.
        scaler: the loss scale of fp16; empty otherwise.
    """

    step: int
    tensors: Mapping[str, Mapping[str, torch.Tensor]]
    scaler: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(identity: Mapping[str, Any]) -> str:
    """``sha256:`` and 16 hex digits of a run's identity."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Checkpoints:
    """The checkpoints of one training run.

    Args:
        folder: where they lie; made when the first one is written.
        run: fingerprint of the run they belong to.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self.run = run

    def write(self, state: State, round_: int) -> Path:
        """Adds a checkpoint and drops those before the last two; returns its folder."""
        from safetensors.torch import save_file

        target = self._path(state.step)
        part = target.with_name(target.name + ".part")
        for stale in (part, target):
            shutil.rmtree(stale, ignore_errors=True)
        part.mkdir(parents=True)
        sizes = {}
        for name, tensors in state.tensors.items():
            path = part / f"{name}.safetensors"
            save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, path)
            sizes[path.name] = path.stat().st_size
        metadata = {
            "schema": SCHEMA,
            "step": state.step,
            "round": round_,
            "run": self.run,
            "scaler": dict(state.scaler),
            "files": sizes,
        }
        (part / STATE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        settle(part)
        part.rename(target)
        _sync(self.folder)
        for old in self._found()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def newest(self) -> State | None:
        """The newest whole checkpoint; one that is damaged is passed over for the one before.

        Raises:
            RunFolderError: it belongs to another run.
        """
        for path in reversed(self._found()):
            state = self._read(path)
            if state is not None:
                return state
        return None

    def clean(self) -> None:
        """Removes what a killed writer left half written."""
        for stale in self.folder.glob("*.part"):
            shutil.rmtree(stale, ignore_errors=True)

    def where(self) -> str:
        """The newest checkpoint in words, for messages."""
        folders = self._found()
        return str(folders[-1]) if folders else "no checkpoint was written yet: the starting weights"

    def _read(self, path: Path) -> State | None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            metadata = json.loads((path / STATE).read_text(encoding="utf-8"))
            if metadata["schema"] != SCHEMA:
                raise RunFolderError(
                    f"{path} has schema {metadata['schema']}, this version reads {SCHEMA}; choose another"
                )
            if metadata["run"] != self.run:
                raise RunFolderError(f"{path} belongs to another training run; choose another folder")
            if any((path / name).stat().st_size != size for name, size in metadata["files"].items()):
                return None
            tensors = {Path(name).stem: load_file(path / name) for name in metadata["files"]}
            return State(int(metadata["step"]), tensors, metadata["scaler"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError):
            return None

    def _found(self) -> list[Path]:
        """Folders of checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            (path for path in self.folder.iterdir() if path.name.isdigit()), key=lambda p: int(p.name)
        )

    def _path(self, step: int) -> Path:
        return self.folder / f"{step:06d}"


def settle(folder: Path) -> None:
    """Returns when every file in ``folder`` is on the disk."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
