"""Turns run folders into entries: kept ones from the cache, the others read side by side."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from selfreward_eval.harness.errors import InputError, SelfRewardError, UsageError
from selfreward_eval.harness.runs.reader import read_finished
from selfreward_eval.leaderboards.cache import entry_path, load_entry, store_entry
from selfreward_eval.leaderboards.entries import Entry, Items
from selfreward_eval.leaderboards.reading import read_entry
from selfreward_eval.leaderboards.thumbnails import card_with_thumbnail, is_complete

__all__ = ["Gathered", "gather", "run_folders"]

WORTH_A_PROCESS = 4
"""With fewer runs to read per process, starting one costs more than it saves."""


@dataclass(frozen=True)
class Gathered:
    """The entries of a leaderboard.

    Attributes:
        entries: sorted by name and fingerprint, whatever the order of the folders.
        read: how many were read; the others came from the cache.
    """

    entries: tuple[Entry, ...]
    read: int


@dataclass(frozen=True)
class _Work:
    folder: Path
    path: Path
    site: Path
    pictures: int


def run_folders(paths: Sequence[Path]) -> list[Path]:
    """Run folders behind ``paths``: each itself, or the run folders directly below it.

    Raises:
        InputError: a path holds no run.
    """
    found: list[Path] = []
    for path in paths:
        if (path / "run.json").is_file():
            found.append(path)
            continue
        below = sorted(run.parent for run in path.glob("*/run.json"))
        if not below:
            what = "is no run folder and holds none" if path.is_dir() else "does not exist"
            raise InputError(f"{path} {what}; a run folder is what `selfreward-eval run` wrote")
        found += below
    return list({folder.resolve(): folder for folder in found}.values())


def gather(
    folders: Sequence[Path],
    site: Path,
    cache: Path,
    *,
    pictures: int,
    processes: int = 1,
    done: Callable[[], None] = lambda: None,
) -> Gathered:
    """The entries of ``folders``, with the small copies of their pictures below ``site``.

    Args:
        folders: of finished runs.
        site: folder of the leaderboard.
        cache: folder of entries.
        pictures: cards per task and run.
        processes: how many read side by side.
        done: called once per run that is ready.

    Raises:
        InputError: a run that cannot be read; nothing is left out in silence.
        UsageError: two folders hold the same run.
    """
    where: dict[str, Path] = {}
    kept: dict[str, Entry] = {}
    work: dict[str, _Work] = {}
    for folder in folders:
        run = read_finished(folder).fingerprint
        if run in where:
            raise UsageError(
                f"{where[run]} and {folder} hold the same run (fingerprint {run[:12]}); give one of them"
            )
        where[run] = folder
        path = entry_path(cache, folder, run, pictures)
        entry = load_entry(path)
        if entry is None:
            work[run] = _Work(folder, path, site, pictures)
        else:
            kept[run] = _refreshed(entry, folder, path, site)
            done()
    jobs = list(work.values())
    for job in _in_turn(jobs, processes):
        entry = load_entry(job.path)
        if entry is None:
            raise InputError(f"the entry of {job.folder} could not be kept at {job.path}; check the disk")
        kept[entry.fingerprint] = entry
        done()
    shared: dict[Items, Items] = {}
    entries = [_sharing(entry, shared) for entry in kept.values()]
    return Gathered(tuple(sorted(entries, key=lambda one: (one.name, one.fingerprint))), read=len(jobs))


def _in_turn(jobs: Sequence[_Work], processes: int) -> Iterator[_Work]:
    """Does all of ``jobs`` and yields them; memory holds one run per process at a time."""
    count = min(processes, len(jobs) // WORTH_A_PROCESS)
    if count < 2:
        yield from map(_read, jobs)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # Not fork: the parent may have threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        try:
            yield from pool.map(_read, jobs, chunksize=1)
        except BrokenProcessPool:
            raise SelfRewardError(
                f"one of {count} reading processes could not start or was ended (out of memory?); what was "
                "read is kept: run the same command again with --jobs 1"
            ) from None


def _read(job: _Work) -> _Work:
    """Reads one run, makes its small pictures and keeps the entry; the caller loads it from the cache."""
    # Sample lines are no cycles, and looking for some among millions of objects costs more than reading.
    collecting = gc.isenabled()
    gc.disable()
    try:
        entry = read_entry(job.folder, job.pictures)
    finally:
        if collecting:
            gc.enable()
    store_entry(job.path, _with_thumbnails(entry, job.folder, job.site))
    return job


def _with_thumbnails(entry: Entry, folder: Path, site: Path) -> Entry:
    tasks = {
        name: replace(task, cards=tuple(card_with_thumbnail(card, folder, site) for card in task.cards))
        for name, task in entry.tasks.items()
    }
    return replace(entry, tasks=tasks, digest="")


def _refreshed(entry: Entry, folder: Path, path: Path, site: Path) -> Entry:
    """A kept entry, with pictures made again that the site lacks or that were missing before."""
    cards = [card for task in entry.tasks.values() for card in task.cards]
    if all(is_complete(card, site) for card in cards):
        return entry
    again = _with_thumbnails(entry, folder, site)
    store_entry(path, again)
    return load_entry(path) or again


def _sharing(entry: Entry, shared: dict[Items, Items]) -> Entry:
    """The entry with one copy of equal items among all runs: two hundred runs name the same ones."""
    tasks = {
        name: replace(task, items=shared.setdefault(task.items, task.items))
        for name, task in entry.tasks.items()
    }
    return replace(entry, tasks=tasks)
