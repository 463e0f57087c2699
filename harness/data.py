"""Official benchmark data: pinned upstream files, never bundled, always verified.

A task names its files in ``data_files``; each is looked for under
``$SELFREWARD_DATA/<folder>/`` and then in the cache, and read only if its sha256
is the pinned one. Several tasks may read one file, so its folder is called after
where it comes from, and messages name the task that asked. Nothing is downloaded
unless :func:`fetch` is called.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, MissingData
from selfreward_eval.harness.registry import registry
from selfreward_eval.harness.task import DeclaresFiles

RAW_HOST = "https://raw.githubusercontent.com"
TIMEOUT_S = 30.0
CHUNK = 1 << 16

Progress = Callable[[int, int | None], None]
"""(bytes so far, bytes in all or None if the server does not say)."""


@dataclass(frozen=True)
class PinnedFile:
    """One upstream file, as it was at one commit.

    Attributes:
        folder: where it lies below ``SELFREWARD_DATA`` and the cache; often, not always, a task's name.
        path: path inside the upstream repository, and inside the folder.
        repo: ``owner/name`` on GitHub.
        commit: full commit hash.
        sha256: of the file's bytes.
        licence: of the data.
    """

    folder: str
    path: str
    repo: str
    commit: str
    sha256: str
    licence: str

    @property
    def url(self) -> str:
        """Where this version of the file is served."""
        return f"{RAW_HOST}/{self.repo}/{self.commit}/{self.path}"


@dataclass(frozen=True)
class FileState:
    """What became of looking for one pinned file.

    Attributes:
        file: what was looked for.
        status: ``ok``, ``missing`` or ``mismatch`` (a file is there, with other bytes).
        path: the file that is there, or None.
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
            "sha256": self.file.sha256,
            "url": self.file.url,
            "licence": self.file.licence,
        }


def cache_folder() -> Path:
    """``$SELFREWARD_CACHE``, or ``~/.cache/selfreward-eval/data``."""
    chosen = os.environ.get("SELFREWARD_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "selfreward-eval" / "data"


def state(file: PinnedFile) -> FileState:
    """Where ``file`` is and whether it is the pinned one.

    The first place that holds a file of that name decides: a wrong one under ``SELFREWARD_DATA``
    is reported, not passed over for the cache.
    """
    for path in _places(file):
        if path.is_file():
            return FileState(file, "ok" if _sha256(path) == file.sha256 else "mismatch", path)
    return FileState(file, "missing", None)


def locate(file: PinnedFile, task: str) -> Path:
    """The verified file on this machine.

    Args:
        file: one of the task's.
        task: registry name of the task that reads it: what a user would fetch.

    Raises:
        MissingData: it is in neither place.
        InputError: the file there is not the pinned one.
    """
    looked_up = state(file)
    if looked_up.status == "ok" and looked_up.path is not None:
        return looked_up.path
    fetching = f"run `selfreward-eval data fetch {task}`"
    if looked_up.status == "mismatch":
        raise InputError(
            f"{looked_up.path} is not {file.repo} {file.path} at {file.commit[:7]} (its sha256 differs); "
            f"replace it, or remove it and {fetching}"
        )
    raise MissingData(
        f"the official file {file.path} of {task} is not on this machine; {fetching}, or set "
        f"SELFREWARD_DATA to a folder that holds {file.folder}/{file.path}"
    )


def fetch(file: PinnedFile, task: str, progress: Progress | None = None) -> Path:
    """The verified file, downloaded into the cache if it is not on this machine yet.

    Written beside its place first and moved there once its hash is right, so that a broken
    download leaves nothing behind. A damaged file in the cache is replaced; one under
    ``SELFREWARD_DATA`` belongs to the user and is not touched.

    Raises:
        MissingData: the download failed.
        InputError: what the server sent, or what ``SELFREWARD_DATA`` holds, is not the pinned file.
    """
    target = cache_folder() / file.folder / file.path
    looked_up = state(file)
    if looked_up.status == "ok" or looked_up.path not in (None, target):
        return locate(file, task)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as sink:
            digest = _download(file, sink.write, progress)
        if digest != file.sha256:
            raise InputError(
                f"{file.url} sent other bytes than the pinned ones (sha256 {digest[:12]}..., expected "
                f"{file.sha256[:12]}...); nothing was kept, try again later"
            )
        Path(name).chmod(0o644)
        Path(name).replace(target)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return target


def declared_files(tasks: Sequence[str] = ()) -> dict[str, tuple[PinnedFile, ...]]:
    """Task name -> the files it declares, for the named tasks or for all registered ones.

    Raises:
        UnknownName: no such task.
    """
    known = registry("tasks")
    makers = {name: known.load(name) for name in (tasks or known.names())}
    return {
        name: tuple(maker.data_files) if isinstance(maker, DeclaresFiles) else ()
        for name, maker in makers.items()
    }


def _places(file: PinnedFile) -> list[Path]:
    """Where ``file`` may lie, in order of precedence."""
    chosen = os.environ.get("SELFREWARD_DATA")
    folders = [Path(chosen).expanduser()] if chosen else []
    return [folder / file.folder / file.path for folder in [*folders, cache_folder()]]


def _download(file: PinnedFile, write: Callable[[bytes], object], progress: Progress | None) -> str:
    """Streams the file into ``write``; returns the sha256 of what came."""
    digest, done = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(file.url, timeout=TIMEOUT_S) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            while chunk := response.read(CHUNK):
                write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise MissingData(
            f"could not download {file.url}: {reason}; check the connection and run the command again, or "
            f"set SELFREWARD_DATA to a folder that holds {file.folder}/{file.path}"
        ) from error
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
