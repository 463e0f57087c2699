"""``selfreward-eval parity``: compares our scoring rules with recorded results of the official evaluators."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from selfreward_eval.tasks.parity import FolderParity


def parity(
    directory: Annotated[Path, typer.Argument(help="Folder with golden files (JSON).")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Recompute every known golden case; exit 1 if any result differs from the official one."""
    from selfreward_eval.tasks.parity import READERS, check_folder
    from selfreward_eval.trainers.flow.golden import READERS as TRAINING_READERS

    result = check_folder(directory, {**READERS, **TRAINING_READERS})
    if json:
        typer.echo(json_module.dumps(result.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(result)
    if not result.agree:
        raise typer.Exit(1)


def _print(result: FolderParity) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("file", no_wrap=True)
    table.add_column("cases", justify="right", no_wrap=True)
    table.add_column("agreeing", justify="right", no_wrap=True)
    table.add_column("first difference", overflow="fold")
    for file in result.files:
        style = "" if file.agreeing == file.cases else "red"
        difference = Text(file.first_difference or "-")
        table.add_row(Text(file.file), str(file.cases), str(file.agreeing), difference, style=style)
    Console().print(table)
    cases = sum(file.cases for file in result.files)
    agreeing = sum(file.agreeing for file in result.files)
    typer.echo(f"{agreeing} of {cases} cases in {len(result.files)} files agree")
    if result.unknown:
        typer.echo(f"unknown files, not checked: {', '.join(result.unknown)}")
