"""A synthetic run folder: shapes scenes as pictures, a hostile prompt, and failures of three kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import Item, Manifest, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.scores import summarise
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, TaskInfo
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene

TASK = "shapes_geneval"
INFO = TaskInfo(
    TASK,
    "1",
    "GenEval in the shapes world",
    "",
    4,
    comparable="A shapes world: not comparable with GenEval's numbers.",
)
HOSTILE = 'a <script>alert("drawn")</script> & a <b>star</b> \'"><img src=https://example.com/x.png>'
CATEGORIES = {
    "single_object": "plain",
    "counting": "counted",
    "two_object": "touching",
    "color_attr": "inside",
}


def boxes_of(scene: Scene, rng: np.random.Generator) -> list[dict[str, object]]:
    """What an instrument would report: the truth, and a rejected candidate."""
    found: list[dict[str, object]] = [
        {
            "label": thing.form,
            "box": list(thing.box),
            "score": round(float(rng.uniform(0.8, 1.0)), 3),
            "colour": thing.colour,
            "kept": True,
        }
        for thing in scene.things
    ]
    x0, y0, x1, y1 = scene.things[0].box
    if rng.random() < 0.4:
        found.append(
            {"label": "ring", "box": [x0 + 2, y0 + 1, x1, y1], "score": 0.21, "colour": None, "kept": False}
        )
    return found


def sample_of(folder: Path, item: Item, index: int, right: bool, rng: np.random.Generator) -> SampleRecord:
    """One recorded sample, its picture written into ``folder``."""
    scene = KINDS[CATEGORIES[item.category]](rng)
    seed = sample_seed(INFO.id, item.id, index, 0)
    name = f"images/{TASK}/{item.id}/{index:05d}_{seed}.png"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(render(scene)).save(path)
    reason = (
        "every requirement is met"
        if right
        else f"expected {item.text.split(' of ')[0]}, found {len(scene.things)} objects"
    )
    measurement = Measurement(
        Status.SUCCESS, {"correct": float(right)}, reason, {"boxes": boxes_of(scene, rng)}
    )
    return SampleRecord(0, item, Sample(item.id, index, seed, image=name), measurement)


def write_run(folder: Path, *, items_per_category: int, rate: float, flaws: bool, model: str) -> Path:
    """A finished run folder of four categories with ``rate`` of the samples right.

    With ``flaws``: item 0 of the first category has a hostile prompt, and three samples have no score.
    """
    folder.mkdir(parents=True)
    items, records = [], []
    for category in CATEGORIES:
        for number in range(items_per_category):
            text = (
                HOSTILE
                if flaws and category == "single_object" and number == 0
                else f"{category} {number} of stars"
            )
            items.append(
                Item(f"{category}_{number:03d}", text, category, metadata={"unseen": number % 4 == 1})
            )
    for position, item in enumerate(items):
        # Both arms draw an item's difficulty from the same stream, so that they correlate as real runs do.
        ease = np.random.default_rng(position).normal(0, 0.25)
        rng = np.random.default_rng([position, int(rate * 1000)])
        for index in range(INFO.images_per_item):
            right = bool(rng.random() < rate + ease)
            record = sample_of(folder, item, index, right, rng)
            sample, measurement, doc_id = (
                record.sample,
                record.measurement,
                position * INFO.images_per_item + index,
            )
            if flaws and doc_id == 5:
                (folder / str(sample.image)).unlink()
                measurement = Measurement(Status.MISSING_IMAGE, reason="the picture is not in the run folder")
            if flaws and doc_id == 6:
                sample = Sample(item.id, index, sample.seed)
                measurement = Measurement(
                    Status.GENERATION_ERROR, reason="the model returned 31 of 36 tokens"
                )
            if flaws and doc_id == 7:
                (folder / str(sample.image)).write_bytes(b"not a picture")
                measurement = Measurement(Status.UNREADABLE_IMAGE, reason="the file is not a picture")
            records.append(SampleRecord(doc_id, item, sample, measurement))
    scores = summarise(INFO, Metric("correct"), items, records, INFO.images_per_item)
    identity = {
        "seed": 0,
        "seed_policy": "hashed",
        "limit": None,
        "model": {
            "name": model,
            "revision": f"sha256:{model.encode().hex()[:12]}",
            "generation": {"guidance": 1.0, "temperature": 1.0, "top_k": 0, "dtype": "float32"},
        },
        "tasks": {
            TASK: {
                "version": "1",
                "n_items": len(items),
                "images_per_item": INFO.images_per_item,
                "items_sha256": "9f2c" * 16,
                "instruments": {"detector": {"name": "shapes_oracle", "version": "1", "threshold": 0.3}},
            }
        },
    }
    manifest = Manifest(
        identity,
        {
            "python": "3.11.9",
            "torch": "2.9.0",
            "transformers": "5.20.0",
            "platform": "Linux x86_64",
            "cpus": 2,
        },
        "success",
        "2026-01-10T09-33-12",
        "2026-01-10T09-40-12",
    )
    (folder / "run.json").write_text(json.dumps(manifest.to_json()), encoding="utf-8")
    lines = "".join(json.dumps(record.to_json()) + "\n" for record in records)
    (folder / f"samples_{TASK}_2026-01-10T09-33-12.jsonl").write_text(lines, encoding="utf-8")
    block = {"schema": 1, "fingerprint": manifest.fingerprint, "tasks": {TASK: scores.to_json()}}
    (folder / "results_2026-01-10T09-33-12.json").write_text(
        json.dumps({"selfreward": block}), encoding="utf-8"
    )
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a synthetic run folder; keywords as in ``write_run``."""

    def make(name: str = "tiny", *, items: int = 3, rate: float = 0.5, flaws: bool = True) -> Path:
        return write_run(tmp_path / name, items_per_category=items, rate=rate, flaws=flaws, model=name)

    return make
