"""Cards: one picture with its reward and what the benchmark says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.report.overlay import overlay
from selfreward_eval.harness.report.pictures import BUDGET, Wanted, embed_all
from selfreward_eval.rewarders.auditing.rightness import RightRule
from selfreward_eval.rewarders.report.formatting import number
from selfreward_eval.rewarders.report.overlays import details, map_overlays, region_boxes
from selfreward_eval.rewarders.scoring.log import Line
from selfreward_eval.rewarders.scoring.pictures import PictureEntry

__all__ = ["PLACES", "VERDICTS", "card", "places", "with_pictures"]

VERDICTS = {"right": "Right", "wrong": "Wrong", "unmeasured": "Not measured"}
SYMBOLS = {"right": "✓", "wrong": "✗", "unmeasured": "?"}
PLACES = {"best": "Best third", "middle": "Middle", "worst": "Worst third", "unscored": "No reward"}


def places(values: Sequence[float | None], higher_is_better: bool = True) -> list[str]:
    """Which third of the rewards every picture belongs to; equal rewards stay together.

    >>> places([3.0, 1.0, 2.0, None])
    ['best', 'worst', 'middle', 'unscored']
    """
    from scipy.stats import rankdata

    scored = [value for value in values if value is not None]
    ranks = iter(rankdata(scored) if higher_is_better else rankdata([-value for value in scored]))
    names = ("worst", "middle", "best")
    return [
        "unscored" if value is None else names[min(2, int((next(ranks) - 0.5) / len(scored) * 3))]
        for value in values
    ]


def verdict(entry: PictureEntry, rule: RightRule | None) -> str:
    """``right``, ``wrong`` or ``unmeasured``."""
    if entry.measured is None or rule is None:
        return "unmeasured"
    return "right" if rule.right(entry.measured) else "wrong"


def card(entry: PictureEntry, line: Line, rule: RightRule | None, place: str = "") -> dict[str, Any]:
    """What a picture's card shows, without the picture itself.

    Returns:
        ``task``, ``category``, ``item_id``, ``index``, ``prompt``, ``place``, ``verdict``, ``symbol``,
        ``badge``, ``reward`` (text), ``value`` (number or None), ``reason``, ``parts`` (name, text),
        ``lines``, ``path`` and ``key``.
    """
    reward, kind = line.reward, verdict(entry, rule)
    measured = "" if entry.measured is None else f" {number(entry.measured, 2)}"
    return {
        "key": entry.key,
        "task": entry.task,
        "category": entry.category or "all",
        "item_id": entry.item_id,
        "index": entry.index,
        "prompt": entry.prompt or "(its prompt is not known)",
        "place": place,
        "verdict": kind,
        "symbol": SYMBOLS[kind],
        "badge": VERDICTS[kind] + measured,
        "value": reward.value,
        "reward": "no reward" if reward.value is None else number(reward.value),
        "reason": "" if reward.ok else f"{str(reward.status).replace('_', ' ')}: {reward.reason}",
        "parts": [(name.replace("_", " "), number(value, 2)) for name, value in reward.components.items()],
        "lines": details(reward.evidence),
        "path": entry.path,
        "sha256": entry.sha256,
    }


def with_pictures(
    cards: Sequence[Mapping[str, Any]], lines: Mapping[Any, Line], budget: int = BUDGET
) -> list[dict[str, Any]]:
    """Cards with ``picture``, ``boxes`` and ``veils``; left out are those whose picture exceeds the budget.

    Args:
        cards: the ones that matter most first.
        lines: entry's key -> its line, for maps.
        budget: bytes of picture data.
    """
    wanted = [Wanted(Path(card["path"]), card["sha256"]) for card in cards if card["path"] is not None]
    pictures = embed_all(wanted, budget)
    shown = []
    for one in cards:
        if one["path"] is None:
            shown.append({**one, "picture": {"problem": "No picture"}, "boxes": None, "veils": {}})
            continue
        picture = pictures.get(Wanted(Path(one["path"]), one["sha256"]))
        if picture is None:
            continue
        reward = lines[one["key"]].reward
        size = (picture["width"], picture["height"]) if "url" in picture else None
        drawn = region_boxes(reward) if size else []
        shown.append(
            {
                **one,
                "picture": picture,
                "boxes": overlay(drawn, *size) if size and drawn else None,
                "veils": map_overlays(reward, *size) if size else {},
            }
        )
    return shown
