"""Power analysis of a benchmark design: detectable difference, prompts and pictures needed.

The power is that of the test that a comparison will decide by
(:mod:`selfreward_eval.harness.stats.deciding_power`), at the level that remains after the correction for
several scores. Holm's first step, alpha over the number of scores, is the safe plan: if other scores differ
too, the level is larger.

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
from selfreward_eval.harness.stats.deciding_power import Design, deciding_power, detectable, fewest_units
from selfreward_eval.harness.stats.power import (
    Needed,
    assumed_components,
    optimal_images,
    required_images,
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
        sizes: units per stratum; empty for a plain mean.
        marks: whether samples are right or wrong and units are items.
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
    sizes: tuple[int, ...] = ()
    marks: bool = False

    def design(self, question: Question, *, corrected: bool) -> Design:
        """What will be tested; ``corrected`` if the score is one of ``question.scores``."""
        between = 0.5 if self.omega2 is None or self.sd <= 0 else min(1.0, self.omega2 / self.sd**2)
        return Design(
            self.sizes or (self.units,),
            self.images,
            self.marks,
            self.sd,
            self.df,
            between,
            question.alpha / (question.scores if corrected else 1),
            question.sided,
        )


@dataclass(frozen=True)
class Question:
    """A power question about a design.

    Attributes:
        effect: a true difference, > 0, or None.
        alpha: error of the test, before any correction.
        power: wanted chance to find a true difference.
        sided: 1 or 2.
        cost_ratio: cost of one more prompt over that of one more picture (of both arms), >= 0.
        scores: headline scores that will be corrected together, >= 1.
    """

    effect: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    sided: int = 2
    cost_ratio: float = 1.0
    scores: int = 1


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
        test: the deciding test in words; empty where there is no plan.
        alpha: its level, after the correction for ``question.scores``.
    """

    spread: Spread
    question: Question
    detectable: float | None
    power: float | None
    prompts: Needed | None
    pictures: Needed | None
    best_pictures: Needed
    why: str = ""
    test: str = ""
    alpha: float = 0.05

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


def plan(spread: Spread, question: Question, *, corrected: bool = True, by_t: bool = False) -> Plan:
    """Answers ``question`` for a design of this spread.

    Args:
        spread: of the design.
        question: about it.
        corrected: whether its score is one of ``question.scores``; a category's is not.
        by_t: whether to plan by the t formula whatever the size, for a gate's own one-sided tests.

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
    design = replace(spread.design(question, corrected=corrected), by_t=by_t)
    smallest = detectable(design, question.power)
    why = (
        ""
        if smallest is not None
        else f"{spread.units} units cannot be told from chance by {design.test} at {100 * design.alpha:.3g} %"
    )
    test = {"test": design.test, "alpha": design.alpha}
    if effect is None:
        return Plan(spread, question, smallest, None, None, None, best, why, **test)  # type: ignore[arg-type]
    return Plan(
        spread,
        question,
        smallest,
        deciding_power(effect, design),
        _prompts(effect, design, question.power),
        unknown if parts is None else _pictures(effect, parts, design, smallest, question),
        best,
        why,
        **test,  # type: ignore[arg-type]
    )


def _prompts(effect: float, design: Design, wanted: float) -> Needed:
    count = fewest_units(effect, design, wanted)
    return Needed(count) if count is not None else Needed(None, "more than 1e+09 prompts")


def _pictures(
    effect: float, parts: tuple[float, float], design: Design, smallest: float | None, question: Question
) -> Needed:
    """Pictures needed at this number of units. More of them leave single marks, and their test, behind."""
    by_t = design.test == "t" or design.images == 1 or smallest is None
    return required_images(
        effect, *parts, design.units, wanted=question.power, alpha=design.alpha, sided=design.sided,
        standard=None if by_t or smallest is None else smallest / design.sd,
    )  # fmt: skip


CURVE_POINTS = 16
"""Simulated points of a curve; the others lie on the lines between them."""


def curve(plan_: Plan, effects: list[float]) -> list[float]:
    """The power of a plan's design for each of ``effects``, which ascend."""
    design = _design(plan_)
    if design.test != "sign flips" or len(effects) <= CURVE_POINTS:
        return [deciding_power(effect, design) for effect in effects]
    import numpy as np

    places = np.linspace(0, len(effects) - 1, CURVE_POINTS).round().astype(int)
    known = [effects[place] for place in places]
    powers = [deciding_power(effect, design) for effect in known]
    return [float(value) for value in np.interp(effects, known, powers)]


def largest_sd(plan_: Plan) -> float | None:
    """The largest ``sd`` with which the effect in question is still detectable; None without an effect, or
    where the design detects nothing."""
    effect, wanted = plan_.question.effect, plan_.question.power
    if effect is None or plan_.detectable is None:
        return None
    design = _design(plan_)
    low, high = 0.0, 2 * design.sd * max(1.0, effect / plan_.detectable)
    for _ in range(40 if design.test != "sign flips" else 12):
        middle = (low + high) / 2
        if deciding_power(effect, replace(design, sd=middle)) >= wanted:
            low = middle
        else:
            high = middle
    return low


def _design(plan_: Plan) -> Design:
    """What the plan is of, at its own level."""
    return replace(plan_.spread.design(plan_.question, corrected=False), alpha=plan_.alpha)


def spread_of(
    label: str,
    strata: Mapping[str, tuple[float, float | None, float | None, int]],
    images: int,
    source: str,
    why: str = "",
    *,
    marks: bool = False,
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
        marks: see :class:`Spread`.
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
        tuple(size for *_, size in strata.values()),
        marks,
    )


def resized(spread: Spread, units: int | None = None, images: int | None = None) -> Spread:
    """The same prompts' spread with another number of units or pictures; strata keep their shares.

    Raises:
        UsageError: too few of them, or other pictures where their noise is not known.
    """
    if units is not None:
        if units < 3:
            raise UsageError(f"--items {units}: a test needs three items or more")
        spread = replace(
            spread,
            units=units,
            df=max(1.0, spread.df * (units - 1) / (spread.units - 1)),
            sizes=_shares(spread.sizes, units),
        )
    if images is not None and images != spread.images:
        if spread.omega2 is None or spread.noise is None:
            raise UsageError(f"--images {images} cannot be answered: {spread.why}")
        spread = replace(spread, images=images, sd=sqrt(spread.omega2 + spread.noise / images))
    return spread


def _shares(sizes: tuple[int, ...], units: int) -> tuple[int, ...]:
    """Strata of the same shares that hold ``units`` together; each has one at least."""
    if len(sizes) < 2:
        return (units,)
    ends = [round(sum(sizes[: place + 1]) * units / sum(sizes)) for place in range(len(sizes))]
    return tuple(max(1, end - start) for start, end in zip((0, *ends), ends, strict=False))


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
    return spread_of("assumed", parts, images, source, marks=True)


def _require(question: Question) -> None:
    if not 0 < question.alpha < question.power < 1:
        raise UsageError(
            f"--alpha {question.alpha:g} and --power {question.power:g} must lie between 0 and 1, alpha below"
        )
    if question.effect is not None and not question.effect > 0:
        raise UsageError(f"--effect {question.effect:g}: give the size of a difference, above 0")
    if question.scores < 1:
        raise UsageError(f"--scores {question.scores}: at least one score is tested")
    if question.cost_ratio < 0:
        raise UsageError(f"--cost-ratio {question.cost_ratio:g}: a cost is 0 or more")
