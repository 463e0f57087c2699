"""What a rule's items say after some of them, with bounds that hold at every look.

The items come in a random order, mixed over the categories, so that any number of them is a
sample of all; the bounds are those of :mod:`selfreward_eval.harness.gating.betting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum, sqrt
from typing import Any

from selfreward_eval.harness.gating.betting import first_above, lower_bound
from selfreward_eval.harness.gating.evidence import Evidence, Material
from selfreward_eval.harness.gating.one_sided import OneSided
from selfreward_eval.harness.gating.policy import Kind
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.stats.means import mean_and_variance
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.sequences import look_order, macro_weights

__all__ = ["Order", "Scope", "look", "order_of"]


@dataclass(frozen=True)
class Order:
    """The items of a task in the order in which they are looked at.

    Attributes:
        clusters: item ids, together where the items are not independent.
    """

    clusters: tuple[tuple[str, ...], ...]

    def batches(self, size: int) -> list[list[str]]:
        """Item ids of each batch: whole clusters, ``size`` items or as many more as the last one has."""
        out: list[list[str]] = []
        for cluster in self.clusters:
            if not out or len(out[-1]) >= size:
                out.append([])
            out[-1] += cluster
        return out


def order_of(items: Sequence[Item], seed: int) -> Order:
    """A random order of ``items`` in which every stretch holds the categories in their shares.

    Args:
        items: of one task, each once.
        seed: of the order.
    """
    members: dict[str, list[Item]] = {}
    for item in items:
        members.setdefault(item.cluster, []).append(item)
    clusters = list(members.values())
    places = look_order([cluster[0].category for cluster in clusters], seed)
    return Order(tuple(tuple(item.id for item in clusters[k]) for k in places))


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
    def of(cls, order: Order, items: Mapping[str, Item], material: Material, category: str | None) -> Scope:
        """The scope of a rule on ``category``, or on the headline score."""
        inside = {name for name, item in items.items() if category in (None, item.category)}
        clusters = (tuple(name for name in cluster if name in inside) for cluster in order.clusters)
        kept = tuple(cluster for cluster in clusters if cluster)
        names = [name for cluster in kept for name in cluster]
        macro = category is None and material.scores.macro
        weights = macro_weights([items[name].category for name in names]) if macro else [1.0] * len(names)
        return cls(kept, dict(zip(names, weights, strict=True)))

    @cached_property
    def heaviest(self) -> float:
        """The weight of the heaviest cluster."""
        return max(fsum(self.weights[name] for name in cluster) for cluster in self.clusters)


def look(evidence: Evidence, scope: Scope, *, alpha: float) -> tuple[Verdict, OneSided | None]:
    """What the items seen so far say of a rule, and the bounds that say it.

    The bounds are those at the moment of decision, or after the last item where there was none.

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
    # A floor's scores count from the floor on, so that weights stretch what matters only.
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
    gains, losses = (
        _Side(units, bottom, top, alpha, scope),
        _Side([-x for x in units], -top, -bottom, alpha, scope),
    )
    limit = evidence.limit - origin
    up, down = gains.first(limit), losses.first(-limit)
    count, verdict = len(units), Verdict.INCONCLUSIVE
    if up is not None or down is not None:
        passed = down is None or (up is not None and up <= down)
        verdict, count = (Verdict.PASS, up) if passed else (Verdict.FAIL, down)  # type: ignore[assignment]
    mean, variance = mean_and_variance(units[:count])
    return verdict, OneSided(
        value=mean + origin,
        se=sqrt((variance or 0.0) / count),
        low=gains.bound(count) + origin,
        high=origin - losses.bound(count),
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
class _Side:
    """Bets on one side: that the mean of ``values`` is above some limit."""

    values: Sequence[float]
    bottom: float
    top: float
    alpha: float
    scope: Scope

    def first(self, limit: float) -> int | None:
        if limit <= self.bottom:
            return None
        return first_above(self.values, limit, **self._options)

    def bound(self, count: int) -> float:
        return lower_bound(self.values[:count], **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {
            "bottom": self.bottom,
            "top": self.top,
            "planned": len(self.scope.clusters),
            "alpha": self.alpha,
        }
