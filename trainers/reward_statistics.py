"""Reward statistics of each round, kept beside its candidates for the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.harness.files import atomic_write_json

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.pool import Pool
    from selfreward_eval.trainers.rollouts import RolloutCollector


@dataclass
class SummarisingCollector:
    """A collector that also writes each round's reward statistics, ``summary.json``."""

    collector: RolloutCollector
    folder: Path

    def __call__(self, round_: int, model: Trains, moved: bool = False) -> Pool:
        pool = self.collector(round_, model, moved)
        if self.collector.share[0] == 0:
            atomic_write_json(self.folder / f"{round_:03d}" / "summary.json", summary(pool))
        return pool

    def summaries(self, rounds: int) -> list[dict[str, Any]]:
        """Of all rounds."""
        paths = [self.folder / f"{number:03d}" / "summary.json" for number in range(rounds)]
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


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
