"""Checks before a gate judges: the scores exist in both runs, and the runs can be compared."""

from __future__ import annotations

from collections.abc import Iterable

from selfreward_eval.harness.comparing.comparable import require_comparable
from selfreward_eval.harness.errors import InputError, NotComparable, did_you_mean
from selfreward_eval.harness.gating.policy import Kind, Policy, Rule
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import TaskScores

__all__ = ["require_gateable", "require_scores"]


def require_scores(policy: Policy, base: Run, candidate: Run | None) -> None:
    """Returns if every rule is about a score that the runs have. A missing task is never a pass.

    Args:
        policy: the rules.
        base: the run before.
        candidate: the run after, or None where it is yet to be drawn.

    Raises:
        InputError: a rule on a task or category that a run lacks, or a number that the metric cannot
            reach; the message begins with the policy's ``file:line``.
    """
    for rule in policy.rules:
        where = f"{policy.file}:{rule.line}"
        for role, run in (("base", base), ("candidate", candidate)):
            if run is not None and rule.task not in run.scores:
                raise InputError(
                    f"{where}: the {role} {run.folder} has no task {rule.task!r}; "
                    f"{_hint(rule.task, run.scores)}"
                )
        scores = base.scores[rule.task]
        if rule.category is not None and rule.category not in scores.categories:
            raise InputError(
                f"{where}: {rule.task} has no category {rule.category!r}; "
                f"{_hint(rule.category, scores.categories)}"
            )
        _require_reachable(rule, scores, where)


def _require_reachable(rule: Rule, scores: TaskScores, where: str) -> None:
    low, high = scores.range
    range_text = f"{scores.metric} lies between {low:g} and {high:g}"
    if rule.kind is Kind.FLOOR:
        if not low <= rule.number <= high:
            raise InputError(f"{where}: a floor of {rule.number:g} is out of range: {range_text}")
    elif rule.number >= high - low:
        raise InputError(
            f"{where}: {rule.kind} = {rule.number:g} is as large as the whole range: {range_text}"
            + ("; 0.02 means two points" if high - low <= 1 else "")
        )


def require_gateable(base: Run, candidate: Run) -> None:
    """Returns if the runs differ in the model only.

    Raises:
        InputError: they do not; the message has every differing field.
    """
    try:
        require_comparable(base, candidate)
    except NotComparable as error:
        # Exit code 4, not 2: the command line was right, the runs are not what it needs.
        raise InputError(str(error)) from error


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    have = f"it has {', '.join(names) or 'none'}"
    hint = did_you_mean(name, names, have)
    return hint if hint == have else f"{hint} ({have})"
