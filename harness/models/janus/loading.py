"""Loads a Janus checkpoint from the hub or a folder: safetensors only, revision recorded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float64", "float32", "bfloat16", "float16")
EXACT_BELOW = 50_000_000
"""Parameters below which ``auto`` computes in float64 on a CPU: exact in any batch, and cheap enough."""


@dataclass(frozen=True)
class Loaded:
    """A model ready to use.

    Attributes:
        model: the language side in the chosen dtype; the picture decoder stays in float32 or wider halves.
        processor: its ``JanusProcessor``.
        revision: ``sha256:...`` of local weights, or the hub's commit.
        dtype: what the language side computes in.
        device: where.
    """

    model: Any
    processor: Any
    revision: str
    dtype: torch.dtype
    device: torch.device


@cache
def folder_revision(folder: Path) -> str:
    """``sha256:`` and 16 hex digits over a folder's weights and configuration, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json") and path.is_file():
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


def load(weights: str, revision: str | None, device: str, dtype: str) -> Loaded:
    """The checkpoint ``weights``, a folder or a hub name.

    Args:
        weights: path of a folder in the hub's layout, or ``owner/name``.
        revision: the hub's branch, tag or commit; None for the default branch.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: one of :data:`DTYPES`. ``auto`` is bfloat16 on a GPU, float64 for small models on a
            CPU and float32 for the others.

    Raises:
        CheckpointError: nothing there, damaged, or another architecture.
        UsageError: an unknown device or dtype.
    """
    import torch
    from transformers import AutoConfig, JanusForConditionalGeneration, JanusProcessor
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if dtype not in DTYPES:
        raise UsageError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    place = _device(device)
    folder = Path(weights)
    local = folder.is_dir()
    if not local and (folder.is_absolute() or weights.startswith((".", "~"))):
        raise CheckpointError(f"no checkpoint folder at {weights}; give a folder or a hub name (owner/name)")
    try:
        config = AutoConfig.from_pretrained(weights, revision=revision, trust_remote_code=False)
        if config.model_type != "janus":
            raise CheckpointError(
                f"{weights} is a {config.model_type!r} checkpoint, this adapter loads 'janus' ones; "
                "`selfreward-eval list models` shows the adapters"
            )
        loader: Any = JanusForConditionalGeneration.from_pretrained
        model, report = loader(
            weights,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
        processor_loader: Any = JanusProcessor.from_pretrained
        processor = processor_loader(weights, revision=revision, trust_remote_code=False)
    except CheckpointError:
        raise
    except Exception as error:
        # Loaders raise anything from OSError to SafetensorError for a file that is not what it should be.
        first = shorten(next(iter(str(error).strip().splitlines()), ""), 200, placeholder=" ...")
        raise CheckpointError(
            f"the checkpoint {weights} does not load: {type(error).__name__}: {first}; "
            "it needs config.json, processor files and whole .safetensors weights"
        ) from error
    absent = sorted(report["missing_keys"])
    if absent:
        raise CheckpointError(
            f"the checkpoint {weights} lacks {len(absent)} tensors of its architecture, {absent[0]} among "
            "them; it is damaged or incomplete"
        )
    if (odd := _contradiction(model.config, processor)) is not None:
        raise CheckpointError(f"the checkpoint {weights} contradicts itself: {odd}; it is mixed up")
    wanted = _dtype(dtype, place, sum(p.numel() for p in model.parameters()))
    model.eval().requires_grad_(False)
    model.to(device=place, dtype=wanted)
    if wanted == torch.float64:
        # One picture is decoded at a time, always in the same shape: float32 is exact enough and faster.
        model.model.vqmodel.to(torch.float32)
    commit = getattr(config, "_commit_hash", None)
    known = folder_revision(folder.resolve()) if local else str(commit or revision or "unknown")
    return Loaded(model, processor, known, wanted, place)


def _contradiction(config: Any, processor: Any) -> str | None:
    """Why weights and processor cannot belong together, or None. Found here, not in the middle of a run."""
    if not processor.chat_template:
        return "its processor has no chat template"
    words, rows = len(processor.tokenizer), config.text_config.vocab_size
    if words > rows:
        return f"the tokenizer has {words} words, the weights know {rows}"
    tokens, expected = processor.num_image_tokens, config.vision_config.num_image_tokens
    if tokens != expected:
        return f"the processor writes {tokens} tokens for a picture, the weights expect {expected}"
    side, wanted = processor.image_processor.size["height"], config.vision_config.image_size
    if side != wanted:
        return f"the processor makes pictures of {side} pixels, the weights expect {wanted}"
    return None


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {name!r}; known: auto, cpu, cuda, cuda:N")
    visible = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= visible:
        seen = f"{visible} CUDA devices are visible" if visible else "no CUDA device is visible"
        raise UsageError(f"device {name!r} is asked for but {seen}; use device=cpu")
    return device


def _dtype(name: str, device: torch.device, parameters: int) -> torch.dtype:
    import torch

    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cuda":
        return torch.bfloat16
    return torch.float64 if parameters < EXACT_BELOW else torch.float32
