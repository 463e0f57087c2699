"""The page of one rewarder: its pictures sorted by reward, its maps, and reward beside measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.pictures import BUDGET
from selfreward_eval.rewarders.auditing.audit import Audit
from selfreward_eval.rewarders.auditing.rightness import RightRule
from selfreward_eval.rewarders.report.cards import PLACES, VERDICTS, card, places, verdict, with_pictures
from selfreward_eval.rewarders.report.formatting import estimate, milliseconds, number
from selfreward_eval.rewarders.report.plots import boxes, scatter
from selfreward_eval.rewarders.report.rendering import embedded, render
from selfreward_eval.rewarders.scoring.auditing import RewarderLines
from selfreward_eval.rewarders.scoring.pictures import PictureEntry

__all__ = ["PAGE", "write_rewards_page"]

PAGE = "rewards.html"
MAX_CARDS = 200
"""Cards shown of every third; a page with more is slow to open."""


def write_rewards_page(
    path: Path,
    name: str,
    model: str,
    entries: Sequence[PictureEntry],
    scored: RewarderLines,
    audits: Mapping[str, Audit],
    rules: Mapping[str, RightRule],
    *,
    budget: int = BUDGET,
) -> Path:
    """Writes the page.

    Args:
        path: its file; the folder must exist.
        name: of the run or folder.
        model: which model rewards itself, in words; empty for none.
        entries: the pictures.
        scored: the rewarder and its lines, aligned.
        audits: task -> audit of this rewarder alone; empty where nothing was measured.
        rules: task -> when a picture is right.
        budget: bytes of picture data.
    """
    info = scored.rewarder.info
    values = [line.reward.value for line in scored.lines]
    cards = [
        card(entry, line, rules.get(entry.task), place)
        for entry, line, place in zip(
            entries, scored.lines, places(values, info.higher_is_better), strict=True
        )
    ]
    ordered = _sorted(cards, info.higher_is_better)
    lines = {entry.key: line for entry, line in zip(entries, scored.lines, strict=True)}
    with_picture = {one["key"]: one for one in with_pictures(_chosen(ordered), lines, budget)}
    kept = [with_picture[one["key"]] for one in ordered if one["key"] in with_picture]
    html = render(
        "rewards.jinja",
        label=scored.label,
        title=info.title,
        name=name,
        model=model,
        source=scored.rewarder.source(),
        scored=sum(value is not None for value in values),
        total=len(values),
        unscored=unscored(scored),
        tasks=[
            _task(one, [s for s in entries if s.task == task], scored, entries, rules[task])
            for task, one in audits.items()
        ],
        cards=kept,
        readings=list(dict.fromkeys(reading for one in kept for reading in one["veils"])),
        offer=_offer(kept),
        left_out=_left_out(len(cards), len(kept)),
    )
    # A page can be drawn again at any time, so it need not wait for the disk.
    write_page(path, html)
    return path


def unscored(scored: RewarderLines) -> dict[str, int]:
    """Why pictures have no reward -> how many of them."""
    reasons = [
        f"{str(one.reward.status).replace('_', ' ')}: {one.reward.reason}"
        for one in scored.lines
        if not one.reward.ok
    ]
    return dict(Counter(reasons).most_common())


def _sorted(cards: Sequence[dict[str, Any]], higher_is_better: bool) -> list[dict[str, Any]]:
    """The best first, those without a reward last."""
    sign = -1 if higher_is_better else 1
    scored = sorted((one for one in cards if one["value"] is not None), key=lambda one: sign * one["value"])
    return [*scored, *(one for one in cards if one["value"] is None)]


def _chosen(ordered: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cards that a page has room for: ends of the order first, then from the middle outwards."""
    groups = {place: [one for one in ordered if one["place"] == place] for place in PLACES}
    middle = groups["middle"]
    start = max(0, (len(middle) - MAX_CARDS) // 2)
    return [
        *groups["best"][:MAX_CARDS],
        *reversed(groups["worst"][-MAX_CARDS:]),
        *groups["unscored"][:MAX_CARDS],
        *middle[start : start + MAX_CARDS],
    ]


def _left_out(total: int, shown: int) -> str:
    if total == shown:
        return ""
    return (
        f"{shown:,} of {total:,} pictures are on this page, the best, the worst and the middle ones; "
        "the numbers above count all of them, and rewards.jsonl holds all rewards."
    )


def _offer(cards: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, str, int]]]:
    """What the filters offer, with counts."""
    count = {key: Counter(one[key] for one in cards) for key in ("place", "verdict", "category", "task")}
    return {
        "places": [(key, word, count["place"][key]) for key, word in PLACES.items() if count["place"][key]],
        "verdicts": [
            (key, word, count["verdict"][key]) for key, word in VERDICTS.items() if count["verdict"][key]
        ],
        "categories": [(key, key, n) for key, n in count["category"].items()],
        "tasks": [(key, key, n) for key, n in count["task"].items()],
    }


def _task(
    one: Audit,
    members: Sequence[PictureEntry],
    scored: RewarderLines,
    entries: Sequence[PictureEntry],
    rule: RightRule,
) -> dict[str, Any]:
    """One task's numbers and drawings."""
    statistics = one.rewarders[0]
    values = {s.key: line.reward.value for s, line in zip(entries, scored.lines, strict=True)}
    both = [
        (s, s.measured, value)
        for s in members
        if s.measured is not None and (value := values[s.key]) is not None
    ]
    drawings = []
    if both:
        if rule.graded:
            drawings.append(embedded(scatter(scored.label, one.metric, [(m, v) for _, m, v in both])))
        groups = {
            word: [v for s, _, v in both if verdict(s, rule) == key]
            for key, word in VERDICTS.items()
            if key != "unmeasured"
        }
        drawings.append(embedded(boxes(scored.label, groups)))
    inside = estimate(statistics.inside_auc)
    facts = [
        (
            "AUC, right against wrong",
            f"{estimate(statistics.auc)['value']} ({estimate(statistics.auc)['interval'] or '–'})",
        ),
        ("AUC inside a prompt", f"{inside['value']} ({inside['interval'] or '–'})"),
        ("Separation", f"{number(statistics.separation.value, 2)} SD"),
        ("ms a picture", milliseconds(statistics.seconds)),
    ]
    notes = [
        f"Right is {one.metric} of {one.right_rule}: {one.right:,} of {one.measured:,} measured pictures"
    ]
    if statistics.shared:
        notes.append(f"It shares {', '.join(statistics.shared)} with the benchmark, and so its mistakes")
    rows = []
    for category, parts in statistics.by_category.items():
        part = [(s, v) for s, _, v in both if s.category == category]
        means = {key: [v for s, v in part if verdict(s, rule) == key] for key in ("right", "wrong")}
        total = sum(s.category == category for s in members)
        rows.append(
            {
                "name": category,
                "scored": f"{len(part)}/{total}",
                "right": number(_mean(means["right"])),
                "wrong": number(_mean(means["wrong"])),
                "correlation": estimate(parts["correlation"]),
                "auc": estimate(parts["auc"]),
            }
        )
    return {
        "name": one.task,
        "metric": one.metric,
        "correlation": estimate(statistics.correlation),
        "facts": facts,
        "notes": notes,
        "drawings": drawings,
        "rows": rows,
    }


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None
