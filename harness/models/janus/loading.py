"""Loads a Janus checkpoint from the hub or a folder: safetensors only, revision recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.processors import load_processor
from selfreward_eval.harness.instruments.backends.weights import Weights, folder_revision
from selfreward_eval.harness.models.precision import check_dtype, choose_device, choose_dtype

if TYPE_CHECKING:
    import torch
    from transformers import JanusProcessor
    from transformers.models.janus.configuration_janus import JanusConfig


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


def load(weights: str, revision: str | None, device: str, dtype: str) -> Loaded:
    """The checkpoint ``weights``, a folder or a hub name.

    Args:
        weights: path of a folder in the hub's layout, or ``owner/name``.
        revision: the hub's branch, tag or commit; None for the default branch.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: one of :data:`~selfreward_eval.harness.models.precision.DTYPES`. ``auto`` is bfloat16 on a
            GPU, float64 for small models on a CPU and float32 for the others.

    Raises:
        CheckpointError: nothing there, damaged, another architecture, or weights that are NaN or infinite.
        UsageError: an unknown device or dtype.
    """
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    check_dtype(dtype)
    chosen_device = choose_device(device)
    source = Weights(weights, revision, reads_text=True)
    folder = source.folder
    load_config(folder, ["janus"])
    model = load_network("JanusForConditionalGeneration", folder, dtype="float32", device="cpu")
    processor = load_processor(folder, "JanusProcessor")
    if (conflict := _conflict(model.config, processor)) is not None:
        raise CheckpointError(
            f"the checkpoint {weights} contradicts itself: {conflict}; its files are mixed up"
        )
    chosen_dtype = choose_dtype(dtype, chosen_device, sum(p.numel() for p in model.parameters()))
    model.requires_grad_(False)
    model.to(device=chosen_device, dtype=chosen_dtype)
    if chosen_dtype == torch.float64:
        # One picture is decoded at a time, always in the same shape: float32 is exact enough and faster.
        model.model.vqmodel.to(torch.float32)
    # What float32 holds may be infinite in a narrower type.
    check_weights(model, weights, sorted(folder.glob("*.safetensors")))
    # A snapshot's folder is called after its commit.
    recorded = folder_revision(folder.resolve()) if source.is_local else folder.name
    return Loaded(model, processor, recorded, chosen_dtype, chosen_device)


def _conflict(config: JanusConfig, processor: JanusProcessor) -> str | None:
    """Why weights and processor cannot belong together, or None. Checked here, not in the middle of a run."""
    text: Any = config.text_config
    vision: Any = config.vision_config
    if not processor.chat_template:
        return "its processor has no chat template"
    words, rows = len(processor.tokenizer), text.vocab_size
    if words > rows:
        return f"the tokenizer has {words} words, the weights know {rows}"
    tokens, expected = processor.num_image_tokens, vision.num_image_tokens
    if tokens != expected:
        return f"the processor writes {tokens} tokens for a picture, the weights expect {expected}"
    side, expected_side = processor.image_processor.size["height"], vision.image_size
    if side != expected_side:
        return f"the processor makes pictures of {side} pixels, the weights expect {expected_side}"
    return None
