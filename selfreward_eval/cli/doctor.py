"""``selfreward-eval doctor``: is this machine fit to run, and does the oracle read its world right?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.tasks.shapes.oracle.accuracy import Row

MIN_RATE = 0.99
"""The oracle has to read every property right in this share of cases; below it, scores on the
shapes world measure the oracle's mistakes as much as the model's."""

MIN_FREE_GIB = 1.0
"""A full GenEval run of the tiny model takes some 30 MB, a checkpoint in training a few times that."""

LEAST_VERSIONS = {"torch": (2, 5), "transformers": (5, 20)}
"""The lower bounds of pyproject.toml, for environments that were put together by hand."""

OPTIONAL = {
    "open_clip": "CLIPScore, GenEval's colour classifier",
    "lm_eval": "timing beside lm-eval in `make bench`",
    "playwright": "tests that open the report in a browser",
}
"""Module -> what it is for."""


SIGNS = {True: "[green]ok    [/green]", False: "[red]broken[/red]", None: "[yellow]absent[/yellow]"}


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: what was looked at.
        ok: True; False where something is broken and has to be mended; None where something that
            can be done without is absent.
        detail: what was found, and the way out.
    """

    name: str
    ok: bool | None
    detail: str


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    scenes: Annotated[
        int, typer.Option(min=0, help="Rendered scenes to measure the oracle on; 0 leaves it out.")
    ] = 2000,
) -> None:
    """Check this installation and measure the oracle; exit 1 if something is broken."""
    checks = list(_environment())
    rows = _measure(scenes, quiet=as_json) if scenes else []
    checks.extend(oracle_checks(rows))
    healthy = all(check.ok is not False for check in checks)
    if as_json:
        import json

        report = {
            "ok": healthy,
            "checks": [asdict(check) for check in checks],
            "oracle": [asdict(row) for row in rows],
        }
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _show(checks, rows, scenes)
    if not healthy:
        raise typer.Exit(1)


def _show(checks: list[Check], rows: list[Row], scenes: int) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    if rows:
        console.print(_accuracy_table(rows, scenes))
    for check in checks:
        sign = SIGNS[check.ok]
        console.print(f"{sign} {check.name}: {escape(check.detail)}", soft_wrap=True)


def _environment() -> Iterator[Check]:
    """Everything but the oracle."""
    from importlib.util import find_spec

    running = sys.version_info
    yield Check(
        "python",
        running >= (3, 11),
        f"{running.major}.{running.minor}.{running.micro} (3.11 or newer is needed)",
    )
    for name, least in LEAST_VERSIONS.items():
        yield version_check(name, least)
    yield _device()
    yield _disk()
    yield from _official_data()
    for module, purpose in OPTIONAL.items():
        installed = find_spec(module) is not None
        yield Check(
            module, installed or None, f"{'installed' if installed else 'not installed'}; for {purpose}"
        )


def version_check(package: str, least: tuple[int, int]) -> Check:
    """Whether ``package`` is installed in at least version ``least``."""
    from importlib.metadata import PackageNotFoundError, version

    wanted = ".".join(map(str, least))
    try:
        installed = version(package)
    except PackageNotFoundError:
        return Check(package, False, f"not installed; `pip install '{package}>={wanted}'`")
    numbers = tuple(int(part) for part in installed.split("+")[0].split(".")[:2] if part.isdigit())
    ok = numbers >= least
    return Check(package, ok, installed if ok else f"{installed}; `pip install '{package}>={wanted}'`")


def _device() -> Check:
    try:
        import torch
    except Exception as error:  # A broken build raises whatever its libraries raise.
        return Check("device", False, f"torch cannot be imported ({error}); reinstall it")
    if torch.cuda.is_available():
        return Check("device", True, f"cuda: {torch.cuda.get_device_name(0)}")
    return Check("device", True, f"cpu, {torch.get_num_threads()} threads")


def _disk() -> Check:
    import shutil
    from pathlib import Path

    free = shutil.disk_usage(Path.cwd()).free / 2**30
    ok = free >= MIN_FREE_GIB
    hint = "" if ok else f"; at least {MIN_FREE_GIB:g} GiB should be free for pictures and checkpoints"
    return Check("disk", ok, f"{free:.1f} GiB free in {Path.cwd()}{hint}")


def _official_data() -> Iterator[Check]:
    """Which official benchmark files are at hand.

    A file that is not here can be fetched, so that is no fault; one with other content is.
    """
    from selfreward_eval.harness.data import declared_files, state
    from selfreward_eval.harness.registry import registry

    for task in registry("tasks"):
        try:
            files = declared_files((task,))[task]
        except Exception as error:  # Importing a plug-in runs foreign code: anything can happen.
            yield Check(f"task {task}", False, f"cannot be loaded ({type(error).__name__}: {error})")
            continue
        states = [state(file) for file in files]
        wrong = [str(file_state.path) for file_state in states if file_state.status == "mismatch"]
        missing = sum(file_state.status == "missing" for file_state in states)
        if wrong:
            detail = f"not the pinned files, remove or replace them: {', '.join(wrong)}"
        elif missing:
            detail = (
                f"{missing} of {len(states)} files not here; `selfreward-eval data fetch {task}` gets them"
            )
        else:
            detail = f"{len(states)} files verified"
        if files:
            yield Check(f"data {task}", False if wrong else None if missing else True, detail)


def _measure(scenes: int, quiet: bool) -> list[Row]:
    """The oracle's readings of ``scenes`` fresh scenes, with a progress bar on stderr."""
    from selfreward_eval.tasks.shapes.oracle.accuracy import measure

    if quiet:
        return measure(scenes, 0)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task("reading scenes", total=scenes)
        advance: Callable[[int], None] = lambda step: bar.advance(job, step)  # noqa: E731
        return measure(scenes, 0, advance)


def oracle_checks(rows: list[Row]) -> list[Check]:
    """One check per property, over all kinds of scene."""
    totals: dict[str, list[int]] = {}
    for row in rows:
        entry = totals.setdefault(row.property, [0, 0])
        entry[0] += row.correct
        entry[1] += row.total
    return [
        Check(
            f"oracle {name}",
            correct >= MIN_RATE * total,
            f"{correct} of {total} right ({correct / total:.2%}; at least {MIN_RATE:.0%} is needed)",
        )
        for name, (correct, total) in totals.items()
        if total
    ]


def _accuracy_table(rows: list[Row], scenes: int) -> Table:
    """Properties down, kinds of scene across, percentages inside."""
    from rich import box
    from rich.table import Table

    kinds = list(dict.fromkeys(row.kind for row in rows))
    cells = {(row.property, row.kind): row.rate for row in rows}
    table = Table(title=f"Oracle: percent read right on {scenes} rendered scenes", title_justify="left")
    table.box, table.padding = box.SIMPLE, (0, 0)  # Fits a line of 80 characters.
    table.add_column("property")
    for kind in kinds:
        table.add_column(kind, justify="right")
    for name in dict.fromkeys(row.property for row in rows):
        rates = [cells.get((name, kind)) for kind in kinds]
        table.add_row(name, *("-" if rate is None else f"{100 * rate:.1f}" for rate in rates))
    return table
