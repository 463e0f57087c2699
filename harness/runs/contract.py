"""Whether a task keeps its contract: its items before anything is drawn, its measurements as they come.

A broken item, a missing metric or a value outside its range is an error of the task, never of a picture.
Found at the end of a run it would cost the whole run; found in a score it would be a wrong number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from selfreward_eval.harness.errors import BrokenPlugin, InputError
from selfreward_eval.harness.plugins import require_text
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.harness.task import Metric, Task

__all__ = ["ContractError", "checked", "named", "require_items", "require_seeds"]

SEEDS = 2**63
"""Seeds are at least 0 and below this."""

_LINE = SampleRecord(0, Item("", "", ""), Sample("", 0, 0), Measurement(Status.MEASUREMENT_ERROR))
RESERVED = frozenset(_LINE.to_json())
"""Keys of a sample line; a value of that name would replace what belongs there."""


class ContractError(ValueError):
    """What a task returned for one sample is no measurement of it."""


def named(task: Task) -> str:
    """How messages call a task."""
    return f"the task {task.info.name!r}"


def require_items(task: Task, items: Sequence[Item]) -> None:
    """Returns if a task's description and items can be run and scored.

    Raises:
        InputError: an item that cannot be run or scored: two of one id, a cluster in two categories under
            a macro score, metadata that is not JSON. The data of a task may cause it, so it is no crash.
        BrokenPlugin: a description, a metric or an item of another kind than the contract asks for.
    """
    _require_description(task)
    if not items:
        raise InputError(f"{named(task)} has no items; there is nothing to run")
    for number, item in enumerate(items, 1):
        _require_item(named(task), number, item)
    twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        raise InputError(
            f"{named(task)}: the item ids must be unique; used more than once: "
            f"{', '.join(map(repr, twice[:3]))}{_more(twice)}"
        )
    if any(metric.macro for metric in task.metrics[:1]):
        homes: dict[str, Item] = {}
        for item in items:
            home = homes.setdefault(item.cluster, item)
            if home.category != item.category:
                raise InputError(
                    f"{task.info.id}: cluster {item.cluster!r} lies in the categories {home.category!r} and "
                    f"{item.category!r}; a macro score needs every cluster within one category"
                )


def _require_description(task: Task) -> None:
    info, metrics = task.info, task.metrics
    name = info.name
    problem = ""
    if not isinstance(name, str) or not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        problem = f"its name {name!r} is no file name"
    elif not isinstance(info.images_per_item, int) or info.images_per_item < 1:
        problem = f"images_per_item is {info.images_per_item!r}; it must be a whole number of at least 1"
    elif not metrics or not all(isinstance(metric, Metric) for metric in metrics):
        problem = f"its metrics are {metrics!r}; the first is the score"
    else:
        for metric in metrics:
            low, high = metric.range
            if not (isfinite(low) and isfinite(high) and low < high):
                problem = f"the metric {metric.name!r} has the range {metric.range!r}"
            for key in (metric.name, metric.reference):
                if key in RESERVED:
                    problem = f"a metric cannot be called {key!r}: sample lines use the name"
    if problem:
        raise BrokenPlugin(f"the task {name!r}: {problem}; mend it, or leave it out")


def _require_item(what: str, number: int, item: Any) -> None:
    if not isinstance(item, Item):
        raise BrokenPlugin(f"{what}: item {number} is a {type(item).__name__}, not an Item; mend its items()")
    for field in ("id", "text", "category", "cluster"):
        value = getattr(item, field)
        if not isinstance(value, str) or (not value and field == "id"):
            raise InputError(
                f"{what}: item {number} ({item.id!r}) has the {field} {value!r}; it must be text"
            )
    require_text(f"{what}: item {number} ({item.id!r})", item.to_json(), InputError)


def require_seeds(task: Task, planned: Sequence[Planned]) -> None:
    """Returns if every sample has a seed and a picture of its own.

    Raises:
        BrokenPlugin: a seed that is none.
        InputError: two samples whose pictures would be one file: the second would be measured on the first's.
    """
    files: dict[tuple[str, int, int], Planned] = {}
    for sample in planned:
        item, index, seed = sample.item, sample.index, sample.seed
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEEDS:
            raise BrokenPlugin(
                f"{named(task)} gives sample {index} of item {item.id!r} the seed {seed!r}; "
                "a seed is a whole number from 0 to 2**63 - 1"
            )
        other = files.setdefault((sanitise(item.id), index, seed), sample)
        if other is not sample:
            raise InputError(
                f"{named(task)}: the items {other.item.id!r} and {item.id!r} would share the picture file "
                f"{sanitise(item.id)}/{index}_{seed}.png; rename one of them"
            )


def checked(task: Task, measurement: Any) -> Measurement:
    """``measurement``, if it is one that this task may give.

    Raises:
        ContractError: no measurement, a success without the task's metric, a value that is no number of
            the metric's range or takes a name that sample lines use, evidence that is not JSON.
    """
    if not isinstance(measurement, Measurement):
        raise ContractError(f"measure() returned a {type(measurement).__name__}, not a Measurement")
    if measurement.ok:
        _require_values(task, measurement.values)
    require_text("the measurement", [measurement.reason, measurement.evidence], ContractError)
    return measurement


def _require_values(task: Task, values: Mapping[Any, Any]) -> None:
    headline = task.metrics[0]
    for name, value in values.items():
        if not isinstance(name, str) or name in RESERVED:
            raise ContractError(
                f"a value is called {name!r}, a name that sample lines use for something else"
            )
        if not isinstance(value, Real) or not isfinite(value):
            raise ContractError(f"{name} = {value!r} is not a finite number")
    ranges = {metric.name: metric.range for metric in task.metrics}
    if headline.reference is not None:
        ranges[headline.reference] = headline.range
    for name in filter(None, (headline.name, headline.reference)):
        if name not in values:
            raise ContractError(
                f"a success without the value {name!r}, which is the task's metric; measured: "
                f"{', '.join(map(repr, values)) or 'nothing'}"
            )
    for name, (low, high) in ranges.items():
        if name in values and not low <= values[name] <= high:
            raise ContractError(f"{name} = {values[name]!r} is not in [{low:g}, {high:g}]")


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > 3 else ""
