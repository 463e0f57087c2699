"""Prints a comparison of several training runs: both claims side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.cli.comparison_text import MAX_UNMATCHED, behind, corrections, intervals, p_text, warn

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison, PooledTask
    from selfreward_eval.harness.comparing.records import Contrast

__all__ = ["show_pooled"]


def show_pooled(pooled: PooledComparison) -> None:
    """Prints the comparison: a table per task, then both claims about the headline."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for letter, arms in (("A", pooled.a), ("B", pooled.b)):
        for number, arm in enumerate(arms, 1):
            console.print(f"{letter}{number}: {escape(arm.folder)}", soft_wrap=True)
    for task in pooled.tasks.values():
        console.print(_table(task))
        for line in _claims(task.overall):
            console.print(line, soft_wrap=True)
        warn(console, task.overall.checkpoint)
        categories = {name: entry.checkpoint for name, entry in task.categories.items()}
        shown = [task.overall, *task.categories.values()]
        notes = (
            *behind(task.overall.checkpoint),
            *corrections(task.task, categories, pooled.families),
            *intervals(part for claims in shown for part in (claims.checkpoint, claims.method)),
        )
        for note in notes:
            console.print(escape(note), style="dim", soft_wrap=True)
        if task.unmatched:
            console.print(f"{len(task.unmatched)} of {task.planned_items} items could not be paired:")
            for entry in task.unmatched[:MAX_UNMATCHED]:
                console.print(escape(f"  {entry.item} ({entry.category}): {entry.reason}"), soft_wrap=True)
            if len(task.unmatched) > MAX_UNMATCHED:
                console.print("  ... all of them are in the JSON")
    for name, folders in pooled.not_compared.items():
        console.print(escape(f"not compared: {name} was run only in {', '.join(folders)}"), soft_wrap=True)


def _table(task: PooledTask) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{task.task}@{task.version}: {task.metric}", title_justify="left")
    table.box, table.padding = box.SIMPLE, (0, 1, 0, 0)
    table.add_column("", overflow="fold")
    # These columns fit a line of 80 characters; the p-values of the checkpoints are in the JSON.
    adjusted = any(category.checkpoint.family for category in task.categories.values())
    for head in ("B - A", "checkpoints, 95 %", "method, 95 %", "adj. p" if adjusted else "p", "df"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, claims in task.categories.items():
        table.add_row(escape(name), *_cells(claims))
    table.add_section()
    table.add_row("overall (macro)" if task.macro else "overall", *_cells(task.overall), style="bold")
    return table


def _cells(claims: Claims) -> list[str]:
    from selfreward_eval.harness.comparing.wording import t_freedom

    checkpoint, method = claims.checkpoint, claims.method
    return [
        "-" if checkpoint.effect is None else f"{checkpoint.effect:+.3f}",
        _interval(checkpoint),
        _interval(method),
        p_text(_p(method)),
        "-" if method is None or (df := t_freedom(method)) is None else f"{df:.1f}",
    ]


def _interval(contrast: Contrast | None) -> str:
    if contrast is None or contrast.low is None or contrast.high is None:
        return "-"
    return f"{contrast.low:+.3f} to {contrast.high:+.3f}"


def _p(contrast: Contrast | None) -> float | None:
    """The p-value for the verdict: adjusted, if there is one."""
    if contrast is None:
        return None
    return contrast.p if contrast.p_adjusted is None else contrast.p_adjusted


def _claims(claims: Claims) -> list[str]:
    """Both claims about the headline, as lines."""
    from rich.markup import escape

    from selfreward_eval.harness.comparing.wording import t_freedom

    lines = [f"these checkpoints, on prompts like these: {_verdict(claims.checkpoint)}"]
    method = claims.method
    if method is None:
        return [*lines, f"the method: no claim, {escape(claims.refused)}"]
    lines.append(f"the method, trained again: {_verdict(method)}")
    for letter, scores in (("A", claims.scores_a), ("B", claims.scores_b)):
        lines.append(f"  runs of {letter}: {', '.join(f'{score:.3f}' for score in scores)}")
    if claims.se_prompts is not None and claims.se_runs is not None:
        df = t_freedom(method)
        lines.append(
            f"  standard error over prompts {claims.se_prompts:.4f}, over training runs {claims.se_runs:.4f}"
            + ("" if df is None else f"; df {df:.1f}")
        )
    lines.append(escape(f"  {method.method}: {method.why}"))
    return lines


def _verdict(contrast: Contrast) -> str:
    from rich.markup import escape

    p = _p(contrast)
    name = "p" if contrast.p_adjusted in (None, contrast.p) else "adjusted p"
    effect = "" if contrast.effect is None else f"B - A = {contrast.effect:+.3f}"
    numbers = ", ".join(filter(None, (effect, p_text(p, name) if p is not None else "")))
    return f"[bold]{escape(contrast.verdict)}[/bold]" + (f" ({numbers})" if numbers else "")
