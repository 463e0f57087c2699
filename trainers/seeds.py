"""One training job over several training seeds, each a training run with a page of its own.

>>> job = TrainingJob.from_names(trainer="dsr_grpo", rewarder="dsr")  # doctest: +SKIP
>>> trained = list(train_seeds(job, [0, 1, 2]))  # doctest: +SKIP
>>> claims, page = pool_seeds([run.folder for run in trained])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.processes import ALONE, Processes
from selfreward_eval.trainers.record import TrainingRecord

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Progress

__all__ = ["TrainedSeed", "train_seeds"]


@dataclass(frozen=True)
class TrainedSeed:
    """A finished training run.

    Attributes:
        seed: the training seed.
        record: what it measured.
        folder: of the training run.
        page: its report.
    """

    seed: int
    record: TrainingRecord
    folder: Path
    page: Path


def train_seeds(
    job: TrainingJob,
    seeds: Sequence[int],
    progress: Callable[[int], AbstractContextManager[Progress | None]] | None = None,
    who: Processes = ALONE,
) -> Iterator[TrainedSeed]:
    """Trains ``job`` with each of ``seeds`` and writes a page for each; yields in the main process only.

    The runs share the measurement before training. A run that is finished already is read.

    Args:
        job: its own seed and folder are replaced, see :meth:`TrainingJob.with_training_seed`.
        seeds: training seeds.
        progress: seed -> a context whose value is told of the progress; None shows nothing.
        who: this process among those that train.

    Raises:
        UsageError, MissingCapability, TrainingStopped, RunFolderError: as
            :func:`selfreward_eval.trainers.loop.train`.
    """
    from selfreward_eval.trainers.report import write_training_page

    for seed in seeds:
        seeded = job.with_training_seed(seed)
        with nullcontext() if progress is None else progress(seed) as shown:
            record = train(seeded, shown, who)
        if who.main:
            yield TrainedSeed(seed, record, seeded.output, write_training_page(seeded.output))
