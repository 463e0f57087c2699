"""The files of a run that several processes write at once: one part and one lock for each writer.

A writer appends to ``samples_<task>_<time>.part-<label>.jsonl`` and holds ``.lock-<label>``; the label of a
shard is ``<i>of<n>``. Nobody else appends to that file: lines that several hosts append to one file over a
network file system are torn. Who reads takes all parts together with the merged file, so that the number of
shards may change between sittings.

Locks are taken in one order: the gate, which is held only while a shard opens or a run is merged; the
folder's own lock, which the one writer of an undivided run holds all the time; then those of parts.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import FolderBusy, RunFolderError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.folders import LOCK, RUN, lock_file, lock_folder
from selfreward_eval.harness.records import SampleRecord, latest

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "claim_whole",
    "is_written",
    "journal_paths",
    "opening_part",
    "part_path",
    "part_paths",
    "read_records",
    "remove_part_locks",
    "united",
]

GATE = ".gate"

PART = ".part-"
JOURNAL = "journal"


def part_path(whole: Path, label: str) -> Path:
    """The part of ``whole``, a line file, that the writer ``label`` appends to."""
    return whole.with_name(f"{whole.stem}{PART}{label}{whole.suffix}")


def part_paths(whole: Path) -> list[Path]:
    """Every part of ``whole``, the one that was written last at the end."""
    paths = whole.parent.glob(f"{glob.escape(whole.stem)}{PART}*{whole.suffix}")
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))


def journal_paths(folder: Path, created: str) -> dict[str, Path]:
    """Label -> journal of every writer of the run; see :mod:`selfreward_eval.harness.runs.journal`."""
    whole = folder / f"{JOURNAL}_{created}.jsonl"
    return {path.stem.partition(PART)[2]: path for path in part_paths(whole)}


def read_records(path: Path) -> tuple[list[SampleRecord], bool]:
    """The last record of every sample in one file, and whether that is the whole file."""
    try:
        lines = read_json_lines(path)
        records = latest(SampleRecord.from_json(line) for line in lines.records)
        return records, len(records) == len(lines.records) and not lines.torn
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(
            f"{path} holds a line that is no sample ({type(error).__name__}: {error}); "
            "restore it, or move it away and run again"
        ) from error


def united(sources: Iterable[Sequence[SampleRecord]]) -> list[SampleRecord]:
    """One record per sample, by ``doc_id``: the last one with a number, or, where there is none, the last.

    Args:
        sources: the records of every file, the one that was written last at the end.
    """
    kept: dict[int, SampleRecord] = {}
    for records in sources:
        for record in records:
            known = kept.get(record.doc_id)
            if known is None or record.measurement.ok or not known.measurement.ok:
                kept[record.doc_id] = record
    return [kept[key] for key in sorted(kept)]


def claim_whole(folder: Path, *, among_shards: bool = False) -> ExitStack:
    """Takes every lock of ``folder``, so that nobody else writes it until the stack is closed.

    Args:
        folder: made if it is not there.
        among_shards: wait while another shard opens or merges.

    Raises:
        FolderBusy: another process writes the folder or a part of it.
    """
    with ExitStack() as locks:
        if among_shards:
            locks.enter_context(_gate(folder))
        locks.callback(lock_folder(folder, RUN).release)
        for label in _labels(folder):
            locks.callback(_locked_part(folder, label).release)
        return locks.pop_all()


@contextmanager
def opening_part(folder: Path, label: str) -> Iterator[BaseFileLock]:
    """The lock of the part ``label``, held; nobody else opens or writes ``folder`` as a whole inside.

    The lock outlives the block, unless that raises.

    Raises:
        FolderBusy: another process writes this part, or the whole folder.
    """
    with _gate(folder), ExitStack() as locks:
        locks.callback(lock_folder(folder, RUN).release)
        lock = _locked_part(folder, label)
        try:
            yield lock
        except BaseException:
            lock.release()
            raise


def is_written(folder: Path, label: str) -> bool:
    """Whether a living process holds the part ``label``; for use inside :func:`opening_part`."""
    try:
        lock = _locked_part(folder, label)
    except FolderBusy:
        return True
    lock.release()
    return False


def remove_part_locks(folder: Path) -> None:
    """Removes the lock files of parts; the caller has claimed the whole folder, so that nobody opens one."""
    for label in _labels(folder):
        (folder / f"{LOCK}-{label}").unlink(missing_ok=True)


def _gate(folder: Path) -> BaseFileLock:
    folder.mkdir(parents=True, exist_ok=True)
    return lock_file(folder / GATE)


def _labels(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix(f"{LOCK}-") for path in folder.glob(f"{LOCK}-*"))


def _locked_part(folder: Path, label: str) -> BaseFileLock:
    from filelock import Timeout  # 0.07 s of CPU

    lock = lock_file(folder / f"{LOCK}-{label}")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderBusy(
            f"another process is writing part {label} of {folder}; wait for it, or {RUN.way_out}"
        ) from None
    return lock
