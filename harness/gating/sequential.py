"""A group-sequential gate: tests after every batch of items and stops when the verdict is decided.

Tasks are taken in the policy's order. A task is left when its rules are decided, and the
gate ends when no further item can change the verdict: one rule failed, or all passed. A rule that
was decided stays decided, which the anytime-valid bounds allow
(:mod:`selfreward_eval.harness.gating.interim`). In a family alpha is divided evenly, because
anytime-valid p-values are not computed.
"""

from __future__ import annotations

from dataclasses import replace

from selfreward_eval.harness.comparing.compare import arm_of
from selfreward_eval.harness.comparing.pairing import pair_task
from selfreward_eval.harness.gating.candidates import Candidate
from selfreward_eval.harness.gating.evidence import Evidence, TaskRuns, gather
from selfreward_eval.harness.gating.findings import (
    EXIT,
    Finding,
    Outcome,
    TaskProgress,
    combined,
    family_findings,
    overall,
)
from selfreward_eval.harness.gating.fixed import tasks_without_rules
from selfreward_eval.harness.gating.interim import Scope, interim_test, item_order
from selfreward_eval.harness.gating.policy import ANY, NONE, Policy, Rule
from selfreward_eval.harness.gating.requirements import require_gateable, require_scores
from selfreward_eval.harness.gating.rule_finding import coverage_allows, make_finding
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.one_sided import OneSided

__all__ = ["judge_sequentially"]


def judge_sequentially(policy: Policy, base: Run, candidate: Candidate) -> Outcome:
    """The verdict of ``policy`` on a candidate that is looked at in batches.

    Args:
        policy: the rules; its ``sequential`` has the batch size and the seed of the order.
        base: the run before; finished.
        candidate: where the samples come from.

    Raises:
        InputError: a rule on a score that a run lacks, or runs that differ in more than the model. Nothing
            has been drawn then.
    """
    require_scores(policy, base, None)
    candidate_run = candidate.start()
    require_scores(policy, base, candidate_run)
    require_gateable(base, candidate_run)
    state = _State(policy)
    progress_by_task, all_revealed = [], True
    for task in policy.tasks:
        progress, task_revealed, candidate_run = _judge_task(task, base, candidate, candidate_run, state)
        progress_by_task.append(progress)
        all_revealed = all_revealed and task_revealed
    note = candidate.finish(all_revealed and set(policy.tasks) == set(candidate_run.scores))
    verdict = overall(policy, state.verdicts)
    findings = tuple(state.findings[rule.name] for rule in policy.rules)
    return Outcome(
        verdict,
        EXIT[verdict],
        policy,
        arm_of(base),
        arm_of(candidate_run),
        findings,
        family_findings(policy, state.verdicts),
        tuple(progress_by_task),
        (*tasks_without_rules(policy, base, candidate_run), *([note] if note else [])),
    )


class _State:
    """The verdicts so far.

    Attributes:
        policy: the rules.
        verdicts: rule name -> its verdict; INCONCLUSIVE until decided.
        findings: rule name -> what is reported of it, once its task is done.
        last_look: rule name -> evidence, verdict, test and number of items in scope at the last look.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.verdicts = {rule.name: Verdict.INCONCLUSIVE for rule in policy.rules}
        self.findings: dict[str, Finding] = {}
        self.last_look: dict[str, tuple[Evidence, Verdict, OneSided | None, int]] = {}

    def finding(self, rule: Rule) -> Finding:
        """The finding of a rule at its last look."""
        evidence, verdict, test, planned = self.last_look[rule.name]
        tests = self.tests(rule)
        return make_finding(
            self.policy,
            evidence,
            verdict,
            test,
            alpha=self.policy.alpha / tests,
            planned=planned,
            tests=tests,
        )

    @property
    def decided(self) -> bool:
        """Whether no further item can change the verdict of the policy."""
        return combined(self.policy, self.verdicts) is not Verdict.INCONCLUSIVE

    def undecided(self, rule: Rule) -> bool:
        """Whether a rule is undecided and can still change the verdict of its family."""
        if self.verdicts[rule.name] is not Verdict.INCONCLUSIVE:
            return False
        group = self.policy.groups.get(rule.family or "")
        if group is None or group.require != ANY:
            return True
        members = self.policy.members(group.name)
        return all(self.verdicts[member.name] is not Verdict.PASS for member in members)

    def tests(self, rule: Rule) -> int:
        """How many rules share alpha with this one, itself included."""
        group = self.policy.groups.get(rule.family or "")
        return 1 if group is None or group.correction == NONE else len(self.policy.members(group.name))


def _judge_task(
    task: str, base: Run, candidate: Candidate, candidate_run: Run, state: _State
) -> tuple[TaskProgress, bool, Run]:
    """Looks at one task until its rules are decided.

    Returns:
        How far it went, whether every item was revealed, and the candidate's run so far.
    """
    policy = state.policy
    rules = [rule for rule in policy.rules if rule.task == task]
    items = _items(task, base, rules)
    order = item_order(list(items.values()), policy.sequential.seed)
    task_runs = TaskRuns(task, base, candidate_run)
    scopes = {rule.name: Scope.of(order, items, task_runs, rule.category) for rule in rules}
    images = int(base.manifest.identity["tasks"][task]["images_per_item"])
    seen: set[str] = set()
    progress = TaskProgress(task, 0, len(items), 0, len(items) * images, 0)
    for batch in order.batches(policy.sequential.batch):
        if state.decided or not any(state.undecided(rule) for rule in rules):
            break
        candidate_run = candidate.reveal(task, batch)
        if candidate_run is not task_runs.candidate:
            task_runs = TaskRuns(task, base, candidate_run)
        seen |= set(batch)
        progress = replace(progress, items=len(seen), samples=len(seen) * images, looks=progress.looks + 1)
        for rule in rules:
            if state.undecided(rule):
                _judge(rule, gather(rule, task_runs, seen), scopes[rule.name], state)
    for rule in rules:
        if rule.name not in state.last_look:
            _judge(rule, gather(rule, task_runs, seen), scopes[rule.name], state)
        finding = state.finding(rule)
        if finding.verdict is Verdict.INCONCLUSIVE and len(seen) < len(items):
            finding = replace(finding, why="the gate was decided before this rule was", needs=None)
        state.findings[rule.name] = finding
    return progress, len(seen) == _planned(base, task), candidate_run


def _judge(rule: Rule, evidence: Evidence, scope: Scope, state: _State) -> None:
    """Tests a rule on the items seen, and keeps the verdict if its coverage allows it."""
    alpha = state.policy.alpha / state.tests(rule)
    verdict, test = interim_test(evidence, scope, alpha=alpha)
    state.last_look[rule.name] = (evidence, verdict, test, len(scope.weights))
    if coverage_allows(evidence, verdict):
        state.verdicts[rule.name] = verdict


def _items(task: str, base: Run, rules: list[Rule]) -> dict[str, Item]:
    """The items that a rule is about, by id, in the task's order."""
    categories = {rule.category for rule in rules}
    return {
        paired.item.id: paired.item
        for paired in pair_task(task, (base,), ("base",)).items
        if None in categories or paired.item.category in categories
    }


def _planned(base: Run, task: str) -> int:
    return int(base.manifest.identity["tasks"][task]["n_items"])
