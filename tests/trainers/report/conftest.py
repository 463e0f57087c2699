"""Synthetic training runs: two run folders with a drawing and an answering task, a record and a step log."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.comparing.compare import Comparison, compare_runs, load_run
from selfreward_eval.harness.records import Item, Manifest, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.scores import summarise
from selfreward_eval.harness.task import Metric, TaskInfo
from selfreward_eval.trainers.record import Arm, TrainingRecord
from selfreward_eval.trainers.settings import Settings
from selfreward_eval.trainers.verdict import verdicts

DRAWING = TaskInfo("drawing", "1", "drawing", "", 2)
ANSWERING = TaskInfo("answering", "1", "answering", "", 1, capability="answer")
MARK = Metric("mark", (1.0, 10.0), macro=False)
HOSTILE = '<script>alert("drawn")</script> <b>star</b> \'"><img src=https://example.com/x.png>'

Values = Callable[[random.Random, int], float]


def records_of(
    folder: Path, info: TaskInfo, items: int, values: Values, stream: random.Random
) -> list[SampleRecord]:
    """Samples of ``items`` items in two categories; every drawing is a picture of its own colour."""
    found: list[SampleRecord] = []
    for number in range(items):
        text = HOSTILE if number == 0 else f"{info.name} {number}"
        category = ("plain", "counted")[number % 2]
        item = Item(f"{info.name}-{number:03d}", text, category, metadata={"unseen": number == 3})
        for index in range(info.images_per_item):
            name = f"images/{info.name}-{number:03d}-{index}.png"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number, index, len(found) % 256)).save(path)
            answer = "two stars" if info.capability == "answer" else None
            sample = Sample(item.id, index, 1000 * number + index, name, answer)
            metric = "mark" if info is ANSWERING else "correct"
            measured = Measurement(Status.SUCCESS, {metric: values(stream, number)}, "as measured")
            found.append(SampleRecord(len(found), item, sample, measured))
    return found


def write_run(folder: Path, *, rate: float, mark: float, seed: int, items: int = 60) -> Path:
    """A finished run: a share ``rate`` of drawings is right, answers get about ``mark`` or one less."""
    folder.mkdir(parents=True)
    stream = random.Random(seed)
    parts: dict[str, tuple[TaskInfo, Metric, Values]] = {
        "drawing": (DRAWING, Metric("correct"), lambda s, _: float(s.random() < rate)),
        "answering": (ANSWERING, MARK, lambda s, number: mark - number % 2 + s.choice((0.0, 0.02))),
    }
    scores = {}
    planned = {}
    for name, (info, metric, values) in parts.items():
        records = records_of(folder, info, items, values, stream)
        known = list({record.item.id: record.item for record in records}.values())
        scores[name] = summarise(info, metric, known, records, info.images_per_item).to_json()
        planned[name] = {"version": "1", "n_items": items, "images_per_item": info.images_per_item}
        lines = "".join(json.dumps(record.to_json()) + "\n" for record in records)
        (folder / f"samples_{name}_2026-01-10T09-33-12.jsonl").write_text(lines, encoding="utf-8")
    identity = {
        "seed": 0,
        "model": {"name": folder.name, "weights": f"{folder.name}-{seed}", "generation": {"guidance": 2.0}},
        "tasks": planned,
    }
    manifest = Manifest(identity, {}, "success", "2026-01-10T09-33-12", "2026-01-10T09-40-12")
    (folder / "run.json").write_text(json.dumps(manifest.to_json()), encoding="utf-8")
    block = {"schema": 1, "fingerprint": manifest.fingerprint, "tasks": scores}
    results = json.dumps({"selfreward": block})
    (folder / "results_2026-01-10T09-33-12.json").write_text(results, encoding="utf-8")
    return folder


def log_lines(steps: int = 40) -> str:
    """What the journal of two rounds holds; one number is not finite, and one step was skipped."""
    lines: list[dict[str, Any]] = [
        {
            "step": step,
            "round": (step - 1) // (steps // 2),
            "loss": 2.0 / step,
            "drawing_kl": 0.01 * step,
            "lr": 0.0005,
            "grad_norm": 0.8,
            "seconds": 0.1,
        }
        for step in range(1, steps + 1)
    ]
    lines[4]["grad_norm"] = None
    lines[4]["skipped"] = True
    return "".join(json.dumps(line) + "\n" for line in lines)


ROSE = {
    "before": 0.41,
    "after": 0.52,
    "effect": 0.11,
    "low": 0.08,
    "high": 0.14,
    "p": 1e-6,
    "n": 58,
    "of": 60,
}


def side(mean: float) -> dict[str, Any]:
    return {"mean": mean, "best": mean + 0.2, "scored": 0.99, "groups": 30, "of": 32}


def grid(*scores: float) -> dict[str, dict[str, float]]:
    """Scores of the drawing task at the scales 1, 2, 3 ..."""
    return {f"{scale}": {"drawing": score} for scale, score in enumerate(scores, 1)}


@cache
def compared(before: Path, after: Path) -> Comparison:
    """The comparison of two runs; many training runs of these tests share it."""
    return compare_runs(load_run(before), load_run(after))


def write_training(
    folder: Path, before: Path, after: Path, *, seed: int = 0, guidance_after: float = 2.0, **changes: Any
) -> Path:
    """A finished training run over two finished runs; ``changes`` are fields of the record."""
    folder.mkdir(parents=True)
    comparison = compared(before, after)
    audits = changes.pop("audit", {"drawing": ROSE})
    record = TrainingRecord(
        name=f"tiny-srum-s{seed}",
        model={"name": "tiny-early"},
        trainer={"name": "srum", "version": "1", "constraint": 0.5, "settings": asdict(Settings(seed=seed))},
        rewarder={"name": "srum", "version": "1", "kind": "self"},
        prompts={"source": "shapes", "count": 512},
        policy="fixed",
        seed=seed,
        notes=["the judge is also the <i>rewarder</i>"],
        before=Arm(os.path.relpath(before, folder), 2.0, grid(0.30, 0.36, 0.34)),
        after=Arm(os.path.relpath(after, folder), guidance_after, grid(0.50, 0.55, 0.40)),
        rounds=[
            {"round": 0, "reasons": {"judge_parse_error: no score": 3}, "drawing": side(0.4)},
            {"round": 1, "reasons": {}, "drawing": side(0.5), "captioning": side(-1.2)},
        ],
        checkpoint="final",
        comparison=comparison.to_json(),
        audit=audits,
        seconds={"before": 61.0, "train": 412.0},
        verdicts=verdicts(
            comparison, audits, {"answering": MARK.range}, dict.fromkeys(comparison.tasks, MARK.range)
        ),
    )  # fmt: skip
    replace(record, **changes).write(folder)
    (folder / "log.jsonl").write_text(log_lines(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs ``before``, ``after`` and ``again`` (draw better), ``idle`` (answers worse)."""
    home = tmp_path_factory.mktemp("training")
    write_run(home / "before", rate=0.35, mark=9.0, seed=1)
    write_run(home / "after", rate=0.70, mark=9.0, seed=2)
    write_run(home / "again", rate=0.68, mark=9.0, seed=3)
    write_run(home / "idle", rate=0.36, mark=8.0, seed=1)
    return home


MakeTraining = Callable[..., Path]


@pytest.fixture
def make_training(runs: Path, tmp_path: Path) -> MakeTraining:
    """Writes a training run from ``before`` to another run; keywords as in ``write_training``."""
    numbers = count()

    def make(after: str = "after", **changes: Any) -> Path:
        folder = tmp_path / f"training-{next(numbers)}"
        return write_training(folder, runs / "before", runs / after, **changes)

    return make
