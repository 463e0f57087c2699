"""A training run on the screen: before and after, a verdict for each task, and the estimate of a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from selfreward_eval.trainers.record import TrainingRecord

__all__ = ["show_estimate", "show_record"]


def show_record(record: TrainingRecord, folder: Path, console: Console) -> None:
    """Before, after, difference with interval and adjusted p of every task; a verdict each; the notes."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.cli.comparison_text import p_text
    from selfreward_eval.harness.comparing.wording import UNADJUSTED_INTERVALS

    table = Table(title=escape(record.name), title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for head in ("before", "after", "difference, 95 %", "adj. p"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, task in record.comparison["tasks"].items():
        overall = task["overall"]
        table.add_row(
            escape(name),
            _number(overall["a"]),
            _number(overall["b"]),
            _difference(overall),
            p_text(overall["p_adjusted"] if overall["p_adjusted"] is not None else overall["p"]),
        )
    console.print(table)
    tasks = record.comparison["tasks"]
    for name, verdict in record.verdicts.items():
        console.print(f"{escape(name)}: [bold]{escape(verdict)}[/bold]", highlight=False)
        warning = tasks[name]["overall"].get("imbalance") if name in tasks else ""
        if warning:
            console.print(f"[yellow]warning: {escape(warning)}[/yellow]", highlight=False, soft_wrap=True)
    if any(map(_differ, (task["overall"] for task in tasks.values()))):
        console.print(UNADJUSTED_INTERVALS, style="dim", soft_wrap=True, highlight=False)
    scales = f"guidance {record.before.guidance:g} before, {record.after.guidance:g} after ({record.policy})"
    minutes = ", ".join(f"{stage} {seconds / 60:.1f} min" for stage, seconds in record.seconds.items())
    console.print(f"{scales}; {minutes}", highlight=False)
    if record.profile:
        parts = ", ".join(f"{part} {seconds / 60:.1f} min" for part, seconds in record.profile.items())
        console.print(f"within training: {parts}", highlight=False)
    for note in record.notes:
        console.print(escape(f"note: {note}"), style="dim", soft_wrap=True, highlight=False)
    console.print(escape(f"record: {folder / 'training.json'}"), soft_wrap=True, highlight=False)


def show_estimate(estimate: Mapping[str, Any], console: Console) -> None:
    """The estimate of a dry run."""
    for stage, seconds in estimate["seconds"].items():
        duration = "not known" if seconds is None else f"{seconds / 60:.1f} min"
        console.print(f"{stage}: {duration}", highlight=False)
    share = f"{estimate['trainable'] / 1e6:.1f} of {estimate['total'] / 1e6:.1f} million weights"
    console.print(f"trained: {share}, on {estimate['device']}", highlight=False)
    if estimate["peak_bytes"] is not None:
        console.print(
            f"memory: {estimate['peak_bytes'] / 2**30:.1f} GiB, of which training adds "
            f"{estimate['growth_bytes'] / 2**30:.1f}",
            highlight=False,
        )
    if estimate["foreseen"]:
        _show_foreseen(estimate["foreseen"], console)
    for note in estimate["notes"]:
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)


def _show_foreseen(steps: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Memory of one device and operations of a step, for several numbers of processes."""
    from rich import box
    from rich.table import Table

    table = Table(
        title="a step, from the configuration files; 10^9 bytes on each device",
        title_justify="left",
        box=box.SIMPLE,
        padding=0,
    )
    parts = {
        "weights": "weights",
        "moments": "mo-\nments",
        "average": "aver-\nage",
        "gradients": "gradi-\nents",
        "gathered": "gath-\nered",
        "activations": "activa-\ntions",
        "peak": "peak",
    }
    # In syllables, so that a terminal of 80 columns shows every number.
    for head in ("devices", "recom-\nputed", "pic-\ntures", *parts.values(), "opera-\ntions"):
        table.add_column(head, justify="right", no_wrap=True)
    for step in steps:
        table.add_row(
            str(step["processes"]),
            "yes" if step["checkpointing"] else "no",
            str(step["rows"]),
            *(f"{step[f'{part}_bytes'] / 1e9:.1f}" for part in parts),
            f"{step['flops']:.2e}",
        )
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _differ(contrast: Mapping[str, Any]) -> bool:
    """Whether an interval without 0 stands beside an adjusted p above 0.05."""
    from selfreward_eval.harness.comparing.wording import differ

    return differ(contrast["low"], contrast["high"], contrast["p_adjusted"])


def _difference(contrast: Mapping[str, Any]) -> str:
    if contrast["effect"] is None:
        return "-"
    if contrast["low"] is None:
        return f"{contrast['effect']:+.3f}"
    return f"{contrast['effect']:+.3f} ({contrast['low']:+.3f} to {contrast['high']:+.3f})"
