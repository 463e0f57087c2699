"""Looks at a candidate batch by batch and stops as soon as the verdict is certain enough.

Tasks are taken in the policy's order. A task is left when its rules are decided, and the
gate ends when no further item could matter: one rule failed, or all passed. A rule that was
decided stays so, which the bounds of :mod:`selfreward_eval.harness.gating.looks` allow. In a family alpha
is divided evenly, because p-values that hold at every look are not computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from selfreward_eval.harness.comparing.compare import arm_of
from selfreward_eval.harness.comparing.pairing import pair_task
from selfreward_eval.harness.gating.candidates import Candidate
from selfreward_eval.harness.gating.evidence import Evidence, Material, gather
from selfreward_eval.harness.gating.findings import (
    EXIT,
    Course,
    Finding,
    Outcome,
    combined,
    family_findings,
    overall,
)
from selfreward_eval.harness.gating.fixed import ungated
from selfreward_eval.harness.gating.looks import Scope, look, order_of
from selfreward_eval.harness.gating.one_sided import OneSided
from selfreward_eval.harness.gating.policy import ANY, NONE, Policy, Rule
from selfreward_eval.harness.gating.requirements import require_gateable, require_scores
from selfreward_eval.harness.gating.ruling import covered, finding
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.noninferiority import Verdict

__all__ = ["judge_in_looks"]


def judge_in_looks(
    policy: Policy, base: Run, candidate: Candidate, *, told: Callable[[Course], None] | None = None
) -> Outcome:
    """The verdict of ``policy`` on a candidate that is looked at in batches.

    Args:
        policy: the rules; its ``looks`` say how.
        base: the run before; finished.
        candidate: where the samples come from.
        told: called after every look.

    Raises:
        InputError: a rule on a score that a run lacks, or runs that differ in more than the model. Nothing
            has been drawn then.
    """
    require_scores(policy, base, None)
    now = candidate.start()
    require_scores(policy, base, now)
    require_gateable(base, now)
    state = _State(policy)
    courses, complete = [], True
    for task in policy.tasks:
        course, whole, now = _task(task, base, candidate, now, state, told)
        courses.append(course)
        complete = complete and whole
    note = candidate.finish(complete and set(policy.tasks) == set(now.scores))
    verdict = overall(policy, state.verdicts)
    findings = tuple(state.findings[rule.name] for rule in policy.rules)
    return Outcome(
        verdict,
        EXIT[verdict],
        policy,
        arm_of(base),
        arm_of(now),
        findings,
        family_findings(policy, state.verdicts),
        tuple(courses),
        (*ungated(policy, base, now), *([note] if note else [])),
    )


class _State:
    """The rules' verdicts so far."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.verdicts = {rule.name: Verdict.INCONCLUSIVE for rule in policy.rules}
        self.findings: dict[str, Finding] = {}
        self.last: dict[str, tuple[Evidence, Verdict, OneSided | None, int]] = {}

    def finding(self, rule: Rule) -> Finding:
        """What the last look at a rule found."""
        evidence, verdict, test, planned = self.last[rule.name]
        tests = self.tests(rule)
        return finding(
            self.policy,
            evidence,
            verdict,
            test,
            alpha=self.policy.alpha / tests,
            planned=planned,
            tests=tests,
        )

    @property
    def over(self) -> bool:
        """Whether no further item can change the verdict."""
        return combined(self.policy, self.verdicts) is not Verdict.INCONCLUSIVE

    def wanted(self, rule: Rule) -> bool:
        """Whether a rule is still open and matters."""
        if self.verdicts[rule.name] is not Verdict.INCONCLUSIVE:
            return False
        group = self.policy.groups.get(rule.family or "")
        if group is None or group.require != ANY:
            return True
        members = self.policy.members(group.name)
        return all(self.verdicts[one.name] is not Verdict.PASS for one in members)

    def tests(self, rule: Rule) -> int:
        """Rules that share alpha with this one."""
        group = self.policy.groups.get(rule.family or "")
        return 1 if group is None or group.correction == NONE else len(self.policy.members(group.name))


def _task(
    task: str,
    base: Run,
    candidate: Candidate,
    now: Run,
    state: _State,
    told: Callable[[Course], None] | None,
) -> tuple[Course, bool, Run]:
    """Looks at one task until its rules are decided; with whether every item was revealed."""
    policy = state.policy
    rules = [rule for rule in policy.rules if rule.task == task]
    items = _items(task, base, rules)
    order = order_of(list(items.values()), policy.looks.seed)
    material = Material(task, base, now)
    scopes = {rule.name: Scope.of(order, items, material, rule.category) for rule in rules}
    images = int(base.manifest.identity["tasks"][task]["images_per_item"])
    seen: set[str] = set()
    course = Course(task, 0, len(items), 0, len(items) * images, 0)
    for batch in order.batches(policy.looks.batch):
        if state.over or not any(state.wanted(rule) for rule in rules):
            break
        now = candidate.reveal(task, batch)
        material = material if now is material.candidate else Material(task, base, now)
        seen |= set(batch)
        course = replace(course, items=len(seen), samples=len(seen) * images, looks=course.looks + 1)
        for rule in rules:
            if state.wanted(rule):
                _judge(rule, gather(rule, material, seen), scopes[rule.name], state)
        if told:
            told(course)
    for rule in rules:
        if rule.name not in state.last:
            _judge(rule, gather(rule, material, seen), scopes[rule.name], state)
        found = state.finding(rule)
        if found.verdict is Verdict.INCONCLUSIVE and len(seen) < len(items):
            found = replace(found, why="the gate was decided before this rule was", needs=None)
        state.findings[rule.name] = found
    return course, len(seen) == _planned(base, task), now


def _judge(rule: Rule, evidence: Evidence, scope: Scope, state: _State) -> None:
    """Judges a rule by the items seen, and keeps the verdict if it has one that their coverage allows."""
    alpha = state.policy.alpha / state.tests(rule)
    verdict, test = look(evidence, scope, alpha=alpha)
    state.last[rule.name] = (evidence, verdict, test, len(scope.weights))
    if covered(evidence, verdict):
        state.verdicts[rule.name] = verdict


def _items(task: str, base: Run, rules: list[Rule]) -> dict[str, Item]:
    """The items that a rule is about, by id, in the task's order."""
    categories = {rule.category for rule in rules}
    return {
        one.item.id: one.item
        for one in pair_task(task, (base,), ("base",)).items
        if None in categories or one.item.category in categories
    }


def _planned(base: Run, task: str) -> int:
    return int(base.manifest.identity["tasks"][task]["n_items"])
