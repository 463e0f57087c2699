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
    "captioning": 0,
    "prompts": 64,
    "candidates": 8,
    "rounds": 12,
    "steps": 4,
    "batch_size": 16,
    "learning_rate": 2.5e-4,
    "ema": 0.9,
    "guidance": 1.5,
    "schedule": "constant",
}
"""Of the ``dsr_grpo`` trainer: the first rounds of what the shipped checkpoint went through 150 of."""


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
    """Compare the tiny model with what long training on its own rewards made of it; then train it briefly.

    The first comparison is with the shipped checkpoint `dsr`. The training run afterwards is the beginning of
    the same; the model is measured again, and compared.

    Nothing is downloaded. Takes a few minutes on two CPU cores; the same command goes on where
    it was stopped.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    console, errors = Console(stderr=json_), Console(stderr=True)
    # Said before anything heavy is imported, which takes a while.
    errors.print(
        "The tiny model draws for three benchmarks and answers two more, and so does what long training on "
        "its own rewards made of it. Then it learns briefly here, and is measured again."
        f"\nPictures appear below {output_path.resolve()} as they are drawn.",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.cli.compare import show
    from selfreward_eval.cli.drawn_pictures import DrawingProgress
    from selfreward_eval.cli.run import score_table
    from selfreward_eval.cli.shipped import CHECKPOINT, PICTURES, compare_shipped
    from selfreward_eval.cli.training_text import show_record
    from selfreward_eval.harness.comparing.compare import compare_runs, load_run
    from selfreward_eval.trainers.loop import train
    from selfreward_eval.trainers.report import write_training_page

    job = _job(output_path, limit, parse(trainer_args, "--trainer-args"))
    folders = {
        "before training": job.before,
        f"checkpoint={CHECKPOINT}": output_path / "shipped",
        "after training": job.output / "after",
    }
    with DrawingProgress(folders, errors) as progress:
        shipped = compare_shipped(job, output_path / "shipped", progress)
        if not json_:
            show(shipped.comparison)
        record = train(job, progress)
    page = write_training_page(job.output)
    if json_:
        found = {"page": str(page), "shipped": shipped.comparison.to_json() | {"page": str(shipped.page)}}
        print(json.dumps(asdict(record) | found, ensure_ascii=False, allow_nan=False))
        return
    before, after = (load_run(job.output / arm.folder) for arm in (record.before, record.after))
    for scores in before.scores.values():
        console.print(score_table(scores, before.name))
    show(compare_runs(before, after))
    show_record(record, job.output, console)
    settings = job.trainer.settings
    learnt = settings.prompts * settings.candidates * settings.rounds
    console.print(
        f"\nThis short run learnt from {learnt:,} pictures; the shipped checkpoint {CHECKPOINT} learnt from "
        f"{PICTURES:,} in the same way (docs/self_reward_study.md), so it shows more.\n"
        f"open these pages: {shipped.page.resolve()} (shipped), {page.resolve()} (this run)",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def _job(output_path: Path, limit: int | None, changes: dict[str, Any]) -> TrainingJob:
    """The demonstration's training run."""
    from dataclasses import replace

    from selfreward_eval.trainers.jobs import TrainingJob

    job = TrainingJob.from_names(
        model="tiny",
        trainer="dsr_grpo",
        trainer_args=SETTINGS | changes,
        rewarder="dsr",
        tasks=TASKS,
        scales=(),
        limit=limit,
        output_path=output_path,
    )
    return replace(job, output=output_path / "training")
