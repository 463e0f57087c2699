"""Claims a folder: one process writes it at a time, and always for the same identity.

Runs, training runs and rewards are written over hours and resumed. Whoever writes one takes the lock of
its folder first, then compares the identity that is recorded there with its own:

>>> with lock_folder(Path("results/tiny"), RUN):  # doctest: +SKIP
...     claim_identity(Path("results/tiny/run.json"), {"seed": 0}, RUN)

The operating system holds the lock, so that it ends with the process, however that ends. The lock file
itself is empty and stays. A file system without such locks is refused.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from selfreward_eval.harness.errors import FolderBusy, RunFolderError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.identity import Difference, differing
from selfreward_eval.harness.user_files.text_files import parse_json

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "LOCK",
    "RUN",
    "FolderUse",
    "claim_identity",
    "create_json",
    "lock_file",
    "lock_folder",
    "read_identity_file",
    "require_same",
]

LOCK = ".lock"
"""The lock file's name inside a folder."""

FIELDS_SHOWN = 4
"""A message names at most so many fields in which two identities differ."""

T = TypeVar("T")


@dataclass(frozen=True)
class FolderUse:
    """How messages speak of a folder.

    Attributes:
        holds: what another identity is called, such as ``another run``.
        way_out: what the user can do instead, such as ``choose another --output-path``.
    """

    holds: str
    way_out: str


RUN = FolderUse("another run", "choose another --output-path")


def lock_folder(folder: Path, use: FolderUse) -> BaseFileLock:
    """Takes the lock of ``folder`` or fails at once; the folder is made if it is not there.

    Returns:
        The lock, held. It ends with ``release()``, at the end of a ``with`` block, with the object itself,
        or with the process.

    Raises:
        FolderBusy: another process, or another part of this one, holds it.
        OSError: the folder cannot be written, or its file system has no locks.
    """
    from filelock import Timeout  # 0.07 s of CPU

    folder.mkdir(parents=True, exist_ok=True)
    lock = lock_file(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderBusy(f"another process is writing {folder}; wait for it, or {use.way_out}") from None
    return lock


def lock_file(path: Path) -> BaseFileLock:
    """The lock that is the file ``path``, not held yet; entering it waits until no other process holds it."""
    from filelock import FileLock  # 0.07 s of CPU

    # Any thread may release what another one took. A lock that is a file's existence would survive a crash.
    return FileLock(path, thread_local=False, fallback_to_soft=False, preserve_lock_file=True)


def claim_identity(file: Path, identity: Mapping[str, Any], use: FolderUse) -> None:
    """Writes ``identity`` to ``file`` if that is not there; otherwise it must hold the same one.

    Args:
        file: inside the folder that is claimed.
        identity: everything that decides the outcome; JSON values.
        use: for messages.

    Raises:
        RunFolderError: ``file`` holds another identity, or is damaged.
    """
    recorded = read_identity_file(file, use, dict)
    if recorded is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_json(file, dict(identity))
    else:
        require_same(file.parent, recorded, identity, use)


def create_json(file: Path, value: Mapping[str, Any]) -> None:
    """Writes ``value`` to ``file``, whole, unless that is there already: the first of several writers wins.

    Hosts that see the same folder agree on who was first, also where they do not see each other's locks.

    Raises:
        OSError: it cannot be written, or the file system has no hard links.
    """
    whole = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    atomic_write_json(whole, value)
    try:
        os.link(whole, file)
    except FileExistsError:
        pass
    finally:
        whole.unlink(missing_ok=True)


def read_identity_file(file: Path, use: FolderUse, parse: Callable[[dict[str, Any]], T]) -> T | None:
    """What ``file`` holds, or None if it is not there.

    Args:
        file: a JSON object.
        use: for messages.
        parse: makes the result of the JSON object, such as ``dict``; ValueError, TypeError or AttributeError
            if it cannot.

    Raises:
        RunFolderError: it cannot be read.
    """
    if not file.exists():
        return None
    try:
        content = parse_json(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError(f"expected a JSON object, got {type(content).__name__}")
        return parse(content)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{file} is damaged ({error}); restore it or {use.way_out}") from error


def require_same(
    folder: Path, recorded: Mapping[str, Any], identity: Mapping[str, Any], use: FolderUse
) -> None:
    """Returns if the identity that ``folder`` has on record is ``identity``, as JSON has them.

    Raises:
        RunFolderError: it is not; the message has the first fields that differ.
    """
    differences = [entry for entry in differing(recorded, identity) if not _written_alike(entry)]
    if differences:
        fields = [f"{field}: {there} there, {here} here" for field, there, here in differences[:FIELDS_SHOWN]]
        raise RunFolderError(
            f"{folder} holds {use.holds} ({'; '.join(fields)}); {use.way_out}, or delete that folder"
        )


def _written_alike(difference: Difference) -> bool:
    """Whether one side is a text and the other a number or truth value that is written as that text.

    Earlier versions recorded ``name=7`` as a number, which is a text since. The run is the same.
    """
    return difference.a == f'"{difference.b}"' or difference.b == f'"{difference.a}"'
