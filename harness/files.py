"""Files that are whole or absent, and line files that survive a crash.

Whole files are written beside their target and renamed over it. Line files
(JSONL) are appended to, one record a line: a process that dies leaves at most
one torn line at the end, which readers skip and the next writer cuts off. A
line counts once its newline is on disk.
"""

from __future__ import annotations

import glob
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selfreward_eval.harness.user_files.json_lines import (
    JsonLines,
    JsonLinesReader,
    parse_line,
    read_json_lines,
)

__all__ = [
    "JsonLines",
    "JsonLinesReader",
    "JsonLinesWriter",
    "atomic_write_bytes",
    "atomic_write_json",
    "atomic_write_text",
    "read_json_lines",
    "remove_leftovers",
    "write_page",
]

RECORDS_PER_SYNC = 64
"""Lines between two fsyncs: a power cut loses at most these; a killed process loses none."""

_BLOCK = 1 << 16

_TEMPORARY = re.compile(r"\..+\.(?P<process>\d{1,10})\.[0-9a-f]{8}\.tmp")


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Operating-system errors inside name ``path``, not a temporary or nothing at all."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


_writing: set[str] = set()
"""Temporary files that this process is writing now."""


def remove_leftovers(path: Path) -> None:
    """Removes what killed writers of ``path`` left beside it; a file that a living process writes stays."""
    for stale in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        match = _TEMPORARY.fullmatch(stale.name)
        if match is None or str(stale) in _writing:
            continue
        writer = int(match["process"])
        # A container may start every process under one number, so that our own number tells nothing.
        if writer == os.getpid() or not _is_alive(writer):
            stale.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def atomic_write_bytes(path: Path | str, data: bytes, *, durable: bool = True) -> None:
    """Writes ``data`` to ``path``, whole or not at all; its folder must exist.

    Args:
        path: replaced if it exists.
        data: the new content.
        durable: wait until it is on the disk. Without it the file still survives
            a killed process, though not a power cut.

    Raises:
        OSError: it cannot be written; ``filename`` is ``path``, the old file is untouched.
    """
    # Texts, since a path object per picture takes as long as writing it.
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    with _naming(path):
        _writing.add(temporary)
        try:
            # Not mkstemp: its files are private, and a run folder should follow the umask.
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                _write_all(descriptor, data)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        finally:
            _writing.discard(temporary)


def atomic_write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """:func:`atomic_write_bytes` for text, as UTF-8."""
    atomic_write_bytes(path, text.encode("utf-8"), durable=durable)


def atomic_write_json(path: Path, value: Any, *, durable: bool = True, alone: bool = True) -> None:
    """:func:`atomic_write_bytes` for a JSON value, indented; first removes what killed writers left.

    Args:
        path: replaced if it exists.
        value: JSON.
        durable: wait until it is on the disk.
        alone: only this host writes it. Otherwise nothing is removed: of another host's processes nobody
            here knows whether they live.

    Raises:
        ValueError: ``value`` holds NaN or an infinity, which are not JSON.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if alone:
        remove_leftovers(path)
    atomic_write_text(path, text, durable=durable)


def write_page(path: Path, text: str) -> None:
    """:func:`atomic_write_text` for a page or a figure; first removes what killed writers of it left.

    It can be drawn again at any time, so that it need not wait for the disk.
    """
    remove_leftovers(path)
    atomic_write_text(path, text, durable=False)


def _sound_length(path: Path) -> int:
    """Bytes of ``path`` up to and including its last whole line; reads from the end only."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        tail = b""
        while position > 0:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            tail = file.read(step) + tail
            end = tail.rfind(b"\n") + 1
            start = tail.rfind(b"\n", 0, end - 1) + 1 if end else 0
            if not end or (start == 0 and position > 0):
                continue  # The last finished line begins in an earlier block.
            line = tail[start:end]
            if not line.strip():
                return position + end
            try:
                parse_line(line)
            except ValueError:
                # A complete line that is not JSON counts as torn only at the end of the file.
                return position + (start if end == len(tail) else end)
            return position + end
        return 0


_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
"""Kept, since ``json.dumps`` makes an encoder for every call."""


class JsonLinesWriter:
    """Appends records to a line file, cutting off a torn last line first.

    >>> with JsonLinesWriter(Path("samples.jsonl")) as writer:  # doctest: +SKIP
    ...     writer.append({"doc_id": 0})

    Every record reaches the operating system before ``append`` returns, so a
    killed process loses none. A write that fails (a full disk) is rolled back
    and leaves the lines before it whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unsynced = 0
        with _naming(path):
            sound = _sound_length(path) if path.exists() else 0
            self._descriptor: int | None = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
            os.ftruncate(self._descriptor, sound)
            os.lseek(self._descriptor, sound, os.SEEK_SET)
        self._length = sound

    def append(self, record: Mapping[str, Any]) -> None:
        """Writes one record as one line.

        Raises:
            ValueError: the record holds NaN or an infinity, or the writer is closed.
            OSError: the line cannot be written; ``filename`` is the file.
        """
        if self._descriptor is None:
            raise ValueError(f"{self.path} is closed")
        text = _LINE.encode(record)
        data = text.encode("utf-8") + b"\n"
        with _naming(self.path):
            try:
                _write_all(self._descriptor, data)
            except OSError:
                os.ftruncate(self._descriptor, self._length)
                os.lseek(self._descriptor, self._length, os.SEEK_SET)
                raise
            self._length += len(data)
            self._unsynced += 1
            if self._unsynced >= RECORDS_PER_SYNC:
                self.sync()

    def sync(self) -> None:
        """Waits until every line is on the disk."""
        if self._descriptor is not None and self._unsynced:
            with _naming(self.path):
                os.fsync(self._descriptor)
            self._unsynced = 0

    def close(self) -> None:
        """Syncs and closes; a second call does nothing."""
        if self._descriptor is None:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
