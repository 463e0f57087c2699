"""Cards: one sample record as the dictionary that a page shows. Pure, no file is opened here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.report.notation import Notation, notation_for
from selfreward_eval.harness.report.overlay import box_title, overlay
from selfreward_eval.harness.report.pictures import Wanted

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.scores import TaskScores

VERDICTS = {"right": "Right", "wrong": "Wrong", "graded": "Scored", "unscored": "Not scored"}
"""Verdict key -> its word, in the order of the filter."""

SYMBOLS = {"right": "✓", "wrong": "✗", "graded": "●", "unscored": "?"}
"""A verdict is never told by colour alone."""


@dataclass(frozen=True)
class VerdictRule:
    """What a value of a task's metric is called.

    Attributes:
        metric: name of the value.
        best: the value that is right.
        higher_is_better: direction of the metric.
        binary: whether every scored sample has the metric's best or worst value, so that each can be
            called right or wrong; other metrics show their number.
        notation: how a number is written.
    """

    metric: str
    best: float
    higher_is_better: bool
    binary: bool
    notation: Notation

    @classmethod
    def of(cls, task: TaskScores, records: Iterable[SampleRecord]) -> VerdictRule:
        """The rule that fits ``task`` and the values its records hold."""
        seen = {r.measurement.values[task.metric] for r in records if task.metric in r.measurement.values}
        best = task.range[1] if task.higher_is_better else task.range[0]
        return cls(
            task.metric, best, task.higher_is_better, seen <= set(task.range), notation_for(task.range)
        )

    def verdict(self, record: SampleRecord) -> str:
        """``right``, ``wrong``, ``graded`` (a number between) or ``unscored``."""
        value = record.measurement.values.get(self.metric)
        if value is None:
            return "unscored"
        if not self.binary:
            return "graded"
        return "right" if value == self.best else "wrong"

    def badge(self, record: SampleRecord) -> str:
        """The verdict in a word: the number where it is graded, the status where there is none."""
        key = self.verdict(record)
        if key == "graded":
            return self.notation.value(record.measurement.values[self.metric])
        if key == "unscored":
            return status_words(str(record.measurement.status)).capitalize()
        return VERDICTS[key]


def status_words(status: str) -> str:
    """A status for a human.

    >>> status_words("judge_parse_error")
    'judge parse error'
    """
    return status.replace("_", " ")


def card(record: SampleRecord, task: str, rule: VerdictRule) -> dict[str, Any]:
    """What one picture's card shows.

    Returns:
        ``task``, ``item_id``, ``index``, ``seed`` (text: it may exceed a script's integers), ``prompt``,
        ``category``, ``unseen``, ``verdict`` (key), ``badge``, ``symbol``, ``reason``, ``boxes`` (as
        recorded), ``readings`` (one line per box), ``image`` (path within the run folder, or None),
        ``image_sha256`` and ``answer``.
    """
    item, sample, measurement = record.item, record.sample, record.measurement
    key = rule.verdict(record)
    boxes = [box for box in measurement.evidence.get("boxes", []) if _drawable(box)]
    return {
        "task": task,
        "item_id": item.id,
        "index": sample.index,
        "seed": str(sample.seed),
        "prompt": item.text,
        "category": item.category,
        "unseen": bool(item.metadata.get("unseen", False)),
        "verdict": key,
        "badge": rule.badge(record),
        "symbol": SYMBOLS[key],
        "reason": measurement.reason,
        "boxes": boxes,
        "readings": [{"text": box_title(box), "kept": bool(box.get("kept", True))} for box in boxes],
        "image": sample.image,
        "image_sha256": sample.image_sha256,
        "answer": sample.text,
    }


def _drawable(box: Any) -> bool:
    """Whether evidence from a file has what a rectangle needs; a page must not fail on a stranger's line."""
    try:
        x0, y0, x1, y1 = (float(edge) for edge in box["box"])
    except (KeyError, TypeError, ValueError):
        return False
    return all(abs(edge) < 1e7 for edge in (x0, y0, x1, y1))


def with_picture(card: Mapping[str, Any], picture: Mapping[str, Any] | None) -> dict[str, Any]:
    """``card`` with its embedded ``picture`` and, where both exist, the ``overlay`` of its boxes."""
    drawn = (
        overlay(card["boxes"], picture["width"], picture["height"]) if picture and "url" in picture else None
    )
    return {**card, "picture": picture, "overlay": drawn if card["boxes"] else None}


def embedding_order(cards: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Cards, those first that a full page keeps longest: the first sample of every item."""
    return sorted(cards, key=lambda card: int(card["index"]))


def picture_path(folder: Path, card: Mapping[str, Any]) -> Path | None:
    """Where a card's picture lies, or None if there is none or its record points out of the run folder."""
    if not card["image"]:
        return None
    path = folder / str(card["image"])
    if _goes_straight(str(folder), str(card["image"])):
        return path
    return path if path.resolve().is_relative_to(folder.resolve()) else None


_TURNS = {"", ".", ".."}


def _goes_straight(folder: str, image: str) -> bool:
    """Whether ``image`` names each folder on its way down, and none of them is a link: it cannot leave.

    Resolving a path takes ten times as long, which tells for a page of thousands of pictures.
    """
    parts = image.split("/")
    if "\\" in image or "\0" in image or not _TURNS.isdisjoint(parts):
        return False
    here = folder
    for part in parts:
        here = f"{here}/{part}"
        if os.path.islink(here):
            return False
    return True


def wanted_picture(folder: Path, card: Mapping[str, Any]) -> Wanted | None:
    """The picture that a card shows, with the hash of the one that was measured; None as above."""
    image = str(card["image"] or "")
    if image and _goes_straight(str(folder), image):
        return Wanted(f"{folder}/{image}", card["image_sha256"])
    path = picture_path(folder, card)
    return None if path is None else Wanted(path, card["image_sha256"])


def filters(cards: Sequence[Mapping[str, Any]], words: Mapping[str, str] = VERDICTS) -> dict[str, Any]:
    """What the filter bar offers for ``cards``, with counts.

    Args:
        cards: those on the page.
        words: verdict key -> label, in the order of the bar.

    Returns:
        ``verdicts``, ``tasks`` and ``categories``: lists of (key, label, count), in order of appearance
        (verdicts: in their own order, absent ones left out); ``unseen``: number of unseen cards; ``boxes``:
        whether any is drawn; ``total``.
    """
    verdicts = Counter(card["verdict"] for card in cards)
    tasks = Counter(card["task"] for card in cards)
    categories = Counter(card["category"] for card in cards)
    return {
        "verdicts": [(key, label, verdicts[key]) for key, label in words.items() if verdicts[key]],
        "tasks": [(name, name, number) for name, number in tasks.items()],
        "categories": [(name, name, number) for name, number in categories.items()],
        "unseen": sum(1 for card in cards if card["unseen"]),
        "boxes": any(card["boxes"] for card in cards),
        "total": len(cards),
    }
