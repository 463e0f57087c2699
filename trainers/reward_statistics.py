"""Reward statistics of each round, and what its time went to, kept beside its candidates for the record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.trainers.cpu_time import add_round, cpu_seconds

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.clock import Clock
    from selfreward_eval.trainers.pool import Pool
    from selfreward_eval.trainers.rollouts import RolloutCollector

PROFILE = "profile.json"
"""In a round's folder: seconds of drawing, decoding, rewards and likelihoods of its candidates."""


@dataclass
class SummarisingCollector:
    """A collector that also writes each round's reward statistics, ``summary.json``, its CPU time, and
    ``profile.json``: the wall time of its parts, by the clock that the collector is timed with.
    """

    collector: RolloutCollector
    folder: Path
    parts: Clock

    def __call__(self, round_: int, model: Trains, moved: bool = False) -> Pool:
        began, before = self._cpu_seconds(), dict(self.parts.seconds)
        pool = self.collector(round_, model, moved)
        if self.collector.share[0] == 0:
            folder = self.folder / f"{round_:03d}"
            atomic_write_json(folder / "summary.json", summary(pool))
            add_round(folder, self._cpu_seconds() - began)
            self._add_profile(folder / PROFILE, before)
        return pool

    def _cpu_seconds(self) -> float:
        """Of this process, and of those that made candidates for it."""
        elsewhere = self.collector.elsewhere
        return cpu_seconds() + (0.0 if elsewhere is None else elsewhere.cpu_seconds)

    def _add_profile(self, path: Path, before: Mapping[str, float]) -> None:
        """Adds what this call took; a call that was killed before the round was complete is left out."""
        took = {part: seconds - before.get(part, 0.0) for part, seconds in self.parts.seconds.items()}
        earlier = round_profile(self.folder, int(path.parent.name))
        added = {part: round(earlier.get(part, 0.0) + seconds, 4) for part, seconds in took.items()}
        atomic_write_json(path, {part: seconds for part, seconds in added.items() if seconds})

    def summaries(self, rounds: int) -> list[dict[str, Any]]:
        """Of all rounds."""
        return [round_summary(self.folder, number) for number in range(rounds)]


def round_summary(folder: Path, number: int) -> dict[str, Any]:
    """What :class:`SummarisingCollector` wrote of a round into ``folder``."""
    path = folder / f"{number:03d}" / "summary.json"
    statistics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return statistics


def round_profile(folder: Path, number: int) -> dict[str, float]:
    """Seconds of the parts of a round's candidates, as written into ``folder``; empty where not timed."""
    path = folder / f"{number:03d}" / PROFILE
    parts: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return parts


def summary(pool: Pool) -> dict[str, Any]:
    """Mean reward, mean of the groups' best, share with a reward, and why the rest has none."""
    statistics: dict[str, Any] = {"round": pool.round, "reasons": pool.reasons}
    for side, candidates in (("drawing", pool.pictures), ("captioning", pool.captions)):
        if candidates is None:
            continue
        scored = candidates.scored
        values = candidates.values
        best = [float(values[g][scored[g]].max()) for g in range(len(scored)) if scored[g].any()]
        statistics[side] = {
            "mean": float(values[scored].mean()) if scored.any() else None,
            "best": float(np.mean(best)) if best else None,
            "scored": float(scored.mean()),
            "groups": len(candidates.groups),
            "of": len(scored),
        }
    return statistics
