"""The test of one rule at an interim look, when only some of the items have been seen.

Items come in a stratified random order, so that the items seen so far are a random sample of all.
The bounds hold at every look together (:mod:`selfreward_eval.harness.stats.anytime_valid`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum, sqrt
from typing import Any

from selfreward_eval.harness.gating.evidence import Evidence, TaskRuns
from selfreward_eval.harness.gating.policy import Kind
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.stats.anytime_valid import first_rejection, lower_bound
from selfreward_eval.harness.stats.means import mean_and_variance
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.one_sided import OneSided
from selfreward_eval.harness.stats.stratified_order import macro_weights, stratified_order

__all__ = ["Order", "Scope", "interim_test", "item_order"]


@dataclass(frozen=True)
class Order:
    """The items of a task in the order in which they are looked at.

    Attributes:
        clusters: item ids, together where the items are not independent.
    """

    clusters: tuple[tuple[str, ...], ...]

    def batches(self, size: int) -> list[list[str]]:
        """Item ids of each batch: whole clusters, ``size`` items or as many more as the last one has."""
        batches: list[list[str]] = []
        for cluster in self.clusters:
            if not batches or len(batches[-1]) >= size:
                batches.append([])
            batches[-1] += cluster
        return batches


def item_order(items: Sequence[Item], seed: int) -> Order:
    """A random order of ``items``, stratified by category; the items of a cluster stay together.

    Args:
        items: of one task, each once.
        seed: of the order.
    """
    members: dict[str, list[Item]] = {}
    for item in items:
        members.setdefault(item.cluster, []).append(item)
    clusters = list(members.values())
    positions = stratified_order([cluster[0].category for cluster in clusters], seed)
    return Order(tuple(tuple(item.id for item in clusters[k]) for k in positions))


@dataclass(frozen=True)
class Scope:
    """What a rule's mean is over.

    Attributes:
        clusters: ids of the rule's items in the order of the looks, by cluster.
        weights: item id -> its weight; they average 1, and the weighted mean is the score.
    """

    clusters: tuple[tuple[str, ...], ...]
    weights: Mapping[str, float]

    @classmethod
    def of(cls, order: Order, items: Mapping[str, Item], task_runs: TaskRuns, category: str | None) -> Scope:
        """The scope of a rule on ``category``, or on the headline score."""
        inside = {name for name, item in items.items() if category in (None, item.category)}
        clusters = (tuple(name for name in cluster if name in inside) for cluster in order.clusters)
        kept = tuple(cluster for cluster in clusters if cluster)
        names = [name for cluster in kept for name in cluster]
        macro = category is None and task_runs.scores.macro
        weights = macro_weights([items[name].category for name in names]) if macro else [1.0] * len(names)
        return cls(kept, dict(zip(names, weights, strict=True)))

    @cached_property
    def heaviest(self) -> float:
        """The weight of the heaviest cluster."""
        return max(fsum(self.weights[name] for name in cluster) for cluster in self.clusters)


def interim_test(evidence: Evidence, scope: Scope, *, alpha: float) -> tuple[Verdict, OneSided | None]:
    """The verdict on a rule by the items seen so far, and the bounds behind it.

    The bounds are those after the item that decided the rule, or after the last item seen while it is
    undecided. None in their place: no item seen has a number.

    Args:
        evidence: of the items seen.
        scope: of the rule, over all items.
        alpha: error of either verdict over all looks.
    """
    values = {
        name: value
        for stratum, names in evidence.ids.items()
        for name, value in zip(names, evidence.strata[stratum], strict=True)
    }
    # Of a floor's scores, the distance from the floor is weighted.
    origin = evidence.limit if evidence.rule.kind is Kind.FLOOR else 0.0
    units = [
        fsum(scope.weights[name] * (values[name] - origin) for name in cluster if name in values)
        for cluster in scope.clusters
        if any(name in values for name in cluster)
    ]
    if not units:
        return Verdict.INCONCLUSIVE, None
    # Every cluster counts as much as its items together, scaled so that clusters average the score.
    share = len(scope.clusters) / len(scope.weights)
    units = [share * value for value in units]
    bottom, top = (share * scope.heaviest * end for end in _ends(evidence, origin))
    above = _Bound(units, bottom, top, alpha, scope)
    below = _Bound([-unit for unit in units], -top, -bottom, alpha, scope)
    limit = evidence.limit - origin
    pass_at, fail_at = above.first_rejection(limit), below.first_rejection(-limit)
    count, verdict = len(units), Verdict.INCONCLUSIVE
    if pass_at is not None and (fail_at is None or pass_at <= fail_at):
        count, verdict = pass_at, Verdict.PASS
    elif fail_at is not None:
        count, verdict = fail_at, Verdict.FAIL
    mean, variance = mean_and_variance(units[:count])
    return verdict, OneSided(
        value=mean + origin,
        se=sqrt((variance or 0.0) / count),
        low=above.bound(count) + origin,
        high=origin - below.bound(count),
        passes=None,
        fails=None,
        n=count,
        method="betting",
        why="its bounds hold at every look and for any distribution",
    )


def _ends(evidence: Evidence, origin: float) -> tuple[float, float]:
    """Smallest and largest value of an item, larger being better, from ``origin`` on."""
    if evidence.rule.kind is not Kind.FLOOR:
        return -evidence.width, evidence.width
    low, high = sorted(evidence.sign * end for end in evidence.range)
    return low - origin, high - origin


@dataclass(frozen=True)
class _Bound:
    """The anytime-valid lower bound of the mean of ``values``.

    Attributes:
        values: one per cluster, in the order of the looks.
        bottom: smallest possible value.
        top: largest possible value.
        alpha: error of the bound over all looks.
        scope: of the rule; its clusters are all that can be seen.
    """

    values: Sequence[float]
    bottom: float
    top: float
    alpha: float
    scope: Scope

    def first_rejection(self, limit: float) -> int | None:
        """After how many values the mean was shown to be above ``limit``, or None."""
        if limit <= self.bottom:
            return None
        return first_rejection(self.values, limit, **self._options)

    def bound(self, count: int) -> float:
        """The lower bound after ``count`` values."""
        return lower_bound(self.values[:count], **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "bottom": self.bottom,
            "top": self.top,
            "planned": len(self.scope.clusters),
            "alpha": self.alpha,
        }
