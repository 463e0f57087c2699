"""Loads a pipeline from the hub or a folder: safetensors only, no code of strangers, revision recorded."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError, MissingExtra, UsageError
from selfreward_eval.harness.instruments.backends.devices import usable_device
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.processors import require_words
from selfreward_eval.harness.instruments.backends.weights import file_hash, loading_error
from selfreward_eval.harness.models.diffusers.warnings import heard, left_out

DTYPES = ("auto", "float64", "float32", "bfloat16", "float16")
OFFLOADS = ("none", "model", "sequential")
EXACT_BELOW = 50_000_000
"""Parameters below which ``auto`` computes in float64 on a CPU, as for Janus."""

INDEX = "model_index.json"


@dataclass(frozen=True)
class Source:
    """What to load, as :class:`selfreward_eval.harness.models.diffusers.adapter.DiffusersModel` takes it."""

    pretrained: str
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    device_map: str | None = None
    offload: str = "none"
    lora: str | None = None
    lora_scale: float = 1.0
    local_files_only: bool = False


@dataclass(frozen=True)
class Loaded:
    """A pipeline ready to draw.

    Attributes:
        pipeline: a ``DiffusionPipeline`` whose call takes a prompt and generators.
        revision: ``sha256:...`` of a folder, or the hub's commit.
        dtype: what it computes in, by torch's name.
        exact: whether batches may be tried: float64 on a CPU.
        lora: what of a LoRA belongs to an identity, or None.
    """

    pipeline: Any
    revision: str
    dtype: str
    exact: bool
    lora: dict[str, Any] | None


def load(source: Source) -> Loaded:
    """The pipeline of ``source``.

    Raises:
        MissingExtra: diffusers is not installed.
        CheckpointError: nothing there, damaged, weights missing, or no text-to-image pipeline.
        UsageError: settings that exclude each other, or a device that is not here.
    """
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtra(
            "the model 'diffusers' needs the package diffusers; install selfreward-eval[diffusers]"
        ) from error
    import torch
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    folder = _folder(source)
    pipeline_class = checked_class(folder)
    device = usable_device("the model 'diffusers'", None if source.device == "auto" else source.device)
    dtype = source.dtype
    if dtype == "auto" and (device != "cpu" or source.device_map):
        dtype = "bfloat16"
    with heard() as messages:
        try:
            pipeline = pipeline_class.from_pretrained(
                folder,
                dtype=torch.float32 if dtype == "auto" else getattr(torch, dtype),
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                **({"device_map": source.device_map} if source.device_map else {}),
            )
        except Exception as error:  # Loaders raise anything for a file that is not what it should be.
            raise CheckpointError(
                f"{source.pretrained} does not load as {pipeline_class.__name__} ({loading_error(error)}); "
                "it needs whole safetensors of every component that its model_index.json names"
            ) from error
    if (weight := left_out(messages)) is not None:
        raise CheckpointError(
            f"{source.pretrained}: a weight is missing or has no place in {pipeline_class.__name__} "
            f"({weight}), and random ones draw random pictures; name a complete checkpoint"
        )
    for name, part in pipeline.components.items():
        words = getattr(part, "tokenizer", part)
        if isinstance(words, transformers.PreTrainedTokenizerBase):
            require_words(words, f"the part {name} of {source.pretrained}")
    pipeline.set_progress_bar_config(disable=True)
    lora = None if source.lora is None else _with_lora(pipeline, source.lora, source.lora_scale)
    networks = {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}
    if dtype == "auto":
        count = sum(p.numel() for network in networks.values() for p in network.parameters())
        dtype = "float64" if count < EXACT_BELOW else "float32"
    if not source.device_map:
        with heard():
            pipeline.to(getattr(torch, dtype))
    for name, network in networks.items():
        check_weights(network.eval(), f"{source.pretrained}/{name}")
    if source.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif source.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    elif not source.device_map:
        pipeline.to(device)
    exact = dtype == "float64" and device == "cpu" and not source.device_map
    return Loaded(pipeline, _revision(source, folder), dtype, exact, lora)


def check_settings(source: Source) -> None:
    """Refuses settings that no pipeline can be loaded with. Loads nothing.

    Raises:
        UsageError: an unknown dtype or offload, or settings that exclude each other.
    """
    if source.dtype not in DTYPES:
        raise UsageError(f"unknown dtype {source.dtype!r}; known: {', '.join(DTYPES)}")
    if source.offload not in OFFLOADS:
        raise UsageError(f"unknown offload {source.offload!r}; known: {', '.join(OFFLOADS)}")
    if source.device_map and (source.offload != "none" or source.device != "auto"):
        raise UsageError("device_map places the parts by itself; leave out device and offload")
    if source.offload != "none" and source.device == "cpu":
        raise UsageError(
            "offload moves parts from the CPU to a GPU and back; leave out offload or device=cpu"
        )


def checked_class(folder: Path) -> Any:
    """The class of the pipeline in ``folder``, a text-to-image one of diffusers itself.

    Raises:
        CheckpointError: no pipeline, one that brings its own code, or one that draws from something else.
    """
    import diffusers

    index = _index(folder)
    name = index.get("_class_name")
    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (inspect.isclass(found) and issubclass(found, diffusers.DiffusionPipeline)):
        raise CheckpointError(
            f"{folder} is a pipeline of class {name!r}, which diffusers {diffusers.__version__} does not "
            "have, and code beside weights is not run; name a pipeline of diffusers itself"
        )
    for part, value in index.items():
        library = value[0] if isinstance(value, list) and len(value) == 2 else None
        if library in (None, "diffusers", "transformers") or hasattr(diffusers.pipelines, str(library)):
            continue
        raise CheckpointError(
            f"{folder}: its part {part!r} is of {library!r}, and only diffusers and transformers are loaded"
        )
    parameters = inspect.signature(found.__call__).parameters
    lacking = [need for need in ("prompt", "generator") if need not in parameters]
    required = [
        other
        for other, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and other not in ("self", "prompt")
    ]
    if lacking or required:
        why = f"takes no {lacking[0]}" if lacking else f"also needs {', '.join(required)}"
        raise CheckpointError(
            f"{folder} is a {name}, which {why}, so it does not draw pictures from a text alone; name a "
            "text-to-image pipeline"
        )
    return found


def _folder(source: Source) -> Path:
    """The pipeline's folder; that of a hub repository is called after its commit."""
    from diffusers import DiffusionPipeline

    local = Path(source.pretrained).expanduser()
    if local.is_dir():
        return local
    if local.is_absolute() or source.pretrained.startswith("."):
        raise CheckpointError(
            f"no pipeline folder at {source.pretrained}; give the path of a folder saved by save_pretrained, "
            "or a hub name (owner/name)"
        )
    try:
        return Path(
            DiffusionPipeline.download(
                source.pretrained,
                revision=source.revision,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=source.local_files_only,
            )
        )
    except Exception as error:  # The hub's client raises its own kinds, and OSError, and ValueError.
        raise CheckpointError(
            f"{source.pretrained!r} is neither a folder nor a pipeline that can be had from the hub "
            f"({loading_error(error)}); give the path of a folder saved by save_pretrained, or connect once "
            "to download it"
        ) from error


def _index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{folder} holds no usable {INDEX} ({loading_error(error)}); name a whole pipeline, not a part"
        ) from error
    if not isinstance(index, Mapping):
        raise CheckpointError(f"{folder}/{INDEX} is no JSON object; save the pipeline again")
    return dict(index)


def _revision(source: Source, folder: Path) -> str:
    if not Path(source.pretrained).expanduser().is_dir():
        return folder.name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            digest.update(inside.as_posix().encode())
            digest.update(bytes.fromhex(file_hash(path)))
    return f"sha256:{digest.hexdigest()[:16]}"


def _with_lora(pipeline: Any, path: str, scale: float) -> dict[str, Any]:
    """Loads a LoRA into ``pipeline``; what of it belongs to an identity."""
    place = Path(path).expanduser()
    files = sorted(place.glob("*.safetensors")) if place.is_dir() else [place]
    if len(files) != 1 or not files[0].is_file() or files[0].suffix != ".safetensors":
        raise CheckpointError(f"lora={path} must be one safetensors file, or a folder that holds exactly one")
    if not hasattr(pipeline, "load_lora_weights"):
        raise UsageError(f"{type(pipeline).__name__} takes no LoRA; leave out lora")
    with heard() as messages:
        try:
            pipeline.load_lora_weights(
                str(files[0].parent),
                weight_name=files[0].name,
                adapter_name="lora",
                local_files_only=True,
                use_safetensors=True,
            )
            pipeline.set_adapters(["lora"], [scale])
        except Exception as error:
            raise CheckpointError(
                f"the LoRA {files[0]} does not load into {type(pipeline).__name__} ({loading_error(error)}); "
                "name one that was trained on this model"
            ) from error
    if not pipeline.get_list_adapters() or (weight := left_out(messages)) is not None:
        what = f"holds {weight}" if pipeline.get_list_adapters() else "changes nothing"
        raise CheckpointError(
            f"the LoRA {files[0]} {what} in {type(pipeline).__name__}; name one that was trained on "
            "this model"
        )
    return {"name": place.name, "sha256": file_hash(files[0]), "scale": scale}
