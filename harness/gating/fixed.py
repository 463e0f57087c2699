"""Two finished runs, judged once.

>>> judge(read_policy(Path("gate.toml")), load_run(before), load_run(after)).verdict  # doctest: +SKIP
<Verdict.PASS: 'PASS'>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.harness.comparing.compare import arm_of
from selfreward_eval.harness.comparing.families import CORRECTIONS
from selfreward_eval.harness.gating.evidence import Evidence, TaskRuns, gather
from selfreward_eval.harness.gating.findings import EXIT, Finding, Outcome, family_findings, overall
from selfreward_eval.harness.gating.policy import NONE, Kind, Policy
from selfreward_eval.harness.gating.requirements import require_gateable, require_scores
from selfreward_eval.harness.gating.rule_finding import make_finding
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.choosing import choose_interval
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.one_sided import OneSided, one_sided_test

__all__ = ["judge", "tasks_without_rules"]


def judge(policy: Policy, base: Run, candidate: Run) -> Outcome:
    """The verdict of ``policy`` on two finished runs.

    Raises:
        InputError: a rule on a score that a run lacks, runs that differ in more than the model, or records
            that contradict their own run.
    """
    require_scores(policy, base, candidate)
    require_gateable(base, candidate)
    runs_of_task = {task: TaskRuns(task, base, candidate) for task in policy.tasks}
    tested_rules = _corrected(
        policy, [_test_rule(gather(rule, runs_of_task[rule.task]), policy.alpha) for rule in policy.rules]
    )
    findings = tuple(_finding(policy, tested) for tested in tested_rules)
    verdicts = {tested.rule: tested.verdict for tested in findings}
    verdict = overall(policy, verdicts)
    return Outcome(
        verdict,
        EXIT[verdict],
        policy,
        arm_of(base),
        arm_of(candidate),
        findings,
        family_findings(policy, verdicts),
        notes=tasks_without_rules(policy, base, candidate),
    )


def tasks_without_rules(policy: Policy, base: Run, candidate: Run) -> tuple[str, ...]:
    """A sentence for every task of a run that no rule is about."""
    names = dict.fromkeys([*base.scores, *candidate.scores])
    return tuple(f"no rule is about {task}, which was measured" for task in names if task not in policy.tasks)


@dataclass(frozen=True)
class _TestedRule:
    """A rule with its test.

    Attributes:
        evidence: of the rule.
        test: None where there is nothing to test.
        passes: p-value of a wrong PASS, adjusted within the family where there is one.
        fails: of a wrong FAIL, likewise.
    """

    evidence: Evidence
    test: OneSided | None
    passes: float | None
    fails: float | None


def _test_rule(evidence: Evidence, alpha: float) -> _TestedRule:
    if evidence.empty:
        return _TestedRule(evidence, None, None, None)
    if evidence.rule.kind is Kind.FLOOR:
        return _TestedRule(evidence, _floor(evidence, alpha), None, None)
    test = one_sided_test(
        evidence.strata,
        evidence.limit,
        width=evidence.width,
        alpha=alpha,
        clusters=evidence.clusters,
        marks=evidence.binary and evidence.images == 1,
    )
    return _TestedRule(evidence, test, test.passes, test.fails)


def _floor(evidence: Evidence, alpha: float) -> OneSided:
    """The candidate's own score with both one-sided bounds; larger is better."""
    own = {name: [evidence.sign * value for value in values] for name, values in evidence.strata.items()}
    chosen = choose_interval(
        own,
        m=evidence.images,
        binary=evidence.binary,
        score_range=evidence.range,
        clusters=evidence.clusters,
        level=1 - 2 * alpha,
    )
    ends = [
        None if end is None else evidence.sign * end for end in (chosen.interval.low, chosen.interval.high)
    ]
    low, high = ends[:: evidence.sign]
    return OneSided(
        evidence.sign * chosen.interval.value, chosen.interval.se, low, high, None, None, chosen.interval.n,
        chosen.method, chosen.why,
    )  # fmt: skip


def _corrected(policy: Policy, tested_rules: Sequence[_TestedRule]) -> list[_TestedRule]:
    """Both p-values of every rule adjusted within its family."""
    out = list(tested_rules)
    for group in policy.groups.values():
        if group.correction == NONE:
            continue
        correct = CORRECTIONS[group.correction][1]
        places = [k for k, tested in enumerate(tested_rules) if tested.evidence.rule.family == group.name]
        passes = correct([tested_rules[k].passes for k in places])
        fails = correct([tested_rules[k].fails for k in places])
        for k, passing, failing in zip(places, passes, fails, strict=True):
            out[k] = _TestedRule(tested_rules[k].evidence, tested_rules[k].test, passing, failing)
    return out


def _verdict(tested: _TestedRule, alpha: float) -> Verdict:
    """What the scored samples say, whatever their coverage."""
    limit, test = tested.evidence.limit, tested.test
    if test is None:
        return Verdict.INCONCLUSIVE
    if tested.evidence.rule.kind is Kind.FLOOR:
        passes = test.low is not None and test.low >= limit
        fails = test.high is not None and test.high < limit
    else:
        passes = tested.passes is not None and tested.passes <= alpha
        fails = tested.fails is not None and tested.fails <= alpha
    return Verdict.PASS if passes else Verdict.FAIL if fails else Verdict.INCONCLUSIVE


def _finding(policy: Policy, tested: _TestedRule) -> Finding:
    rule = tested.evidence.rule
    corrected = rule.family is not None and policy.groups[rule.family].correction != NONE
    return make_finding(
        policy,
        tested.evidence,
        _verdict(tested, policy.alpha),
        tested.test,
        alpha=policy.alpha,
        p_adjusted=tested.passes if corrected else None,
        tests=len(policy.members(rule.family)) if corrected and rule.family else 1,
    )
