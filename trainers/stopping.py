"""What stops a training run: nothing to learn from, or numbers that are no longer finite."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import TrainingStopped

if TYPE_CHECKING:
    from selfreward_eval.trainers.base import Side, Trainer
    from selfreward_eval.trainers.pool import Pool, Scored

__all__ = ["require_examples", "require_finite"]


def require_examples(trainer: Trainer, pool: Pool) -> Mapping[Side, int]:
    """How many examples each side of a round has, none of them 0.

    Raises:
        TrainingStopped: a side has none; the message counts candidates, rewards and reasons.
    """
    counts = trainer.examples(pool)
    for side, count in counts.items():
        if count < 1:
            scored = pool.pictures if side == "drawing" else pool.captions
            raise TrainingStopped(
                f"{trainer.info.name} has nothing to learn from in round {pool.round + 1}, {side}: "
                f"{_why(scored, trainer, pool.reasons)}"
            )
    if not counts:
        raise TrainingStopped(f"{trainer.info.name} finds no side to train in round {pool.round + 1}")
    return counts


def _why(scored: Scored | None, trainer: Trainer, reasons: Mapping[str, int]) -> str:
    """The reason in words, with counts and a way out."""
    if scored is None:
        return "there are no candidates for it"
    total, with_reward = scored.values.size, int(scored.scored.sum())
    if not with_reward:
        listed = "; ".join(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
        why = listed or "no reason was recorded"
        return f"none of {total} candidates has a reward ({why}); repair the rewarder"
    groups, spread = len(scored.values), len(scored.groups)
    if not spread:
        return (
            f"rewards have collapsed: {with_reward} of {total} candidates have one, and within each of the "
            f"{groups} groups they are equal; use more candidates, a higher temperature, or another rewarder"
        )
    return (
        f"{with_reward} of {total} candidates have a reward and {spread} of {groups} groups differ, but "
        f"none has what this trainer uses ({trainer.info.uses}); use a rewarder that gives it"
    )


def require_finite(step: int, terms: Mapping[str, float], wanted: str) -> None:
    """Returns if the term ``wanted`` is finite.

    Args:
        step: number of the step, from 1, for the message.
        terms: everything known about the step.
        wanted: the one that has to be finite.

    Raises:
        TrainingStopped: it is not; every term that is not is named.
    """
    if isfinite(terms[wanted]):
        return
    not_finite = [wanted, *(name for name, value in terms.items() if name != wanted and not isfinite(value))]
    named = ", ".join(f"{name} is {terms[name]}" for name in not_finite)
    raise TrainingStopped(
        f"step {step}: {named}; the checkpoints before it are whole. Use a lower learning_rate or clip, or "
        "precision=no"
    )
