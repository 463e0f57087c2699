"""Saves a model as the hub does: safetensors in half precision, processor files, model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfreward_eval.trainers.pretrain import architecture, tokenizer


def processor() -> Any:
    """The ``JanusProcessor`` of the tiny model."""
    from transformers import JanusImageProcessor, JanusProcessor

    images = JanusImageProcessor(
        size={"height": architecture.PICTURE, "width": architecture.PICTURE},
        min_size=architecture.PATCH,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    words = tokenizer.build()
    return JanusProcessor(
        images, words, chat_template=tokenizer.CHAT_TEMPLATE, num_image_tokens=architecture.PICTURE_TOKENS
    )


def save(model: Any, folder: Path, card: str = "") -> None:
    """Writes ``model`` to ``folder`` in the hub's layout.

    Weights are stored in float16: half the size, and the tiny model's scores do not change by it.
    ``model`` itself stays as it is, so that its training may go on.
    """
    import copy

    import torch
    from transformers import GenerationConfig

    folder.mkdir(parents=True, exist_ok=True)
    model = copy.deepcopy(model)
    special = tokenizer.special_ids()
    model.generation_config = GenerationConfig(
        bos_token_id=special["bos"],
        eos_token_id=special["eos"],
        pad_token_id=special["pad"],
        generation_kwargs={"boi_token_id": special["boi"]},
    )
    model.config._attn_implementation = None
    model.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    processor().save_pretrained(folder)
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8")
