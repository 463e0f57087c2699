"""Further numbers of a run: upstream's overall score where it would print one, and those of two harnesses."""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.wise.editions import ALL_IDS, Edition
from selfreward_eval.tasks.wise.measuring import METRIC
from selfreward_eval.tasks.wise.official import lmms_overall, mean, mean_of_categories


def category_means(edition: Edition, records: Sequence[SampleRecord]) -> dict[str, float]:
    """Category -> its mean over the pictures that were scored."""
    pools: dict[str, list[float]] = {name: [] for name in edition.ids}
    for record in records:
        if record.measurement.ok:
            pools[record.item.category].append(record.measurement.values[METRIC])
    return {name: mean(scores) for name, scores in pools.items() if scores}


def official_numbers(edition: Edition, records: Sequence[SampleRecord]) -> dict[str, float]:
    """``official_overall``, only if all 1,000 pictures are scored: upstream's program prints none else."""
    scored = {record.item.id for record in records if record.measurement.ok}
    if scored != {str(number) for number in ALL_IDS}:
        return {}
    return {"official_overall": edition.overall(category_means(edition, records))}


def bagel_numbers(edition: Edition, records: Sequence[SampleRecord]) -> dict[str, float]:
    """``mean_of_six``, BAGEL's and SRUM's overall, if every category has a score."""
    means = category_means(edition, records)
    return {"mean_of_six": mean_of_categories(means)} if len(means) == len(edition.ids) else {}


def lmms_numbers(records: Sequence[SampleRecord]) -> dict[str, float]:
    """``lmms_overall``: lmms-eval's, in which every failure counts as a score of 0."""
    entries = [
        {
            "category": record.item.category,
            "score": record.measurement.values[METRIC] if record.measurement.ok else 0.0,
        }
        for record in records
    ]
    return {"lmms_overall": lmms_overall(entries)}
