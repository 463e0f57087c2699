"""Made-up training runs with points along the way: small run folders, points and records."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.runs.reader import load_run
from selfreward_eval.trainers.record import Arm, TrainingRecord
from selfreward_eval.trainers.settings import Settings
from support.run_folders import write_run

ITEMS = 60


def write_measured(folder: Path, rate: float, seed: int) -> Path:
    """A run on the task ``toy``: about a share ``rate`` of the pictures is right."""
    stream = random.Random(seed)
    marks = {
        name: [[float(stream.random() < rate) for _ in range(2)] for _ in range(ITEMS // 2)]
        for name in ("plain", "counted")
    }
    return write_run(folder, marks)


def write_point(
    folder: Path, before: Path, pictures: int, rate: float, *, reward: float = 0.5, items: str = ""
) -> Path:
    """A point of the training run in ``folder``, with its run folder, whose name ends in ``items``."""
    at = folder / f"at-{pictures}"
    name = f"{folder.parent.name}-{folder.name}-at-{pictures}"
    run = write_measured(at / f"evaluation-guidance-2{items}" / name, rate, pictures)
    told = compare_runs(load_run(before), load_run(run)).tasks["toy"].overall
    overall = load_run(run).scores["toy"].overall
    point = {
        "asked": pictures,
        "pictures": pictures,
        "rounds": pictures // 8,
        "steps": pictures // 4,
        "cpu_seconds": pictures / 2,
        "judgements": pictures,
        "reward": {"round": 0, "reasons": {}, "drawing": {"mean": reward}},
        "folder": os.path.relpath(run, folder),
        "guidance": 2.0,
        "development": {"toy": {"score": rate, "reward": reward, "rewarded": 4, "items": 4}},
        "tasks": {
            "toy": {
                "score": {key: getattr(overall, key) for key in ("value", "low", "high")},
                "difference": {key: getattr(told, key) for key in ("effect", "low", "high", "p")},
            }
        },
    }
    (at / "point.json").write_text(json.dumps(point), encoding="utf-8")
    return run


def finish(folder: Path, before: Path, seed: int, **changes: Any) -> Path:
    """Ends the training run in ``folder`` at its last point."""
    points = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("at-*/point.json")]
    points.sort(key=lambda point: int(point["pictures"]))
    after = str(points[-1]["folder"])
    comparison = compare_runs(load_run(before), load_run(folder / after)).to_json()
    arm = Arm(os.path.relpath(before, folder), 2.0)
    made: dict[str, Any] = {
        "name": f"tiny-dsr_grpo-s{seed}",
        "model": {"name": "tiny"},
        "trainer": {"name": "dsr_grpo", "settings": asdict(Settings(seed=seed))},
        "rewarder": {"name": "dsr", "kind": "self"},
        "prompts": {"source": "shapes"},
        "policy": "fixed",
        "seed": seed,
        "notes": [],
        "before": arm,
        "after": Arm(after, 2.0),
        "rounds": [],
        "checkpoint": "weights",
        "comparison": comparison,
        "audit": {},
        "seconds": {},
        "verdicts": {"toy": "helped"},
        "points": points,
    }
    TrainingRecord(**(made | changes)).write(folder)
    return folder
