"""What the rewards of each round were, kept beside its candidates for the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import atomic_write_json

if TYPE_CHECKING:
    from selfreward_eval.trainers.pool import Pool
    from selfreward_eval.trainers.rollouts import RolloutCollector


@dataclass
class Summarised:
    """A collector that notes what each round's rewards were."""

    collector: RolloutCollector
    folder: Path

    def __call__(self, round_: int, model: Any, moved: bool = False) -> Pool:
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
    import numpy as np

    told: dict[str, Any] = {"round": pool.round, "reasons": pool.reasons}
    for side, one in (("drawing", pool.drawings), ("captioning", pool.captions)):
        if one is None:
            continue
        known = one.scored
        tops = [float(one.values[g][known[g]].max()) for g in range(len(known)) if known[g].any()]
        told[side] = {
            "mean": float(one.values[known].mean()) if known.any() else None,
            "best": float(np.mean(tops)) if tops else None,
            "scored": float(known.mean()),
            "groups": len(one.groups),
            "of": len(known),
        }
    return told
