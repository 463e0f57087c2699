"""A comparison of two runs on the screen: per task a table, the verdict, and what stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from selfreward_eval.harness.comparing.families import Family
    from selfreward_eval.harness.comparing.records import Comparison, Contrast, Relative

__all__ = ["behind", "corrections", "intervals", "p_text", "show", "warn"]

MAX_UNMATCHED = 10
"""Items named on the screen; the JSON file has all."""


def show(comparison: Comparison) -> None:
    """Prints a comparison as tables, each followed by its verdict."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for letter, arm in (("A", comparison.a), ("B", comparison.b)):
        console.print(f"{letter}: {escape(arm.folder)}", soft_wrap=True)
    if comparison.pairing:
        console.print(f"[yellow]{escape(comparison.pairing)}[/yellow]", soft_wrap=True)
    for task in comparison.tasks.values():
        overall = task.overall
        label = "overall (macro)" if task.macro else "overall"
        console.print(_table(f"{task.task}@{task.version}: {task.metric}", task.categories, overall, label))
        console.print(f"[bold]{escape(overall.verdict)}[/bold] ({escape(_finding(overall))})", soft_wrap=True)
        warn(console, overall)
        for line in (
            *behind(overall),
            *corrections(task.task, task.categories, comparison.families),
            *intervals(task.categories.values(), overall),
        ):
            console.print(escape(line), style="dim", soft_wrap=True)
        if task.relative is not None:
            _show_relative(console, task.relative)
        missing = task.planned_items - overall.n_items
        if missing:
            console.print(f"{missing} of {task.planned_items} items could not be paired:")
            for item in task.unmatched[:MAX_UNMATCHED]:
                console.print(escape(f"  {item.item} ({item.category}): {item.reason}"), soft_wrap=True)
            if missing > MAX_UNMATCHED:
                console.print("  ... all of them are in the JSON")
    for name, folder in comparison.only_in_one.items():
        console.print(escape(f"not compared: {name} was run only in {folder}"), soft_wrap=True)


def warn(console: Console, overall: Contrast) -> None:
    """The warning that one arm has more samples without a score, where it has."""
    from rich.markup import escape

    if overall.imbalance:
        console.print(f"[yellow]warning: {escape(overall.imbalance)}[/yellow]", soft_wrap=True)


def intervals(categories: Iterable[Contrast | None], *overall: Contrast | None) -> Iterator[str]:
    """The line about intervals that leave out 0 beside an adjusted p above 0.05, where one does."""
    from selfreward_eval.harness.comparing.wording import interval_note

    note = interval_note([*categories, *overall])
    if note:
        yield note


def _show_relative(console: Console, score: Relative) -> None:
    """The relative score: its table, its finding, and why it is only another reading."""
    from rich.markup import escape

    console.print(_table(f"relative score: {score.name}", score.categories, score.overall, "overall", 1))
    overall = score.overall
    line = f"relative score: {overall.verdict} ({_finding(overall, 1)})"
    console.print(escape(line), soft_wrap=True)
    for line in (f"{overall.method}: {overall.why}", "its p-values are not adjusted: the headline decides"):
        console.print(escape(line), style="dim", soft_wrap=True)


def behind(overall: Contrast) -> Iterator[str]:
    """Lines that say which test and why, on how many units, what pairing gained, and what BCa says."""
    yield f"{overall.method}: {overall.why}"
    if overall.improved is not None:
        yield (
            f"items: {overall.improved} improved, {overall.unchanged} unchanged, {overall.worsened} worsened"
        )
    if overall.n_units is not None:
        units = "items" if overall.n_units == overall.n_items else f"clusters of {overall.n_items} items"
        alike = "" if overall.icc is None else f", ICC of an item's differences {overall.icc:.2f}"
        yield f"G = {overall.n_units} {units}, m = {overall.m}{alike}"
    if overall.correlation is not None and overall.se_ratio is not None:
        gain = f"pairing makes the standard error {overall.se_ratio:.2f} of an unpaired one"
        yield f"the arms correlate by {overall.correlation:.2f} over items; {gain}"
    if overall.bca is not None:
        if overall.bca.low is None or overall.bca.high is None:
            yield f"BCa bootstrap: none, {overall.bca.why}"
        else:
            says = {True: "agrees", False: "does not agree: a few items carry the result", None: "no verdict"}
            ends = f"{overall.bca.low:+.3f} to {overall.bca.high:+.3f}"
            yield f"BCa bootstrap {ends}: {says[overall.bca.agrees]}"


def corrections(task: str, categories: dict[str, Contrast], families: tuple[Family, ...]) -> Iterator[str]:
    """Lines that say by which p-values the verdicts of this task go."""
    for family in families:
        inside = [key for key in family.members if key == task or key.startswith(f"{task}/")]
        if inside and len(family.members) > 1:
            what = "this headline" if inside == [task] else f"{len(inside)} of these scores"
            yield f"the verdict of {what} goes by the adjusted p: {family.how}, declared with --family"
    if len(categories) > 1 and all(contrast.family is None for contrast in categories.values()):
        yield "p-values of categories are not adjusted for their number; read them as hints"


def _table(
    title: str, categories: dict[str, Contrast], overall: Contrast, label: str, digits: int = 3
) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    # These columns fit a line of 80 characters, so adjusted p-values take the place of the numbers of
    # items; the rest is in the JSON.
    table = Table(title=title, title_justify="left")
    table.box, table.padding = box.SIMPLE, (0, 1, 0, 0)
    table.add_column("", overflow="fold")
    adjusted = any(contrast.p_adjusted is not None for contrast in categories.values())
    for head in ("A", "B", "B - A", "95 % interval", "p", "adjusted" if adjusted else "items"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, contrast in categories.items():
        table.add_row(escape(name), *_cells(contrast, adjusted, digits))
    table.add_section()
    table.add_row(label, *_cells(overall, adjusted, digits), style="bold")
    return table


def _cells(contrast: Contrast, adjusted: bool, digits: int) -> list[str]:
    interval = "-"
    if contrast.low is not None and contrast.high is not None:
        interval = f"{contrast.low:+.{digits}f} to {contrast.high:+.{digits}f}"
    return [
        _number(contrast.a, f".{digits}f"),
        _number(contrast.b, f".{digits}f"),
        _number(contrast.effect, f"+.{digits}f"),
        interval,
        p_text(contrast.p),
        p_text(contrast.p_adjusted) if adjusted else str(contrast.n_items),
    ]


def _number(value: float | None, layout: str) -> str:
    return "-" if value is None else format(value, layout)


def p_text(p: float | None, name: str = "") -> str:
    """A p-value that is never 0, with its name before it if it has one.

    >>> p_text(0.00000001), p_text(0.0312, "p"), p_text(0.00000001, "p")
    ('< 0.0001', 'p = 0.0312', 'p < 0.0001')
    """
    text = "-" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.4f}"
    if not name:
        return text
    return f"{name} {text}" if text.startswith("<") else f"{name} = {text}"


def _finding(overall: Contrast, digits: int = 3) -> str:
    """A difference in one line, for pasting."""
    layout = f"+.{digits}f"
    parts = [f"B - A = {_number(overall.effect, layout)}"]
    if overall.low is not None and overall.high is not None:
        parts.append(f"95 % interval {overall.low:{layout}} to {overall.high:{layout}}")
    if overall.p is not None:
        parts.append(p_text(overall.p, "p"))
        if overall.p_adjusted is not None and overall.p_adjusted != overall.p:
            parts.append(p_text(overall.p_adjusted, "adjusted p"))
    parts.append(f"{overall.n_items} items x {overall.m}")
    if overall.coverage < 1:
        parts.append(f"{overall.coverage:.1%} of the sample pairs scored")
        if overall.bound_low is not None and overall.bound_high is not None:
            parts.append(f"bounds {overall.bound_low:{layout}} to {overall.bound_high:{layout}}")
    return ", ".join(parts)
