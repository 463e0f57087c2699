"""``selfreward-eval data``: fetch, verify and find official benchmark files."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selfreward_eval.harness import data

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from selfreward_eval.harness.data import FileState, PinnedFile, Progress

MANY = 50
"""Files of one folder that are more than this are listed as one."""

app = typer.Typer(
    help="Official benchmark data: pinned upstream files, checked by sha256.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Tasks = Annotated[list[str] | None, typer.Argument(help="Tasks; all registered ones if none is named.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def fetch(tasks: Tasks = None, json: Json = False) -> None:
    """Download what is not on this machine yet into the cache and check it."""
    from rich.console import Console
    from rich.progress import Progress as ProgressBar

    declared = _declared(tasks)
    with ProgressBar(console=Console(stderr=True), transient=True) as bar:
        for files in declared.values():
            for file in files:
                data.fetch(file, _reporter(bar, file))
    _report(_states(declared), declared, json)


@app.command()
def verify(tasks: Tasks = None, json: Json = False) -> None:
    """Check every file's sha256; exit 1 if one is missing or is another file."""
    declared = _declared(tasks)
    states = _states(declared)
    _report(states, declared, json)
    if any(state.status != "ok" for _, state in states):
        raise typer.Exit(1)


@app.command()
def path(tasks: Tasks = None, json: Json = False) -> None:
    """Print where the verified files are, one a line; an error if one is not here."""
    declared = _declared(tasks)
    paths = {name: {file.path: str(data.locate(file)) for file in files} for name, files in declared.items()}
    if json:
        _print_json(paths)
        return
    for files in paths.values():
        for file_path in files.values():
            typer.echo(file_path)


def _declared(tasks: list[str] | None) -> dict[str, tuple[PinnedFile, ...]]:
    """The files of ``tasks``, or of every task that loads; what does not is named."""
    from selfreward_eval.harness.registry import registry

    declared = data.declared_files(tasks or ())
    if not tasks:
        for reason in registry("tasks").broken().values():
            typer.echo(f"note: {reason}", err=True)
    return declared


def _states(declared: dict[str, tuple[PinnedFile, ...]]) -> list[tuple[str, FileState]]:
    """Every task's files, each with the task's name."""
    return [(name, data.state(file)) for name, files in declared.items() for file in files]


def _report(
    states: list[tuple[str, FileState]], declared: dict[str, tuple[PinnedFile, ...]], json: bool
) -> None:
    """One line or object per file; tasks without files are named."""
    if json:
        _print_json([state.to_json(name) for name, state in states])
        return
    for name, state, count in _folded(states):
        where = state.path or f"run `selfreward-eval data fetch {name}`, or set SELFREWARD_DATA"
        more = f" and {count - 1} more beside it" if count > 1 else ""
        typer.echo(f"{state.status:<9} {state.file.folder}/{state.file.path}{more}  {where}")
    for name, files in declared.items():
        if not files:
            typer.echo(f"{'ok':<9} {name} needs no official files")


def _folded(states: list[tuple[str, FileState]]) -> list[tuple[str, FileState, int]]:
    """(task, state, number of files): files that fill a folder and fare alike are one line, the first's."""
    groups: dict[tuple[str, str, str, str], list[FileState]] = {}
    for name, state in states:
        folder = state.file.path.rpartition("/")[0]
        groups.setdefault((name, state.status, state.file.folder, folder), []).append(state)
    return [
        (name, state, len(group) if len(group) > MANY else 1)
        for (name, *_), group in groups.items()
        for state in (group[:1] if len(group) > MANY else group)
    ]


def _reporter(bar: ProgressBar, file: PinnedFile) -> Progress:
    """Moves a line of ``bar`` along with the download of ``file``."""
    line: list[Any] = []

    def report(done: int, total: int | None) -> None:
        if not line:
            line.append(bar.add_task(f"{file.folder}/{file.path}", total=total))
        bar.update(line[0], completed=done)

    return report


def _print_json(value: Any) -> None:
    typer.echo(json_module.dumps(value, indent=2, ensure_ascii=False))
