"""The sample size that would decide an INCONCLUSIVE rule: items, or pictures of each."""

from __future__ import annotations

from math import ceil, log
from typing import TypeAlias

from selfreward_eval.harness.gating.evidence import Evidence, mean_over
from selfreward_eval.harness.gating.findings import SampleSize
from selfreward_eval.harness.gating.policy import Kind
from selfreward_eval.harness.power.power import Plan, Question, Spread, plan, spread_of
from selfreward_eval.harness.stats.choosing import FEW_UNITS
from selfreward_eval.harness.stats.components import variance_components
from selfreward_eval.harness.stats.means import cluster_values, mean_and_variance

__all__ = ["sample_size_needed", "spread_in"]

Part: TypeAlias = tuple[float, float | None, float | None, int]
"""Of one stratum: variance of a unit, its omega^2, its picture noise, the units."""

_ONE_SAMPLE = "with one sample per item its noise cannot be told from how items differ"
_ONE_UNIT = "a single item in a category says nothing about how items vary"


def sample_size_needed(evidence: Evidence, *, alpha: float, power: float) -> SampleSize:
    """Items at this number of samples, or samples with these items, for a gate that looks once.

    For a margin the true change is assumed to be 0. Where that needs no more items than there are, and
    for other rules, the true difference is assumed to be the observed one.

    Args:
        evidence: of an INCONCLUSIVE rule.
        alpha: one-sided error at which it is judged.
        power: wanted chance to decide.
    """
    if evidence.empty:
        return SampleSize(why="samples with a number: run it again with --retry-failed")
    if evidence.coverage < evidence.rule.coverage:
        return SampleSize(
            why=f"a number for {evidence.rule.coverage:.4g} of the samples, {evidence.coverage:.4g} have "
            "one: run it again with --retry-failed"
        )
    spread = spread_in(evidence)
    if spread is None:
        return SampleSize(why=_ONE_UNIT)
    value = mean_over(evidence.strata)
    if spread.sd == 0:
        return _without_spread(evidence, value, alpha)
    rule = evidence.rule
    seen = abs(value - evidence.limit)
    if rule.kind is Kind.MARGIN:
        unchanged = _plan(spread, rule.number, alpha, power)
        if unchanged.prompts and (unchanged.prompts.count or 0) > spread.units:
            return _sample_size(unchanged, "the candidate is as good as the base")
    if seen == 0:
        return SampleSize(why="what was seen lies on the limit itself, which no number of items decides")
    what = "score" if rule.kind is Kind.FLOOR else "difference"
    answer = "PASS" if value > evidence.limit else "FAIL"
    return _sample_size(
        _plan(spread, seen, alpha, power), f"the true {what} is the one seen, and then {answer}"
    )


def spread_in(evidence: Evidence) -> Spread | None:
    """How much a unit varies, split into items and pictures; None where a stratum has one unit."""
    parts: dict[str, Part] = {}
    for name, values in evidence.strata.items():
        units = cluster_values(values, evidence.clusters[name])
        if len(units) < 2:
            return None
        _, variance = mean_and_variance(units)
        assert variance is not None
        components = variance_components(evidence.samples[name])
        if components.within is None:
            parts[name] = (variance, None, None, len(units))
        else:
            # A cluster of k items averages the noise of k pictures as well.
            noise = components.within * len(units) / len(values)
            parts[name] = (variance, variance - noise / components.m, noise, len(units))
    known = all(omega2 is not None for _, omega2, _, _ in parts.values())
    return spread_of(
        evidence.rule.score, parts, evidence.images, "the runs themselves", "" if known else _ONE_SAMPLE
    )


def _plan(spread: Spread, effect: float, alpha: float, power: float) -> Plan:
    return plan(spread, Question(effect=effect, alpha=alpha, power=power, sided=1), by_t=True)


def _sample_size(answer: Plan, assuming: str) -> SampleSize:
    items = answer.prompts.count if answer.prompts else None
    images = answer.pictures.count if answer.pictures else None
    if items is not None and items <= answer.spread.units:
        if answer.spread.units < FEW_UNITS:
            return SampleSize(FEW_UNITS, None, assuming, "fewer are judged with the wider of two tests")
        return SampleSize(None, None, assuming, "a little more than there is: only skewness keeps it open")
    return SampleSize(
        items, images, assuming, "" if images or answer.pictures is None else answer.pictures.why
    )


def _without_spread(evidence: Evidence, value: float, alpha: float) -> SampleSize:
    """Where nothing varies: the items after which the bound on the unseen share passes the limit."""
    reach = value + evidence.width if value > evidence.limit else evidence.width - value
    share = abs(value - evidence.limit) / reach if reach > 0 else 0.0
    if not 0 < share < 1:
        return SampleSize(why="nothing varied, and what was seen lies on the limit itself")
    return SampleSize(ceil(log(alpha) / log(1 - share)), None, "further items do not vary either")
