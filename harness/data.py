"""Official benchmark data: pinned upstream files, never bundled, always verified.

A task lists its files in ``data_files``. Each file is looked for under
``$SELFREWARD_DATA/<folder>/`` and then in the cache, and is read only if its
sha256 is the pinned one. Two tasks may read the same upstream file, so its folder
is named after its source; error messages name the task whose ``data fetch``
downloads it. Nothing is downloaded unless :func:`fetch` is called; the download
itself is pooch's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import InputError, MissingData
from selfreward_eval.harness.registry import registry

if TYPE_CHECKING:
    from requests import RequestException

RAW_HOST = "https://raw.githubusercontent.com"
TIMEOUT_S = 30.0
CHUNK = 1 << 16

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None if the server does not say)."""


@dataclass(frozen=True)
class PinnedFile:
    """One upstream file, as it was at one commit.

    Attributes:
        folder: its folder below ``SELFREWARD_DATA`` and the cache, named after its source.
        path: path inside the upstream repository, and inside the folder.
        repo: ``owner/name`` on GitHub.
        commit: full commit hash.
        sha256: of the file's bytes; empty where it is not known, and ``git_blob`` is.
        licence: of the data.
        task: registry name of the task that reads it, for ``selfreward-eval data fetch TASK``.
        git_blob: git's own hash of the file, which the commit names. It is checked in place of a sha256
            that nobody has published.
    """

    folder: str
    path: str
    repo: str
    commit: str
    sha256: str
    licence: str
    task: str
    git_blob: str = ""

    @property
    def hash_name(self) -> str:
        """Which hash is checked, for messages."""
        return "sha256" if self.sha256 else "git blob"

    @property
    def url(self) -> str:
        """Address of this version of the file."""
        return f"{RAW_HOST}/{self.repo}/{self.commit}/{self.path}"

    def download(self, target: Path, progress: Progress | None) -> None:
        """Puts the verified file at ``target``; errors as in :func:`fetch`."""
        _download(self, target, progress)


@runtime_checkable
class DeclaresFiles(Protocol):
    """A task class, or another factory of tasks, that says which official files its items are loaded from."""

    data_files: tuple[PinnedFile, ...]


@dataclass(frozen=True)
class FileState:
    """Whether one pinned file is on this machine.

    Attributes:
        file: the file that was looked for.
        status: ``ok``, ``missing``, or ``mismatch`` (a file is there, but its sha256 differs).
        path: where a file of this name was found, or None.
    """

    file: PinnedFile
    status: str
    path: Path | None

    def to_json(self, task: str) -> dict[str, Any]:
        """JSON values for ``data verify --json``; ``task`` is who declares the file."""
        return {
            "task": task,
            "folder": self.file.folder,
            "file": self.file.path,
            "status": self.status,
            "path": str(self.path) if self.path else None,
            "sha256": self.file.sha256 or None,
            **({"git_blob": self.file.git_blob} if self.file.git_blob else {}),
            "url": self.file.url,
            "licence": self.file.licence,
        }


def cache_folder() -> Path:
    """``$SELFREWARD_CACHE``, or ``~/.cache/selfreward-eval/data``."""
    chosen = os.environ.get("SELFREWARD_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "selfreward-eval" / "data"


def state(file: PinnedFile) -> FileState:
    """Where ``file`` is, and whether it has the pinned content.

    The first place that holds a file of that name decides: a wrong file under ``SELFREWARD_DATA``
    is reported, and the cache is not tried instead.
    """
    for path in _places(file):
        if path.is_file():
            return FileState(file, "ok" if is_pinned(file, path) else "mismatch", path)
    return FileState(file, "missing", None)


def locate(file: PinnedFile) -> Path:
    """The verified file on this machine.

    Raises:
        MissingData: it is in neither place; the message names the command that downloads it.
        InputError: the file there is not the pinned one.
    """
    local = state(file)
    if local.status == "ok" and local.path is not None:
        return local.path
    fetching = f"run `selfreward-eval data fetch {file.task}`"
    if local.status == "mismatch":
        raise InputError(
            f"{local.path} is not {file.repo} {file.path} at {file.commit[:7]} (its {file.hash_name} "
            f"differs); replace it, or remove it and {fetching}"
        )
    raise MissingData(
        f"the official file {file.path} of {file.task} is not on this machine; {fetching}, or set "
        f"SELFREWARD_DATA to a folder that holds {file.folder}/{file.path}"
    )


def fetch(file: PinnedFile, progress: Progress | None = None) -> Path:
    """The verified file, downloaded into the cache if it is not on this machine yet.

    pooch writes a temporary file and renames it once its sha256 is the pinned one, so a broken
    download leaves nothing behind. A damaged file in the cache is replaced. A file under
    ``SELFREWARD_DATA`` belongs to the user and is never changed.

    Raises:
        MissingData: the download failed.
        InputError: the downloaded file, or the one under ``SELFREWARD_DATA``, is not the pinned one.
    """
    target = cache_folder() / file.folder / file.path
    local = state(file)
    if local.status == "ok" or local.path not in (None, target):
        return locate(file)
    file.download(target, progress)
    # pooch's temporary file is readable by its owner only; a cache may be shared.
    target.chmod(0o644)
    return target


def declared_files(tasks: Sequence[str] = ()) -> dict[str, tuple[PinnedFile, ...]]:
    """Task name -> the files it declares, for the named tasks or for all registered ones that load.

    An instrument whose weights are pinned files may be named as well.

    Raises:
        UnknownName: no such task.
        UsageError: a named task that does not load.
    """
    known, instruments = registry("tasks"), registry("instruments")
    broken = () if tasks else known.broken()
    makers = {
        name: (instruments if name in instruments and name not in known else known).load(name)
        for name in (tasks or known.names())
        if name not in broken
    }
    return {
        name: tuple(maker.data_files) if isinstance(maker, DeclaresFiles) else ()
        for name, maker in makers.items()
    }


def _places(file: PinnedFile) -> list[Path]:
    """Where ``file`` may lie, in order of precedence."""
    chosen = os.environ.get("SELFREWARD_DATA")
    folders = [Path(chosen).expanduser()] if chosen else []
    return [folder / file.folder / file.path for folder in [*folders, cache_folder()]]


def _download(file: PinnedFile, target: Path, progress: Progress | None) -> None:
    """Downloads ``file`` to ``target``; errors as in :func:`fetch`."""
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("WARNING")
    bar = False if progress is None else _ProgressBar(progress)
    if not file.sha256:
        # Without a sha256 pooch would take any file that is there.
        target.unlink(missing_ok=True)
    try:
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}" if file.sha256 else None,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT_S),
        )
    except RequestException as error:
        raise MissingData(
            f"could not download {file.url}: {_cause(error)}; check the connection and run the command "
            f"again, or set SELFREWARD_DATA to a folder that holds {file.folder}/{file.path}"
        ) from error
    except ValueError as error:
        raise another_file(file) from error
    if not is_pinned(file, target):
        target.unlink()
        raise another_file(file)


def another_file(file: PinnedFile) -> InputError:
    """The error for a download that is not the pinned file."""
    return InputError(
        f"the file downloaded from {file.url} is not the pinned one (expected {file.hash_name} "
        f"{(file.sha256 or file.git_blob)[:12]}...); it was deleted, try again later"
    )


class _ProgressBar:
    """Calls ``report`` from what pooch does with a progress bar.

    pooch sets ``total`` (bytes, 0 if unknown), calls :meth:`update` with the size of each chunk, the
    last of which may be shorter, and at the end ``reset()`` and ``update(total)``.
    """

    def __init__(self, report: Progress) -> None:
        self.total = 0
        self._report, self._done = report, 0

    def update(self, size: int) -> None:
        self._done = min(self._done + size, self.total) if self.total else self._done + size
        self._report(self._done, self.total or None)

    def reset(self) -> None:
        """Nothing to do: :meth:`update` never counts beyond ``total``."""

    def close(self) -> None:
        """Nothing to do: the caller closes what it draws on."""


def _cause(error: RequestException) -> str:
    """Why a download failed, in a few words: the library's own text repeats the address."""
    from requests import ConnectionError as NoConnection
    from requests import HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, Timeout):
        return f"the server did not answer within {TIMEOUT_S:g} s"
    if isinstance(error, NoConnection):
        return "the connection failed"
    return str(error)


def is_pinned(file: PinnedFile, path: Path) -> bool:
    """Whether the file at ``path`` has the pinned content."""
    if file.sha256:
        return file_sha256(path) == file.sha256
    content = path.read_bytes()
    # What git hashes: a header with the length, then the bytes. SHA-1 names the file, it guards nothing.
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == file.git_blob


def file_sha256(path: Path) -> str:
    """64 hex digits of a file's content."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
