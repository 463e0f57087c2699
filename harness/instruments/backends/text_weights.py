"""Weights of networks that read words: tokenizer and chat template belong to them, and to their identity."""

from __future__ import annotations

import hashlib
from pathlib import Path

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.networks import first_line
from selfreward_eval.harness.instruments.backends.weights import file_hash, resolve_folder

WORDS = ("*.json", "*.jinja", "*.txt", "*.model")
"""Configuration, tokenizers, merges and chat templates. No code, and nothing pickled."""


def resolve_worded_folder(weights: str, revision: str | None = None) -> Path:
    """The folder with configuration, safetensors, tokenizer and templates; downloads on first use.

    Args:
        weights: a folder, or ``owner/name`` on the hub.
        revision: a branch, tag or commit of the hub repository.

    Raises:
        CheckpointError: it is neither, cannot be downloaded, or holds no safetensors.
    """
    folder = resolve_folder(weights, revision)
    if Path(weights).expanduser().is_dir():
        return folder
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    # The snapshot's folder is called after its commit, so both downloads are of the same one.
    try:
        huggingface_hub.snapshot_download(weights, revision=folder.name, allow_patterns=list(WORDS))
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        raise CheckpointError(
            f"the tokenizer of {weights!r} cannot be had from the hub ({first_line(error)}); give the path "
            "of a folder saved by save_pretrained, or connect once to download it"
        ) from error
    return folder


def worded_hash(folder: Path) -> str:
    """sha256 over names and content of everything in ``folder`` that a reading depends on, 64 hex digits."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in (*WORDS, "*.safetensors") for path in folder.glob(pattern)}):
        digest.update(path.name.encode("utf-8"))
        digest.update(file_hash(path).encode("ascii"))
    return digest.hexdigest()
