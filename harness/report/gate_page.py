"""The page of a gate: the verdict, its rules with their bounds against their limits, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.gating.findings import Finding, Outcome
from selfreward_eval.harness.gating.policy import Kind
from selfreward_eval.harness.gating.summary import bounds, headline, needed, remarks, value
from selfreward_eval.harness.report.notation import ABSENT, PLAIN
from selfreward_eval.harness.report.plots import (
    ROW_HEIGHT,
    ROW_WIDTH,
    Axis,
    difference_axis,
    interval_mark,
    scale_marks,
)
from selfreward_eval.harness.stats.noninferiority import Verdict

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run

__all__ = ["gate_view", "write_gate_page"]

BADGES = {
    Verdict.PASS: ("right", "✓"),
    Verdict.FAIL: ("wrong", "✗"),
    Verdict.INCONCLUSIVE: ("unscored", "?"),
}
"""Class and symbol of a verdict's badge."""

TONES = {Verdict.PASS: "up", Verdict.FAIL: "down", Verdict.INCONCLUSIVE: "open"}


def write_gate_page(outcome: Outcome, path: Path, runs: tuple[Run, Run] | None = None) -> list[Path]:
    """Writes the page; beside it, under ``<name>_pairs.html``, the comparison of the runs.

    Args:
        outcome: of the gate.
        path: of the page; its folder is made where it is missing.
        runs: base and candidate, both finished; None where the candidate is not.

    Returns:
        The files.
    """
    from selfreward_eval.harness.report.rendering import render_page

    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path]
    if runs is not None:
        from selfreward_eval.harness.comparing.compare import compare_runs
        from selfreward_eval.harness.report.pages import write_comparison_page

        pairs = path.with_name(f"{path.stem}_pairs.html")
        written.append(write_comparison_page(compare_runs(*runs), *runs, pairs))
    view = gate_view(outcome)
    link = written[1].name if len(written) > 1 else ""
    write_page(path, render_page("gate.jinja", view=view, pairs=link))
    return written


def gate_view(outcome: Outcome) -> dict[str, Any]:
    """What the page shows, as plain dictionaries.

    Returns:
        ``badge`` (class, symbol, text), ``headline``, ``base`` and ``candidate`` (name, fingerprint),
        ``policy`` (file, sha256), ``tables`` (title, scale, rows), ``open`` (rule, why, take), ``remarks``.
    """
    changes = [one for one in outcome.findings if one.kind != Kind.FLOOR]
    floors = [one for one in outcome.findings if one.kind == Kind.FLOOR]
    ends = [end for one in changes for end in (one.value, one.low, one.high, _limit(one))]
    tables = []
    if changes:
        tables.append(_table("Changes", "Gain", changes, difference_axis(ends), signed=True))
    if floors:
        known = [end for one in floors for end in (one.low, one.high, one.number) if end is not None]
        low, high = min(known, default=0.0), max(known, default=1.0)
        room = 0.05 * (high - low) or 0.05
        axis = difference_axis([0.0])
        tables.append(
            _table(
                "Floors", "Score", floors, Axis(low - room, high + room, axis.start, axis.end), signed=False
            )
        )
    kind, symbol = BADGES[outcome.verdict]
    return {
        "badge": {"verdict": kind, "symbol": symbol, "badge": str(outcome.verdict)},
        "headline": headline(outcome).partition(": ")[2],
        "base": {"name": outcome.base.name, "fingerprint": outcome.base.fingerprint},
        "candidate": {"name": outcome.candidate.name, "fingerprint": outcome.candidate.fingerprint},
        "policy": {"file": outcome.policy.file, "sha256": outcome.policy.sha256},
        "tables": tables,
        "open": [
            {"rule": one.rule, "why": one.why, "take": needed(one)}
            for one in outcome.findings
            if one.verdict is not Verdict.PASS
        ],
        "remarks": list(remarks(outcome)),
    }


def _limit(one: Finding) -> float:
    """Where the rule's line is: a margin of 0.02 is a change of -0.02."""
    return -one.number if one.kind == Kind.MARGIN else one.number


def _table(title: str, what: str, findings: Sequence[Finding], axis: Axis, *, signed: bool) -> dict[str, Any]:
    rows = []
    for one in findings:
        kind, symbol = BADGES[one.verdict]
        rows.append(
            {
                "badge": {"verdict": kind, "symbol": symbol, "badge": str(one.verdict)},
                "rule": one.rule,
                "asks": one.asks,
                "base": ABSENT if one.base is None else f"{one.base:.3f}",
                "candidate": ABSENT if one.candidate is None else f"{one.candidate:.3f}",
                "value": value(one).replace("-", "\N{MINUS SIGN}"),
                "bounds": bounds(one).replace("-", "\N{MINUS SIGN}"),
                "items": f"{one.items:,}"
                if one.items == one.planned_items
                else f"{one.items:,} of {one.planned_items:,}",
                "mark": interval_mark(axis, one.value, one.low, one.high),
                "limit": axis.at(_limit(one)),
                "tone": TONES[one.verdict],
                "method": f"{one.method}: {one.how}",
            }
        )
    return {
        "title": title,
        "what": what,
        "rows": rows,
        "scale": scale_marks(axis, PLAIN, signed=signed),
        "width": ROW_WIDTH,
        "height": ROW_HEIGHT,
    }
