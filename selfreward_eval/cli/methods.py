"""``selfreward-eval methods``: trained with several seeds each, what did every method change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison
    from selfreward_eval.harness.comparing.records import Contrast


def methods(
    folders: Annotated[
        list[Path], typer.Argument(metavar="METHOD...", help="Folders with a seed-* for every training run.")
    ],
    against: Annotated[
        str | None, typer.Option(help="Name of the method among them that the others have to beat.")
    ] = None,
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="The page.")] = Path(
        "methods.html"
    ),
    json_: Annotated[bool, typer.Option("--json", help="Print every comparison as JSON.")] = False,
) -> None:
    """Put methods of training side by side, over all their training seeds.

    A difference is after minus before; with --against also method minus baseline, seed by seed. The variance
    between runs is pooled over the methods that are alike in it; a method's own interval stands below. The
    page has the same as JSON beside it.
    Exit codes: 0 done, 2 wrong command line, 4 missing or unfit input.
    """
    import json

    from rich.console import Console

    from selfreward_eval.trainers.pooling import side_by_side
    from selfreward_eval.trainers.report.learning import gain_words
    from selfreward_eval.trainers.report.methods import (
        budget_words,
        imbalance_words,
        interval_words,
        pool_words,
    )

    page = output_path if output_path.suffix == ".html" else output_path / "methods.html"
    compared = side_by_side(folders, against, page)
    if json_:
        print(json.dumps(compared.to_json(), ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    console.print(_table("after minus before", compared.claims))
    if compared.against:
        console.print(_table(f"method minus {against}", compared.against))
    lines = [
        line
        for claims in (compared.claims, compared.against)
        for words in (pool_words, imbalance_words, interval_words)
        for line in words(claims)
    ]
    lines += [line for name, curve in compared.curves.items() for line in gain_words(name, curve)]
    for line in (*dict.fromkeys(lines), *budget_words(compared.drawn)):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"page: {compared.page.resolve()}", soft_wrap=True, markup=False)


def _table(title: str, claims: Mapping[str, PooledComparison]) -> Table:
    """A row per task and method: scores, the checkpoints' difference, the method's interval and p."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    # A long name is broken; a number never is.
    table.add_column("", overflow="fold")
    for head in ("runs", "A", "B", "B - A", "method, 95 %", "adj. p"):
        table.add_column(head, justify="right", no_wrap=True)
    for task in _tasks(list(claims.values())):
        table.add_row(escape(task), style="bold")
        for name, pooled in claims.items():
            if task not in pooled.tasks:
                continue
            overall = pooled.tasks[task].overall
            shown, p = _claim(overall.deciding)
            checkpoint = overall.checkpoint
            effect = "-" if checkpoint.effect is None else f"{checkpoint.effect:+.3f}"
            table.add_row(f"  {escape(name)}", str(len(pooled.b)), *_means(overall), effect, shown, p)
            if overall.pooled is not None:
                table.add_row("    own", "", "", "", "", *_claim(overall.method), style="dim")
        table.add_section()
    return table


def _claim(claim: Contrast | None) -> tuple[str, str]:
    """Interval and p of a claim about a method."""
    from selfreward_eval.cli.comparison_text import p_text

    if claim is None:
        return "-", "-"
    interval = "-" if claim.low is None else f"{claim.low:+.3f} to {claim.high:+.3f}"
    return interval, p_text(claim.p if claim.p_adjusted is None else claim.p_adjusted)


def _means(claims: Claims) -> tuple[str, str]:
    """Both arms' mean scores over their runs."""
    from statistics import fmean

    sides = (claims.scores_a, claims.scores_b)
    first, second = (f"{fmean(scores):.3f}" if scores else "-" for scores in sides)
    return first, second


def _tasks(claims: Sequence[PooledComparison]) -> list[str]:
    return list(dict.fromkeys(task for pooled in claims for task in pooled.tasks))
