"""``selfreward-eval leaderboard``: build a site from runs, import result files, export runs for others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selfreward_eval.cli.config.options import CONFIG, ConfigFile, resolved
from selfreward_eval.cli.habits import HELP_NAMES, add

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.leaderboards.build import Built
    from selfreward_eval.leaderboards.importing import Imported

SHOWN = 10
"""Models of a board on the screen; the site has all."""

FORMATS = ("hugging-face", "model-card", "every-eval-ever", "inspect")

app = typer.Typer(
    help="Leaderboards that regenerate: build a site, import result files, export runs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_NAMES,
)


def build(
    ctx: typer.Context,
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold some.")],
    output_path: Annotated[Path, typer.Option("--output-path", "-o", help="Folder of the site.")],
    config: ConfigFile = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="Folder for what was read; OUTPUT_PATH.cache by default. Safe to delete."
        ),
    ] = None,
    pictures: Annotated[
        int, typer.Option("--pictures", min=0, help="Items per task whose first picture is shown.")
    ] = 12,
    own_settings: Annotated[
        bool,
        typer.Option(
            "--own-settings/--same-settings",
            help="Let models with different generation settings share a table; it says so.",
        ),
    ] = False,
    imported: Annotated[
        list[Path] | None,
        typer.Option("--imported", help="Rows that `leaderboard import` wrote; shown apart. Repeatable."),
    ] = None,
    training: Annotated[
        list[Path] | None,
        typer.Option("--training", help="Training runs, to show with runs of their weights. Repeatable."),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Of the first page.")] = "Leaderboard",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Runs read side by side.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Build a static site from runs: tables with intervals, ranks and tie groups, pictures, comparisons.

    Only comparable runs share a table. The same runs give the same bytes; a run that is
    added is the only one read.
    """
    from selfreward_eval.api.leaderboard import build_leaderboard
    from selfreward_eval.cli.progress import BarProgress

    with BarProgress(label="reading") as progress:
        built = build_leaderboard(
            runs,
            output_path,
            cache=cache,
            pictures=pictures,
            own_settings=own_settings,
            imported=imported or [],
            trainings=training or [],
            title=title,
            processes=jobs,
            progress=progress,
        )
    from selfreward_eval.harness.files import atomic_write_text

    atomic_write_text(built.folder / CONFIG, resolved(ctx))
    if as_json:
        import json

        answer = {
            "page": str(built.folder / "index.html"),
            "runs": built.runs,
            "read": built.read,
            "trained": built.trained,
            "boards": [board.slug for board in built.boards],
            "made": list(built.written.made),
            "kept": len(built.written.kept),
            "removed": list(built.written.removed),
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    _show(built, asked=bool(training))


def _show(built: Built, *, asked: bool) -> None:
    """Prints the head of every board and where the site is."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.harness.report.notation import notation_for
    from selfreward_eval.leaderboards.tables import rank_text

    console = Console(highlight=False)
    for board in built.boards:
        notation = notation_for(board.scores.range)
        table = Table(title=escape(board.slug), title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
        table.add_column("rank", justify="right", no_wrap=True)
        table.add_column("model")
        for head in (f"{board.scores.metric}", "95 % interval", "items", "tie group"):
            table.add_column(escape(head), justify="right", no_wrap=True)
        for row in board.overall.rows[:SHOWN]:
            score = row.score
            group = str(row.place.group) if row.place else "-"
            cells = (notation.value(score.value), notation.interval(score.low, score.high))
            table.add_row(rank_text(row), escape(row.entry.name), *cells, str(score.n_items), group)
        console.print(table)
        rest = len(board.overall.rows) - SHOWN
        if rest > 0:
            console.print(f"... and {rest} more", style="dim")
    written, runs = built.written, f"{built.runs} run{'' if built.runs == 1 else 's'} ({built.read} read now)"
    console.print(f"{runs}; {len(written.made)} files made, {len(written.kept)} kept", soft_wrap=True)
    if built.trained:
        pages = "1 model's page shows" if built.trained == 1 else f"{built.trained} models' pages show"
        console.print(f"{pages} a training record", soft_wrap=True)
    elif asked:
        console.print("no run has weights that the training runs named with --training made", soft_wrap=True)
    console.print(escape(str(built.folder / "index.html")), soft_wrap=True)


def import_(
    files: Annotated[list[Path], typer.Argument(help="results_*.json of lm-eval, of ours or of others.")],
    out: Annotated[
        Path | None,
        typer.Option("--output-path", "-o", help="File (.jsonl) for `leaderboard build --imported`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Check lm-eval result files and list their numbers, each with why it can or cannot be compared."""
    from selfreward_eval.leaderboards.importing import import_results, known_tasks, write_imported

    found = import_results(files, known_tasks())
    rows = found.rows
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    if out is not None:
        write_imported(out, rows)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, allow_nan=False))
    else:
        _show_imported(rows)
    if out is not None:
        typer.echo(f"wrote {out}", err=as_json)


def _show_imported(rows: Sequence[Imported]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for head in ("model", "task", "metric"):
        table.add_column(head)
    for head in ("value", "stderr", "n"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("standing")
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.4f}"
        se = "-" if row.se is None else f"{row.se:.4f}"
        task = f"{row.task}@{row.version}" if row.version else row.task
        cells = (value, se, "-" if row.n is None else str(row.n))
        table.add_row(escape(row.model), escape(task), escape(row.metric), *cells, escape(row.standing))
    Console(highlight=False).print(table)
    apart = sum(row.standing.startswith("not comparable") for row in rows)
    typer.echo(f"{len(rows)} numbers; {apart} are not comparable with runs of this harness")


def export(
    run_folder: Annotated[Path, typer.Argument(help="A finished run: the folder that holds run.json.")],
    to: Annotated[str, typer.Option("--to", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option("--output-path", "-o", help="Folder for the files.")],
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task (inspect). Repeatable; default all.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", help="TASK=ORG/NAME:TASK_ID[@COMMIT] on the Hub (hugging-face). Repeatable."
        ),
    ] = None,
    source_url: Annotated[
        str | None, typer.Option("--source-url", help="Where the results lie (hugging-face).")
    ] = None,
    organization: Annotated[
        str, typer.Option("--organization", help="Who provides the data (every-eval-ever).")
    ] = "",
    relationship: Annotated[
        str, typer.Option("--relationship", help="Of the evaluator to the model (every-eval-ever).")
    ] = "other",
    developer: Annotated[
        str, typer.Option("--developer", help="Who made the model, if its name does not say.")
    ] = "",
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Put small copies of pictures in (inspect).")
    ] = True,
) -> None:
    """Write a run for others: the Hub's .eval_results and model cards, Every Eval Ever, Inspect logs."""
    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.runs.reader import load_run

    if to not in FORMATS:
        raise UsageError(f"--to {to!r}: give one of {', '.join(FORMATS)}")
    run = load_run(run_folder)
    if to == "inspect":
        from selfreward_eval.leaderboards.export.common import chosen_tasks
        from selfreward_eval.leaderboards.export.inspect_log import write_inspect_log

        names = chosen_tasks(run, tasks or [])
        written = [write_inspect_log(run, name, out / f"{name}.eval", pictures=pictures) for name in names]
    elif to == "every-eval-ever":
        from selfreward_eval.leaderboards.export.every_eval_ever import write_every_eval_ever

        written = write_every_eval_ever(
            run, out, organization=organization, relationship=relationship, developer=developer
        )
    else:
        written = _write_yaml(run, to, out, dataset or [], source_url)
    for path in written:
        typer.echo(path)


def _write_yaml(run: Run, to: str, out: Path, datasets: list[str], source_url: str | None) -> list[Path]:
    from selfreward_eval.harness.files import atomic_write_text
    from selfreward_eval.leaderboards.export.hugging_face import (
        eval_results,
        model_index,
        parse_benchmarks,
        yaml_text,
    )

    if to == "model-card":
        contents: dict[str, Any] = {"model-index.yaml": model_index(run)}
    else:
        benchmarks = parse_benchmarks(datasets)
        contents = dict(eval_results(run, benchmarks, {"url": source_url} if source_url else None))
    written = []
    for name, content in contents.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path, yaml_text(content))
        written.append(path)
    return written


add(
    app,
    "build",
    build,
    "Build a static site from runs",
    [
        "leaderboard build results/* -o site",
        "leaderboard build runs --own-settings --title 'Our models' -o site",
        "leaderboard build results/* --training results/training -o site",
        "leaderboard build --config leaderboard.yaml",
    ],
)
add(
    app,
    "import",
    import_,
    "Check result files of lm-eval and list their numbers",
    ["leaderboard import results_2026.json -o rows.jsonl"],
)
add(
    app,
    "export",
    export,
    "Write a run in a format of others",
    [
        "leaderboard export results/tiny-final --to model-card -o card",
        "leaderboard export results/tiny-final --to inspect -o logs",
    ],
)
