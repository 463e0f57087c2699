"""Variance of items and pictures, estimated from a pilot: one run, or a pair of comparable runs.

A pair is the better pilot: it has the differences themselves. One run has only its own
variance; the correlation with another arm, item by item, has to be assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import sqrt
from typing import TypeAlias

from selfreward_eval.harness.comparing.comparable import require_comparable
from selfreward_eval.harness.comparing.contrast import Strata, matched, strata_of
from selfreward_eval.harness.comparing.pairing import PairedItem, PairedTask, pair_task
from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.power.power import Spread, spread_of
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.components import paired_components, variance_components
from selfreward_eval.harness.stats.means import cluster_values, mean_and_variance

__all__ = ["CORRELATION", "spreads_of_pair", "spreads_of_run"]

CORRELATION = 0.5
"""Assumed correlation of the arms' true item scores where no pair was run. Checkpoints of one model
correlate more, so a plan made with it rather overestimates the items needed."""

Part: TypeAlias = tuple[float, float | None, float | None, int]
"""Of one stratum: variance of a unit's difference, its omega^2, its picture noise, the units."""

Reader: TypeAlias = Callable[[Sequence[PairedItem], int], Part]
"""Items of a stratum and pictures per item -> its part."""


def spreads_of_pair(a: Run, b: Run, task: str) -> list[Spread]:
    """The spread of the headline difference, then of every category's.

    Picture noise is estimated from matched pictures, so noise that common seeds share is not counted.

    Raises:
        NotComparable: the runs differ in more than the model.
        InputError: a category with fewer than two units.
        UsageError: a task that they did not both do.
    """
    for run in (a, b):
        _require_task(run, task)
    require_comparable(a, b)
    paired = pair_task(task, (a, b), ("A", "B"))
    source = f"pilot pair {a.name}, {b.name}: {_size(paired)}, same seeds"
    return _spreads(paired, source, _difference)


def spreads_of_run(run: Run, task: str, correlation: float | None = None) -> list[Spread]:
    """The same from one run, for another arm like it.

    With true scores that correlate by r, omega^2 is 2 (1 - r) times the variance of the items' true
    scores, and the noise of both arms adds up. With one picture per item its noise cannot be told
    from the items', and r is that of the scores as observed.

    Args:
        run: the pilot.
        task: of it.
        correlation: r in [-1, 1]; :data:`CORRELATION` by default.

    Raises:
        InputError: a category with fewer than two units.
        UsageError: a task that it did not do, or a correlation out of range.
    """
    _require_task(run, task)
    r = CORRELATION if correlation is None else correlation
    if not -1 <= r <= 1:
        raise UsageError(f"--correlation {r:g}: a correlation lies between -1 and 1")
    paired = pair_task(task, (run,), ("A",))
    how = "assumed" if correlation is None else "given"
    source = f"pilot run {run.name}: {_size(paired)}; true scores of the two arms correlate by {r:g} ({how})"
    return _spreads(paired, source, lambda items, images: _one_arm(items, images, r))


def _require_task(run: Run, task: str) -> None:
    if task not in run.scores:
        raise UsageError(f"{run.folder} did not run {task!r}; it has {', '.join(run.scores) or 'no task'}")


def _size(paired: PairedTask) -> str:
    return f"{sum(bool(item.scored) for item in paired.items)} items x {paired.images}"


def _spreads(paired: PairedTask, source: str, part: Reader) -> list[Spread]:
    task = paired.scores.task
    spreads = []
    for category in (None, *paired.categories):
        strata = matched(strata_of(paired, category))
        too_small = [
            name or task for name, items in strata.items() if len({item.item.cluster for item in items}) < 2
        ]
        if too_small:
            raise InputError(
                f"{task}: the pilot has fewer than two scored items in {', '.join(too_small)}, which says "
                "nothing about how items vary; run it with a larger --limit"
            )
        parts = {name: part(items, paired.images) for name, items in strata.items()}
        known = all(omega2 is not None for _, omega2, _, _ in parts.values())
        why = (
            "" if known else "the pilot has one picture per item, whose noise cannot be told from the items'"
        )
        spread = spread_of(
            category or task,
            parts,
            paired.images,
            source,
            why,
            marks=paired.binary and not _clustered(strata),
        )
        # The 95 % interval of a standard deviation, for normal differences.
        source_text = (
            f"{source}; a pilot of this size knows its sd to within {1.96 / sqrt(2 * spread.df):.0%}"
        )
        spreads.append(replace(spread, source=source_text))
    return spreads


def _clustered(strata: Strata) -> bool:
    """Whether several items of a stratum form one unit."""
    return any(len({one.item.cluster for one in items}) < len(items) for items in strata.values())


def _difference(items: Sequence[PairedItem], images: int) -> Part:
    """One stratum of a pair."""
    before = [[row[0] for row in item.scored] for item in items]
    after = [[row[1] for row in item.scored] for item in items]
    components = paired_components(before, after, common_random_numbers=True)
    units = cluster_values(
        [item.mean(1) - item.mean(0) for item in items], [item.item.cluster for item in items]
    )
    return _split(units, len(items), components.noise, components.m)


def _one_arm(items: Sequence[PairedItem], images: int, r: float) -> Part:
    """One stratum of a single run, as the difference to an arm like it."""
    components = variance_components([[row[0] for row in item.scored] for item in items])
    units = cluster_values([item.mean(0) for item in items], [item.item.cluster for item in items])
    variance, between, noise, count = _split(units, len(items), components.within, components.m)
    if between is None or noise is None:
        return 2 * (1 - r) * variance, None, None, count
    omega2 = 2 * (1 - r) * between
    return max(0.0, omega2 + 2 * noise / images), omega2, 2 * noise, count


def _split(units: Sequence[float], items: int, noise: float | None, m: float) -> Part:
    """A unit's variance and its parts, omega^2 below 0 where chance made it so.

    A cluster of k items averages the noise of k pictures as well.
    """
    _, variance = mean_and_variance(units)
    assert variance is not None
    if noise is None:
        return variance, None, None, len(units)
    noise *= len(units) / items
    return variance, variance - noise / m, noise, len(units)
