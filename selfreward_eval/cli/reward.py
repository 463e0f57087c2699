"""``selfreward-eval reward``: one rewarder's rewards of a run's pictures, or of a folder's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from selfreward_eval.cli.completion import names_of
from selfreward_eval.cli.config.options import CONFIG, ConfigFile, resolved
from selfreward_eval.cli.engine_options import EngineArguments, EngineName

if TYPE_CHECKING:
    from selfreward_eval.rewarders.auditing.audit import Audit
    from selfreward_eval.rewarders.scoring.auditing import RewarderLines

__all__ = ["reward"]


def reward(
    ctx: typer.Context,
    pictures: Annotated[
        Path, typer.Argument(help="A finished run, or a folder or JSONL list of pictures with prompts.")
    ],
    rewarder: Annotated[
        str,
        typer.Option(
            help="NAME, or NAME,key=value; `list rewarders` shows them.", autocompletion=names_of("rewarders")
        ),
    ],
    output_path: Annotated[
        Path, typer.Option("--output-path", "-o", help="Folder for rewards.jsonl and the page rewards.html.")
    ],
    config: ConfigFile = None,
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
        Path | None, typer.Option(help="Folder of rewards that commands share; OUTPUT_PATH/cache by default.")
    ] = None,
    engine: EngineName = "local",
    engine_args: EngineArguments = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Score pictures: one line each in rewards.jsonl, and a page sorted by reward.

    A picture that cannot be scored is marked with the reason and costs no other its reward. The same
    command goes on where it was stopped. Exit codes: 0 done, 2 wrong command line, 4 missing or
    damaged input, or a cluster that cannot be reached, 6 the rewarder failed, or actors died again and again.
    """
    import json

    from selfreward_eval.api.arguments import parse
    from selfreward_eval.api.engines import build_engine
    from selfreward_eval.cli.rewarder_options import one_choice
    from selfreward_eval.harness.registry import require_name

    computing = build_engine(engine, parse(engine_args, "--engine-args"), "--engine-args", measures=False)
    choice = one_choice(rewarder)
    require_name("rewarders", choice.name)
    if model is not None:
        require_name("models", model)
    from selfreward_eval.api.reward import pictures_of, reward_pictures
    from selfreward_eval.cli.progress import BarProgress

    found = pictures_of(pictures, [name.strip() for name in tasks.split(",") if name.strip()], layout)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    arguments = parse(model_args, "--model-args")
    with BarProgress() as progress:
        rewarded = reward_pictures(
            found,
            choice,
            output_path,
            model=model,
            model_args=arguments,
            timeout=timeout,
            cache=cache,
            progress=progress,
            files={CONFIG: resolved(ctx)},
            engine=computing,
        )
    missing = rewarded.unscored
    if as_json:
        content = {
            "pictures": len(rewarded.lines),
            "scored": len(rewarded.lines) - sum(missing.values()),
            "unscored": missing,
            "model": rewarded.model,
            "world": rewarded.world,
            **rewarded.about,
            "rewards": str(rewarded.path),
            "page": str(rewarded.page),
            "tasks": {task: one.to_json() for task, one in rewarded.audits.items()},
        }
        print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _show(rewarded.scored, rewarded.model, rewarded.audits, missing)
    for path in (rewarded.path, rewarded.page):
        typer.echo(f"wrote {path}")


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

    mine = audit.rewarders[0]
    table = Table(title=escape(f"{label} beside {audit.metric} on {audit.task}"), title_justify="left")
    table.add_column("category")
    for header in ("pictures", "Spearman", "95 % interval", "AUC", "95 % interval"):
        table.add_column(header, justify="right")
    rows = [*mine.by_category.items(), ("all", {"correlation": mine.correlation, "auc": mine.auc})]
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
