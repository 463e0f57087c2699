"""Where an instrument's weights are, and which ones they are.

Weights are named by a hub repository or by a folder. Either way they end as
files on this machine whose content is hashed, because a name can come to mean
other weights and a score's identity must not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from selfreward_eval.harness.errors import CheckpointError

PATTERNS = ("*.json", "*.safetensors")
"""What is taken from the hub: never pickled weights, never code."""


def resolve_folder(weights: str, revision: str | None = None) -> Path:
    """The folder with the configuration and the safetensors of ``weights``; downloads on first use.

    Args:
        weights: a folder, or ``owner/name`` on the hub.
        revision: a branch, tag or commit of the hub repository.

    Raises:
        CheckpointError: it is neither, cannot be downloaded, or holds no safetensors.
    """
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        folder = _download(weights, revision)
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no config.json; name a folder saved by save_pretrained")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"{folder} holds no safetensors, and pickled weights are not loaded; save it again as safetensors"
        )
    return folder


def content_hash(folder: Path) -> str:
    """sha256 over the configuration and the weights in ``folder``, 64 hex digits."""
    digest = hashlib.sha256()
    for path in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        digest.update(path.name.encode("utf-8"))
        digest.update(file_hash(path).encode("ascii"))
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file, 64 hex digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _download(weights: str, revision: str | None) -> Path:
    """A snapshot of a hub repository, from the cache where it is complete."""
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        return Path(
            huggingface_hub.snapshot_download(weights, revision=revision, allow_patterns=list(PATTERNS))
        )
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        where = f" at revision {revision!r}" if revision else ""
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{weights!r}{where} is neither a folder nor weights that can be had from the hub ({reason}); "
            "give the path of a folder saved by save_pretrained, or connect once to download it"
        ) from error
