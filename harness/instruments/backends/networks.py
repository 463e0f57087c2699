"""Loads an instrument's network from a folder: whole, from safetensors, in the precision asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.devices import choose_device

DTYPES = ("float32", "float16", "bfloat16")


def check_settings(instrument: str, dtype: str, batch_size: int) -> None:
    """Refuses what no network could do.

    Raises:
        UsageError: an unknown ``dtype``, or a ``batch_size`` below 1.
    """
    if dtype not in DTYPES:
        raise UsageError(f"{instrument} cannot compute in {dtype!r}; choose one of {', '.join(DTYPES)}")
    if batch_size < 1:
        raise UsageError(f"{instrument} needs a batch_size of at least 1, got {batch_size}")


def usable_device(who: str, device: str | None) -> str:
    """``device``, or the GPU if there is one, or the CPU.

    Raises:
        UsageError: there is no such device here.
    """
    import torch

    chosen = choose_device(device)
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"{who} cannot compute on device={chosen} ({first_line(error)}); write device=cpu"
        ) from error
    return chosen


def shown_name(weights: str) -> str:
    """What an identity calls weights: a hub name as it is, a folder without the way to it."""
    local = Path(weights).expanduser()
    return local.name if local.is_dir() else weights


def first_line(error: BaseException) -> str:
    """What an error says first, or its kind if it says nothing."""
    said = str(error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def load_config(folder: Path, model_types: Sequence[str] = ()) -> Any:
    """The configuration in ``folder``.

    Args:
        folder: saved by ``save_pretrained``.
        model_types: the architectures that will do; any if empty.

    Raises:
        CheckpointError: it is damaged, or of another architecture.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} holds no usable config.json ({first_line(error)})") from error
    if model_types and config.model_type not in model_types:
        wanted = " or ".join(repr(kind) for kind in model_types)
        raise CheckpointError(
            f"{folder} is a {config.model_type!r} where {wanted} is needed; name other weights"
        )
    return config


def load_network(
    architecture: str, folder: Path, *, dtype: str, device: str | None, unused: Sequence[str] = ()
) -> Any:
    """The network in ``folder``, ready to read with.

    Args:
        architecture: a class of transformers, such as ``BlipForQuestionAnswering``.
        folder: saved by ``save_pretrained``.
        dtype: one of :data:`DTYPES`.
        device: where to compute; a GPU if there is one.
        unused: beginnings of the names of weights that take no part in a reading. Published
            checkpoints may lack them.

    Raises:
        CheckpointError: it does not load, or some of its weights are not in the folder; they would be
            random, and so would the readings.
        UsageError: there is no such device here.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    chosen = usable_device(architecture, device)
    transformers.utils.logging.disable_progress_bar()
    try:
        loaded: Any = getattr(transformers, architecture).from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=getattr(torch, dtype),
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder} does not load as {architecture} ({first_line(error)})") from error
    network, report = loaded
    absent = sorted(
        name
        for name in (*report["missing_keys"], *(str(key) for key in report["mismatched_keys"]))
        if not name.startswith(tuple(unused))
    )
    if absent:
        raise CheckpointError(
            f"{folder} lacks {len(absent)} weights of {architecture}, such as {absent[0]}; random ones would "
            "give random readings, so name a complete checkpoint"
        )
    return network.to(chosen).eval()
