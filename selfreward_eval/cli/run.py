"""``selfreward-eval run``: a model on tasks, into a run folder and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selfreward_eval.api.arguments import parse
from selfreward_eval.cli.completion import names_of
from selfreward_eval.cli.config.options import CONFIG, ConfigFile, resolved
from selfreward_eval.cli.engine_options import EngineArguments, EngineName
from selfreward_eval.cli.inventory import survey
from selfreward_eval.cli.log_with import LogWith, log, trackers
from selfreward_eval.cli.progress import BarProgress
from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Finished
    from selfreward_eval.harness.runs.scores import TaskScores


def run(
    ctx: typer.Context,
    config: ConfigFile = None,
    model: Annotated[
        str, typer.Option(help="Model adapter; `list models` shows them.", autocompletion=names_of("models"))
    ] = "tiny",
    model_args: Annotated[str, typer.Option(help="Adapter arguments: key=value,key=value.")] = "",
    tasks: Annotated[
        str,
        typer.Option(
            help="Tasks, comma separated; `list tasks` shows them.", autocompletion=names_of("tasks")
        ),
    ] = "shapes_geneval",
    task_args: Annotated[
        str, typer.Option(help="Arguments of every task: key=value; of one: task.key=value; a dot nests.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Items per task, evenly over categories.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples per batch; changes speed only.")] = 32,
    seed: Annotated[int, typer.Option(help="Run seed.")] = 0,
    seed_policy: Annotated[str, typer.Option(help="hashed, or the task's own (official).")] = "hashed",
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Folder of run folders.")] = Path(
        "results"
    ),
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed/--no-retry-failed", help="Retry samples without a score.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be done, what is missing and what it takes; draw and ask nothing.",
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(help="Only shard i of n (0/4), or auto: torchrun, accelerate, Slurm, Kubernetes."),
    ] = None,
    phase: Annotated[str, typer.Option(help="all; draw: pictures only; measure: what is drawn.")] = "all",
    engine: EngineName = "local",
    engine_args: EngineArguments = "",
    log_with: LogWith = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Generate a benchmark's pictures, measure them, and write scores with intervals.

    The same command resumes an interrupted run. Exit codes: 0 done, 2 wrong command line,
    4 missing or damaged input, also found by --dry-run, or a cluster that cannot be reached,
    6 a plug-in failed, or the workers of an engine died again and again.
    """
    import json
    from functools import partial

    from selfreward_eval.api.engines import build_engine
    from selfreward_eval.api.objects import build_model, build_tasks
    from selfreward_eval.cli.shards import chosen_phase, chosen_shard, print_unfinished

    logged = trackers(log_with)
    own, part = chosen_shard(shard), chosen_phase(phase)
    computing = build_engine(engine, parse(engine_args, "--engine-args"), "--engine-args")
    if computing is not None and own is not None:
        raise UsageError("--shard and --engine cannot be combined: an engine shares out all samples itself")
    names = [name.strip() for name in tasks.split(",") if name.strip()]
    if not names:
        raise UsageError("--tasks names no task; `selfreward-eval list tasks` shows them")
    make_tasks = partial(build_tasks, names, parse(task_args, "--task-args"), "--task-args")
    make_model = partial(build_model, model, parse(model_args, "--model-args"), "--model-args")
    chosen, adapter = make_tasks(), make_model()
    if computing is not None:
        computing.build(make_model, make_tasks)
    if dry_run:
        from selfreward_eval.api.foresee import foresee
        from selfreward_eval.cli.dry_run import show

        foreseen = foresee(
            adapter,
            model,
            chosen,
            output_path,
            seed=seed,
            seed_policy=seed_policy,
            limit=limit,
            batch_size=batch_size,
        )
        if json_:
            print(json.dumps(foreseen.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            show(foreseen)
        if foreseen.missing:
            raise typer.Exit(4)
        return
    from selfreward_eval.api.run import retried
    from selfreward_eval.harness.report import write_run_page
    from selfreward_eval.harness.runs.run import run as run_tasks

    inventory = survey(adapter, chosen, limit)
    with BarProgress() as progress:
        finished = run_tasks(
            adapter,
            chosen,
            output_path,
            seed=seed,
            seed_policy=seed_policy,
            limit=limit,
            batch_size=batch_size,
            progress=progress,
            call={"model_args": model_args, "task_args": task_args},
            retry=retried(retry_failed),
            files={CONFIG: resolved(ctx)},
            shard=own,
            phase=part,
            engine=computing,
        )
    if finished.results_path is None:
        print_unfinished(finished, part, as_json=json_)
        return
    page = write_run_page(finished.folder)
    if logged:
        from selfreward_eval.harness.report.tracked import run_entry
        from selfreward_eval.harness.runs.reader import load_run

        log(run_entry(load_run(finished.folder)), logged, finished.folder)
    if json_:
        summary = {
            "folder": str(finished.folder),
            "results": str(finished.results_path),
            "page": str(page),
            "samples_reused": finished.reused,
            "pictures_drawn": finished.drawn,
            "tasks": {name: scores.to_json() for name, scores in finished.scores.items()},
            **({"inventory": inventory.to_json(files=False)} if inventory else {}),
        }
        print(json.dumps(summary, indent=2))
        return
    print_scores(finished, page)


def print_scores(finished: Finished, page: Path) -> None:
    """Prints the scores as tables, then the paths of results and page."""
    from rich.console import Console

    console = Console()
    for scores in finished.scores.values():
        console.print(score_table(scores, str(finished.folder.name)))
        for status, count in scores.failures.items():
            console.print(f"[yellow]{count} samples without a number: {status}[/yellow]")
    console.print(f"results  {finished.results_path}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"page     {page}", soft_wrap=True, highlight=False, markup=False)


def score_table(scores: TaskScores, model: str) -> object:
    """A rich table of one task: a row per category and the headline, with 95 % intervals."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{model} on {scores.task}@{scores.version}: {scores.metric}", title_justify="left")
    for header, right in (("category", False), ("value", True), ("95 % interval", True), ("items", True)):
        table.add_column(header, justify="right" if right else "left")
    table.add_column("scored", justify="right")
    rows = [
        *scores.categories.items(),
        ("overall" + (" (mean of categories)" if scores.macro else ""), scores.overall),
    ]
    for k, (name, score) in enumerate(rows):
        value = "absent" if score.value is None else f"{score.value:.3f}"
        interval = (
            "absent" if score.low is None or score.high is None else f"{score.low:.3f} to {score.high:.3f}"
        )
        last = k == len(rows) - 1
        table.add_row(
            escape(name),
            value,
            interval,
            str(score.n_items),
            f"{score.n_scored}/{score.n_expected}",
            style="bold" if last else None,
            end_section=k == len(rows) - 2,
        )
    return table
