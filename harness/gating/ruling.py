"""From a test to a finding: whether the coverage allows the verdict, what it means, and what is missing."""

from __future__ import annotations

from selfreward_eval.harness.gating.evidence import Evidence
from selfreward_eval.harness.gating.findings import Finding
from selfreward_eval.harness.gating.one_sided import OneSided
from selfreward_eval.harness.gating.policy import Kind, Policy
from selfreward_eval.harness.gating.sample_size import sample_size_needed
from selfreward_eval.harness.stats.noninferiority import Verdict

__all__ = ["covered", "finding"]


def covered(evidence: Evidence, verdict: Verdict) -> bool:
    """Whether ``verdict`` stands in spite of samples without a number.

    Below the coverage that the rule wants nothing passes, and a FAIL stands only if the missing samples
    could not have undone it, had they all gone the candidate's way.
    """
    if verdict is Verdict.INCONCLUSIVE or evidence.coverage >= evidence.rule.coverage:
        return True
    return verdict is Verdict.FAIL and evidence.best is not None and evidence.best < evidence.limit


def finding(
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
    """What is reported of one rule.

    Args:
        policy: of the rule.
        evidence: that it was judged by.
        verdict: of the samples with a number.
        test: the numbers behind it, larger is better; None where nothing could be compared.
        alpha: error at which the verdict was given.
        p_adjusted: within the rule's family.
        planned: items of the whole task, for a gate that has looked at some of them.
        tests: rules that share alpha, for what it would take.
    """
    rule = evidence.rule
    stands = covered(evidence, verdict)
    final = verdict if stands else Verdict.INCONCLUSIVE
    why = _words(evidence, final, test, alpha) if stands else _uncovered(evidence, verdict)
    value, low, high = (test.value, test.low, test.high) if test else (None, None, None)
    if rule.kind is Kind.FLOOR and evidence.sign < 0:
        value, low, high = _turned(value), _turned(high), _turned(low)
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


def _turned(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _words(evidence: Evidence, verdict: Verdict, test: OneSided | None, alpha: float) -> str:
    if test is None:
        where = ", ".join(name for name in evidence.empty if name)
        return "cannot be judged: no sample has a number" + (f" in {where}" if where else "")
    if test.se is None:
        return f"cannot be judged: {test.why}"
    kind, x = evidence.rule.kind, f"{evidence.rule.number:g}"
    by = f" by more than {x}" if evidence.rule.number else ""
    if verdict is Verdict.INCONCLUSIVE:
        claim = {
            Kind.MARGIN: f"a loss of {x}",
            Kind.IMPROVE: "being better" + by,
            Kind.FLOOR: f"a score of {x}",
        }
        return f"{claim[kind]} can be neither shown nor excluded with {test.n} units"
    said = {
        (Kind.MARGIN, Verdict.PASS): f"worse by less than {x}, if at all",
        (Kind.MARGIN, Verdict.FAIL): f"worse by more than {x}",
        (Kind.IMPROVE, Verdict.PASS): "better" + by,
        (Kind.IMPROVE, Verdict.FAIL): "not better" + by,
        (Kind.FLOOR, Verdict.PASS): f"no worse than {x}",
        (Kind.FLOOR, Verdict.FAIL): f"worse than {x}",
    }
    return f"{said[kind, verdict]}, with {1 - alpha:.4g} confidence"


def _uncovered(evidence: Evidence, verdict: Verdict) -> str:
    return (
        f"{evidence.coverage:.1%} of the samples have a number, {evidence.rule.coverage:.4g} are wanted; "
        f"those that have one would {verdict}"
    )
