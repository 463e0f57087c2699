"""Power analysis of a benchmark design: detectable difference, prompts and pictures needed.

The formulas are in :mod:`selfreward_eval.harness.stats.power`.

A *spread* says how much an item's difference between two arms varies; it comes from a
pilot run (:mod:`selfreward_eval.harness.power.pilots`) or from assumptions (below). A *plan* is what follows
for a question.

>>> plan(assumed_sd(0.35, {"": 553}, images=4), Question(effect=0.05)).detectable < 0.05
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.power import (
    Needed,
    assumed_components,
    detectable_effect,
    optimal_images,
    power,
    required_images,
    required_prompts,
    stratified_sd,
)

__all__ = [
    "Answer",
    "Plan",
    "Question",
    "Spread",
    "assumed_marks",
    "assumed_sd",
    "curve",
    "largest_sd",
    "plan",
    "resized",
    "spread_of",
]


@dataclass(frozen=True)
class Spread:
    """The variance of a unit's difference between two arms, with its components.

    Attributes:
        label: what it is of: a task, a category, an assumption.
        units: independent units (items, or clusters of them).
        images: pictures per item and arm.
        sd: standard deviation of a unit's difference, 0 where nothing varied.
        df: degrees of freedom of the test.
        omega2: variance of the true differences; None where it cannot be told from picture noise.
        noise: what one pair of pictures adds to the variance; None likewise.
        source: where the numbers come from.
        why: why ``omega2`` and ``noise`` are missing, else empty.
    """

    label: str
    units: int
    images: int
    sd: float
    df: float
    omega2: float | None
    noise: float | None
    source: str
    why: str = ""


@dataclass(frozen=True)
class Question:
    """A power question about a design.

    Attributes:
        effect: a true difference, > 0, or None.
        alpha: error of the test.
        power: wanted chance to find a true difference.
        sided: 1 or 2.
        cost_ratio: cost of one more prompt over that of one more picture (of both arms), >= 0.
    """

    effect: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    sided: int = 2
    cost_ratio: float = 1.0


@dataclass(frozen=True)
class Plan:
    """The answer to a power question.

    Attributes:
        spread: of the design.
        question: that is answered.
        detectable: smallest true difference that is found with the wanted power; None where nothing
            varied, so that there is nothing to plan by.
        power: chance to find ``question.effect``, None without one.
        prompts: units needed for it at this number of pictures, None without one.
        pictures: pictures per prompt needed for it at this number of units, None without one.
        best_pictures: pictures per prompt that give the smallest error for a cost.
        why: why there is no plan, else empty.
    """

    spread: Spread
    question: Question
    detectable: float | None
    power: float | None
    prompts: Needed | None
    pictures: Needed | None
    best_pictures: Needed
    why: str = ""

    @property
    def verdict(self) -> str:
        """Whether the effect in question is detectable, in words; empty without one."""
        effect, wanted = self.question.effect, self.question.power
        if effect is None or self.power is None:
            return ""
        chance = "over 99 %" if self.power > 0.99 else f"{100 * self.power:.1f} %"
        sure = "" if self.power >= wanted else "not reliably "
        return f"a true difference of {effect:g} is found with a chance of {chance}: {sure}detectable"


@dataclass(frozen=True)
class Answer:
    """The plans of one task, benchmark or design.

    Attributes:
        name: task, benchmark or design.
        plans: the headline's first.
        alternatives: whether the plans are assumptions about one score, of which one may hold; otherwise
            those after the first are its categories.
    """

    name: str
    plans: tuple[Plan, ...]
    alternatives: bool = False


def plan(spread: Spread, question: Question) -> Plan:
    """Answers ``question`` for a design of this spread.

    Raises:
        UsageError: a question out of range.
    """
    _require(question)
    effect, unknown = question.effect, Needed(None, spread.why)
    parts = None if spread.omega2 is None or spread.noise is None else (spread.omega2, spread.noise)
    best = unknown if parts is None else optimal_images(*parts, question.cost_ratio, 1.0)
    if spread.sd <= 0:
        why = "no difference between items varied in it, so it says nothing about power"
        return Plan(spread, question, None, None, None, None, best, why)
    test = {"alpha": question.alpha, "sided": question.sided}
    detectable = detectable_effect(spread.sd, spread.units, wanted=question.power, df=spread.df, **test)  # type: ignore[arg-type]
    if effect is None:
        return Plan(spread, question, detectable, None, None, None, best)
    return Plan(
        spread,
        question,
        detectable,
        power(effect, spread.sd, spread.units, df=spread.df, **test),  # type: ignore[arg-type]
        required_prompts(effect, spread.sd, wanted=question.power, **test),  # type: ignore[arg-type]
        unknown
        if parts is None
        else required_images(effect, *parts, spread.units, wanted=question.power, **test),  # type: ignore[arg-type]
        best,
    )


def curve(plan_: Plan, effects: list[float]) -> list[float]:
    """The power of a plan's design for each of ``effects``."""
    spread, question = plan_.spread, plan_.question
    return [
        power(effect, spread.sd, spread.units, alpha=question.alpha, sided=question.sided, df=spread.df)
        for effect in effects
    ]


def largest_sd(plan_: Plan) -> float | None:
    """The largest ``sd`` with which the effect in question is still detectable; None without an effect."""
    spread, question = plan_.spread, plan_.question
    if question.effect is None:
        return None
    return question.effect / detectable_effect(
        1.0, spread.units, wanted=question.power, alpha=question.alpha, sided=question.sided, df=spread.df
    )


def spread_of(
    label: str,
    strata: Mapping[str, tuple[float, float | None, float | None, int]],
    images: int,
    source: str,
    why: str = "",
) -> Spread:
    """The spread of an unweighted mean over strata, as that of a plain mean over all units.

    The macro mean's variance is the sum of (omega2_j + noise_j / m) / (K^2 G_j), so each part is
    weighted alike and scaled to the number of all units.

    Args:
        label: see :class:`Spread`.
        strata: name -> variance of a unit's difference, its omega2 (an estimate may be negative) and
            noise, or None for both, and units G_j >= 2.
        images: pictures per item and arm.
        source: see :class:`Spread`.
        why: see :class:`Spread`.
    """
    sd, df = stratified_sd({name: (variance, units) for name, (variance, _, _, units) in strata.items()})
    units = sum(size for *_, size in strata.values())
    weights = [units / (len(strata) ** 2 * size) for *_, size in strata.values()]

    def weighted_sum(which: int) -> float | None:
        parts = [stratum[which] for stratum in strata.values()]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return sum(weight * part for weight, part in zip(weights, known, strict=True))

    # Only the sum is kept from falling below 0: strata by themselves would bias it upwards.
    omega2 = weighted_sum(1)
    return Spread(
        label,
        units,
        images,
        sd,
        df,
        None if omega2 is None else max(0.0, omega2),
        weighted_sum(2),
        source,
        why,
    )


def resized(spread: Spread, units: int | None = None, images: int | None = None) -> Spread:
    """The same prompts' spread with another number of units or pictures; strata keep their shares.

    Raises:
        UsageError: too few of them, or other pictures where their noise is not known.
    """
    if units is not None:
        if units < 3:
            raise UsageError(f"--items {units}: a test needs three items or more")
        spread = replace(spread, units=units, df=max(1.0, spread.df * (units - 1) / (spread.units - 1)))
    if images is not None and images != spread.images:
        if spread.omega2 is None or spread.noise is None:
            raise UsageError(f"--images {images} cannot be answered: {spread.why}")
        spread = replace(spread, images=images, sd=sqrt(spread.omega2 + spread.noise / images))
    return spread


def assumed_sd(sd: float, strata: Mapping[str, int], images: int, label: str = "") -> Spread:
    """A spread of a given standard deviation in every stratum.

    Raises:
        UsageError: a standard deviation that is not above 0.
    """
    if not sd > 0:
        raise UsageError(f"--sd {sd:g}: a standard deviation is above 0")
    why = "a standard deviation alone does not tell prompts from pictures; give --score and --icc"
    parts = {name: (sd**2, None, None, units) for name, units in strata.items()}
    return spread_of(
        label or f"sd {sd:g}", parts, images, f"assumed: an item's difference has sd {sd:g}", why
    )


def assumed_marks(
    score: float, icc: float, correlation: float, effect: float, strata: Mapping[str, int], images: int
) -> Spread:
    """The spread of right-or-wrong pictures with a given score, ICC and correlation of the arms.

    Args:
        score: share of right pictures before.
        icc: how alike the pictures of one prompt are.
        correlation: of the two arms' true scores over prompts.
        effect: what the score gains, 0 if nothing is known of it.
        strata: name -> units.
        images: pictures per prompt and arm.

    Raises:
        UsageError: a number out of range.
    """
    try:
        omega2, noise = assumed_components(score, score + effect, icc=icc, correlation=correlation)
    except ValueError as error:
        raise UsageError(
            f"--score {score:g} (with the effect {score + effect:g}), --icc {icc:g} and --correlation "
            f"{correlation:g} do not fit: {error}"
        ) from error
    parts = {name: (omega2 + noise / images, omega2, noise, units) for name, units in strata.items()}
    source = (
        f"assumed: right-or-wrong pictures, {score:.0%} right before, ICC {icc:g}, true scores of the arms "
        f"correlate by {correlation:g}"
    )
    return spread_of("assumed", parts, images, source)


def _require(question: Question) -> None:
    if not 0 < question.alpha < question.power < 1:
        raise UsageError(
            f"--alpha {question.alpha:g} and --power {question.power:g} must lie between 0 and 1, alpha below"
        )
    if question.effect is not None and not question.effect > 0:
        raise UsageError(f"--effect {question.effect:g}: give the size of a difference, above 0")
    if question.cost_ratio < 0:
        raise UsageError(f"--cost-ratio {question.cost_ratio:g}: a cost is 0 or more")
