"""Upstream's exact summary: means are rounded, then their ratio; failed reviews are averaged as -1.

It reproduces published numbers and hides failures: a run in which every review failed has a relative
score of 100. It is given only on request.

Source: haotian-liu/LLaVA at c121f04, ``llava/eval/summarize_gpt_review.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.errors import InputError

ALL = "all"
"""The row over all reviews; its relative score is "the" LLaVA-Bench score."""


@dataclass(frozen=True)
class TableRow:
    """What upstream prints of a category.

    Attributes:
        relative: 100 x candidate / reference.
        reference: mean score of the reference, times 10.
        candidate: mean score of the candidate, times 10.
    """

    relative: float
    reference: float
    candidate: float


def review_table(reviews: Sequence[Mapping[str, Any]], ignore: Collection[Any] = ()) -> dict[str, TableRow]:
    """Category -> what upstream prints, in the order of names.

    Args:
        reviews: upstream's lines: ``question_id``, ``category`` (without it a review counts in
            :data:`ALL` only) and ``tuple``, the scores of reference and candidate; in very old files
            ``score`` in its place.
        ignore: question ids to leave out.

    Raises:
        InputError: upstream would end here: a review without what it needs, or references of zero.
    """
    scores: dict[str, list[Sequence[float]]] = {}
    try:
        for review in reviews:
            if review["question_id"] in ignore:
                continue
            if "category" in review:
                scores.setdefault(review["category"], []).append(review["tuple"])
                scores.setdefault(ALL, []).append(review["tuple"])
            else:
                pair = review["tuple"] if "tuple" in review else review["score"]
                scores.setdefault(ALL, []).append(pair)
        return {category: _row(scores[category]) for category in sorted(scores)}
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise InputError(f"the reviews have no summary ({type(error).__name__}: {error})") from error


def _row(pairs: Sequence[Sequence[float]]) -> TableRow:
    """Means rounded to three decimals first, and their ratio after that."""
    if len({len(pair) for pair in pairs}) > 1:
        raise ValueError("reviews with different numbers of scores")
    # One after another, not fsum: the sum that upstream rounds.
    reference, candidate = (round(_sum(pair[k] for pair in pairs) / len(pairs), 3) for k in (0, 1))
    return TableRow(round(candidate / reference * 100, 1), round(reference * 10, 1), round(candidate * 10, 1))


def _sum(values: Any) -> float:
    total = 0.0
    for value in values:
        if isinstance(value, str) or value is None:
            raise TypeError(f"{value!r} is no score")
        total += float(value)
    return total
