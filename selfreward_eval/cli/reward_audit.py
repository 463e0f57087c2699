"""``selfreward-eval reward-audit RUN``: does a reward know what the benchmark measures?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from selfreward_eval.api.rewarders import RewarderFactory
    from selfreward_eval.rewarders.auditing.audit import Audit
    from selfreward_eval.rewarders.auditing.clusters import Estimate
    from selfreward_eval.rewarders.base import Rewarder

__all__ = ["reward_audit"]

RECORD = "audit.json"


def reward_audit(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run that drew pictures.")],
    rewarders: Annotated[
        str,
        typer.Option(
            help="Rewarders, comma separated; label=name for two of a kind. By default all that apply."
        ),
    ] = "",
    rewarder_args: Annotated[
        str, typer.Option(help="Their arguments: label.key=value; a dot nests further.")
    ] = "",
    tasks: Annotated[str, typer.Option(help="Tasks of the run; all that draw by default.")] = "",
    model: Annotated[
        str | None, typer.Option(help="Model that rewards itself; the run's own by default.")
    ] = None,
    model_args: Annotated[str, typer.Option(help="Its arguments: key=value,key=value.")] = "",
    right: Annotated[
        float | None,
        typer.Option(help="Measurement from which on a picture is right; by default half of the full mark."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that one picture may take; none by default.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output-path", "-o", help="Folder for rewards, page and record; RUN/rewards by default."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of rewards that commands share; OUTPUT/cache by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Score a run's pictures with several rewarders and compare each with the benchmark.

    Rank correlation, right against wrong (over all pictures and inside a prompt), separation,
    calibration, agreement, and cost. A picture that a rewarder cannot score is counted, never given a
    number. The same command goes on where it was stopped. Exit codes: 0 done, 2 wrong command line,
    4 missing or damaged input.
    """
    import json

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.api.rewarders import RewarderFactory
    from selfreward_eval.cli.rewarder_options import several_choices
    from selfreward_eval.harness.files import atomic_write_json
    from selfreward_eval.harness.runs.reader import load_run
    from selfreward_eval.rewarders.report.audit_page import write_audit_page
    from selfreward_eval.rewarders.scoring.auditing import audits, rules
    from selfreward_eval.rewarders.scoring.pictures import pictures_of_run

    choices = several_choices(rewarders, rewarder_args)
    loaded = load_run(run)
    entries, left_out = pictures_of_run(loaded, [name.strip() for name in tasks.split(",") if name.strip()])
    for torn in loaded.torn:
        typer.echo(f"note: the torn last line of {torn} was left out", err=True)
    if left_out:
        typer.echo(f"note: no pictures of its own in {', '.join(left_out)}", err=True)
    names = list(dict.fromkeys(one.task for one in entries))
    factory = RewarderFactory(loaded, names, model, parse(model_args, "--model-args"), timeout)
    when = {task: made for task, (_, made) in rules(loaded, entries, right).items()}
    folder = output or run / "rewards"
    chosen, skipped = _built(factory, choices)
    model_text = factory.described(list(chosen.values()))
    scored = _scored(chosen, entries, loaded.manifest.fingerprint, folder, cache or folder / "cache")
    found = audits(loaded, entries, scored, right)
    content: dict[str, Any] = {
        "run": str(run),
        "fingerprint": loaded.manifest.fingerprint,
        "model": model_text,
        "world": factory.world,
        "rewarders": {label: one.identity() for label, one in chosen.items()},
        "skipped": skipped,
        "tasks": {name: one.to_json() for name, one in found.items()},
    }
    atomic_write_json(folder / RECORD, content)
    page = write_audit_page(folder, loaded.name, model_text, found, when, entries, scored, skipped)
    if as_json:
        print(json.dumps({**content, "page": str(page[0])}, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _show(loaded.name, model_text, found, skipped)
    for path in (folder / RECORD, *page):
        typer.echo(f"wrote {path}")


def _built(factory: RewarderFactory, choices: Any) -> tuple[dict[str, Rewarder], dict[str, str]]:
    """The rewarders asked for; or all that apply, and why the others do not."""
    from selfreward_eval.api.rewarders import Choice
    from selfreward_eval.harness.errors import SelfRewardError, UsageError
    from selfreward_eval.harness.registry import registry
    from selfreward_eval.rewarders.defaults import DEFAULTS

    if choices:
        made = {one.label: factory.build(one) for one in choices}
        for one in made.values():
            one.source()  # Weights that are not there are named before anything is scored.
        return made, {}
    found: dict[str, Rewarder] = {}
    skipped: dict[str, str] = {}
    for name in registry("rewarders").names():
        try:
            one = factory.build(Choice(name, name))
            if one.info.kind == "external" and name not in DEFAULTS[factory.world]:
                skipped[name] = "it needs an instrument; name it with --rewarders and --rewarder-args"
                continue
            one.source()
            found[name] = one
        except SelfRewardError as error:
            skipped[name] = str(error)
        except Exception as error:  # Nobody asked for this plug-in by name: it must not stop the others.
            skipped[name] = f"it cannot be built ({type(error).__name__}: {error}); mend the plug-in"
    if not found:
        first = next(iter(skipped.values()), "none is registered")
        raise UsageError(f"no rewarder applies to this run; the first: {first}")
    return found, skipped


def _scored(chosen: dict[str, Rewarder], entries: Any, run: str, folder: Path, cache: Path) -> Any:
    """Every rewarder's lines, each in its own folder."""
    from selfreward_eval.cli.progress import BarProgress
    from selfreward_eval.harness.runs.store import sanitise
    from selfreward_eval.rewarders.scoring.auditing import RewarderLines
    from selfreward_eval.rewarders.scoring.log import RewardLog
    from selfreward_eval.rewarders.scoring.scoring import score_all

    scored = []
    with BarProgress() as progress:
        for label, one in chosen.items():
            with RewardLog(folder / sanitise(label), {"run": run, "rewarder": one.identity()}) as book:
                lines = score_all(one, entries, book, cache=cache, progress=progress, label=label)
                scored.append(RewarderLines(label, one, lines))
    return scored


def _show(name: str, model: str, found: dict[str, Audit], skipped: dict[str, str]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for one in found.values():
        console.print(_table(name, one))
        share = f"{one.right} of {one.measured} measured pictures are right"
        console.print(f"{share}: {one.metric} of {one.right_rule}; {one.items} items", highlight=False)
        for rewarder in one.rewarders:
            for reason, count in rewarder.unscored.items():
                model_text = escape(f"{count} not scored by {rewarder.label}: {reason}")
                console.print(f"[yellow]{model_text}[/yellow]", highlight=False, soft_wrap=True)
            if rewarder.shared:
                console.print(
                    escape(f"{rewarder.label} shares {', '.join(rewarder.shared)} with the benchmark"),
                    highlight=False,
                )
    for label, why in skipped.items():
        console.print(escape(f"left out: {label}: {why}"), highlight=False, soft_wrap=True)
    if model:
        console.print(escape(f"model that rewards itself: {model}"), highlight=False, soft_wrap=True)


def _table(name: str, audit: Audit) -> Any:
    """A row per rewarder; an interval stands below its number."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(f"{name} on {audit.task}: rewards beside {audit.metric}"), title_justify="left"
    )
    table.add_column("rewarder")
    for header in ("scored", "Spearman", "AUC", "AUC inside", "order inside", "separation", "ECE", "ms"):
        table.add_column(header, justify="right")
    for one in audit.rewarders:
        estimates = (one.correlation, one.auc, one.inside_auc, one.inside_order, one.separation)
        table.add_row(
            escape(f"{one.label}\n{one.kind}"),
            f"{one.scored}/{audit.pictures}",
            *map(_cell, estimates),
            "–" if one.calibration_error is None else f"{one.calibration_error:.3f}",
            "–" if one.seconds is None else f"{1000 * one.seconds:.1f}",
        )
    return table


def _cell(one: Estimate) -> str:
    if one.value is None:
        return "absent"
    ends = "" if one.low is None or one.high is None else f"\n{one.low:.3f} to {one.high:.3f}"
    return f"{one.value:.3f}{ends}"
