"""The folder of one training run: written by one process, and by no other run."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selfreward_eval.harness.errors import RunFolderError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.identity import differing

__all__ = ["IDENTITY", "TrainingFolder"]

IDENTITY = "fit.json"


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
        self._lock: int | None = None
        try:
            if writes:
                self._claim()
                self._check(identity)
                if not (path / IDENTITY).exists():
                    atomic_write_json(path / IDENTITY, dict(identity))
            wait()
            self._check(identity)
        except BaseException:
            self.close()
            raise

    def _claim(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"another process is training in {self.path}; wait for it, or choose another folder"
            ) from None

    def _check(self, identity: Mapping[str, Any]) -> None:
        file = self.path / IDENTITY
        if not file.exists():
            return
        try:
            other = differing(json.loads(file.read_text(encoding="utf-8")), identity)
        except (OSError, ValueError, AttributeError) as error:
            raise RunFolderError(
                f"{file} is damaged ({error}); restore it or choose another folder"
            ) from error
        if other:
            what = "; ".join(f"{field}: {there} there, {here} here" for field, there, here in other[:4])
            raise RunFolderError(
                f"{self.path} holds another training run ({what}); choose another folder, or delete that one"
            )

    def close(self) -> None:
        """Lets other processes in; a second call does nothing."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
