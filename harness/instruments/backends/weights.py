"""Weights by name: where they are, what lies there, and which ones they are.

Weights are named by a hub repository or by a folder. Either way they end as
files on this machine whose content is hashed, because a name can come to mean
other weights and a score's identity must not.

>>> Weights("owner/name", reads_text=True).shown  # nothing is looked up for it
'owner/name'

Loading what lies in the folder is for :mod:`.networks` and :mod:`.processors`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.weight_files import check_layout, check_one_set

if TYPE_CHECKING:
    from torch import Tensor

NETWORK_FILES = ("*.json", "*.safetensors")
"""What a network is taken from the hub by: never pickled weights, never code."""

TEXT_FILES = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken")
"""Configuration, tokenizers, merges and chat templates. No code, and nothing pickled."""

TEMPLATES = "additional_chat_templates"
"""Folder with further chat templates, where transformers writes them."""


@dataclass(frozen=True)
class Weights:
    """Weights in the layout of ``save_pretrained``. Nothing is looked up before it is asked for.

    Attributes:
        name: a folder, or ``owner/name`` on the hub.
        revision: a branch, tag or commit of the hub repository.
        reads_text: whether the network reads text, so that its tokenizer and chat template are downloaded
            with it and are part of :attr:`sha256`.
        reads: names of other files in the folder that a reading depends on, such as those of a picture
            processor; part of :attr:`sha256` where they are there.
    """

    name: str
    revision: str | None = None
    reads_text: bool = False
    reads: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the name is that of a folder on this machine."""
        return Path(self.name).expanduser().is_dir()

    @property
    def shown(self) -> str:
        """What an identity calls the weights: a hub name as it is, a folder without the path to it."""
        return Path(self.name).expanduser().name if self.is_local else self.name

    @cached_property
    def folder(self) -> Path:
        """The folder with configuration and safetensors; a hub repository is downloaded on first use.

        That of a hub repository is called after its commit.

        Raises:
            CheckpointError: it is neither a folder nor a repository, cannot be downloaded, or holds no
                configuration, no safetensors, more than one set of them, an adapter, or a layout of
                others; see :mod:`.weight_files`.
        """
        folder = folder_of(self.name, self.revision, NETWORK_FILES)
        check_layout(folder, self.name)
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"{folder} holds no config.json; name a folder saved by save_pretrained")
        if not any(folder.glob("*.safetensors")):
            raise CheckpointError(
                f"{folder} holds no safetensors, and pickled weights are not loaded; save it again as "
                "safetensors"
            )
        check_one_set(folder, self.name, published=not self.is_local)
        if self.reads_text and not self.is_local:
            # The snapshot's folder is called after its commit, so both downloads are of the same one.
            download(self.name, folder.name, TEXT_FILES)
        return folder

    @cached_property
    def sha256(self) -> str:
        """Over names and content of the files that a reading depends on, 64 hex digits.

        These are configuration and weights, what :attr:`reads` names, and for a network that reads text its
        tokenizer and templates.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self.reads_text:
            return text_content_hash(self.folder)
        others = [self.folder / name for name in self.reads if (self.folder / name).is_file()]
        return content_hash([self.folder / "config.json", *others, *self.folder.glob("*.safetensors")])


def folder_of(name: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The folder ``name``, or that of the hub repository's snapshot.

    Args:
        name: a folder, or ``owner/name`` on the hub.
        revision: a branch, tag or commit of the repository.
        patterns: of the files to download, as for :mod:`fnmatch`.

    Raises:
        CheckpointError: there is no such folder or repository, or the hub cannot be reached.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or name.startswith("."):
        raise CheckpointError(
            f"no checkpoint folder at {name}; give the path of a folder saved by save_pretrained, or a hub "
            "name (owner/name)"
        )
    return download(name, revision, patterns)


def download(repository: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The folder of a hub repository's snapshot, from the cache where that is complete.

    Args:
        repository: ``owner/name``.
        revision: a branch, tag or commit.
        patterns: of the files to take, as for :mod:`fnmatch`.

    Raises:
        CheckpointError: there is no such repository, or the hub cannot be reached.
    """
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        return Path(
            huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=list(patterns))
        )
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        at_revision = f" at revision {revision!r}" if revision else ""
        raise CheckpointError(
            f"{repository!r}{at_revision} is neither a folder nor weights that can be had from the hub "
            f"({first_line(error)}); give the path of a folder saved by save_pretrained, or connect once to "
            "download it"
        ) from error


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name, on the CPU.

    Raises:
        CheckpointError: it is no safetensors file, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_safetensors(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the weights in {path} do not load ({loading_error(error)})") from error


def require_safetensors(path: Path) -> None:
    """Refuses a file of another format; its content is not read.

    Raises:
        CheckpointError: it is not called ``*.safetensors``.
    """
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"{path} is not a safetensors file, and pickled weights are not loaded; save it again as "
            "safetensors"
        )


def content_hash(files: Iterable[Path]) -> str:
    """sha256 over names and content of files, whatever their order, 64 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode("utf-8"))
        digest.update(file_hash(path).encode("ascii"))
    return digest.hexdigest()


def text_content_hash(folder: Path) -> str:
    """:func:`content_hash` of the weights in ``folder`` and of every file that text is read with."""
    return content_hash(_deciding(folder))


def _deciding(folder: Path) -> list[Path]:
    """The weights in ``folder`` and every file that decides how text is read and written with them."""
    patterns = (*TEXT_FILES, "*.safetensors", f"{TEMPLATES}/*.jinja")
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def file_hash(path: Path) -> str:
    """sha256 of a file, 64 hex digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def folder_revision(folder: Path) -> str:
    """``sha256:`` and 16 hex digits over a folder's weights, configuration, tokenizer and chat templates.

    The revision of a model in a local folder, as records hold it. It is another sum than
    :attr:`Weights.sha256`, and stays so: for a folder of safetensors and JSON alone it is what records of
    earlier versions hold. Those left out ``chat_template.jinja`` and vocabularies in text files.
    """
    files = _deciding(folder)
    states = [path.stat() for path in files]
    return _revision(
        tuple((path, state.st_size, state.st_mtime_ns) for path, state in zip(files, states, strict=True))
    )


@cache
def _revision(files: tuple[tuple[Path, int, int], ...]) -> str:
    """The digest of files; size and time of change are there so that a changed file is read again."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        digest.update(path.name.encode())
        digest.update(bytes.fromhex(file_hash(path)))
    return f"sha256:{digest.hexdigest()[:16]}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class if it has none."""
    message = str(error).strip()
    return message.splitlines()[0] if message else type(error).__name__


def loading_error(error: BaseException) -> str:
    """An error of a loader for a message of ours: its first line, at most 200 characters."""
    return shorten(first_line(error), 200, placeholder=" ...")
