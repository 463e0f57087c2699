"""What a gate found: a verdict per rule and per family, one over all, and how it is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from selfreward_eval.harness.comparing.records import Arm
from selfreward_eval.harness.gating.policy import ANY, Policy
from selfreward_eval.harness.stats.noninferiority import Verdict

__all__ = [
    "EXIT",
    "FamilyFinding",
    "Finding",
    "Outcome",
    "SampleSize",
    "TaskProgress",
    "combined",
    "family_findings",
    "overall",
]

SCHEMA = 1

EXIT: Mapping[Verdict, int] = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}
"""Exit code of the command; 2 is a wrong command line and 4 missing input, as everywhere."""


@dataclass(frozen=True)
class SampleSize:
    """The sample size that would decide a rule.

    Attributes:
        items: units needed at this number of samples per item, or None.
        images: samples per item needed with these items, or None.
        assuming: what has to be true for that.
        why: why there is no number, or what else to do; else empty.
    """

    items: int | None = None
    images: int | None = None
    assuming: str = ""
    why: str = ""


@dataclass(frozen=True)
class Finding:
    """One rule judged.

    Attributes:
        rule: its name.
        task: registry name.
        category: or None for the headline.
        kind: ``margin``, ``improve`` or ``floor``.
        number: of the rule.
        asks: the claim in words.
        family: its family, or None.
        line: of the policy file.
        verdict: PASS, FAIL or INCONCLUSIVE.
        why: the verdict in words.
        value: the gain of the candidate (larger is better, whatever the metric's direction); for a floor
            its score in the metric's own direction. None where nothing can be compared.
        low: one-sided bound at confidence 1 - alpha, before any correction.
        high: the upper bound, likewise.
        base: the base's score over the samples compared; None for a floor.
        candidate: the candidate's.
        p: one-sided p-value of a wrong PASS; None for a floor, a sequential gate, or without a test.
        p_adjusted: within the family, None without one.
        alpha: error at which this verdict was given.
        units: independent items, or clusters of them.
        items: items with a number.
        planned_items: items that were to be looked at: in a sequential gate all of the task.
        images: samples per item.
        coverage: of the items looked at.
        coverage_wanted: smallest one that can pass.
        method: the test.
        how: why this test, in words.
        needs: the sample size that would decide an INCONCLUSIVE rule, else None.
    """

    rule: str
    task: str
    category: str | None
    kind: str
    number: float
    asks: str
    family: str | None
    line: int
    verdict: Verdict
    why: str
    value: float | None
    low: float | None
    high: float | None
    base: float | None
    candidate: float | None
    p: float | None
    p_adjusted: float | None
    alpha: float
    units: int
    items: int
    planned_items: int
    images: int
    coverage: float
    coverage_wanted: float
    method: str
    how: str
    needs: SampleSize | None = None

    @property
    def score(self) -> str:
        """``task`` or ``task/category``."""
        return self.task if self.category is None else f"{self.task}/{self.category}"


@dataclass(frozen=True)
class FamilyFinding:
    """The verdict on a family.

    Attributes:
        name: of the family.
        correction: ``holm``, ``bh``, ``by`` or ``none``.
        require: ``all`` or ``any`` of its rules have to pass.
        rules: names of its rules.
        verdict: PASS, FAIL or INCONCLUSIVE.
    """

    name: str
    correction: str
    require: str
    rules: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class TaskProgress:
    """How far a sequential gate went in one task.

    Attributes:
        task: registry name.
        items: items looked at.
        planned_items: items there are.
        samples: samples looked at (items x images).
        planned_samples: samples there are.
        looks: times the rules were judged.
    """

    task: str
    items: int
    planned_items: int
    samples: int
    planned_samples: int
    looks: int


@dataclass(frozen=True)
class Outcome:
    """What a gate decided, and by what.

    Attributes:
        verdict: over all rules.
        exit_code: of :data:`EXIT`.
        policy: the rules.
        base: the run before.
        candidate: the run after.
        findings: one per rule, in the policy's order.
        families: one per declared family.
        progress_by_task: one per task of a sequential gate; empty for one that looks once.
        notes: what a reader should know, one sentence each.
    """

    verdict: Verdict
    exit_code: int
    policy: Policy
    base: Arm
    candidate: Arm
    findings: tuple[Finding, ...]
    families: tuple[FamilyFinding, ...]
    progress_by_task: tuple[TaskProgress, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def saved(self) -> float | None:
        """Share of the samples that a sequential gate did not need, in [0, 1]; None for another."""
        planned = sum(progress.planned_samples for progress in self.progress_by_task)
        return 1 - sum(progress.samples for progress in self.progress_by_task) / planned if planned else None

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it; JSON values only."""
        policy = self.policy
        return {
            "schema": SCHEMA,
            "verdict": str(self.verdict),
            "exit_code": self.exit_code,
            "mode": "sequential" if self.progress_by_task else "fixed",
            "policy": {
                "file": policy.file,
                "sha256": policy.sha256,
                "alpha": policy.alpha,
                "power": policy.power,
                "inconclusive": "fail" if policy.undecided_fails else "report",
            },
            "base": asdict(self.base),
            "candidate": asdict(self.candidate),
            "rules": [asdict(one) for one in self.findings],
            "families": [asdict(one) for one in self.families],
            "sequential": {
                "saved": self.saved,
                "seed": policy.sequential.seed,
                "batch": policy.sequential.batch,
                "tasks": [asdict(one) for one in self.progress_by_task],
            }
            if self.progress_by_task
            else None,
            "notes": list(self.notes),
        }


def family_findings(policy: Policy, verdicts: Mapping[str, Verdict]) -> tuple[FamilyFinding, ...]:
    """The families' verdicts from their rules'.

    Args:
        policy: with the families.
        verdicts: rule -> its verdict.
    """
    findings = []
    for group in policy.groups.values():
        names = tuple(rule.name for rule in policy.members(group.name))
        member_verdicts = [verdicts[name] for name in names]
        verdict = _any(member_verdicts) if group.require == ANY else _all(member_verdicts)
        findings.append(FamilyFinding(group.name, group.correction, group.require, names, verdict))
    return tuple(findings)


def combined(policy: Policy, verdicts: Mapping[str, Verdict]) -> Verdict:
    """The verdict over all rules: every family and every rule without one has to pass.

    That all of them pass is an intersection-union test: the error of a wrong PASS stays that of one
    rule, however many there are (Berger 1982).
    """
    alone = [verdicts[rule.name] for rule in policy.rules if rule.family is None]
    return _all([*alone, *(family.verdict for family in family_findings(policy, verdicts))])


def overall(policy: Policy, verdicts: Mapping[str, Verdict]) -> Verdict:
    """:func:`combined`, or FAIL where the policy counts INCONCLUSIVE as FAIL."""
    verdict = combined(policy, verdicts)
    return Verdict.FAIL if verdict is Verdict.INCONCLUSIVE and policy.undecided_fails else verdict


def _all(verdicts: Sequence[Verdict]) -> Verdict:
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.PASS


def _any(verdicts: Sequence[Verdict]) -> Verdict:
    if Verdict.PASS in verdicts:
        return Verdict.PASS
    return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.FAIL
