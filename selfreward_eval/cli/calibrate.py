"""``selfreward-eval calibrate``: how much scores vary with the seed alone, and margins that follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.power.seed_noise import SeedNoise, TaskNoise

__all__ = ["calibrate"]


def calibrate(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Two or more runs of one checkpoint with different seeds."),
    ],
    margin: Annotated[
        float | None,
        typer.Option(
            help="Check this margin against the noise of every headline score; exit 1 if too narrow."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Estimate noise from A/A runs (same checkpoint, other seeds) and suggest margins for gates.

    The runs must differ in their seed only. Exit codes: 0 done, 1 the margin is within the noise, 2 the
    runs are no A/A runs, 4 missing or damaged input.
    """
    from selfreward_eval.harness.power.seed_noise import measure_noise, noise_json
    from selfreward_eval.harness.runs.reader import load_run

    if margin is not None and not margin > 0:
        raise UsageError(f"--margin {margin:g}: a margin is above 0")
    loaded = [load_run(folder) for folder in runs]
    noise = measure_noise(loaded)
    failed = {} if margin is None else _too_narrow(noise, margin)
    for run in loaded:
        for torn in run.torn:
            typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if as_json:
        import json

        checked = {} if margin is None else {"margin": {"value": margin, "failed": failed}}
        content = noise_json(noise, loaded) | checked
        typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False))
    else:
        _show(noise, len(loaded))
        if margin is not None and not failed:
            typer.echo(f"margin {margin:g}: above the noise of every headline score")
        for name, why in failed.items():
            typer.echo(f"margin {margin:g}: not for {name}, {why}")
    if failed:
        raise typer.Exit(1)


def _too_narrow(noise: dict[str, TaskNoise], margin: float) -> dict[str, str]:
    """Task -> why the margin is too narrow for it."""
    failed = {}
    for name, task in noise.items():
        if task.overall.q95 is None:
            failed[name] = task.overall.why
        elif task.overall.q95 >= margin:
            failed[name] = f"where one difference in twenty is larger than {task.overall.q95:.4f}"
    return failed


def _show(noise: dict[str, TaskNoise], runs: int) -> None:
    from rich.console import Console
    from rich.markup import escape

    from selfreward_eval.harness.power.seed_noise import GATE_ALPHA, GATE_POWER

    console = Console(highlight=False)
    for task in noise.values():
        what = f"{task.task}@{task.version}: {task.metric}, size of the difference of two of {runs} A/A runs"
        console.print(escape(what), soft_wrap=True)
        console.print(_table(task))
        overall = task.overall
        if overall.margin is None:
            console.print(f"[bold]no margin can be suggested[/bold]: {escape(overall.why)}", soft_wrap=True)
        else:
            console.print(f"[bold]suggested margin for {escape(task.task)}: {overall.margin:g}[/bold]")
        for name, of_score in (("overall", overall), *task.categories.items()):
            if of_score.surprising:
                warning = (
                    f"{name}: two runs lie {of_score.largest:.3f} apart, further than independent items "
                    "explain; something besides the seed changed (instruments, hardware), so take a wider "
                    "margin"
                )
                console.print(escape(warning), style="yellow", soft_wrap=True)
    rule = (
        f"a margin is above what 95 % of A/A differences stay below, and wide enough for an unchanged model "
        f"to pass a one-sided gate at {GATE_ALPHA:.0%} with a chance of {GATE_POWER:.0%}"
    )
    console.print(rule, style="dim", soft_wrap=True)


def _table(task: TaskNoise) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for head in ("items", "50 %", "95 %", "99 %", "seen", "margin"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, category in task.categories.items():
        table.add_row(escape(name), *_cells(category))
    table.add_section()
    table.add_row("overall", *_cells(task.overall), style="bold")
    return table


def _cells(score: SeedNoise) -> list[str]:
    numbers = (score.median, score.q95, score.q99, score.largest)
    cells = ["-" if number is None else f"{number:.4f}" for number in numbers]
    return [str(score.n_items), *cells, "-" if score.margin is None else f"{score.margin:g}"]
