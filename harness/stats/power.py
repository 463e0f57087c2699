"""Power formulas: numbers in, numbers out. Plans made of them are in
:mod:`selfreward_eval.harness.power.power`.

Power is that of the paired t test, from the noncentral t distribution; that of the tests for few units and
single marks is in :mod:`selfreward_eval.harness.stats.deciding_power`. ``sd`` is
always the standard deviation of an item's difference between the arms; with
omega^2 and picture noise known (:mod:`selfreward_eval.harness.stats.components`) it is
sqrt(omega^2 + noise / m) for m pictures per item and arm.

>>> round(detectable_effect(sd=0.35, n=553), 3)
0.042
>>> required_prompts(0.05, sd=0.35).count
387
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, isnan, sqrt

from selfreward_eval.harness.stats.means import t_quantile

__all__ = [
    "Needed",
    "assumed_components",
    "detectable_effect",
    "optimal_images",
    "power",
    "required_images",
    "required_prompts",
    "stratified_sd",
]

LARGEST = 10**9
"""No benchmark has more prompts than this."""


@dataclass(frozen=True)
class Needed:
    """How many it takes.

    Attributes:
        count: prompts or pictures, or None where no number suffices.
        why: why there is none, else empty.
    """

    count: int | None
    why: str = ""


def power(
    effect: float, sd: float, n: int, *, alpha: float = 0.05, sided: int = 2, df: float | None = None
) -> float:
    """The chance that a paired t test over ``n`` units finds a true difference of ``effect``.

    Args:
        effect: true difference; for a one-sided test positive means in the tested direction.
        sd: standard deviation of a unit's difference, > 0.
        n: units, >= 2.
        alpha: error of the test, in (0, 1).
        sided: 1 or 2.
        df: degrees of freedom, n - 1 by default; Satterthwaite's for a macro mean.

    Raises:
        ValueError: an argument out of range.
    """
    from scipy.special import nctdtr, ndtr

    _check(sd, alpha, sided)
    if n < 2:
        raise ValueError(f"a test needs two units or more, got {n}")
    freedom = float(n - 1) if df is None else df
    shift = effect * sqrt(n) / sd
    critical = t_quantile(freedom, 1 - alpha / sided)
    chance = 1 - float(nctdtr(freedom, shift, critical))
    if sided == 2:
        chance += float(nctdtr(freedom, shift, -critical))
    if isnan(chance):
        # So far out that the series gives up, the normal distribution is as good.
        chance = float(ndtr(shift - critical)) + (float(ndtr(-shift - critical)) if sided == 2 else 0.0)
    return min(max(chance, 0.0), 1.0)


def detectable_effect(
    sd: float,
    n: int,
    *,
    wanted: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    df: float | None = None,
) -> float:
    """The smallest difference that is found with the ``wanted`` power.

    Close to (t_{1 - alpha / sided} + t_wanted) sd / sqrt(n).

    Args:
        sd: standard deviation of a unit's difference, > 0.
        n: units, >= 2.
        wanted: power, in (alpha, 1).
        alpha: error of the test, in (0, 1).
        sided: 1 or 2.
        df: as for :func:`power`.

    Raises:
        ValueError: an argument out of range.
    """
    _check(sd, alpha, sided)
    _check_power(wanted, alpha)
    low, high = 0.0, sd / sqrt(n)
    while power(high, sd, n, alpha=alpha, sided=sided, df=df) < wanted:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if power(middle, sd, n, alpha=alpha, sided=sided, df=df) < wanted:
            low = middle
        else:
            high = middle
    return high


def required_prompts(
    effect: float, sd: float, *, wanted: float = 0.8, alpha: float = 0.05, sided: int = 2
) -> Needed:
    """The fewest units with which a difference of ``effect`` is found with the ``wanted`` power.

    Args:
        effect: true difference, not 0.
        sd: standard deviation of a unit's difference, > 0.
        wanted: power, in (alpha, 1).
        alpha: error of the test, in (0, 1).
        sided: 1 or 2.

    Raises:
        ValueError: an argument out of range.
    """
    _check(sd, alpha, sided)
    _check_power(wanted, alpha)
    size = abs(effect)
    if size == 0:
        return Needed(None, "no number of prompts finds a difference of 0")

    def enough(count: int) -> bool:
        return power(size, sd, count, alpha=alpha, sided=sided) >= wanted

    few, many = 1, 2
    while not enough(many):
        few, many = many, 2 * many
        if many > LARGEST:
            return Needed(None, f"more than {LARGEST:.0e} prompts")
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return Needed(many)


def required_images(
    effect: float,
    omega2: float,
    noise: float,
    n: int,
    *,
    wanted: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    standard: float | None = None,
) -> Needed:
    """The fewest pictures per prompt and arm that find ``effect`` with ``n`` prompts.

    Args:
        effect: true difference.
        omega2: variance of the prompts' true differences, >= 0.
        noise: what one pair of pictures adds to it, >= 0; not both 0.
        n: prompts, >= 2.
        wanted: power, in (alpha, 1).
        alpha: error of the test, in (0, 1).
        sided: 1 or 2.
        standard: detectable effect at an sd of 1, where another test than t decides.

    Returns:
        None with a reason where prompts differ so much that no number of pictures would do.

    Raises:
        ValueError: an argument out of range.
    """
    if omega2 < 0 or noise < 0 or omega2 + noise == 0:
        raise ValueError(f"variances must be 0 or more and not both 0, got {omega2} and {noise}")
    _check_power(wanted, alpha)
    # The power depends on sd through effect / sd alone, so one search finds the variance that is allowed.
    if standard is None:
        standard = detectable_effect(1.0, n, wanted=wanted, alpha=alpha, sided=sided)
    allowed = (abs(effect) / standard) ** 2
    if allowed <= omega2:
        return Needed(
            None,
            f"with {n} prompts no number of pictures finds {effect:g}: how much prompts differ (sd "
            f"{sqrt(omega2):.3g}) is too much for it; more prompts are needed",
        )
    return Needed(max(1, ceil(noise / (allowed - omega2) * (1 - 1e-12))))


def optimal_images(omega2: float, noise: float, cost_prompt: float, cost_image: float) -> Needed:
    """The pictures per prompt that give the smallest error for a given cost.

    The real optimum is sqrt(cost_prompt / cost_image * noise / omega2); of the whole numbers beside
    it the better one is taken.

    Args:
        omega2: variance of the prompts' true differences, >= 0.
        noise: what one pair of pictures adds to it, >= 0.
        cost_prompt: cost of one more prompt before any picture, >= 0.
        cost_image: cost of one picture (of both arms), > 0.

    Raises:
        ValueError: a negative variance or cost, or pictures for nothing.
    """
    if min(omega2, noise, cost_prompt) < 0 or cost_image <= 0:
        raise ValueError("variances and costs must be 0 or more, and the cost of a picture above 0")
    if omega2 == 0 and noise > 0 and cost_prompt > 0:
        return Needed(
            None, "prompts do not differ, so further pictures are worth as much as prompts and cheaper"
        )
    if omega2 == 0 or noise == 0 or cost_prompt == 0:
        return Needed(1)
    best = sqrt(cost_prompt / cost_image * noise / omega2)

    def price(m: int) -> float:
        return (omega2 + noise / m) * (cost_prompt + m * cost_image)

    return Needed(min({max(1, floor(best)), max(1, ceil(best))}, key=price))


def assumed_components(
    score_a: float, score_b: float, *, icc: float, correlation: float
) -> tuple[float, float]:
    """omega^2 and picture noise of right-or-wrong scores, from assumptions instead of a pilot run.

    A share p has variance p (1 - p) per picture, of which ``icc`` lies between prompts.

    Args:
        score_a: the first arm's share of right pictures, in [0, 1].
        score_b: the second arm's.
        icc: intraclass correlation of an arm's pictures, in [0, 1].
        correlation: of the two arms' true scores over prompts, in [-1, 1]; 1 if the second arm is
            better on every prompt alike.

    Returns:
        omega2 and noise, for independent picture noise in the arms.

    Raises:
        ValueError: an argument out of range.
    """
    if not (0 <= score_a <= 1 and 0 <= score_b <= 1 and 0 <= icc <= 1 and -1 <= correlation <= 1):
        raise ValueError("scores and icc lie in [0, 1], a correlation in [-1, 1]")
    a, b = score_a * (1 - score_a), score_b * (1 - score_b)
    omega2 = icc * (a + b - 2 * correlation * sqrt(a * b))
    return max(0.0, omega2), (1 - icc) * (a + b)


def stratified_sd(strata: Mapping[str, tuple[float, int]]) -> tuple[float, float]:
    """The ``sd`` and ``df`` with which an unweighted mean over strata is planned like a plain one.

    Args:
        strata: name -> variance of a unit's difference (>= 0) and units G_j (>= 2).

    Returns:
        se * sqrt(sum of G_j) for the macro mean's standard error, and Satterthwaite's degrees of freedom
        (the sum of G_j - 1 where no variance is above 0).

    Raises:
        ValueError: no strata, or one with fewer than two units or a negative variance.
    """
    if not strata:
        raise ValueError("a macro mean needs at least one stratum")
    for name, (variance, size) in strata.items():
        if size < 2 or variance < 0:
            raise ValueError(f"stratum {name!r} needs two units and a variance of 0 or more")
    parts = [(variance / (len(strata) ** 2 * size), size - 1) for variance, size in strata.values()]
    total = sum(part for part, _ in parts)
    units = sum(size for _, size in strata.values())
    if total == 0:
        return 0.0, float(units - len(strata))
    return sqrt(total * units), 1 / sum((part / total) ** 2 / freedom for part, freedom in parts)


def _check(sd: float, alpha: float, sided: int) -> None:
    if not sd > 0:
        raise ValueError(f"a standard deviation must be above 0, got {sd}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if sided not in (1, 2):
        raise ValueError(f"a test has one side or two, got {sided}")


def _check_power(wanted: float, alpha: float) -> None:
    if not alpha < wanted < 1:
        raise ValueError(f"a power must lie between alpha and 1, got {wanted}")
