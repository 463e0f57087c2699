"""What computes a run's samples in place of this process: the seam between a run and an engine.

A run plans, claims its folder and merges; an engine makes and records the samples in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.runs.drawing import Phase
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.sitting import Progress
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

__all__ = ["Assignment", "Engine"]


@dataclass(frozen=True)
class Assignment:
    """Samples to make, and where they are recorded.

    Attributes:
        model: draws or answers.
        tasks: of the run.
        to_do: task -> the samples that are missing.
        records: task -> what is recorded of it, by ``doc_id``.
        folder: of the run, opened as the engine's part; parts of other labels may be written beside it.
        identity: of the run.
        environment: of this process, as parts record it.
        sitting: what parts say about how the run was asked for.
        batch_size: samples made together.
        phase: what of the work on a sample is done.
        progress: informed of every finished batch.
    """

    model: Model
    tasks: Sequence[Task]
    to_do: Mapping[str, Sequence[Planned]]
    records: Mapping[str, Mapping[int, SampleRecord]]
    folder: RunFolder
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    sitting: Mapping[str, Any]
    batch_size: int
    phase: Phase
    progress: Progress


class Engine(Protocol):
    """Makes the samples of a run.

    Attributes:
        label: of the part that it writes from this process; a second engine of it in a folder is refused.
    """

    label: str

    def work(self, assignment: Assignment) -> int:
        """Makes and records the samples; when it returns or raises, nothing writes the folder any more.

        Returns:
            The number of samples that the model drew or answered.

        Raises:
            BrokenPlugin: see :mod:`selfreward_eval.harness.runs.giving_up`; or workers died again and again.
        """
        ...
