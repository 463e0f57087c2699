"""``selfreward-eval rescore RUN``: rescores a run from its judge's recorded replies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selfreward_eval.api.arguments import construct, parse, per_task
from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.harness.runs.scores import Score
    from selfreward_eval.tasks.judged.human_labels import People
    from selfreward_eval.tasks.judged.rescored_run import Rescored

__all__ = ["rescore"]

TASK_ARGS = "--task-args"


def rescore(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run with judged tasks.")],
    task_args: Annotated[
        str,
        typer.Option(help="Changed task arguments: parser=strict; of one task: task.key=value."),
    ] = "",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="People's scores of some samples, chosen at random: .csv or .jsonl with item, index, score. "
            "They correct the judge's score."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print both scores of every task as JSON.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output-path",
            "-o",
            help="Write them and every sample here: a file, or a folder for rescored_*.json.",
        ),
    ] = None,
) -> None:
    """Rescore a run from its judge's recorded replies: offline, without judge, model or pictures.

    The run's recorded arguments apply unless --task-args changes them. The run's own files are not
    changed. Exit codes: 0 done, 2 wrong command line, 4 missing or damaged input.
    """
    import json

    from selfreward_eval.harness.runs.reader import load_run

    loaded = load_run(run)
    rescored = _rescored(loaded, task_args)
    people = {} if labels is None else _corrected(labels, rescored)
    for torn in loaded.torn:
        typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    left_out = [name for name in loaded.scores if name not in rescored]
    if left_out:
        typer.echo(f"note: no judge's replies to read again in {', '.join(left_out)}", err=True)
    written = None if output is None else _write(loaded, rescored, people, output)
    if as_json:
        print(json.dumps(_content(loaded, rescored, people), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(loaded, rescored, people)
    if written is not None:
        typer.echo(f"wrote {written}", err=as_json)


def _rescored(run: Run, task_args: str) -> dict[str, Rescored]:
    """Every task of the run that stores replies, rescored."""
    from selfreward_eval.harness.registry import registry
    from selfreward_eval.tasks.judged.rescored_run import is_rescorable, recorded_settings, rescore_task

    factories = {name: registry("tasks").load(name) for name in run.scores}
    judged = {name: factory for name, factory in factories.items() if is_rescorable(factory)}
    if not judged:
        raise UsageError(
            f"the run in {run.folder} has no judged task ({', '.join(run.scores)}), so there are no replies "
            "to read again; name a run whose task asks a judge"
        )
    given = per_task(parse(task_args, TASK_ARGS), list(run.scores), TASK_ARGS)
    rescored = {}
    for name, factory in judged.items():
        settings = recorded_settings(factory, run.manifest.identity["tasks"][name].get("options", {}))
        settings |= given[name]
        task = construct(factory, settings, f"task {name!r}", TASK_ARGS)
        rescored[name] = rescore_task(run, task, settings)
    return rescored


def _corrected(path: Path, rescored: dict[str, Rescored]) -> dict[str, People]:
    """Every labelled task's score as people would have given it."""
    from selfreward_eval.tasks.judged.human_labels import corrected_by_people, labels_by_task, read_labels

    by_task = labels_by_task(path, read_labels(path), list(rescored))
    return {name: corrected_by_people(path, rescored[name], some) for name, some in by_task.items()}


def _content(
    run: Run, rescored: dict[str, Rescored], people: dict[str, People], *, samples: bool = False
) -> dict[str, Any]:
    return {
        "run": str(run.folder),
        "fingerprint": run.manifest.fingerprint,
        "tasks": {
            name: task.to_json(samples=samples)
            | ({"people": people[name].to_json()} if name in people else {})
            for name, task in rescored.items()
        },
    }


def _write(run: Run, rescored: dict[str, Rescored], people: dict[str, People], output: Path) -> Path:
    """Writes the record; in a folder it is named after the parser, or after how many tasks it holds."""
    from selfreward_eval.harness.files import atomic_write_json

    file = output
    if output.is_dir() or not output.suffix:
        parsers = {task.parser for task in rescored.values()}
        name = parsers.pop() if len(parsers) == 1 else None
        file = output / f"rescored_{name or len(rescored)}.json"
    owned = file.name == "run.json" or file.name.startswith(("results_", "samples_"))
    if owned and file.resolve().parent == run.folder.resolve():
        raise UsageError(f"--output-path: {file} is a file of the run itself; give another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(file, _content(run, rescored, people, samples=True))
    return file


def _show(run: Run, rescored: dict[str, Rescored], people: dict[str, People]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for name, task in rescored.items():
        console.print(_table(run, task))
        for line in _people(task, people[name]) if name in people else ():
            console.print(escape(line), highlight=False, soft_wrap=True)
        line = f"{task.changed} of {task.with_replies} samples with replies changed"
        console.print(line + (":" if task.moves else ""), highlight=False)
        for (old, new), count in task.moves.items():
            console.print(f"  {count} from {escape(old)} to {escape(new)}", highlight=False)
        if task.agreement is not None:
            alpha, members = task.agreement.alpha, len(task.agreement.failed)
            line = "not defined, as all scores are alike" if alpha is None else f"{alpha:.3f}"
            if task.agreement.samples == 0:
                line = "absent, as no sample has two scores"
            console.print(
                f"agreement of {members} replies (Krippendorff's alpha): {line}; "
                f"{task.agreement.samples} samples compared",
                highlight=False,
            )


def _people(task: Rescored, people: People) -> list[str]:
    """The judge's score beside the one corrected by people, as lines."""
    result, own, alone = people.corrected, task.scores.overall, people.corrected.human_only
    lines = [
        f"judge alone: {_number(own.value)} ({_ends(own.low, own.high)})",
        f"corrected by people: {_number(result.value)} ({_ends(result.low, result.high)})",
    ]
    if result.why:
        lines.append(f"  {result.why}")
    else:
        lines.append(
            f"  the judge weighs {result.judge_weight:.2f}; people alone {_number(alone.value)} "
            f"({_ends(alone.low, alone.high)})"
        )
    lines.append(
        f"  {people.labels} labels of {result.labelled} units, {result.unlabelled} further units by the "
        f"judge; {result.discordant} labels differ from it in a way of their own; judge minus people "
        f"{result.bias.value:+.3f} ({_ends(result.bias.low, result.bias.high)})"
    )
    lines.append("  this holds if the labelled samples are a random choice of all")
    if people.without_judge:
        lines.append(f"  {people.without_judge} labels are of samples that the judge did not score")
    return lines


def _table(run: Run, rescored: Rescored) -> Table:
    from rich.markup import escape
    from rich.table import Table

    before, after = rescored.recorded, rescored.scores
    version = before.version if before.version == after.version else f"{before.version}, now {after.version}"
    read = ", ".join(f"{name}={value}" for name, value in rescored.settings.items())
    title = f"{run.name} on {after.task}@{version}: {after.metric}" + (f", read with {read}" if read else "")
    table = Table(title=escape(title), title_justify="left")
    table.add_column("category")
    for header in ("recorded", "scored", "rescored", "95 % interval", "bounds", "scored"):
        table.add_column(header, justify="right")
    rows = [(name, before.categories.get(name), score) for name, score in after.categories.items()]
    rows.append(("overall", before.overall, after.overall))
    for k, (name, old, new) in enumerate(rows):
        table.add_row(
            escape(name),
            _number(None if old is None else old.value),
            "absent" if old is None else f"{old.n_scored}/{old.n_expected}",
            _number(new.value),
            _ends(new.low, new.high),
            _bounds(new),
            f"{new.n_scored}/{new.n_expected}",
            style="bold" if k == len(rows) - 1 else None,
            end_section=k == len(rows) - 2,
        )
    return table


def _bounds(score: Score) -> str:
    return "" if score.n_failed == 0 else _ends(score.bound_low, score.bound_high)


def _ends(low: float | None, high: float | None) -> str:
    return "absent" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _number(value: float | None) -> str:
    return "absent" if value is None else f"{value:.3f}"
