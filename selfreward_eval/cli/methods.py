"""``selfreward-eval methods``: trained with several seeds each, what did every method change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison


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

    A difference is after minus before; with --against also method minus baseline, seed by seed.
    Exit codes: 0 done, 2 wrong command line, 4 missing or unfit input.
    """
    import json

    from rich.console import Console

    from selfreward_eval.trainers.pooling import side_by_side
    from selfreward_eval.trainers.report.methods import budget_words

    page = output_path if output_path.suffix == ".html" else output_path / "methods.html"
    compared = side_by_side(folders, against, page)
    if json_:
        result = {
            "methods": {name: claims.to_json() for name, claims in compared.claims.items()},
            "against": {name: claims.to_json() for name, claims in compared.against.items()},
            "drawn": dict(compared.drawn),
            "page": str(compared.page),
        }
        print(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    console.print(_table("after minus before", compared.claims))
    if compared.against:
        console.print(_table(f"method minus {against}", compared.against))
    for words in budget_words(compared.drawn):
        console.print(words)
    console.print(f"page: {compared.page.resolve()}", soft_wrap=True, markup=False)


def _table(title: str, claims: Mapping[str, PooledComparison]) -> Table:
    """A row per task and method: scores, the checkpoints' difference, the method's interval and p."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.cli.comparison_text import p_text

    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for head, justify in (("", "left"), ("runs", "right"), ("A", "right"), ("B", "right")):
        table.add_column(head, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for head in ("B - A", "method, 95 %", "adj. p"):
        table.add_column(head, justify="right", no_wrap=True)
    for task in _tasks(list(claims.values())):
        table.add_row(escape(task), style="bold")
        for name, pooled in claims.items():
            if task not in pooled.tasks:
                continue
            overall = pooled.tasks[task].overall
            method = overall.method
            shown = (
                "-" if method is None or method.low is None else f"{method.low:+.3f} to {method.high:+.3f}"
            )
            p = None if method is None else (method.p if method.p_adjusted is None else method.p_adjusted)
            checkpoint = overall.checkpoint
            effect = "-" if checkpoint.effect is None else f"{checkpoint.effect:+.3f}"
            table.add_row(f"  {escape(name)}", str(len(pooled.b)), *_means(overall), effect, shown, p_text(p))
        table.add_section()
    return table


def _means(claims: Claims) -> tuple[str, str]:
    """Both arms' mean scores over their runs."""
    from statistics import fmean

    sides = (claims.scores_a, claims.scores_b)
    first, second = (f"{fmean(scores):.3f}" if scores else "-" for scores in sides)
    return first, second


def _tasks(claims: Sequence[PooledComparison]) -> list[str]:
    return list(dict.fromkeys(task for pooled in claims for task in pooled.tasks))
