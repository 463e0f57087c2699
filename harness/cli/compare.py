"""``selfreward-eval compare A B``: what changed from one run to another, and how sure we are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from harness.comparison import Comparison, Contrast, TaskComparison

MAX_UNMATCHED = 10
"""Items named on the screen; the JSON file has all."""


def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the first run (A, before).")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the second run (B, after).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    output_path: Annotated[
        Path | None,
        typer.Option(
            "--output-path",
            "-o",
            help="Write JSON and a page here: a file, or a folder for compare_A_vs_B.json.",
        ),
    ] = None,
) -> None:
    """Compare two runs over the same items and seeds: paired differences, intervals, p-values.

    Runs that differ in more than the model are refused, with every differing field.
    """
    from harness.compare import compare_runs, load_run

    first, second = load_run(run_a), load_run(run_b)
    comparison = compare_runs(first, second)
    written: list[Path] = []
    if output_path is not None:
        from harness.comparison import comparison_file, write_comparison
        from harness.report import write_comparison_page

        file = comparison_file(comparison, output_path)
        written = [
            write_comparison(comparison, file),
            write_comparison_page(comparison, first, second, file.with_suffix(".html")),
        ]
    for torn in (*first.torn, *second.torn):
        typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if as_json:
        import json

        typer.echo(json.dumps(comparison.to_json(), ensure_ascii=False, allow_nan=False))
        for path in written:
            typer.echo(f"wrote {path}", err=True)
        return
    show(comparison)
    for path in written:
        typer.echo(f"wrote {path}")


def show(comparison: Comparison) -> None:
    """Prints a comparison as tables, each followed by its verdict."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for letter, arm in (("A", comparison.a), ("B", comparison.b)):
        console.print(f"{letter}: {escape(arm.folder)}", soft_wrap=True)
    for task in comparison.tasks.values():
        console.print(_table(task))
        overall = task.overall
        console.print(f"[bold]{escape(overall.verdict)}[/bold] ({escape(_finding(task))})", soft_wrap=True)
        console.print(escape(f"{overall.method}: {overall.why}"), style="dim", soft_wrap=True)
        if overall.correlation is not None and overall.se_ratio is not None:
            gain = f"pairing makes the standard error {overall.se_ratio:.2f} of an unpaired one"
            pairing = f"the arms correlate by {overall.correlation:.2f} over items; {gain}"
            console.print(pairing, style="dim", soft_wrap=True)
        if len(task.categories) > 1:
            note = "p-values of categories are not adjusted for their number; read them as hints"
            console.print(note, style="dim", soft_wrap=True)
        missing = task.planned_items - overall.n_items
        if missing:
            console.print(f"{missing} of {task.planned_items} items could not be paired:")
            for one in task.unmatched[:MAX_UNMATCHED]:
                console.print(escape(f"  {one.item} ({one.category}): {one.reason}"), soft_wrap=True)
            if missing > MAX_UNMATCHED:
                console.print("  ... all of them are in the JSON")
    for name, folder in comparison.only_in_one.items():
        console.print(escape(f"not compared: {name} was run only in {folder}"), soft_wrap=True)


def _table(task: TaskComparison) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    # These columns fit a line of 80 characters; the rest is in the JSON.
    table = Table(title=f"{task.task}@{task.version}: {task.metric}", title_justify="left")
    table.box, table.padding = box.SIMPLE, (0, 1, 0, 0)
    table.add_column("", no_wrap=True)
    for head in ("A", "B", "B - A", "95 % interval", "p", "items"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, contrast in task.categories.items():
        table.add_row(escape(name), *_cells(contrast))
    table.add_section()
    table.add_row("overall (macro)" if task.macro else "overall", *_cells(task.overall), style="bold")
    return table


def _cells(contrast: Contrast) -> list[str]:
    interval = "-"
    if contrast.low is not None and contrast.high is not None:
        interval = f"{contrast.low:+.3f} to {contrast.high:+.3f}"
    return [
        _number(contrast.a),
        _number(contrast.b),
        _number(contrast.effect, "+.3f"),
        interval,
        _p(contrast.p),
        str(contrast.n_items),
    ]


def _number(value: float | None, layout: str = ".3f") -> str:
    return "-" if value is None else format(value, layout)


def _p(p: float | None) -> str:
    if p is None:
        return "-"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _finding(task: TaskComparison) -> str:
    """The overall difference in one line, for pasting."""
    overall = task.overall
    parts = [f"B - A = {_number(overall.effect, '+.3f')}"]
    if overall.low is not None and overall.high is not None:
        parts.append(f"95 % interval {overall.low:+.3f} to {overall.high:+.3f}")
    if overall.p is not None:
        parts.append(f"p {'' if overall.p < 1e-4 else '= '}{_p(overall.p)}")
    parts.append(f"{overall.n_items} items x {overall.m}")
    if overall.coverage < 1:
        parts.append(f"{overall.coverage:.1%} of the sample pairs scored")
        if overall.bound_low is not None and overall.bound_high is not None:
            parts.append(f"bounds {overall.bound_low:+.3f} to {overall.bound_high:+.3f}")
    return ", ".join(parts)
