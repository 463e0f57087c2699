"""The first half of ``selfreward-eval demo``: the shipped trained checkpoint beside its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.compare import Comparison
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.harness.runs.run import Progress
    from selfreward_eval.trainers.jobs import TrainingJob

CHECKPOINT = "dsr"
PICTURES = 76_800
"""The shipped checkpoint learnt from so many; see its card in ``harness/models/weights``."""


@dataclass(frozen=True)
class Shipped:
    """The comparison and its page."""

    comparison: Comparison
    page: Path


def compare_shipped(job: TrainingJob, output: Path, progress: Progress) -> Shipped:
    """Measures the start and, beside it, the shipped checkpoint on the job's tasks, and compares them.

    Args:
        job: the training run that follows; it finds its start measured.
        output: folder of the shipped checkpoint's run, with the comparison's page beside it.
        progress: told of every sample.
    """
    from selfreward_eval.cli.beside import measured_beside
    from selfreward_eval.harness.comparing.compare import compare_runs, load_run
    from selfreward_eval.harness.models.tiny import TinyModel
    from selfreward_eval.harness.report import write_comparison_page, write_run_page
    from selfreward_eval.harness.runs.run import BATCH, run

    settings: dict[str, Any] = {"seed": job.seed, "limit": job.limit, "batch_size": BATCH}

    def measure(model: Model, folder: Path) -> Run:
        return load_run(run(model, list(job.tasks), folder, progress=progress, **settings).folder)

    names = [task.info.name for task in job.tasks]
    with measured_beside(CHECKPOINT, names, output, settings, progress):
        start = measure(job.model, job.before / f"evaluation-guidance-{job.model.guidance:g}")
    trained = measure(TinyModel(CHECKPOINT), output)
    write_run_page(trained.folder)  # The training run writes that of the start.
    comparison = compare_runs(start, trained)
    page = write_comparison_page(comparison, start, trained, output.with_suffix(".html"))
    return Shipped(comparison, page)
