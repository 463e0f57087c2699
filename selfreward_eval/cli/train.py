"""``selfreward-eval train``: run before, train, run after, compare; a page for every training seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from selfreward_eval.cli.completion import names_of
from selfreward_eval.cli.config.options import CONFIG, ConfigFile, resolved
from selfreward_eval.cli.engine_options import EngineArguments

TASKS = "shapes_t2i_compbench,shapes_geneval,shapes_t2i_reasonbench,shapes_llava_bench,shapes_questions"


def train(
    ctx: typer.Context,
    config: ConfigFile = None,
    trainer: Annotated[
        str, typer.Option(help="Trainer; `list trainers` shows them.", autocompletion=names_of("trainers"))
    ] = "srum",
    trainer_args: Annotated[str, typer.Option(help="Its parameters and settings: key=value,key=value.")] = "",
    rewarder: Annotated[
        str, typer.Option(help="Rewarder; `list rewarders` shows them.", autocompletion=names_of("rewarders"))
    ] = "srum",
    rewarder_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value.")] = "",
    caption_rewarder: Annotated[
        str,
        typer.Option(
            help="Rewarder of captions, for trainers that learn captioning; by default the dual reward.",
            autocompletion=names_of("rewarders"),
        ),
    ] = "",
    caption_rewarder_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value.")] = "",
    model: Annotated[str, typer.Option(help="Model adapter that can be trained: tiny, janus.")] = "tiny",
    model_args: Annotated[str, typer.Option(help="Adapter arguments: key=value,key=value.")] = "",
    tasks: Annotated[
        str,
        typer.Option(
            help="What is measured before and after, comma separated.", autocompletion=names_of("tasks")
        ),
    ] = TASKS,
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
    evaluate_at: Annotated[
        str,
        typer.Option(help="Also measure along the way, after so many pictures to learn from: 5000,20000."),
    ] = "",
    evaluate_tasks: Annotated[
        str, typer.Option(help="Tasks that are measured along the way; all of --tasks by default.")
    ] = "",
    evaluate_limit: Annotated[
        int | None, typer.Option(min=1, help="Items per task along the way; as many as --limit by default.")
    ] = None,
    log_with: Annotated[str, typer.Option(help="Also log to: tensorboard, wandb.")] = "",
    log_pictures_every: Annotated[
        int,
        typer.Option(
            min=0, help="With --log-with: log pictures of fixed prompts every so many rounds; 0 for none."
        ),
    ] = 5,
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Folder of training runs.")] = Path(
        "training"
    ),
    engine: Annotated[
        str, typer.Option(help="local: this process draws; ray: a Ray cluster that runs (extra [ray]).")
    ] = "local",
    engine_args: EngineArguments = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and memory; train nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the training records as JSON.")] = False,
) -> None:
    """Train on self-rewards, measured before and after on the same items and seeds.

    The same command resumes a run that was stopped. Under `accelerate launch` every process takes its share.
    Exit codes: 0 done, 5 training stopped by itself (a loss that is not finite, collapsed rewards),
    2 wrong command line, 4 missing or damaged input, or a cluster that cannot be reached, 6 actors of an
    engine died again and again.
    """
    import json
    from dataclasses import asdict, replace

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.api.engines import build_engine
    from selfreward_eval.harness.registry import require_name

    computing = build_engine(engine, parse(engine_args, "--engine-args"), "--engine-args", measures=False)
    named = (
        ("trainers", [trainer]),
        ("rewarders", [rewarder, *filter(None, [caption_rewarder])]),
        ("models", [model]),
        ("tasks", _listed(tasks)),
    )
    for group, names in named:
        for name in names:
            require_name(group, name)
    from rich.console import Console

    from selfreward_eval.cli.pooled_text import show_pooled
    from selfreward_eval.cli.progress import BarProgress
    from selfreward_eval.cli.training_text import show_estimate, show_record
    from selfreward_eval.trainers.cost import estimate_cost
    from selfreward_eval.trainers.jobs import TrainingJob
    from selfreward_eval.trainers.points import Points
    from selfreward_eval.trainers.pooling import pool_seeds
    from selfreward_eval.trainers.processes import leave, processes
    from selfreward_eval.trainers.seeds import train_seeds

    training_seeds = _seeds(seeds)
    job = TrainingJob.from_names(
        model=model,
        model_args=parse(model_args, "--model-args"),
        trainer=trainer,
        trainer_args=parse(trainer_args, "--trainer-args"),
        rewarder=rewarder,
        rewarder_args=parse(rewarder_args, "--rewarder-args"),
        caption_rewarder=caption_rewarder or None,
        caption_rewarder_args=parse(caption_rewarder_args, "--caption-rewarder-args"),
        tasks=_listed(tasks),
        task_args=parse(task_args, "--task-args"),
        prompts=prompts,
        pictures=pictures,
        question=question,
        guidance_policy=guidance_policy,  # type: ignore[arg-type]
        scales=_scales(scales),
        development=development,
        drawn=drawn,
        training_seed=training_seeds[0],
        seed=seed,
        limit=limit,
        points=Points(
            _pictures(evaluate_at), tuple(_listed(evaluate_tasks)) if evaluate_tasks else None, evaluate_limit
        ),
        log_with=_listed(log_with),
        log_pictures_every=log_pictures_every,
        output_path=output_path,
        engine=computing,
    )
    job = replace(job, files={CONFIG: resolved(ctx)})
    # A model that cannot be trained has no device either; it is refused later, by name.
    who = processes(str(getattr(job.model, "device", "auto")))
    console = Console(stderr=json_)
    if dry_run:
        if who.main:
            estimate = estimate_cost(job)
            if json_:
                print(json.dumps(estimate, ensure_ascii=False, allow_nan=False))
            else:
                show_estimate(estimate, console)
        return

    several = len(training_seeds) > 1
    trained = []

    def progress(number: int) -> BarProgress:
        return BarProgress(label=f"seed {number}:" if several else "")

    for run in train_seeds(job, training_seeds, progress, who):
        trained.append(run)
        if not json_:
            show_record(run.record, run.folder, console)
            console.print(f"page: {run.page.resolve()}", soft_wrap=True, highlight=False, markup=False)
    leave()
    if not who.main:
        return
    pooled = None
    if several:
        pooled, page = pool_seeds([run.folder for run in trained])
        if not json_:
            show_pooled(pooled)
            console.print(
                f"page over all seeds: {page.resolve()}", soft_wrap=True, highlight=False, markup=False
            )
    if json_:
        result = {
            "training_runs": [asdict(run.record) for run in trained],
            "pages": [str(run.page) for run in trained],
            "method": None if pooled is None else pooled.to_json(),
        }
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _seeds(text: str) -> list[int]:
    from selfreward_eval.harness.errors import UsageError

    parts = _listed(text)
    if not parts or not all(part.isdecimal() for part in parts) or len(set(map(int, parts))) < len(parts):
        raise UsageError(f"--seeds {text!r}: write different whole numbers from 0 on, such as 0,1,2")
    return [int(part) for part in parts]


def _pictures(text: str) -> tuple[int, ...]:
    from selfreward_eval.harness.errors import UsageError

    parts = _listed(text)
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        raise UsageError(f"--evaluate-at {wrong[0]!r} is no number of pictures; write 5000,20000")
    return tuple(int(part) for part in parts)


def _scales(text: str) -> tuple[float, ...]:
    from math import isfinite

    from selfreward_eval.harness.errors import UsageError

    try:
        scales = tuple(float(part) for part in _listed(text))
    except ValueError:
        scales = (float("nan"),)
    if not all(map(isfinite, scales)):
        raise UsageError(f"--scales {text!r} is no list of numbers; write 1,1.5,2")
    return scales
