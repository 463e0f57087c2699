"""Numbers besides the headline: relative scores over a run's samples, and upstream's on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.judged.evidence import recorded_replies
from selfreward_eval.tasks.llava_bench.items import CATEGORIES
from selfreward_eval.tasks.llava_bench.measuring import REVIEW
from selfreward_eval.tasks.llava_bench.official import ALL, review_table
from selfreward_eval.tasks.llava_bench.orders import order_effects
from selfreward_eval.tasks.llava_bench.parsing import official_pair
from selfreward_eval.tasks.llava_bench.relative import Relative, relative


def relative_scores(records: Sequence[SampleRecord]) -> dict[str, Relative]:
    """Category -> relative score over its records, and ``all`` over all of them; failures are no scores.

    Upstream's categories come first; a task's own follow in the order of the records.
    """
    groups: dict[str, list[SampleRecord]] = {ALL: list(records), **{name: [] for name in CATEGORIES}}
    for record in records:
        groups.setdefault(record.item.category, []).append(record)
    return {name: _relative(members) for name, members in groups.items() if members}


def further_numbers(records: Sequence[SampleRecord], faithful: bool = False) -> dict[str, float]:
    """Relative scores in per cent, with 95 % intervals and, where something failed, bounds.

    ``relative`` is over all answers, ``relative_conv`` and so on over a category. With ``faithful``
    upstream's own numbers are added as ``faithful_*``: its parser and its rounding, with -1 for failed
    reviews. They are left out if an answer has no review, because upstream would have asked again. For
    answers judged in both orders they use the review with the reference first, and
    :func:`selfreward_eval.tasks.llava_bench.orders.order_effects` are added.
    """
    numbers: dict[str, float] = {}
    for name, score in relative_scores(records).items():
        key = "relative" if name == ALL else f"relative_{name}"
        parts = {"": score.value, "_low": score.low, "_high": score.high}
        parts |= {"_bound_low": score.bound_low, "_bound_high": score.bound_high}
        numbers |= {key + suffix: value for suffix, value in parts.items() if value is not None}
    numbers |= order_effects(records)
    if faithful:
        numbers |= _faithful(records)
    return numbers


def _relative(records: Sequence[SampleRecord]) -> Relative:
    pairs = [
        (record.measurement.values["reference"], record.measurement.values["candidate"])
        if record.measurement.ok
        else None
        for record in records
    ]
    return relative(pairs, [record.item.cluster for record in records])


def _faithful(records: Sequence[SampleRecord]) -> dict[str, float]:
    reviews: list[dict[str, Any]] = []
    for record in records:
        evidence = record.measurement.evidence
        review = recorded_replies(evidence).get(REVIEW) if "replies" in evidence else None
        if review is None or review.text is None:
            return {}
        pair = official_pair(review.text)
        reviews.append({"question_id": record.item.id, "category": record.item.category, "tuple": pair})
    numbers: dict[str, float] = {}
    for name, row in review_table(reviews).items():
        tail = "" if name == ALL else f"_{name}"
        numbers[f"faithful_relative{tail}"] = row.relative
        numbers[f"faithful_reference_x10{tail}"] = row.reference
        numbers[f"faithful_candidate_x10{tail}"] = row.candidate
    return numbers
