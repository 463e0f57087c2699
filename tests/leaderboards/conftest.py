"""Synthetic run folders with pictures, from a few marks: what a leaderboard is built of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import (
    Item,
    Manifest,
    Measurement,
    Sample,
    SampleRecord,
    Status,
    fingerprint,
)
from selfreward_eval.harness.runs.scores import summarise
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Metric, TaskInfo

Marks = Mapping[str, Sequence[Sequence[float | None]]]
"""Category -> items -> one mark per sample; None is a sample that failed."""

CREATED = "2026-01-10T09-30-00"


def records_of(
    marks: Marks, task: str, clusters: Mapping[str, str], prompt: str, seed: int = 0, version: str = "1"
) -> list[SampleRecord]:
    """The sample records behind ``marks``; items are called ``<category>-<number>``."""
    records: list[SampleRecord] = []
    for category, items in marks.items():
        for number, samples in enumerate(items):
            name = f"{category}-{number}"
            item = Item(name, f"{prompt} {name}", category, clusters.get(name, ""))
            for index, mark in enumerate(samples):
                drawn = sample_seed(f"{task}@{version}", name, index, seed)
                sample = Sample(name, index, drawn, image=f"images/{task}/{name}/{index}_{drawn}.png")
                measurement = (
                    Measurement(Status.GENERATION_ERROR, reason="it failed")
                    if mark is None
                    else Measurement(Status.SUCCESS, {"correct": mark}, "as it should be")
                )
                records.append(SampleRecord(len(records), item, sample, measurement))
    return records


def draw_pictures(folder: Path, records: Sequence[SampleRecord], tint: int) -> list[SampleRecord]:
    """Writes a small picture for every sample and puts its hash into the record."""
    out = []
    for record in records:
        path = folder / str(record.sample.image)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((24, 24, 3), (tint, record.doc_id % 256, 90), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sample = Sample(**{**record.sample.to_json(), "image_sha256": digest})
        out.append(SampleRecord(record.doc_id, record.item, sample, record.measurement))
    return out


def write_run(
    folder: Path,
    marks: Marks,
    *,
    model: str | None = None,
    identity: Mapping[str, Any] | None = None,
    metric: Metric | None = None,
    clusters: Mapping[str, str] | None = None,
    task: str = "toy",
    version: str = "1",
    prompt: str = "draw",
    pictures: bool = False,
    seed: int = 0,
) -> Path:
    """A finished run folder.

    Args:
        folder: made.
        marks: what was measured.
        model: its name; the folder's by default.
        identity: dotted names -> values that replace parts of the manifest's identity.
        metric: ``correct`` in [0, 1], macro, unless given.
        clusters: item -> cluster.
        task: its name.
        version: its protocol version.
        prompt: how every prompt begins.
        pictures: draw a file for every sample.
        seed: the run's.
    """
    metric = metric or Metric("correct")
    records = records_of(marks, task, clusters or {}, prompt, seed)
    items = list({record.item.id: record.item for record in records}.values())
    images = max(len(samples) for items in marks.values() for samples in items)
    info = TaskInfo(task, version, "Toy benchmark", "https://example.org/toy", images_per_item=images)
    whole: dict[str, Any] = {
        "model": {
            "name": model or folder.name,
            "revision": f"sha256:{folder.name}",
            "generation": {"guidance": 2.0},
        },
        "tasks": {
            task: {
                "version": version,
                "items_sha256": fingerprint([item.to_json() for item in items]),
                "n_items": len(items),
                "images_per_item": images,
                "instruments": {"detector": {"name": "oracle", "revision": "1"}},
                "options": {},
            }
        },
        "seed": seed,
        "seed_policy": "hashed",
        "limit": None,
    }
    for dotted, value in (identity or {}).items():
        *path, last = dotted.split(".")
        part = whole
        for key in path:
            part = part[key]
        part[last] = value
    if whole["seed_policy"] == "hashed":
        # What a test replaces in the identity decides the seeds, too.
        protocol = whole["tasks"][task]["version"]
        records = records_of(marks, task, clusters or {}, prompt, whole["seed"], protocol)
    manifest = Manifest(
        whole, {"packages": {"selfreward-eval": "0.1.0"}}, "success", CREATED, "2026-01-10T09-45-30"
    )
    folder.mkdir(parents=True)
    if pictures:
        records = draw_pictures(folder, records, tint=len(folder.name) * 20 % 256)
    scores = summarise(info, metric, items, records, images)
    (folder / "run.json").write_text(json.dumps(manifest.to_json()))
    lines = "".join(json.dumps(record.to_json()) + "\n" for record in records)
    (folder / f"samples_{task}_{CREATED}.jsonl").write_text(lines)
    block = {"schema": 1, "fingerprint": manifest.fingerprint, "tasks": {task: scores.to_json()}}
    configs = {task: {"output_type": "generate", "metadata": {"version": version, "paper": info.paper}}}
    (folder / f"results_{CREATED}.json").write_text(
        json.dumps({"results": {}, "configs": configs, "selfreward": block})
    )
    return folder


def marks_of(rate: float, items: int, *, seed: int, samples: int = 2, failures: int = 0) -> Marks:
    """Random marks of two categories, with difficulties that every model shares."""
    rng = np.random.default_rng(seed)
    out: dict[str, list[list[float | None]]] = {}
    for number, category in enumerate(("one", "two")):
        ease = np.random.default_rng(number).normal(0, 0.2, items)
        drawn = rng.random((items, samples)) < np.clip(rate + ease, 0.02, 0.98)[:, None]
        out[category] = [[float(mark) for mark in row] for row in drawn]
    for _ in range(failures):
        out["one"][int(rng.integers(items))][int(rng.integers(samples))] = None
    return out


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """``make_run(name, marks, ...)``: :func:`write_run` in this test's own folder ``runs``."""
    return lambda name, marks, **options: write_run(tmp_path / "runs" / name, marks, **options)


@pytest.fixture
def make_marks() -> Callable[..., Marks]:
    """:func:`marks_of` as a fixture."""
    return marks_of


@pytest.fixture
def three_runs(make_run: Callable[..., Path]) -> list[Path]:
    """One model clearly better than two that nothing separates; with pictures."""
    return [
        make_run("strong", marks_of(0.9, 40, seed=1), pictures=True),
        make_run("weak", marks_of(0.3, 40, seed=2), pictures=True),
        make_run("weaker", marks_of(0.3, 40, seed=3), pictures=True),
    ]
