"""What the folder of a foreseen run holds already: samples of it, or another run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.api.offline import Missing
from selfreward_eval.harness.errors import SelfRewardError
from selfreward_eval.harness.task import Task, limited

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model

__all__ = ["held_by_another", "recorded"]


def held_by_another(
    folder: Path, model: Model, tasks: Sequence[Task], seed: int, policy: str, limit: int | None
) -> list[Missing]:
    """Another run in the folder, in which this one would be refused."""
    from selfreward_eval.harness.folders import RUN, require_same
    from selfreward_eval.harness.runs.plan import identity
    from selfreward_eval.harness.runs.reader import MANIFEST, read_manifest

    if not (folder / MANIFEST).is_file():
        return []
    try:
        items = {task.info.name: limited(list(task.items()), limit) for task in tasks}
        require_same(
            folder, read_manifest(folder).identity, identity(model, tasks, items, seed, policy, limit), RUN
        )
    except SelfRewardError as error:
        what, _, way_out = str(error).rpartition("; ")
        return [Missing("folder", "the run", what, way_out)]
    return []


def recorded(folder: Path, task: Task) -> int:
    """Lines that the run folder holds of the task."""
    from selfreward_eval.harness.files import read_json_lines

    paths = list(folder.glob(f"samples_{task.info.name}_2*.jsonl"))
    return len({record.get("doc_id") for path in paths for record in read_json_lines(path).records})
