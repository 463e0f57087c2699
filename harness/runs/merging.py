"""Finishes a run from what its shards recorded, in one folder or in several, without its model.

A run's identity is in its manifest; of the tasks, which are built anew, it has to be the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.folders import RUN, require_same
from selfreward_eval.harness.records import Manifest, SampleRecord
from selfreward_eval.harness.runs.finishing import finish
from selfreward_eval.harness.runs.journal import sittings
from selfreward_eval.harness.runs.parts import journal_paths, united
from selfreward_eval.harness.runs.plan import Planned, identity, require_planned
from selfreward_eval.harness.runs.planned_tasks import plan_tasks
from selfreward_eval.harness.runs.reader import read_manifest
from selfreward_eval.harness.runs.run import BATCH, Finished
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

__all__ = ["merge_run", "recorded_call"]


class _Recorded:
    """The model of a run, of which only what is recorded is needed."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = dict(about)

    def identity(self) -> dict[str, Any]:
        return self._about


def recorded_call(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """How the first shard on record was asked for; empty where no shard has written here."""
    told = _first_sitting(folder, manifest).get("call", {})
    return dict(told)


def merge_run(folder: Path, others: Sequence[Path], tasks: Sequence[Task]) -> Finished:
    """Finishes the run in ``folder``; what ``others`` hold of it is copied there before.

    Args:
        folder: of the run.
        others: folders of the same run, written elsewhere; they are not changed.
        tasks: all of the run, with the arguments that it had.

    Returns:
        The finished run; ``reused`` counts samples that were copied.

    Raises:
        FolderBusy: a shard is writing one of the folders.
        RunFolderError: a folder of another run, or samples that nobody has recorded; what was copied stays.
        InputError: a picture is missing or is not the recorded one.
    """
    manifest = read_manifest(folder)
    for other in others:
        require_same(folder, manifest.identity, read_manifest(other).identity, RUN)
    about = manifest.identity
    items, plans = plan_tasks(tasks, int(about["seed"]), str(about["seed_policy"]), about["limit"])
    same = identity(
        _Recorded(about["model"]), tasks, items, about["seed"], about["seed_policy"], about["limit"]
    )
    first = _first_sitting(folder, manifest)
    with RunFolder(folder, same, {}, among_shards=True) as target:
        copied = sum(_copy(other, target, same, plans) for other in others)
        path, scores = finish(
            target, tasks, items, plans, first.get("call", {}), int(first.get("batch_size", BATCH))
        )
    return Finished(folder, path, scores, copied, 0)


def _first_sitting(folder: Path, manifest: Manifest) -> dict[str, Any]:
    return next(iter(sittings(journal_paths(folder, manifest.created))), {})


def _copy(
    other: Path, target: RunFolder, same: Mapping[str, Any], plans: Mapping[str, Sequence[Planned]]
) -> int:
    """Copies samples that ``target`` lacks, each picture before its line; the number of samples."""
    if other.resolve() == target.path.resolve():
        raise InputError(f"{other} is named twice; name every folder once")
    copied = 0
    with RunFolder(other, same, {}, among_shards=True) as source:
        for name, planned in plans.items():
            theirs = source.records(name)
            require_planned(source.samples_path(name), planned, theirs)
            ours = target.records(name)
            known = {record.doc_id: record for record in ours}
            # As in one folder: a number replaces a failure, and nothing else replaces what is there.
            for record in united([theirs, ours]):
                if known.get(record.doc_id) != record:
                    _copy_picture(source, target, name, record)
                    target.append(name, record)
                    copied += 1
    return copied


def _copy_picture(source: RunFolder, target: RunFolder, task: str, record: SampleRecord) -> None:
    """Copies the picture of a record, if it has one and it is the recorded one."""
    sample = record.sample
    if sample.image is None:
        return
    path = target.picture_path(task, sample.item_id, sample.index, sample.seed)
    if sample.image != path:
        raise RunFolderError(
            f"{source.samples_path(task)} names the picture {sample.image!r} for sample {sample.index} of "
            f"item {sample.item_id!r}, not {path!r}; restore the file, or leave that folder out"
        )
    try:
        content = (source.path / path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{source.path / path} cannot be read ({error}); restore it, or leave that folder out"
        ) from error
    if hashlib.sha256(content).hexdigest() != sample.image_sha256:
        raise InputError(
            f"{source.path / path} is not the picture that was recorded; restore it, or leave that folder out"
        )
    (target.path / path).parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(target.path / path, content, durable=False)
