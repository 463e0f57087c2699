"""The folder of one training run: written by one process, and by no other run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from selfreward_eval.harness.folders import (
    FolderUse,
    claim_identity,
    lock_folder,
    read_identity_file,
    require_same,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["IDENTITY", "TrainingFolder"]

IDENTITY = "fit.json"

TRAINING = FolderUse("another training run", "choose another folder")


class TrainingFolder:
    """Opens ``path`` for the run ``identity``.

    Args:
        path: made if it is not there.
        identity: what decides the outcome; JSON values.
        writes: whether this process is the one that writes; the others wait for it, then look.
        wait: returns when all processes have called it.

    Raises:
        RunFolderError: it holds another run, another process writes it, or it cannot be read.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], writes: bool, wait: Callable[[], None]
    ) -> None:
        self.path = path
        self.writes = writes
        self._lock: BaseFileLock | None = None
        try:
            if writes:
                self._lock = lock_folder(path, TRAINING)
                claim_identity(path / IDENTITY, identity, TRAINING)
            wait()
            recorded = read_identity_file(path / IDENTITY, TRAINING, dict)
            if recorded is not None:
                require_same(path, recorded, identity, TRAINING)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets other processes in; a second call does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
