"""``selfreward-eval train``: run before, train, run after, compare; a page for every training seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from selfreward_eval.trainers.jobs import TrainingJob
    from selfreward_eval.trainers.record import TrainingRecord

TASKS = "shapes_t2i_compbench,shapes_geneval,shapes_t2i_reasonbench,shapes_llava_bench,shapes_questions"


def train(
    trainer: Annotated[str, typer.Option(help="Trainer; `list trainers` shows them.")] = "srum",
    trainer_args: Annotated[str, typer.Option(help="Its parameters and settings: key=value,key=value.")] = "",
    rewarder: Annotated[str, typer.Option(help="Rewarder; `list rewarders` shows them.")] = "srum",
    rewarder_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value.")] = "",
    model: Annotated[str, typer.Option(help="Model adapter that can be trained: tiny, janus.")] = "tiny",
    model_args: Annotated[str, typer.Option(help="Adapter arguments: key=value,key=value.")] = "",
    tasks: Annotated[str, typer.Option(help="What is measured before and after, comma separated.")] = TASKS,
    task_args: Annotated[str, typer.Option(help="As for `run`.")] = "",
    prompts: Annotated[
        str, typer.Option(help="shapes, one embedded benchmark's wordings, or a .txt or .jsonl file.")
    ] = "shapes",
    pictures: Annotated[
        str | None, typer.Option(help="Folder of pictures to caption, for trainers that learn captioning.")
    ] = None,
    question: Annotated[str, typer.Option(help="What is asked for a caption.")] = "describe the picture.",
    guidance_policy: Annotated[
        str, typer.Option(help="fixed: one scale for both arms; tuned: each arm its best on other items.")
    ] = "fixed",
    scales: Annotated[str, typer.Option(help="Guidance scales of the grid; empty for none.")] = "1,1.5,2,3",
    development: Annotated[int, typer.Option(min=2, help="Development items per task, for the grid.")] = 72,
    drawn: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the starting model's candidates for other trainers."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Training seeds, comma separated; each is a training run.")
    ] = "0",
    seed: Annotated[int, typer.Option(help="Run seed of the evaluation.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Items per task of the evaluation.")] = None,
    log_with: Annotated[str, typer.Option(help="Also log to: tensorboard, wandb.")] = "",
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Folder of training runs.")] = Path(
        "training"
    ),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and memory; train nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the training records as JSON.")] = False,
) -> None:
    """Train on self-rewards, measured before and after on the same items and seeds.

    The same command goes on where it was stopped. Under `accelerate launch` every process takes its share.
    Exit codes: 0 done, 5 training stopped by itself (a loss that is not finite, collapsed rewards),
    2 wrong command line, 4 missing or damaged input.
    """
    import json

    from rich.console import Console

    from selfreward_eval.cli.arguments import construct, parse, per_task
    from selfreward_eval.cli.progress import BarProgress
    from selfreward_eval.cli.training_text import show_estimate, show_record
    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.registry import registry
    from selfreward_eval.rewarders.building import build as build_rewarder
    from selfreward_eval.trainers.building import build as build_trainer
    from selfreward_eval.trainers.jobs import TrainingJob
    from selfreward_eval.trainers.loop import train as run_training
    from selfreward_eval.trainers.processes import leave, processes
    from selfreward_eval.trainers.sources import source
    from selfreward_eval.trainers.tuning import POLICIES

    if guidance_policy not in POLICIES:
        raise UsageError(f"--guidance-policy {guidance_policy!r} is none; known: {', '.join(POLICIES)}")
    names = list(dict.fromkeys(name.strip() for name in tasks.split(",") if name.strip()))
    own = per_task(parse(task_args, "--task-args"), names, "--task-args")
    chosen = [
        construct(registry("tasks").load(name), own[name], f"task {name!r}", "--task-args") for name in names
    ]
    adapter = construct(
        registry("models").load(model), parse(model_args, "--model-args"), f"model {model!r}", "--model-args"
    )
    told = parse(trainer_args, "--trainer-args")
    if "seed" in told:
        raise UsageError("--trainer-args: training seeds are given by --seeds")
    reward_arguments = parse(rewarder_args, "--rewarder-args")

    def reward(name: str | None, who: Any) -> Any:
        arguments = reward_arguments if name in (None, rewarder) else {}
        return build_rewarder(name or rewarder, who, **arguments)

    def job(number: int) -> TrainingJob:
        home = output_path / f"{trainer}-{rewarder}" / f"seed-{number}"
        return TrainingJob(
            model=adapter,
            trainer=build_trainer(trainer, **told, seed=number),
            rewarder=reward,
            source=source(prompts, pictures),
            tasks=chosen,
            output=home,
            before=output_path / "before",
            policy=guidance_policy,  # type: ignore[arg-type]
            scales=_scales(scales),
            development=development,
            seed=seed,
            limit=limit,
            drawn=drawn,
            log_with=tuple(name.strip() for name in log_with.split(",") if name.strip()),
            question=question,
        )

    numbers = _seeds(seeds)
    who = processes(str(getattr(adapter, "device", "auto")))
    console = Console(stderr=json_)
    if dry_run:
        from selfreward_eval.trainers.jobs import estimate_cost

        if not who.main:
            return
        estimate = estimate_cost(job(numbers[0]))
        if json_:
            print(json.dumps(estimate, ensure_ascii=False, allow_nan=False))
        else:
            show_estimate(estimate, console)
        return
    records: list[TrainingRecord] = []
    pages: list[Path] = []
    for number in numbers:
        one = job(number)
        with BarProgress(label=f"seed {number}:" if len(numbers) > 1 else "") as progress:
            record = run_training(one, progress, who)
        if not who.main:
            continue
        from selfreward_eval.trainers.report import write_training_page

        records.append(record)
        pages.append(write_training_page(one.output))
        if not json_:
            show_record(record, one.output, console)
            console.print(f"page: {pages[-1].resolve()}", soft_wrap=True, highlight=False, markup=False)
    leave()
    if not who.main:
        return
    pooled = None
    if len(numbers) > 1:
        from selfreward_eval.cli.pooled_text import show_pooled
        from selfreward_eval.trainers.pooling import pool_seeds

        pooled, page = pool_seeds([job(number).output for number in numbers])
        if not json_:
            show_pooled(pooled)
            console.print(
                f"page over all seeds: {page.resolve()}", soft_wrap=True, highlight=False, markup=False
            )
    if json_:
        from dataclasses import asdict

        print(
            json.dumps(
                {
                    "training_runs": [asdict(record) for record in records],
                    "pages": [str(page) for page in pages],
                    "method": None if pooled is None else pooled.to_json(),
                },
                ensure_ascii=False,
                allow_nan=False,
            )
        )


def _seeds(text: str) -> list[int]:
    from selfreward_eval.harness.errors import UsageError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts) or len(set(map(int, parts))) < len(parts):
        raise UsageError(f"--seeds {text!r}: write different whole numbers from 0 on, such as 0,1,2")
    return [int(part) for part in parts]


def _scales(text: str) -> tuple[float, ...]:
    from math import isfinite

    from selfreward_eval.harness.errors import UsageError

    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (float("nan"),)
    if not all(map(isfinite, found)):
        raise UsageError(f"--scales {text!r} is no list of numbers; write 1,1.5,2")
    return found
