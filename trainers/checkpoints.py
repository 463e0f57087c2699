"""Checkpoints of a training run: folders of safetensors and one JSON file, complete or absent.

::

    checkpoints/000050/
        weights.safetensors   the weights that are trained
        average.safetensors   their moving average, where one is kept
        moments.safetensors   AdamW's, named ``exp_avg/<weight>``, ``exp_avg_sq/<weight>``, ``step/<weight>``
        state.json            step, round, fingerprint of the run, the loss scale, sizes of the files

A sharded run writes the same tensors into ``shards/`` (:mod:`selfreward_eval.trainers.shards`). Either kind
is resumed by any number of processes, sharded or not.

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
from selfreward_eval.trainers import shards
from selfreward_eval.trainers.processes import ALONE, Processes

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
        shards: folder that holds the tensors in place of :attr:`tensors`; None where they are here.
    """

    step: int
    tensors: Mapping[str, Mapping[str, torch.Tensor]]
    scaler: Mapping[str, Any] = field(default_factory=dict)
    shards: Path | None = None


def fingerprint(identity: Mapping[str, Any]) -> str:
    """``sha256:`` and 16 hex digits of a run's identity."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Checkpoints:
    """The checkpoints of one training run.

    Args:
        folder: where they lie; made when the first one is written.
        run: fingerprint of the run they belong to.
        who: this process among those that share every tensor out; alone where they do not.
    """

    def __init__(self, folder: Path, run: str, who: Processes = ALONE) -> None:
        self.folder = folder
        self.run = run
        self.who = who

    def write(self, state: State, round_: int) -> Path:
        """Adds a checkpoint and drops those before the last two; returns its folder.

        Where tensors are shared out, all processes call this.
        """
        target = self._path(state.step)
        part = target.with_name(target.name + ".part")
        if self.who.main:
            for stale in (part, target):
                shutil.rmtree(stale, ignore_errors=True)
            part.mkdir(parents=True)
        self.who.wait()
        if self.who.count > 1:
            shards.write(
                {f"{kind}/{name}": one for kind, row in state.tensors.items() for name, one in row.items()},
                part / shards.FOLDER,
            )
            self.who.wait()
        else:
            _write_whole(state, part)
        if self.who.main:
            self._complete(state, round_, part, target)
        self.who.wait()
        return target

    def _complete(self, state: State, round_: int, part: Path, target: Path) -> None:
        """Adds what is not a tensor, and makes ``target`` of ``part``."""
        sizes = {
            path.relative_to(part).as_posix(): path.stat().st_size
            for path in sorted(part.rglob("*.safetensors"))
        }
        metadata = {
            "schema": SCHEMA,
            "step": state.step,
            "round": round_,
            "run": self.run,
            "scaler": dict(state.scaler),
            "processes": self.who.count,
            "files": sizes,
        }
        (part / STATE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        settle(part)
        part.rename(target)
        _sync(self.folder)
        for old in self._found()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

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
            if (path / shards.FOLDER).is_dir():
                return State(int(metadata["step"]), {}, metadata["scaler"], path / shards.FOLDER)
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


def _write_whole(state: State, folder: Path) -> None:
    from safetensors.torch import save_file

    for name, tensors in state.tensors.items():
        whole = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
        save_file(whole, folder / f"{name}.safetensors")


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
