"""Which files of a checkpoint hold the network, and which tensors lie in them; only headers are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.weight_files import (
    INDEX,
    check_index,
    check_layout,
    stored_tensors,
)
from selfreward_eval.harness.instruments.backends.weights import NETWORK_FILES, TEXT_FILES, folder_of

__all__ = ["AUTOENCODER", "KINDS", "Stored", "checkpoint_folder", "stored_network", "stored_tensors_of"]

KINDS = ("ema", "model")
"""Names that the network's file has: the published one, and what training writes."""

AUTOENCODER = "ae.safetensors"


@dataclass(frozen=True)
class Stored:
    """The network as it lies on disk.

    Attributes:
        folder: of the checkpoint.
        kind: one of :data:`KINDS`.
        tensors: name -> file.
    """

    folder: Path
    kind: str
    tensors: dict[str, Path]

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Of the tensor ``name``; None if there is none."""
        from safetensors import safe_open

        if name not in self.tensors:
            return None
        with safe_open(self.tensors[name], framework="pt") as file:
            return tuple(file.get_slice(name).get_shape())


def checkpoint_folder(name: str, revision: str | None) -> Path:
    """The folder of a checkpoint with an autoencoder; a hub repository is downloaded.

    Raises:
        CheckpointError: there is none, or it holds an adapter.
    """
    folder = folder_of(name, revision, sorted({*NETWORK_FILES, *TEXT_FILES}))
    check_layout(folder, name)
    return folder


def stored_network(folder: Path, name: str, kind: str | None) -> Stored:
    """The network's file or shards in ``folder``, which the user calls ``name``.

    Args:
        folder: of the checkpoint.
        name: as in messages.
        kind: one of :data:`KINDS`, or None for the one that is there.

    Raises:
        CheckpointError: there is none, or both and no ``kind``; or a file is damaged.
        UsageError: an unknown ``kind``.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"unknown file {kind!r}; write file=ema or file=model")
    there = {each: files for each in KINDS if (files := _files(folder, each))}
    if not there:
        raise CheckpointError(
            f"{name} holds neither ema.safetensors nor model.safetensors, and pickled weights are not "
            "loaded; name a folder with the files of BAGEL's repository"
        )
    if kind is None and len(there) > 1:
        raise CheckpointError(
            f"{name} holds two networks, ema.safetensors and model.safetensors; say which with file=ema or "
            "file=model"
        )
    chosen = kind or next(iter(there))
    if chosen not in there:
        raise CheckpointError(
            f"{name} holds no {chosen}.safetensors; it has {next(iter(there))}.safetensors, so write "
            f"file={next(iter(there))}"
        )
    files = there[chosen]
    if len(files) > 1 and (folder / INDEX).is_file():
        check_index(folder, folder / INDEX, name)
    return Stored(folder, chosen, stored_tensors_of(files, name))


def stored_tensors_of(files: Sequence[Path], name: str) -> dict[str, Path]:
    """Tensor name -> file, over safetensors of the checkpoint ``name``.

    Raises:
        CheckpointError: a file is missing or damaged, or two hold one tensor.
    """
    found: dict[str, Path] = {}
    for path in files:
        if not path.is_file():
            raise CheckpointError(
                f"{name} holds no {path.name}, without which no picture can be drawn or read; copy it from "
                "the repository of BAGEL-7B-MoT, or from where the weights come from"
            )
        for tensor in stored_tensors(path):
            if tensor in found:
                raise CheckpointError(
                    f"{tensor} lies in {found[tensor].name} and in {path.name} of {name}; the files are of "
                    "different saves, so copy the checkpoint into an empty folder"
                )
            found[tensor] = path
    return found


def _files(folder: Path, kind: str) -> list[Path]:
    """The whole file, or its shards."""
    whole = folder / f"{kind}.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob(f"{kind}-*-of-*.safetensors"))
