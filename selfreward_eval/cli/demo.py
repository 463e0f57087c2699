"""``selfreward-eval demo``: a model before and after training on its own rewards, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from selfreward_eval.trainers.jobs import TrainingJob

TASKS = (
    "shapes_geneval",
    "shapes_t2i_compbench",
    "shapes_t2i_reasonbench",
    "shapes_llava_bench",
    "shapes_questions",
)
"""The embedded benchmarks that the demonstration runs; the last two guard understanding."""

SETTINGS = {
    "prompts": 160,
    "candidates": 8,
    "steps": 40,
    "batch_size": 48,
    "learning_rate": 2e-4,
    "warmup": 5,
    "ema": 0.95,
    "guidance": 1.0,
    "keep": "best",
}
"""Of the ``srum`` trainer: a short run. ``docs/training.md`` has longer ones."""


def demo(
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Where the runs go.")] = Path(
        "demo"
    ),
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items, evenly over categories; all by default.")
    ] = None,
    trainer_args: Annotated[
        str, typer.Option(help="Changes of the trainer's settings: key=value,key=value.")
    ] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the training record as JSON.")] = False,
) -> None:
    """Measure the tiny model, train it briefly on SRUM's self-reward, measure it again, and compare.

    Nothing is downloaded. Takes a few minutes on two CPU cores; the same command goes on where
    it was stopped.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    console, errors = Console(stderr=json_), Console(stderr=True)
    # Said before anything heavy is imported, which takes a while.
    errors.print(
        "The tiny model draws for three benchmarks, answers two more, learns from rewards of its own, and is "
        f"measured again.\nPictures appear below {output_path.resolve()} as they are drawn.",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.cli.compare import show
    from selfreward_eval.cli.drawn_pictures import DrawingProgress
    from selfreward_eval.cli.run import score_table
    from selfreward_eval.cli.training_text import show_record
    from selfreward_eval.harness.comparing.compare import compare_runs, load_run
    from selfreward_eval.trainers.loop import train
    from selfreward_eval.trainers.report import write_training_page

    job = _job(output_path, limit, parse(trainer_args, "--trainer-args"))
    folders = {"before training": job.before, "after training": job.output / "after"}
    with DrawingProgress(folders, errors) as progress:
        record = train(job, progress)
    page = write_training_page(job.output)
    if json_:
        print(json.dumps(asdict(record) | {"page": str(page)}, ensure_ascii=False, allow_nan=False))
        return
    before, after = (load_run(job.output / arm.folder) for arm in (record.before, record.after))
    for scores in before.scores.values():
        console.print(score_table(scores, before.name))
    show(compare_runs(before, after))
    show_record(record, job.output, console)
    console.print(f"\nopen this page: {page.resolve()}", soft_wrap=True, highlight=False, markup=False)


def _job(output_path: Path, limit: int | None, changes: dict[str, Any]) -> TrainingJob:
    """The demonstration's training run."""
    from dataclasses import replace

    from selfreward_eval.trainers.jobs import TrainingJob

    job = TrainingJob.from_names(
        model="tiny",
        trainer="srum",
        trainer_args=SETTINGS | changes,
        rewarder="srum",
        rewarder_args={"reading": "paper"},
        tasks=TASKS,
        scales=(),
        limit=limit,
        output_path=output_path,
    )
    return replace(job, output=output_path / "training")
