"""Loads BAGEL from a folder or the hub: safetensors only, every tensor accounted for, revision recorded.

A tensor that is missing would be random, and one without a place would not be measured; both are refused by
name. Checkpoints of SRUM's training lack the part that looks at pictures; ``base`` names a whole checkpoint
to take that part from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.weights import folder_revision, loading_error
from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.config_files import read_config
from selfreward_eval.harness.models.bagel.contexts import Markers
from selfreward_eval.harness.models.bagel.files import (
    AUTOENCODER,
    Stored,
    checkpoint_folder,
    stored_network,
    stored_tensors_of,
)
from selfreward_eval.harness.models.bagel.network import UNDERSTANDING, Bagel
from selfreward_eval.harness.models.bagel.placing import dispatched, placed
from selfreward_eval.harness.models.bagel.words import load_words
from selfreward_eval.harness.models.precision import check_dtype, choose_device, choose_dtype

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Loaded", "Source", "load"]

LOGGER = logging.getLogger(__name__)

LATENT_TABLE = "latent_pos_embed.pos_embed"


@dataclass(frozen=True)
class Source:
    """What to load.

    Attributes:
        weights: a folder in the hub's layout, or ``owner/name``.
        revision: the hub's branch, tag or commit.
        base: a whole checkpoint, folder or hub name, for the tensors that look at pictures.
        file: ``ema`` or ``model``, where a folder holds both; None takes the one that is there.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        device_map: how the layers are spread over several devices, by accelerate's names (``auto``,
            ``balanced``, ``sequential``); None for one device.
        dtype: ``auto``, ``float64``, ``float32``, ``bfloat16`` or ``float16``.
    """

    weights: str
    revision: str | None = None
    base: str | None = None
    file: str | None = None
    device: str = "auto"
    device_map: str | None = None
    dtype: str = "auto"


@dataclass(frozen=True)
class Loaded:
    """A model ready to use.

    Attributes:
        network: in :attr:`dtype`, without gradients.
        autoencoder: in float64 where the network is, else in float32.
        config: sizes; the side of the latent table is that of the file's tensor.
        tokenizer: of the language model.
        markers: ids of the four markers in it.
        folder: where the files lie.
        revision: ``sha256:...`` of a local folder, or the hub's commit.
        base_revision: the same of ``base``, if one was read.
        file: ``ema`` or ``model``.
        dtype: what the network computes in.
        device: where tokens enter.
    """

    network: Bagel
    autoencoder: FluxAutoencoder
    config: BagelConfig
    tokenizer: PreTrainedTokenizerBase
    markers: Markers
    folder: Path
    revision: str
    base_revision: str | None
    file: str
    dtype: torch.dtype
    device: torch.device


def load(source: Source) -> Loaded:
    """The checkpoint that ``source`` names.

    Raises:
        CheckpointError: a file, tensor or marker is missing, unknown, damaged or of another size.
        UsageError: an unknown device or dtype, or settings that exclude each other.
    """
    check_dtype(source.dtype)
    device = choose_device(source.device)
    folder = checkpoint_folder(source.weights, source.revision)
    stored = stored_network(folder, source.weights, source.file)
    kept_apart = stored_tensors_of([folder / AUTOENCODER], source.weights)
    config = _with_side(read_config(folder, source.weights), stored, source.weights)
    base = _base(source, stored)
    tensors = {**stored.tensors, **(_understanding(base) if base else {})}
    with torch.device("meta"):
        network, autoencoder = Bagel(config), FluxAutoencoder(config.autoencoder)
    dtype = choose_dtype(source.dtype, device, sum(p.numel() for p in network.parameters()))
    _check_names(network, tensors, source, stored.kind)
    _check_names(autoencoder, kept_apart, source, "autoencoder")
    tokenizer, markers = load_words(folder, source.weights, config.text.vocab_size)
    places = placed(network, source.device_map, device, dtype)
    _fill(network, tensors, places, dtype, source.weights)
    exact = dtype == torch.float64
    _fill(autoencoder, kept_apart, {"": device}, dtype if exact else torch.float32, source.weights)
    # What float32 holds may be infinite in a narrower type.
    check_weights(network, source.weights, sorted(set(tensors.values())))
    check_weights(autoencoder, source.weights, [folder / AUTOENCODER])
    network.requires_grad_(False).eval()
    autoencoder.requires_grad_(False).eval()
    if source.device_map is not None:
        network = dispatched(network, places)
    return Loaded(
        network,
        autoencoder,
        config,
        tokenizer,
        markers,
        folder,
        _revision(folder, source.weights),
        _revision(base.folder, str(source.base)) if base else None,
        stored.kind,
        dtype,
        network.device if source.device_map is None else device,
    )


def _with_side(config: BagelConfig, stored: Stored, name: str) -> BagelConfig:
    """``config`` with the side of the latent table that the file holds; published config.json files are
    known to name another one."""
    shape = stored.shape(LATENT_TABLE)
    if shape is None:
        return config  # Refused as a missing tensor.
    side = isqrt(shape[0])
    if side * side != shape[0]:
        raise CheckpointError(
            f"{LATENT_TABLE} of {name} has {shape[0]} rows, which are no square of places; the file is "
            "damaged, so copy it again"
        )
    if side == config.max_latent_size:
        return config
    LOGGER.warning(
        "max_latent_size of %s is %d by its config.json, but its weights have %d x %d places; %d is used, so "
        "write it into config.json",
        *(name, config.max_latent_size, side, side, side),
    )
    try:
        found = replace(config, max_latent_size=side)
        found.grid()
    except ValueError as error:
        raise CheckpointError(f"config.json of {name} does not fit its weights ({error})") from error
    return found


def _base(source: Source, stored: Stored) -> Stored | None:
    """The checkpoint that the understanding part comes from, if it is needed."""
    lacking = not any(name.startswith(UNDERSTANDING) for name in stored.tensors)
    if source.base is None:
        if lacking:
            raise CheckpointError(
                f"{source.weights} has no tensors that look at pictures (vit_model, connector, "
                "vit_pos_embed), as checkpoints of SRUM's training; name the checkpoint that it was "
                "trained from with base=PATH"
            )
        return None
    if not lacking:
        raise UsageError(
            f"base={source.base} would not be read: {source.weights} has all tensors itself; leave base out"
        )
    return stored_network(checkpoint_folder(source.base, None), source.base, None)


def _understanding(base: Stored) -> dict[str, Path]:
    return {name: path for name, path in base.tensors.items() if name.startswith(UNDERSTANDING)}


def _check_names(module: torch.nn.Module, tensors: Mapping[str, Path], source: Source, what: str) -> None:
    """Refuses a checkpoint with fewer or other tensors than the network has."""
    wanted = module.state_dict()
    absent = [name for name in wanted if name not in tensors]
    if absent:
        raise CheckpointError(
            f"{source.weights} lacks {len(absent)} tensors of BAGEL ({what}), such as {absent[0]}; random "
            "ones would give random pictures and answers, so name a complete checkpoint"
        )
    strange = sorted(set(tensors) - set(wanted))
    if strange:
        raise CheckpointError(
            f"{source.weights} holds {len(strange)} tensors that BAGEL ({what}) has no place for, such as "
            f"{strange[0]}; what was trained there would not be measured, so merge it into the network's "
            "own weights, or remove it"
        )


def _fill(
    module: torch.nn.Module,
    tensors: Mapping[str, Path],
    places: Mapping[str, torch.device],
    dtype: torch.dtype,
    name: str,
) -> None:
    """Puts the stored tensors into a module without weights, each straight onto its device."""
    wanted = module.state_dict()
    filled = {}
    for key, value in _read(tensors, name):
        if value.shape != wanted[key].shape:
            raise CheckpointError(
                f"{key} of {name} has the shape {tuple(value.shape)}, its configuration files say "
                f"{tuple(wanted[key].shape)}; its files are mixed up, so copy all of them again"
            )
        parts = [part for part in places if not part or f"{key}.".startswith(f"{part}.")]
        filled[key] = value.to(places[max(parts, key=len)], dtype)
    module.load_state_dict(filled, assign=True)


def _read(tensors: Mapping[str, Path], name: str) -> Iterator[tuple[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    by_file: dict[Path, list[str]] = {}
    for key, path in tensors.items():
        by_file.setdefault(path, []).append(key)
    for path, keys in by_file.items():
        try:
            with safe_open(path, framework="pt") as file:
                for key in keys:
                    yield key, file.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"the weights in {path} of {name} do not load ({loading_error(error)})"
            ) from error


def _revision(folder: Path, name: str) -> str:
    """A snapshot's folder is called after its commit."""
    return folder_revision(folder.resolve()) if Path(name).expanduser().is_dir() else folder.name
