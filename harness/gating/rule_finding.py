"""From the test of a rule to its finding: whether the coverage allows the verdict, and why."""

from __future__ import annotations

from selfreward_eval.harness.gating.evidence import Evidence
from selfreward_eval.harness.gating.findings import Finding
from selfreward_eval.harness.gating.policy import Kind, Policy
from selfreward_eval.harness.gating.sample_size import sample_size_needed
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.one_sided import OneSided

__all__ = ["coverage_allows", "make_finding"]


def coverage_allows(evidence: Evidence, verdict: Verdict) -> bool:
    """Whether ``verdict`` stands in spite of samples without a number.

    Below the rule's coverage nothing passes, and a FAIL stands only if it would still hold with every
    missing sample at its most favourable value for the candidate.
    """
    if verdict is Verdict.INCONCLUSIVE or evidence.coverage >= evidence.rule.coverage:
        return True
    return verdict is Verdict.FAIL and evidence.best is not None and evidence.best < evidence.limit


def make_finding(
    policy: Policy,
    evidence: Evidence,
    verdict: Verdict,
    test: OneSided | None,
    *,
    alpha: float,
    p_adjusted: float | None = None,
    planned: int | None = None,
    tests: int = 1,
) -> Finding:
    """The finding of one rule.

    Args:
        policy: that has the rule.
        evidence: that the rule was tested on.
        verdict: by the samples with a number, whatever their coverage.
        test: behind the verdict, larger is better; None where nothing could be compared.
        alpha: error at which the verdict was given.
        p_adjusted: within the rule's family.
        planned: items in the scope of a sequential gate's rule, seen or not; None for a fixed gate.
        tests: rules that share alpha, for the sample size that is needed.
    """
    rule = evidence.rule
    allowed = coverage_allows(evidence, verdict)
    final = verdict if allowed else Verdict.INCONCLUSIVE
    why = _explanation(evidence, final, test, alpha) if allowed else _coverage_too_low(evidence, verdict)
    value, low, high = (test.value, test.low, test.high) if test else (None, None, None)
    if rule.kind is Kind.FLOOR and evidence.sign < 0:
        value, low, high = _negated(value), _negated(high), _negated(low)
    return Finding(
        rule=rule.name,
        task=rule.task,
        category=rule.category,
        kind=str(rule.kind),
        number=rule.number,
        asks=rule.asks,
        family=rule.family,
        line=rule.line,
        verdict=final,
        why=why,
        value=value,
        low=low,
        high=high,
        base=evidence.base,
        candidate=evidence.candidate,
        p=test.passes if test else None,
        p_adjusted=p_adjusted,
        alpha=alpha,
        units=test.n if test else 0,
        items=evidence.items,
        planned_items=evidence.planned if planned is None else planned,
        images=evidence.images,
        coverage=evidence.coverage,
        coverage_wanted=rule.coverage,
        method=test.method if test else "none",
        how=test.why if test else "no sample has a number",
        needs=sample_size_needed(evidence, alpha=policy.alpha / tests, power=policy.power)
        if final is Verdict.INCONCLUSIVE
        else None,
    )


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _explanation(evidence: Evidence, verdict: Verdict, test: OneSided | None, alpha: float) -> str:
    if test is None:
        where = ", ".join(name for name in evidence.empty if name)
        return "cannot be judged: no sample has a number" + (f" in {where}" if where else "")
    if test.low is None and test.method == "none":
        return f"cannot be judged: {test.why}"
    kind, number = evidence.rule.kind, f"{evidence.rule.number:g}"
    by = f" by more than {number}" if evidence.rule.number else ""
    if verdict is Verdict.INCONCLUSIVE:
        undecided = {
            Kind.MARGIN: f"a loss of {number}",
            Kind.IMPROVE: "being better" + by,
            Kind.FLOOR: f"a score of {number}",
        }
        return f"{undecided[kind]} can be neither shown nor excluded with {test.n} units"
    outcome = {
        (Kind.MARGIN, Verdict.PASS): f"worse by less than {number}, if at all",
        (Kind.MARGIN, Verdict.FAIL): f"worse by more than {number}",
        (Kind.IMPROVE, Verdict.PASS): "better" + by,
        (Kind.IMPROVE, Verdict.FAIL): "not better" + by,
        (Kind.FLOOR, Verdict.PASS): f"no worse than {number}",
        (Kind.FLOOR, Verdict.FAIL): f"worse than {number}",
    }
    return f"{outcome[kind, verdict]}, with {1 - alpha:.4g} confidence"


def _coverage_too_low(evidence: Evidence, verdict: Verdict) -> str:
    return (
        f"{evidence.coverage:.1%} of the samples have a number, {evidence.rule.coverage:.4g} are wanted; "
        f"those that have one would {verdict}"
    )
