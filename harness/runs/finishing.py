"""The end of a run: what its records add up to, and its results.

It is the same for a run of one process and for one in parts, so that both have the same files in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import BrokenPlugin, RunFolderError
from selfreward_eval.harness.plugins import calling, require_text
from selfreward_eval.harness.records import Item, SampleRecord
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.plan import Planned, require_planned
from selfreward_eval.harness.runs.results import results_json
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

__all__ = ["finish", "score", "seconds_of"]


def score(
    task: Task, items: Sequence[Item], records: Mapping[int, SampleRecord], *, whole: bool
) -> TaskScores:
    """The scores of a task.

    Args:
        task: has the metric.
        items: of the run.
        records: by ``doc_id``; a sample without one counts as not recorded.
        whole: whether every sample has one; the task's further numbers are of a whole run.

    Raises:
        BrokenPlugin: the task failed in ``extra()``, or gave what is no JSON.
    """
    ordered = [records[key] for key in sorted(records)]
    with calling(named(task), "extra()"):
        extra = dict(task.extra(ordered)) if whole else {}
    require_text(f"{named(task)}: what extra() returned", extra, BrokenPlugin)
    return summarise(task.info, task.metrics[0], items, ordered, task.info.images_per_item, extra)


def seconds_of(records: Mapping[int, SampleRecord]) -> float:
    """Seconds that drawing and measuring took, over all samples."""
    return fsum(second for key in sorted(records) for second in records[key].timing.values())


def finish(
    folder: RunFolder,
    tasks: Sequence[Task],
    items: Mapping[str, Sequence[Item]],
    plans: Mapping[str, Sequence[Planned]],
    call: Mapping[str, Any],
    batch_size: int,
) -> tuple[Path, dict[str, TaskScores]]:
    """Merges a run of which every sample is recorded; the path of its results, and its scores.

    A finished run is left as it is.

    Args:
        folder: claimed as a whole.
        tasks: of the run.
        items: task -> items.
        plans: task -> every sample.
        call: how the run was asked for, echoed into the results.
        batch_size: likewise.

    Raises:
        RunFolderError: samples are missing, or one is of another run.
        BrokenPlugin: see :func:`score`.
    """
    scores: dict[str, TaskScores] = {}
    seconds = 0.0
    lacking: list[str] = []
    for task in tasks:
        name = task.info.name
        recorded = folder.records(name)
        require_planned(folder.samples_path(name), plans[name], recorded)
        records = {record.doc_id: record for record in recorded}
        if len(records) < len(plans[name]):
            lacking.append(f"{len(plans[name]) - len(records)} of {len(plans[name])} samples of {name!r}")
            continue
        scores[name] = score(task, items[name], records, whole=True)
        seconds += seconds_of(records)
    if lacking:
        raise RunFolderError(
            f"the run in {folder.path} lacks {' and '.join(lacking)}; run the command of a shard again, "
            "or the same command without --shard"
        )
    finished = folder.results_path()
    if finished is None:
        results = results_json(folder.manifest, tasks, scores, call, batch_size, seconds)
        finished = folder.finish(results, in_order=True)
    else:
        folder.forget_parts()  # Of shards that found nothing to do.
    return finished, scores
