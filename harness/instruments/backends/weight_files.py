"""What lies in a checkpoint folder: one set of weights, or something that must not be measured as one.

A loader takes the first file that it looks for. Where a folder holds two sets of weights (an old
``model.safetensors`` beside newer shards), an adapter beside its base, or weights that the loader's index
does not list, it would load one part in silence and the numbers would carry the name of the other. Such
folders are refused, with the way out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError

__all__ = ["check_index", "check_layout", "check_one_set", "stored_tensors"]

INDEX = "model.safetensors.index.json"
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
"""What peft writes."""
ORIGINAL_JANUS = "multi_modality"
"""``model_type`` of DeepSeek's own Janus repositories."""

_SHARD = re.compile(r"-(\d{5,})-of-(\d{5,})$")
_PICKLED = ("pytorch_model*.bin", "model*.bin", "open_clip_pytorch_model*.bin", "consolidated*.pth", "*.ckpt")
"""Names that pickled weights have. Other pickles (``optimizer.pt``, ``training_args.bin``) are none."""


def check_layout(folder: Path, name: str) -> None:
    """Refuses folders of a layout that transformers reads otherwise than their user means, or not at all.

    Args:
        folder: to look into; nothing is loaded.
        name: what the user called it.

    Raises:
        CheckpointError: an adapter, or Janus in DeepSeek's original layout.
    """
    adapter = next((file for file in ADAPTERS if (folder / file).is_file()), None)
    if adapter is not None:
        raise CheckpointError(
            f"{name} holds an adapter ({adapter}), and adapters are not loaded; merge it into its base with "
            "peft's merge_and_unload(), write that with save_pretrained into a new folder, and name this one"
        )
    config = _json(folder / "config.json")
    if config.get("model_type") == ORIGINAL_JANUS or "MultiModalityCausalLM" in (
        config.get("architectures") or ()
    ):
        raise CheckpointError(
            f"{name} is Janus in DeepSeek's original layout (model_type {ORIGINAL_JANUS!r}), which "
            "transformers does not read; name the converted weights, such as "
            "deepseek-community/Janus-Pro-1B, or convert yours to JanusForConditionalGeneration"
        )


def check_one_set(folder: Path, name: str, *, published: bool) -> None:
    """Refuses a folder whose weights could be taken for two models.

    Args:
        folder: with safetensors in it.
        name: what the user called it.
        published: whether it is one commit of a hub repository. Those also hold the same weights in other
            formats and under other names, which no loader of ours reads; only files that a loader chooses
            among count there.

    Raises:
        CheckpointError: two sets, or an index that does not belong to its files.
    """
    sets = _sets(folder)
    if published:
        sets = [files for files in sets if _stem(files[0]) == "model"]
    else:
        pickled = sorted({path.name for pattern in _PICKLED for path in folder.glob(pattern)})
        sets += [pickled] if pickled else []
    if len(sets) > 1:
        raise CheckpointError(
            f"{name} holds {len(sets)} sets of weights ({' and '.join(files[0] for files in sets[:2])}), and "
            "only one would be loaded; move what you do not want to measure into another folder"
        )
    index = folder / INDEX
    if index.is_file():
        check_index(folder, index, name)


def check_index(folder: Path, index: Path, name: str) -> None:
    """Refuses an index that does not belong to the shards beside it.

    Args:
        folder: of the shards.
        index: the file that lists which shard holds which tensor.
        name: what the user called the folder.

    Raises:
        CheckpointError: by the first file or tensor that does not fit.
    """
    listed = _json(index).get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise CheckpointError(f"{name} holds an {INDEX} without a weight_map; save the model again")
    for file in sorted(set(listed.values())):
        if Path(file).name != file:
            raise CheckpointError(f"{INDEX} of {name} names {file!r}, which is not in the folder itself")
        if not (folder / file).is_file():
            raise CheckpointError(f"{name} lacks {file}, which its {INDEX} names; copy all of its files")
        held = stored_tensors(folder / file)
        own = {tensor for tensor, place in listed.items() if place == file}
        apart = sorted(own.symmetric_difference(held))
        if apart:
            raise CheckpointError(
                f"{name}: {INDEX} and {file} disagree about {len(apart)} tensors, such as {apart[0]}; the "
                "files are of different saves, so save the model again into an empty folder"
            )


def stored_tensors(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file; only its header is read.

    Raises:
        CheckpointError: it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the weights in {path} do not load ({error})") from error


def _sets(folder: Path) -> list[list[str]]:
    """Names of the safetensors that belong together, each group sorted."""
    sets: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        shard = _SHARD.search(path.stem)
        sets.setdefault((_stem(path.name), shard[2] if shard else ""), []).append(path.name)
    return list(sets.values())


def _stem(file: str) -> str:
    """A file's name without its number as a shard and its suffix."""
    return _SHARD.sub("", Path(file).stem)


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none. A damaged file is its loader's to refuse."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
