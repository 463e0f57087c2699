"""Where an open_clip network is, which one it is, and how it is loaded: for every instrument that has one.

A network is named by an architecture and the tag or file of its weights, as
open_clip lists them, or by a folder or hub repository that holds both
(``open_clip_config.json`` and safetensors).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import CheckpointError, InputError, MissingExtra, UsageError
from selfreward_eval.harness.instruments.backends.devices import usable_device
from selfreward_eval.harness.instruments.backends.finite import check_weights
from selfreward_eval.harness.instruments.backends.processors import refuse_control_tokens, require_words
from selfreward_eval.harness.instruments.backends.weight_files import check_one_set
from selfreward_eval.harness.instruments.backends.weights import (
    TEXT_FILES,
    download,
    file_hash,
    loading_error,
    require_safetensors,
    text_content_hash,
)

CONFIG = "open_clip_config.json"
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
"""Weights in a folder, the first one there is. Others, open_clip would pass over for pickled ones."""
PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
"""dtype -> open_clip's word for it. Half precision keeps layer norms in float32, as OpenAI's own code."""


@dataclass(frozen=True)
class Clip:
    """A network ready to use.

    Attributes:
        network: has ``encode_image`` and ``encode_text``.
        transform: a picture -> float32 (3, H, W).
        tokenise: texts -> ids (N, ``context``).
        context: tokens that a text may have, its two ends included.
    """

    network: Any
    transform: Callable[[Any], Any]
    tokenise: Callable[..., Any]
    context: int


@dataclass(frozen=True)
class ClipSource:
    """Names a network; nothing is looked up before it is asked for.

    Attributes:
        instrument: who asks, for messages.
        model: an architecture of open_clip, a folder (also as ``local-dir:PATH``), or ``hf-hub:owner/name``.
        pretrained: tag of that architecture, or path of a safetensors file; None for a folder or repository.
        revision: branch, tag or commit of the hub repository.
    """

    instrument: str
    model: str
    pretrained: str | None = None
    revision: str | None = None

    @cached_property
    def folder(self) -> Path | None:
        """The folder with configuration and weights; None for an architecture.

        Raises:
            CheckpointError: it is not there, cannot be downloaded, or holds two sets of weights.
            UsageError: a tag beside it.
            MissingExtra: open_clip is not installed.
        """
        scheme, _, rest = self.model.partition(":")
        plain = Path(self.model).expanduser()
        if scheme not in ("hf-hub", "local-dir") and not plain.is_dir():
            return None
        _open_clip(self.instrument)
        if self.pretrained is not None:
            raise UsageError(
                f"{self.instrument}: {self.model!r} has weights of its own, so pretrained={self.pretrained} "
                "cannot be had beside it; leave out one of the two"
            )
        if scheme == "hf-hub":
            folder = download(rest, self.revision, [*TEXT_FILES, *FILES])
        else:
            folder = Path(rest).expanduser() if scheme == "local-dir" else plain
        if not (folder / CONFIG).is_file():
            raise CheckpointError(f"{folder} holds no {CONFIG}; name a folder in open_clip's layout")
        check_one_set(folder, self.model, published=scheme == "hf-hub")
        return folder

    @cached_property
    def file(self) -> Path:
        """The safetensors file; a tag's is downloaded on first use.

        Raises:
            CheckpointError: there is none, it cannot be downloaded, or it is pickled.
            MissingExtra: open_clip is not installed.
        """
        if self.folder is not None:
            path = next((self.folder / name for name in FILES if (self.folder / name).is_file()), None)
            if path is None:
                raise CheckpointError(
                    f"{self.folder} holds none of {', '.join(FILES)}, and pickled weights are not loaded; "
                    "save it again as safetensors"
                )
            return path
        path = Path(self.pretrained or "").expanduser()
        if not path.is_file():
            path = self._download()
        require_safetensors(path)
        return path

    @property
    def shown(self) -> str:
        """The model's name without the way to it, which is no part of an identity."""
        if self.folder is None or self.model.startswith("hf-hub:"):
            return self.model
        return self.folder.name

    @property
    def shown_weights(self) -> str:
        """Tag, or name of the file."""
        return self.file.name if self.pretrained is None else Path(self.pretrained).name

    def sha256(self) -> str:
        """Of the weights, and of what lies beside them in a folder of their own, 64 hex digits.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        file = self.file  # A folder without weights has no identity.
        return file_hash(file) if self.folder is None else text_content_hash(self.folder)

    def quick_gelu(self) -> bool:
        """Whether the weights were trained with OpenAI's activation. open_clip itself only warns.

        Raises:
            CheckpointError: the configuration is damaged, or the weights cannot be had.
        """
        try:
            config = _open_clip(self.instrument).get_model_config(self._named) or {}
        except ValueError as error:
            reason = loading_error(error)
            raise CheckpointError(f"{self.folder} holds no usable {CONFIG} ({reason})") from error
        return bool(self._tag.get("quick_gelu", config.get("quick_gelu", False)))

    def load(self, file: Path, *, device: str | None, quick_gelu: bool, dtype: str = "float32") -> Clip:
        """The network with the weights in ``file``, a safetensors file.

        Raises:
            CheckpointError: they do not load, are of another architecture, or are NaN or infinite.
            UsageError: there is no such device here.
        """
        from safetensors import SafetensorError

        open_clip = _open_clip(self.instrument)
        chosen_device = usable_device(self.instrument, device)
        preprocessing_keys = ("mean", "std", "interpolation", "resize_mode")
        try:
            network = open_clip.create_model(
                self._named,
                pretrained=None if self.folder else str(file),
                precision=PRECISIONS[dtype],
                device=chosen_device,
                force_preprocess_cfg={key: self._tag[key] for key in preprocessing_keys if key in self._tag},
                quick_gelu=quick_gelu,
            )
            tokenise = open_clip.get_tokenizer(self._named)
        except (
            OSError,
            KeyError,
            ValueError,
            TypeError,
            RuntimeError,
            AssertionError,
            SafetensorError,
        ) as error:
            raise CheckpointError(
                f"{file} does not load as the open_clip model {self.shown!r} ({loading_error(error)})"
            ) from error
        words = getattr(tokenise, "tokenizer", None)
        if words is not None:
            require_words(words, f"the tokenizer of the open_clip model {self.shown!r}")
        check_weights(network, file, [file])
        settings = open_clip.transform.PreprocessCfg(**network.visual.preprocess_cfg)
        transform = open_clip.transform.image_transform_v2(settings, is_train=False)
        return Clip(network.eval(), transform, tokenise, int(tokenise.context_length))

    @property
    def _named(self) -> str:
        """The model as open_clip wants it."""
        return self.model if self.folder is None else f"local-dir:{self.folder}"

    @cached_property
    def _tag(self) -> dict[str, Any]:
        """What open_clip knows of the tag; empty for a file or folder."""
        if self.folder is not None or Path(self.pretrained or "").expanduser().is_file():
            return {}
        return dict(_open_clip(self.instrument).get_pretrained_cfg(self.model, self.pretrained) or {})

    def _download(self) -> Path:
        open_clip = _open_clip(self.instrument)
        if not self._tag:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(self.model)) or "none"
            raise CheckpointError(
                f"{self.pretrained!r} is neither a file nor weights of the open_clip model {self.model!r} "
                f"(known: {tags})"
            )
        try:
            return Path(open_clip.download_pretrained(self._tag))
        except (OSError, RuntimeError) as error:
            raise CheckpointError(
                f"the weights {self.pretrained!r} of {self.model!r} cannot be downloaded ({error}); connect "
                "once, or give the path of a safetensors file as pretrained"
            ) from error


def check_length(clip: Clip, texts: Sequence[str]) -> list[bool]:
    """Whether each text fits into the network's context; what does not would be cut without a word.

    A text fits if one more place changes nothing but adds padding, whatever the tokenizer.
    """
    if not texts:
        return []
    longer = clip.tokenise(["", *texts], context_length=clip.context + 1)
    usual = clip.tokenise(list(texts))
    padding = longer[0, -1]
    fits = (longer[1:, :-1] == usual).all(dim=1) & (longer[1:, -1] == padding)
    return [bool(fit) for fit in fits]


def check_control(clip: Clip, texts: Sequence[str], what: str) -> None:
    """Refuses texts that spell where a text starts or ends: the network would read nothing after the end.

    Args:
        clip: ready to use.
        texts: as they will be read.
        what: each of them is, for messages.

    Raises:
        InputError: by the first text and its token.
    """
    words: Any = clip.tokenise
    of_transformers = getattr(words, "tokenizer", None)
    if of_transformers is not None:
        refuse_control_tokens(of_transformers, texts, what, "the network")
        return
    control = [words.decoder[number] for number in getattr(words, "all_special_ids", ())]
    for text in texts:
        # open_clip's own tokenizer reads small letters.
        token = next((token for token in control if token in text.lower()), None)
        if token is not None:
            raise InputError(
                f"{what} {text!r} holds {token}, which the network reads as a text's start or end; write it "
                "otherwise"
            )


def _open_clip(instrument: str) -> Any:
    """The package, which is an extra."""
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the instrument {instrument!r} needs open_clip; install selfreward-eval[instruments]"
        ) from error
    return open_clip
