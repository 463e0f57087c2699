"""Two runs side by side: item means for the plots, and pairs of pictures for the grid. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.report.cards import VerdictRule, card

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.compare import Run

PAIR_VERDICTS = {
    "fixed": "A wrong, B right",
    "broken": "A right, B wrong",
    "both_right": "Both right",
    "both_wrong": "Both wrong",
    "better": "B better",
    "worse": "B worse",
    "same": "Equal",
    "unscored": "Not scored",
}
"""Verdict key of a pair -> its words, in the order of the filter. The middle three are for graded metrics."""

Key = tuple[str, int]


def _by_sample(records: Iterable[SampleRecord]) -> dict[Key, SampleRecord]:
    return {(record.sample.item_id, record.sample.index): record for record in records}


def item_means(
    a: Sequence[SampleRecord], b: Sequence[SampleRecord], metric: str
) -> dict[str, tuple[float, float]]:
    """Item id -> (mean in A, mean in B) over the samples scored in both, as a comparison pairs them."""
    left, right = _by_sample(a), _by_sample(b)
    values: dict[str, list[tuple[float, float]]] = {}
    for key, record in left.items():
        first = record.measurement.values.get(metric)
        second = right[key].measurement.values.get(metric) if key in right else None
        if first is not None and second is not None:
            values.setdefault(key[0], []).append((first, second))
    return {
        item: (fsum(x for x, _ in pairs) / len(pairs), fsum(y for _, y in pairs) / len(pairs))
        for item, pairs in values.items()
    }


def tally(means: Mapping[str, tuple[float, float]], *, higher_is_better: bool) -> dict[str, Any]:
    """Items where B's mean is better, equal or worse: counts and shares in per cent of the whole."""
    sign = 1 if higher_is_better else -1
    gaps = [sign * (b - a) for a, b in means.values()]
    counts = {
        "better": sum(gap > 0 for gap in gaps),
        "equal": sum(gap == 0 for gap in gaps),
        "worse": sum(gap < 0 for gap in gaps),
    }
    total = len(gaps)
    return {
        **counts,
        "total": total,
        "shares": {k: round(100 * n / total, 3) if total else 0.0 for k, n in counts.items()},
    }


def pair_verdict(a: str, b: str, gap: float | None) -> str:
    """The verdict of a pair from those of its halves; ``gap`` > 0 where B's number is the better one.

    >>> pair_verdict("wrong", "right", 1.0), pair_verdict("right", "unscored", None)
    ('fixed', 'unscored')
    """
    if gap is None:
        return "unscored"
    if "graded" in (a, b):
        return "better" if gap > 0 else "worse" if gap < 0 else "same"
    if a == b:
        return f"both_{a}"
    return "fixed" if b == "right" else "broken"


def pair_cards(task: str, a: Run, b: Run) -> list[dict[str, Any]]:
    """Both pictures of every sample that either run recorded, in the task's order.

    Returns:
        Per sample what :func:`selfreward_eval.harness.report.cards.card` says of the item, with ``verdict``,
        ``badge``, ``a`` and ``b`` (cards; None where a run has no record).
    """
    scores = a.scores[task]
    # One rule for both arms: a metric is binary only if it is so in both.
    rule = VerdictRule.of(scores, (*a.records[task], *b.records[task]))
    left, right = _by_sample(a.records[task]), _by_sample(b.records[task])
    order = sorted({**right, **left}.items(), key=lambda entry: entry[1].doc_id)
    cards = []
    for key, record in order:
        first, second = (half.get(key) for half in (left, right))
        halves = [card(one, task, rule) if one else None for one in (first, second)]
        verdict = _verdict(first, second, halves, rule)
        cards.append(
            {
                **card(record, task, rule),
                "verdict": verdict,
                "badge": PAIR_VERDICTS[verdict],
                "symbol": SYMBOLS[verdict],
                "boxes": [box for half in halves if half for box in half["boxes"]],
                "a": halves[0],
                "b": halves[1],
            }
        )
    return cards


SYMBOLS = {
    "fixed": "↑",
    "broken": "↓",
    "better": "↑",
    "worse": "↓",
    "both_right": "✓",
    "both_wrong": "✗",
    "same": "=",
    "unscored": "?",
}
"""A verdict is never told by colour alone."""


def _verdict(
    a: SampleRecord | None, b: SampleRecord | None, halves: Sequence[dict[str, Any] | None], rule: VerdictRule
) -> str:
    if a is None or b is None or halves[0] is None or halves[1] is None:
        return "unscored"
    first, second = a.measurement.values.get(rule.metric), b.measurement.values.get(rule.metric)
    if first is None or second is None:
        return "unscored"
    gap = second - first if rule.higher_is_better else first - second
    return pair_verdict(halves[0]["verdict"], halves[1]["verdict"], gap)
