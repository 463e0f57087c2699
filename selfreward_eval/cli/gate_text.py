"""The outcome of a gate on the screen: a table of the rules, the verdict, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from selfreward_eval.harness.gating.findings import Outcome

__all__ = ["show_gate"]

STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


def show_gate(outcome: Outcome) -> None:
    """Prints the outcome of a gate."""
    from rich.console import Console
    from rich.markup import escape

    from selfreward_eval.harness.gating.summary import headline, needed, remarks
    from selfreward_eval.harness.stats.noninferiority import Verdict

    console = Console(highlight=False)
    for name, arm in (("base", outcome.base), ("candidate", outcome.candidate)):
        console.print(escape(f"{name:9} {arm.folder}"), soft_wrap=True)
    console.print(_table(outcome))
    for finding in outcome.findings:
        if finding.verdict is not Verdict.PASS:
            requirement = needed(finding)
            console.print(escape(f"{finding.rule}: {finding.why}"), soft_wrap=True)
            if requirement:
                console.print(escape(f"  it would take {requirement}"), soft_wrap=True)
    for sentence in remarks(outcome):
        console.print(escape(sentence), style="dim", soft_wrap=True)
    console.print(escape(headline(outcome)), style=f"bold {STYLES[outcome.verdict]}", soft_wrap=True)


def _table(outcome: Outcome) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.harness.gating.summary import bounds, value

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("verdict", no_wrap=True)
    table.add_column("rule", overflow="fold")
    for head in ("asks", "found", "bounds", "items"):
        table.add_column(head, justify="left" if head == "asks" else "right", no_wrap=True)
    for finding in outcome.findings:
        table.add_row(
            f"[{STYLES[finding.verdict]}]{finding.verdict}[/]",
            escape(finding.rule),
            escape(finding.asks),
            value(finding),
            bounds(finding),
            f"{finding.items}"
            if finding.items == finding.planned_items
            else f"{finding.items}/{finding.planned_items}",
        )
    return table
