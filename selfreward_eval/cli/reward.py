"""``selfreward-eval reward``: one rewarder's rewards of a run's pictures, or of a folder's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.rewarders.auditing.audit import Audit
    from selfreward_eval.rewarders.scoring.auditing import RewarderLines
    from selfreward_eval.rewarders.scoring.pictures import PictureEntry

__all__ = ["reward"]


def reward(
    pictures: Annotated[
        Path, typer.Argument(help="A finished run, or a folder or JSONL list of pictures with prompts.")
    ],
    rewarder: Annotated[str, typer.Option(help="NAME, or NAME,key=value; `list rewarders` shows them.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for rewards.jsonl and the page rewards.html.")
    ],
    tasks: Annotated[str, typer.Option(help="Tasks of the run; all that draw by default.")] = "",
    model: Annotated[
        str | None, typer.Option(help="Model that rewards itself; the run's own by default.")
    ] = None,
    model_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value.")] = "",
    layout: Annotated[str, typer.Option(help="Of a folder: auto, geneval, t2i_compbench or jsonl.")] = "auto",
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that one picture may take; none by default.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of rewards that commands share; OUTPUT/cache by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Score pictures: one line each in rewards.jsonl, and a page sorted by reward.

    A picture that cannot be scored is marked with the reason, and the others keep their rewards. The same
    command continues where it was stopped. Exit codes: 0 done, 2 wrong command line, 4 missing or
    damaged input.
    """
    import json

    from selfreward_eval.cli.progress import BarProgress
    from selfreward_eval.cli.rewarder_options import RewarderFactory, one_choice
    from selfreward_eval.rewarders.report.rewards_page import PAGE, unscored, write_rewards_page
    from selfreward_eval.rewarders.scoring.auditing import RewarderLines, audits, rules
    from selfreward_eval.rewarders.scoring.log import RewardLog
    from selfreward_eval.rewarders.scoring.scoring import score_all

    choice = one_choice(rewarder)
    run, entries, notes = _entries(pictures, tasks, layout)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    names = [] if run is None else list(dict.fromkeys(one.task for one in entries))
    factory = RewarderFactory(run, names, model, model_args, timeout)
    built = factory.build(choice)
    model_text = factory.described([built])
    about = {"run": None if run is None else run.manifest.fingerprint, "rewarder": built.identity()}
    with RewardLog(output, about) as log, BarProgress() as progress:
        lines = score_all(
            built, entries, log, cache=cache or output / "cache", progress=progress, label=choice.label
        )
    scored = RewarderLines(choice.label, built, lines)
    audit_of = {} if run is None else audits(run, entries, [scored])
    right_rules = {} if run is None else {task: right for task, (_, right) in rules(run, entries).items()}
    name = pictures.resolve().name if run is None else run.name
    page = write_rewards_page(output / PAGE, name, model_text, entries, scored, audit_of, right_rules)
    missing = unscored(scored)
    if as_json:
        content = {
            "pictures": len(lines),
            "scored": len(lines) - sum(missing.values()),
            "unscored": missing,
            "model": model_text,
            "world": factory.world,
            **about,
            "rewards": str(log.path),
            "page": str(page),
            "tasks": {task: one.to_json() for task, one in audit_of.items()},
        }
        print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _show(scored, model_text, audit_of, missing)
    for path in (log.path, page):
        typer.echo(f"wrote {path}")


def _entries(pictures: Path, tasks: str, layout: str) -> tuple[Run | None, list[PictureEntry], list[str]]:
    """The pictures, the run they belong to if it is one, and what a reader should know."""
    from selfreward_eval.harness.errors import UsageError
    from selfreward_eval.harness.runs.reader import load_run
    from selfreward_eval.harness.runs.store import MANIFEST
    from selfreward_eval.rewarders.scoring.pictures import pictures_of_folder, pictures_of_run

    if (pictures / MANIFEST).is_file():
        run = load_run(pictures)
        entries, left_out = pictures_of_run(run, [name.strip() for name in tasks.split(",") if name.strip()])
        notes = [f"the torn last line of {torn} was left out" for torn in run.torn]
        return run, entries, [*notes, *(f"{name} has no pictures of its own" for name in left_out)]
    if tasks:
        raise UsageError(f"--tasks is for a run; {pictures} is none (it has no {MANIFEST})")
    entries, known = pictures_of_folder(pictures, layout)
    return None, entries, [f"{len(entries)} pictures in the layout {known}"]


def _show(scored: RewarderLines, model: str, audits: dict[str, Audit], missing: dict[str, int]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    values = [line.reward.value for line in scored.lines if line.reward.value is not None]
    summary = f"{scored.label}: {len(values)} of {len(scored.lines)} pictures have a reward"
    if values:
        summary += (
            f", from {min(values):.3f} to {max(values):.3f}, {sum(values) / len(values):.3f} on average"
        )
    console.print(escape(summary), highlight=False, soft_wrap=True)
    for reason, count in missing.items():
        warning = escape(f"{count} without a reward: {reason}")
        console.print(f"[yellow]{warning}[/yellow]", highlight=False, soft_wrap=True)
    for one in audits.values():
        console.print(_table(scored.label, one))
    settings = escape(f"source {scored.rewarder.source()}")
    console.print(settings, highlight=False, soft_wrap=True)
    if model:
        console.print(escape(f"model that rewards itself: {model}"), highlight=False, soft_wrap=True)


def _table(label: str, audit: Audit) -> Any:
    """Rank correlation and AUC by category."""
    from rich.markup import escape
    from rich.table import Table

    statistics = audit.rewarders[0]
    table = Table(title=escape(f"{label} beside {audit.metric} on {audit.task}"), title_justify="left")
    table.add_column("category")
    for header in ("pictures", "Spearman", "95 % interval", "AUC", "95 % interval"):
        table.add_column(header, justify="right")
    rows = [
        *statistics.by_category.items(),
        ("all", {"correlation": statistics.correlation, "auc": statistics.auc}),
    ]
    for k, (name, parts) in enumerate(rows):
        cells = []
        for one in (parts["correlation"], parts["auc"]):
            cells.append("absent" if one.value is None else f"{one.value:.3f}")
            cells.append("–" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}")
        last = k == len(rows) - 1
        table.add_row(
            escape(name or "all"),
            str(parts["correlation"].n),
            *cells,
            style="bold" if last else None,
            end_section=k == len(rows) - 2,
        )
    return table
