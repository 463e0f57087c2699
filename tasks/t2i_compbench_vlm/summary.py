"""SRUM's summary of judgements: means per category, and two ways to aggregate them.

Upstream's script takes ``complex``, ``complex action`` and ``complex spatial``
as three categories and averages their means, although the second and third
repeat 270 of the first one's 300 prompts. The table in upstream's README has
eight columns and an Overall that is their plain mean.

Source: WayneJin0918/SRUM at a53ba18, ``CompBench_eval/qwen_eval.sh`` and ``calculate_mean.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, inf

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord, Status
from selfreward_eval.tasks.t2i_compbench_vlm.parsing import UNREADABLE, upstream_score

COMPLEX = ("complex", "complex_action", "complex_spatial")
"""The categories that the script merges into one."""

COLUMNS = ("3d_spatial", "color", "complex", "non-spatial", "numeracy", "shape", "spatial", "texture")
"""The columns of the README's table, in its order."""

CATEGORIES = (*COLUMNS, *COMPLEX[1:])
"""All ten categories of the prompt file."""

JUDGE_FAILURES = (Status.JUDGE_PARSE_ERROR, Status.JUDGE_TRANSPORT_ERROR)
"""Statuses of samples that upstream records as -1: a picture exists, but the judge gave no score."""

Value = Callable[[SampleRecord], float | None]
"""What a record contributes to its category's mean; None if nothing."""


@dataclass(frozen=True)
class ScriptOverall:
    """What upstream's script prints below the categories, with its four decimals.

    Attributes:
        complex_composite: plain mean of the complex categories' means; 0 if there is none.
        overall_weighted: mean of the other categories' means and the composite.
    """

    complex_composite: float
    overall_weighted: float


def script_overall(means: Mapping[str, float]) -> ScriptOverall:
    """The script's arithmetic over the means of the categories that are there.

    Args:
        means: category -> mean, spelt with spaces as in the script or with underscores as in the
            prompt file. A missing category shortens its sum; the composite counts even if it is empty.

    Raises:
        InputError: a mean is no finite number; awk would read most texts as 0.
    """
    merged = base = 0.0
    n_merged = n_base = 0
    for name, mean in means.items():
        if isinstance(mean, bool) or not isinstance(mean, int | float) or not -inf < mean < inf:
            raise InputError(f"the mean {mean!r} of {name!r} is no finite number; judge the pictures anew")
        if name.replace(" ", "_") in COMPLEX:
            merged, n_merged = merged + mean, n_merged + 1
        else:
            base, n_base = base + mean, n_base + 1
    composite = merged / n_merged if n_merged else 0.0
    overall = (base + composite) / (n_base + 1)
    return ScriptOverall(float(f"{composite:.4f}"), float(f"{overall:.4f}"))


def judged(record: SampleRecord) -> float | None:
    """Our protocol: the judgement if there is one."""
    return record.measurement.values["judgement"] if record.measurement.ok else None


def as_published(record: SampleRecord) -> float | None:
    """Upstream's protocol: its own parser, -1 for a failure, None without a picture."""
    measurement = record.measurement
    if not measurement.ok and measurement.status not in JUDGE_FAILURES:
        return None
    reply = measurement.evidence.get("reply")
    if not isinstance(reply, str):
        return float(UNREADABLE)
    try:
        return float(upstream_score(reply))
    except (InputError, OverflowError):
        # Upstream catches a crash of its parser and records the batch as failed.
        return float(UNREADABLE)


def official_numbers(records: Sequence[SampleRecord], value: Value) -> dict[str, float]:
    """The script's and the README's numbers, as far as the categories they need have a value.

    Args:
        records: of a run.
        value: :func:`judged` or :func:`as_published`.

    Returns:
        ``mean_<category>`` for each of the ten, ``Complex_Composite``, ``Overall_Weighted`` (the
        script's) and ``Overall_README`` (plain mean of the eight printed columns).
    """
    groups: dict[str, list[float]] = {name: [] for name in CATEGORIES}
    for record in records:
        number = value(record)
        name = record.item.metadata.get("Category")
        if number is not None and name in groups:
            groups[name].append(number)
    means = {name: fsum(values) / len(values) for name, values in groups.items() if values}
    numbers = {f"mean_{name}": mean for name, mean in means.items()}
    if all(name in means for name in COMPLEX):
        numbers["Complex_Composite"] = script_overall(means).complex_composite
    if len(means) == len(CATEGORIES):
        numbers["Overall_Weighted"] = script_overall(means).overall_weighted
    if all(name in means for name in COLUMNS):
        numbers["Overall_README"] = fsum(means[name] for name in COLUMNS) / len(COLUMNS)
    return numbers
