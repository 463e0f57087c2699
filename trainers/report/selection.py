"""Which pictures stand side by side: the most improved, the most worsened, and a fair sample. Pure.

Best and worst are chosen by their scores, so they show what training can do, not what it usually
does; for that there is the sample, in which every item of a category has the same chance. Choices
are drawn from a fixed stream, so that a page is the same every time it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from random import Random
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.pairs import item_means, pair_cards

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.compare import Run

__all__ = ["CHOICES", "LEADING", "WORDS", "chosen", "leading"]

EXTREMES = 8
"""Most improved pairs shown of each task, and most worsened."""

SAMPLED = 4
"""Items of each category in the fair sample, with one pair each."""

LEADING = 8
"""Pairs at the head of a page: two rows on a desktop's first screen."""

CHOICES = {
    "random": "Fair sample",
    "improved": "Most improved",
    "worsened": "Most worsened",
}
"""Key of a choice -> its words, in the order of the filter."""

WORDS = {
    "fixed": "Wrong before, right after",
    "broken": "Right before, wrong after",
    "both_right": "Right both times",
    "both_wrong": "Wrong both times",
    "better": "Better after",
    "worse": "Worse after",
    "same": "Equal",
    "unscored": "Not scored",
}
"""Verdict of a pair -> its words."""


def chosen(task: str, before: Run, after: Run) -> list[dict[str, Any]]:
    """The pairs of one task that a page shows.

    Returns:
        Cards of :func:`selfreward_eval.harness.report.pairs.pair_cards`, each with ``choice``, a key of
        :data:`CHOICES`. A pair that was drawn for the sample and is an extreme too is there twice.
    """
    pairs = pair_cards(task, before, after)
    for pair in pairs:
        pair["badge"] = WORDS[pair["verdict"]]
    gains = _gains(task, before, after)
    stream = Random(task)
    order = {_key(pair): stream.random() for pair in pairs}

    def extremes(sign: int) -> list[dict[str, Any]]:
        moved = [pair for pair in pairs if sign * gains.get(_key(pair), (0.0, 0.0))[0] > 0]
        # Of equal pairs those whose item moved most over all its samples; of equal items any.
        moved.sort(key=lambda pair: (*(-sign * gain for gain in gains[_key(pair)]), order[_key(pair)]))
        return moved[:EXTREMES]

    kept = {"random": _sampled(pairs, stream), "improved": extremes(1), "worsened": extremes(-1)}
    return [{**pair, "choice": choice} for choice in CHOICES for pair in kept[choice]]


def leading(cards: Sequence[dict[str, Any]], most: int = LEADING) -> list[dict[str, Any]]:
    """Pairs for the head of a page: of the fair sample, in turn from every task and its categories.

    Scores decide nothing here, as in the sample itself.

    Args:
        cards: of :func:`chosen`, with their pictures.
        most: how many at most. Answers, and pairs that lack a picture, are left out.
    """
    queues: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for card in cards:
        if card["choice"] == "random" and all(_has_picture(card[side]) for side in ("a", "b")):
            queues.setdefault(card["task"], {}).setdefault(card["category"], []).append(card)
    in_turn = [
        [card for turn in zip_longest(*categories.values()) for card in turn if card is not None]
        for categories in queues.values()
    ]
    return [card for turn in zip_longest(*in_turn) for card in turn if card is not None][:most]


def _has_picture(half: dict[str, Any] | None) -> bool:
    return half is not None and not half["answer"] and "url" in (half["picture"] or {})


def _key(pair: dict[str, Any]) -> tuple[str, int]:
    return pair["item_id"], pair["index"]


def _gains(task: str, before: Run, after: Run) -> dict[tuple[str, int], tuple[float, float]]:
    """Of every pair scored both times: how much the sample improved, and its item's mean."""
    scores = before.scores[task]
    sign = 1 if scores.higher_is_better else -1
    values = [
        {
            (one.sample.item_id, one.sample.index): one.measurement.values.get(scores.metric)
            for one in run.records[task]
        }
        for run in (before, after)
    ]
    means = item_means(before.records[task], after.records[task], scores.metric)
    differences = {}
    for key, first in values[0].items():
        second = values[1].get(key)
        if first is not None and second is not None:
            a, b = means[key[0]]
            differences[key] = (sign * (second - first), sign * (b - a))
    return differences


def _sampled(pairs: Sequence[dict[str, Any]], stream: Random) -> list[dict[str, Any]]:
    """One pair each of so many items of every category, whatever their scores, in the task's order."""
    categories: dict[str, dict[str, list[int]]] = {}
    for place, pair in enumerate(pairs):
        categories.setdefault(pair["category"], {}).setdefault(pair["item_id"], []).append(place)
    places = [
        stream.choice(items[item])
        for items in categories.values()
        for item in stream.sample(list(items), min(SAMPLED, len(items)))
    ]
    return [pairs[place] for place in sorted(places)]
