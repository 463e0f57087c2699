"""Further numbers of a run: upstream's score and category columns, with what each of them is a mean of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.tasks.dpg_bench.measuring import METRIC
from selfreward_eval.tasks.dpg_bench.scoring import category, merged, percent


def official_numbers(records: Sequence[SampleRecord], pictures: int) -> dict[str, float]:
    """Upstream's numbers over the images whose pictures all have a score; it loses the others whole.

    The categories are of the raw answers to the **last** picture, without dependencies.

    Args:
        records: of a run.
        pictures: per image.
    """
    images = _whole(records, pictures)
    last = [max(image, key=lambda record: record.sample.index) for image in images]
    columns = _columns(_questions(last), "raw", "raw_last_") if images else {}
    return _overall(images) | columns


def fixed_numbers(records: Sequence[SampleRecord], pictures: int) -> dict[str, float]:
    """The same over all pictures of those images, with dependencies, and the raw answers beside them."""
    images = _whole(records, pictures)
    rows = list(_questions(record for image in images for record in image))
    return _overall(images) | _columns(rows, "kept", "") | _columns(rows, "raw", "raw_")


def _whole(records: Sequence[SampleRecord], pictures: int) -> list[list[SampleRecord]]:
    """The records of every image that has all its pictures' scores."""
    images: dict[str, list[SampleRecord]] = {}
    for record in records:
        if record.measurement.ok:
            images.setdefault(record.item.id, []).append(record)
    return [image for image in images.values() if len(image) == pictures]


def _overall(images: Sequence[Sequence[SampleRecord]]) -> dict[str, float]:
    if not images:
        return {}
    averages = [fsum(record.measurement.values[METRIC] for record in image) / len(image) for image in images]
    return {"dpg_x100": percent(averages), "images": float(len(images))}


def _columns(rows: Iterable[dict[str, Any]], value: str, prefix: str) -> dict[str, float]:
    """L1 and L2 categories, each with the number of its answers."""
    pools: dict[str, list[float]] = {}
    for row in rows:
        if isinstance(row["tuple"], str):
            pools.setdefault(category(row["tuple"]), []).append(row[value])
    numbers: dict[str, float] = {}
    for level, groups in (("l1", merged(pools)), ("l2", pools)):
        for name, scores in sorted(groups.items()):
            key = f"{prefix}{level}_{name.replace(' ', '_')}"
            numbers |= {f"{key}_x100": percent(scores), f"{key}_answers": float(len(scores))}
    return numbers


def _questions(records: Iterable[SampleRecord]) -> Iterable[dict[str, Any]]:
    for record in records:
        rows = record.measurement.evidence.get("questions")
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and {"tuple", "raw", "kept"} <= row.keys() for row in rows
        ):
            raise InputError(f"the sample of item {record.item.id!r} holds no answers; run it again")
        yield from rows
