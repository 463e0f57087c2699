"""Synthetic run folders: what the runner would have written, from a few marks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

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

INFO = TaskInfo("toy", "1", "Toy benchmark", "none", images_per_item=2)
CREATED = "2026-11-20T10-00-00"


def records_of(marks: Marks, task: str = INFO.id, seed: int = 0) -> list[SampleRecord]:
    """The sample records behind ``marks``; items are called ``<category>-<number>``.

    Args:
        marks: what was measured.
        task: ``name@version``, which the samples' seeds follow from.
        seed: the run's, likewise.
    """
    records: list[SampleRecord] = []
    for category, items in marks.items():
        for number, samples in enumerate(items):
            item = Item(f"{category}-{number}", f"draw {category} {number}", category)
            for index, mark in enumerate(samples):
                sample = Sample(item.id, index, sample_seed(task, item.id, index, seed), image=f"{index}.png")
                measurement = (
                    Measurement(Status.GENERATION_ERROR, reason="it failed")
                    if mark is None
                    else Measurement(Status.SUCCESS, {"correct": mark}, "fine")
                )
                records.append(SampleRecord(len(records), item, sample, measurement))
    return records


def write_run(
    folder: Path,
    marks: Marks,
    *,
    identity: Mapping[str, Any] | None = None,
    metric: Metric | None = None,
    status: str = "success",
    task: str = "toy",
) -> Path:
    """A run folder as the runner leaves it.

    Args:
        folder: where; created.
        marks: what was measured.
        identity: dotted names -> values that replace parts of the manifest's identity.
        metric: of the task; ``correct`` in [0, 1], macro, unless given.
        status: of the manifest.
        task: name of the task.
    """
    metric = metric or Metric("correct")
    info = TaskInfo(task, INFO.version, INFO.title, INFO.paper, images_per_item=2)
    records = records_of(marks)
    items = list({record.item.id: record.item for record in records}.values())
    images = max(len(samples) for category in marks.values() for samples in category)
    whole: dict[str, Any] = {
        "model": {"name": folder.name, "weights": f"{folder.name}.safetensors", "revision": "0",
                  "generation": {"guidance": 2.0, "temperature": 1.0}},
        "tasks": {
            task: {
                "version": info.version,
                "items_sha256": fingerprint([item.to_json() for item in items]),
                "n_items": len(items),
                "images_per_item": images,
                "instruments": {"detector": {"name": "oracle", "revision": "1"}},
                "options": {},
            }
        },
        "seed": 0,
        "seed_policy": "hashed",
        "limit": None,
    }  # fmt: skip
    for dotted, value in (identity or {}).items():
        *path, last = dotted.split(".")
        part = whole
        for key in path:
            part = part[key]
        part[last] = value
    if whole["seed_policy"] == "hashed":
        version = whole["tasks"][task]["version"]
        records = records_of(marks, f"{task}@{version}", whole["seed"])
    manifest = Manifest(whole, {}, status, CREATED)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(manifest.to_json()))
    lines = "".join(json.dumps(record.to_json()) + "\n" for record in records)
    (folder / f"samples_{task}_{CREATED}.jsonl").write_text(lines)
    scores = summarise(info, metric, items, records, images)
    block = {"schema": 1, "fingerprint": manifest.fingerprint, "tasks": {task: scores.to_json()}}
    (folder / f"results_{CREATED}.json").write_text(json.dumps({"results": {}, "selfreward": block}))
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """``make_run(name, marks, ...)``: :func:`write_run` in this test's own folder."""
    return lambda name, marks, **options: write_run(tmp_path / name, marks, **options)


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """:func:`write_run` itself, for tests that bring their own folder."""
    return write_run


@pytest.fixture
def make_records() -> Callable[[Marks], list[SampleRecord]]:
    """:func:`records_of` as a fixture."""
    return records_of
