"""Numbers besides the headline: quality, and upstream's numbers, over a run's samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS, QUALITY, Dimension
from selfreward_eval.tasks.t2i_reasonbench.official import official_summary


def further_numbers(records: Sequence[SampleRecord]) -> dict[str, float]:
    """Quality per dimension and over all, in [0, 1]; upstream's accuracy and quality in per cent.

    All are taken over the pictures that could be scored; the run's coverage counts the others. A mean over
    dimensions is left out if one of the four has no number. Upstream's numbers apply its arithmetic to the
    scores of our parser; the mean over dimensions is rounded as in the paper.
    """
    numbers: dict[str, float] = {}
    qualities: list[float] = []
    official: list[tuple[float, float]] = []
    for name, dimension in DIMENSIONS.items():
        scored = [record for record in records if record.measurement.ok and record.item.category == name]
        if not scored:
            continue
        qualities.append(fsum(record.measurement.values[QUALITY] for record in scored) / len(scored))
        official.append(official_summary(dimension, [_row(record, dimension) for record in scored]))
        numbers[f"quality_{name}"] = qualities[-1]
        numbers[f"official_accuracy_{name}"], numbers[f"official_quality_{name}"] = official[-1]
    if len(qualities) == len(DIMENSIONS):
        numbers[QUALITY] = fsum(qualities) / len(qualities)
        for place, what in enumerate(("accuracy", QUALITY)):
            numbers[f"official_{what}"] = round(fsum(pair[place] for pair in official) / len(official), 1)
    return numbers


def _row(record: SampleRecord, dimension: Dimension) -> list[float]:
    """The last columns of upstream's row: the blocks' means."""
    scores = record.measurement.evidence["scores"]
    return [sum(scores[block]) / len(scores[block]) for block in dimension.blocks]
