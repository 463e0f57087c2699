"""May this checkpoint pass? A policy applied to two runs, at once or in looks."""

from __future__ import annotations

import os
from pathlib import Path

from selfreward_eval.api.compare import loaded
from selfreward_eval.api.objects import PathLike
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.gating.candidates import Candidate, Replay
from selfreward_eval.harness.gating.findings import Outcome
from selfreward_eval.harness.gating.fixed import judge
from selfreward_eval.harness.gating.policy import Policy
from selfreward_eval.harness.gating.policy_file import read_policy
from selfreward_eval.harness.gating.sequential import judge_sequentially
from selfreward_eval.harness.runs.reader import Run

__all__ = ["gate"]


def gate(
    base: PathLike | Run,
    candidate: PathLike | Run | Candidate,
    policy: PathLike | Policy = "gate.toml",
    *,
    sequential: bool = False,
) -> Outcome:
    """Judges a candidate against a base by the rules of a policy.

    Args:
        base: the run before: its folder, or what :func:`selfreward_eval.load_run` gave.
        candidate: the run after, likewise; with ``sequential`` also a
            :class:`selfreward_eval.harness.gating.candidates.Live`, a model that draws as long as it must.
        policy: the TOML file, or a policy that was read.
        sequential: look after every batch of items, and stop as soon as it is decided.

    Returns:
        The verdict (PASS, FAIL or INCONCLUSIVE) with a finding for every rule.

    Raises:
        InputError: a run or policy that cannot be read, a rule on a score that a run lacks, or runs
            that differ in more than the model.
        UsageError: a model that draws, without ``sequential``.
    """
    asked = policy if isinstance(policy, Policy) else read_policy(Path(policy))
    before = loaded(base)
    if isinstance(candidate, str | os.PathLike | Run):
        after = loaded(candidate)
        return judge_sequentially(asked, before, Replay(after)) if sequential else judge(asked, before, after)
    if not sequential:
        raise UsageError("a candidate that is drawn while it is judged needs sequential=True")
    return judge_sequentially(asked, before, candidate)
