"""Where along a training run its weights are measured too, in pictures drawn to learn from.

>>> from selfreward_eval.trainers.settings import Settings
>>> points = Points(at=(1000, 4096))
>>> settings = Settings(prompts=64, candidates=8, rounds=8, steps=4)
>>> [(end.asked, end.pictures, end.steps) for end in points.ends(settings)]
[(1000, 1024, 8), (4096, 4096, 32)]
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from selfreward_eval.trainers.settings import Settings

__all__ = ["NO_POINTS", "End", "Points", "pictures_of"]


@dataclass(frozen=True)
class End:
    """The end of a round at which weights are measured.

    Attributes:
        asked: the number of pictures that was asked for.
        rounds: rounds that are over then.
        pictures: drawn to learn from in them, at least ``asked``.
        steps: optimiser steps taken in them.
    """

    asked: int
    rounds: int
    pictures: int
    steps: int

    @property
    def folder(self) -> str:
        """Of the measurement, inside the training run's."""
        return f"at-{self.asked}"


@dataclass(frozen=True)
class Points:
    """What is measured between before and after.

    Attributes:
        at: numbers of pictures, increasing; the first end of a round at or after each is measured.
        tasks: of the evaluation's tasks those that are measured there; None for all.
        limit: items per task; None for as many as in the evaluation.
    """

    at: tuple[int, ...] = ()
    tasks: tuple[str, ...] | None = None
    limit: int | None = None

    def ends(self, settings: Settings) -> list[End]:
        """The round that each number falls to.

        Raises:
            UsageError: numbers that do not increase, one below 1, or one beyond the budget.
        """
        per_round, budget = pictures_of(settings, 1), pictures_of(settings, settings.rounds)
        wrong = [number for number in self.at if number < 1]
        if wrong:
            raise UsageError(f"--evaluate-at {wrong[0]}: numbers of pictures start at 1")
        for first, second in pairwise(self.at):
            if second <= first:
                raise UsageError(f"--evaluate-at: {second} follows {first}; write increasing numbers")
        if self.at and self.at[-1] > budget:
            raise UsageError(
                f"--evaluate-at {self.at[-1]}: the run learns from {budget} pictures ({settings.rounds} "
                f"rounds of {settings.prompts} prompts with {settings.candidates} candidates); leave it out, "
                "or raise rounds"
            )
        rounds = [-(-number // per_round) for number in self.at]
        return [
            End(number, count, count * per_round, count * settings.steps)
            for number, count in zip(self.at, rounds, strict=True)
        ]

    def check(self, settings: Settings, tasks: Collection[str]) -> None:
        """Returns if the points can be measured in a run with these settings and evaluated tasks.

        Raises:
            UsageError: as :meth:`ends`; two numbers of one round; a task that is not evaluated.
        """
        for first, second in pairwise(self.ends(settings)):
            if first.rounds == second.rounds:
                raise UsageError(
                    f"--evaluate-at: {first.asked} and {second.asked} fall to the end of the same round, "
                    f"after {first.pictures} pictures; leave one of them out"
                )
        if not self.at and (self.tasks is not None or self.limit is not None):
            raise UsageError("--evaluate-tasks and --evaluate-limit need --evaluate-at")
        for name in self.tasks or ():
            if name not in tasks:
                raise UsageError(
                    f"--evaluate-tasks {name}: it is not measured before and after ({', '.join(tasks)}); "
                    "add it to --tasks"
                )

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a run's identity."""
        return {
            "at": list(self.at),
            "tasks": None if self.tasks is None else list(self.tasks),
            "limit": self.limit,
        }


NO_POINTS = Points()
"""Before and after alone."""


def pictures_of(settings: Settings, rounds: int) -> int:
    """Pictures drawn to learn from in so many rounds."""
    return rounds * settings.prompts * settings.candidates
