"""Several rewards as one: a weighted sum, plain or relative to the group.

=================== ==================================================================
sum                 w1 r1 + w2 r2 + ...
sum_then_normalize  the same, then relative to the group's mean and deviation
normalize_then_sum  every reward relative to its group first, so that scales do not
                    matter; then the weighted sum
=================== ==================================================================

Names and arithmetic within a group are TRL's (``multi_objective_aggregation``). TRL scales once more
over the batch afterwards; that step is left to the trainer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.rewarders.normalising import normalised

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model

AGGREGATIONS = ("sum", "sum_then_normalize", "normalize_then_sum")
MISSING = ("unscored", "skip")


class CompositeReward(Rewarder):
    """A weighted sum of rewards.

    Args:
        parts: rewarders by the name under which they are reported; or a text such as
            ``"clip+0.5*dsr"``: registry names with weights.
        weights: name -> weight, 1 by default.
        aggregation: see the module.
        missing: what a sample is worth when a part could not score it: ``unscored`` (nothing) or
            ``skip`` (the sum of the others, as TRL has it: the part then counts as 0).
        model: the adapter for parts that are named in a text and reward themselves.
        world: of the pictures, for parts that are named in a text; the model's by default.
    """

    info = RewarderInfo("composite", "1", "Weighted sum of rewards", "external", (None, None))

    def __init__(
        self,
        parts: Mapping[str, Rewarder] | str,
        weights: Mapping[str, float] | None = None,
        aggregation: str = "sum",
        missing: str = "unscored",
        model: Model | None = None,
        world: str | None = None,
    ) -> None:
        if aggregation not in AGGREGATIONS:
            raise UsageError(
                f"the rewarder 'composite' cannot aggregate by {aggregation!r}; known: "
                f"{', '.join(AGGREGATIONS)}"
            )
        if missing not in MISSING:
            raise UsageError(
                f"the rewarder 'composite' cannot treat missing parts as {missing!r}; known: "
                f"{', '.join(MISSING)}"
            )
        if isinstance(parts, str):
            if weights is not None:
                raise UsageError(f"the parts {parts!r} of 'composite' carry their weights; leave out weights")
            parts, weights = parse_parts(parts, model, world)
        self.parts: Mapping[str, Rewarder] = dict(parts)
        self.weights = checked_weights(parts, weights)
        self.aggregation, self.missing = aggregation, missing
        if any(part.info.groupwise for part in self.parts.values()):
            raise UsageError(
                "a part of 'composite' depends on its group already; compose its own parts instead"
            )
        kinds = {part.info.kind for part in self.parts.values()}
        self.info = replace(
            type(self).info,
            kind=kinds.pop() if len(kinds) == 1 else "external",
            needs=tuple(dict.fromkeys(need for part in self.parts.values() for need in part.info.needs)),
            groupwise=aggregation != "sum",
        )

    def identity(self) -> dict[str, Any]:
        return self.described(
            parts={name: part.identity() for name, part in self.parts.items()},
            weights=dict(self.weights),
            aggregation=self.aggregation,
            missing=self.missing,
        )

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        scored = {name: part.score(prompts, samples) for name, part in self.parts.items()}
        columns = {name: [_signed(self.parts[name], reward) for reward in scored[name]] for name in scored}
        groups = self._groups(prompts, samples)
        if self.aggregation == "normalize_then_sum":
            columns = {name: _by_group(column, groups) for name, column in columns.items()}
        sums = [self._sum({name: columns[name][k] for name in columns}) for k in range(len(samples))]
        if self.aggregation == "sum_then_normalize":
            sums = _by_group(sums, groups)
        return [
            self._reward(sums[k], {name: scored[name][k] for name in scored}) for k in range(len(samples))
        ]

    def _sum(self, row: Mapping[str, float | None]) -> float | None:
        scored = {name: value for name, value in row.items() if value is not None}
        if not scored or (self.missing == "unscored" and len(scored) < len(row)):
            return None
        return fsum(self.weights[name] * value for name, value in scored.items())

    def _reward(self, value: float | None, parts: Mapping[str, Reward]) -> Reward:
        evidence = {
            name: {
                "value": part.value,
                "status": str(part.status),
                "reason": part.reason,
                "source": part.source,
            }
            for name, part in parts.items()
        }
        if value is None:
            name, failed = next((name, part) for name, part in parts.items() if not part.ok)
            return Reward.unscored(failed.status, f"{name}: {failed.reason}", {"parts": evidence})
        numbers = {name: float(part.value) for name, part in parts.items() if part.value is not None}
        return Reward.measured(value, "the weighted sum", components=numbers, evidence={"parts": evidence})

    @staticmethod
    def _groups(prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[list[int]]:
        keys = [p if s.group is None else s.group for p, s in zip(prompts, samples, strict=True)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return [list(group) for _, group in groupby(order, key=keys.__getitem__)]


def parse_parts(
    text: str, model: Model | None = None, world: str | None = None
) -> tuple[dict[str, Rewarder], dict[str, float]]:
    """Parts and weights of ``"clip+0.5*dsr"``; the parts are built with their world's defaults.

    Raises:
        UsageError: a weight is no number, or a name comes twice.
        UnknownName: no such rewarder.
    """
    parts: dict[str, Rewarder] = {}
    weights: dict[str, float] = {}
    for term in text.split("+"):
        weight, star, name = term.strip().rpartition("*")
        name = name.strip()
        if name in parts:
            raise UsageError(f"the part {name!r} comes twice in {text!r}; give it one weight")
        try:
            weights[name] = float(weight) if star else 1.0
        except ValueError:
            raise UsageError(f"{weight!r} in {text!r} is no weight; write such as 0.5*{name}") from None
        parts[name] = build(name, model, world=world)
    return parts, weights


def checked_weights(parts: Mapping[str, Any], weights: Mapping[str, float] | None) -> dict[str, float]:
    """A finite weight for every part.

    Raises:
        UsageError: there is no part, a weight belongs to none, or is no finite number.
    """
    if not parts:
        raise UsageError("the rewarder 'composite' needs at least one part")
    given = {name: float(weight) for name, weight in (weights or {}).items()}
    unknown = [name for name in given if name not in parts]
    if unknown:
        raise UsageError(f"'composite' has no part {unknown[0]!r}; it has {', '.join(parts)}")
    infinite = [name for name, weight in given.items() if not isfinite(weight)]
    if infinite:
        name = infinite[0]
        raise UsageError(f"the weight of {name!r} in 'composite' is {given[name]}; give a finite number")
    return {name: given.get(name, 1.0) for name in parts}


def _signed(part: Rewarder, reward: Reward) -> float | None:
    """The value so that more is better."""
    if reward.value is None:
        return None
    return reward.value if part.info.higher_is_better else -reward.value


def _by_group(column: Sequence[float | None], groups: Sequence[Sequence[int]]) -> list[float | None]:
    relative: list[float | None] = [None] * len(column)
    for group in groups:
        for k, value in zip(group, normalised([column[k] for k in group]), strict=True):
            relative[k] = value
    return relative
