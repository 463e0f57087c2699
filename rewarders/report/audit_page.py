"""The page of an audit: table, ROC curves, calibration, agreement, and each rewarder's worst mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.drawing import write_drawing
from selfreward_eval.harness.report.pictures import BUDGET
from selfreward_eval.rewarders.auditing.audit import Audit, RewarderAudit
from selfreward_eval.rewarders.auditing.rightness import RightRule
from selfreward_eval.rewarders.report.cards import card, verdict, with_pictures
from selfreward_eval.rewarders.report.formatting import estimate, milliseconds, number
from selfreward_eval.rewarders.report.plots import calibration, curves
from selfreward_eval.rewarders.report.rendering import embedded, render
from selfreward_eval.rewarders.scoring.auditing import RewarderLines
from selfreward_eval.rewarders.scoring.pictures import PictureEntry

__all__ = ["PAGE", "write_audit_page"]

PAGE = "audit.html"
EXAMPLES = 5
"""Pictures of either kind of mistake."""

PLAIN = "transparent"


def write_audit_page(
    folder: Path,
    name: str,
    model: str,
    audits: Mapping[str, Audit],
    rules: Mapping[str, RightRule],
    entries: Sequence[PictureEntry],
    scored: Sequence[RewarderLines],
    skipped: Mapping[str, str],
    *,
    budget: int = BUDGET,
) -> list[Path]:
    """Writes ``audit.html`` and the ROC curves of every task as SVG and PNG.

    Args:
        folder: where; it must exist.
        name: of the run.
        model: which model rewards itself, in words; empty for none.
        audits: task -> its audit.
        rules: task -> when a picture is right.
        entries: the pictures.
        scored: every rewarder's lines, aligned with them.
        skipped: rewarder -> why it was left out.
        budget: bytes of picture data.

    Returns:
        The files, the page first.
    """
    written = []
    for task, one in audits.items():
        if any(part.roc for part in one.rewarders):
            written += write_drawing(curves(one.rewarders), folder / f"roc_{task}")
    share = budget // max(1, len(audits) * len(scored))
    tasks = [_task(one, rules[task], entries, scored, share) for task, one in audits.items()]
    html = render("reward_audit.jinja", name=name, model=model, tasks=tasks, skipped=skipped)
    page = folder / PAGE
    # A page can be drawn again at any time, so it need not wait for the disk.
    write_page(page, html)
    return [page, *written]


def _task(
    one: Audit, rule: RightRule, entries: Sequence[PictureEntry], scored: Sequence[RewarderLines], budget: int
) -> dict[str, Any]:
    categories = list(one.rewarders[0].by_category) if one.rewarders else []
    about = (
        f"{one.pictures:,} pictures of {one.items:,} items, {one.measured:,} measured; right is "
        f"{one.metric} of {one.right_rule}, which {one.right:,} are"
    )
    return {
        "name": one.task,
        "about": about,
        "rows": [_row(part, one.pictures) for part in one.rewarders],
        "warnings": [
            f"{count:,} pictures not scored by {part.label}: {reason}"
            for part in one.rewarders
            for reason, count in part.unscored.items()
        ],
        "shared": "; ".join(
            f"{part.label} ({', '.join(part.shared)})" for part in one.rewarders if part.shared
        ),
        "roc": embedded(curves(one.rewarders)) if any(part.roc for part in one.rewarders) else None,
        "categories": categories,
        "areas": [
            {"label": part.label, "cells": [_area(part, category) for category in categories]}
            for part in one.rewarders
        ],
        "agreement": [
            {
                "label": label,
                "cells": [
                    {
                        "text": number(cell.value, 2),
                        "title": f"{label} and {other}, {cell.n:,} pictures",
                        "colour": heat(cell.value),
                    }
                    for other, cell in row.items()
                ],
            }
            for label, row in one.agreement.items()
        ],
        "calibrations": [embedded(calibration(part)) for part in one.rewarders if part.calibration],
        "examples": [
            examples
            for part in scored
            if (examples := _examples(part, one.task, rule, entries, budget))["kinds"]
        ],
    }


def _row(part: RewarderAudit, pictures: int) -> dict[str, Any]:
    numbers = (part.correlation, part.auc, part.inside_auc, part.inside_order, part.separation)
    return {
        "label": part.label,
        "kind": part.kind,
        "scored": f"{part.scored:,}/{pictures:,}",
        "missing": part.scored < pictures,
        "estimates": [estimate(one) for one in numbers],
        "error": number(part.calibration_error),
        "cost": milliseconds(part.seconds),
    }


def _area(part: RewarderAudit, category: str) -> dict[str, str]:
    auc = part.by_category[category]["auc"]
    text = estimate(auc)
    # 0.5 is no signal and uncoloured, as 0 is for a correlation.
    colour = heat(None if auc.value is None else 2 * auc.value - 1)
    return {"text": number(auc.value, 2), "title": text["interval"] or text["why"], "colour": colour}


def heat(value: float | None) -> str:
    """A cell's colour for a number in [-1, 1]: blue above 0, red below, the paler the nearer to it.

    >>> heat(1.0), heat(None)
    ('rgb(122 167 230)', 'transparent')
    """
    if value is None:
        return PLAIN
    full = (122, 167, 230) if value > 0 else (232, 138, 130)
    parts = [round(245 + (one - 245) * min(abs(value), 1.0)) for one in full]
    return f"rgb({parts[0]} {parts[1]} {parts[2]})"


def _examples(
    one: RewarderLines, task: str, rule: RightRule, entries: Sequence[PictureEntry], budget: int
) -> dict[str, Any]:
    """The wrong pictures with the highest rewards and the right ones with the lowest."""
    sign = 1 if one.rewarder.info.higher_is_better else -1
    rated = [
        (sign * line.reward.value, entry, line)
        for entry, line in zip(entries, one.lines, strict=True)
        if entry.task == task and line.reward.value is not None and entry.measured is not None
    ]
    kinds = []
    if len({value for value, _, _ in rated}) > 1:
        for kind, heading, best_first in (
            ("wrong", "Wrong, and rewarded most", True),
            ("right", "Right, and rewarded least", False),
        ):
            members = [entry for entry in rated if verdict(entry[1], rule) == kind]
            members.sort(key=lambda entry: entry[0], reverse=best_first)
            chosen = members[:EXAMPLES]
            if chosen:
                cards = [card(entry, line, rule) for _, entry, line in chosen]
                lines = {entry.key: line for _, entry, line in chosen}
                kinds.append((heading, with_pictures(cards, lines, budget // 2)))
    return {"label": one.label, "kinds": kinds}
