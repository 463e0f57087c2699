"""A leaderboard of many runs: builds a site from synthetic ones and prints time and peak memory.

    python benchmarks/leaderboard/many_runs.py [--runs 200] [--items 2400] [--keep FOLDER]

Each run has ``items`` items in eight categories and four samples an item, written as
a real run leaves them: manifest, results, one line per sample with boxes. Picture
files are written only for the samples that a site shows, 256 pixels wide. Three
builds are timed, each in a process of its own: all runs; the same again elsewhere,
which must give the same bytes; and one more run into the first site.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
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
from selfreward_eval.leaderboards.build import PICTURES
from selfreward_eval.leaderboards.entries import Items, chosen_items

INFO = TaskInfo("synthetic", "1", "Synthetic marks", "none", images_per_item=4)
CATEGORIES = ("color", "shape", "texture", "spatial", "3d_spatial", "numeracy", "non_spatial", "complex")
CREATED = "2026-01-10T09-30-00"


class Writer:
    """Writes runs over the same items: each line exists twice, right and wrong, and a run picks one."""

    def __init__(self, items: int) -> None:
        self.items = [
            Item(f"{k:05d}", f"a red ball to the left of a blue cube, number {k}", CATEGORIES[k * 8 // items])
            for k in range(items)
        ]
        listed = Items(
            tuple(item.id for item in self.items),
            tuple(item.category for item in self.items),
            tuple(item.cluster for item in self.items),
        )
        self.shown = [self.items[position] for position in chosen_items(listed, PICTURES)]
        self.records: list[tuple[SampleRecord, SampleRecord]] = []
        self.lines: list[tuple[str, str]] = []
        for number, item in enumerate(self.items):
            for index in range(INFO.images_per_item):
                pair = [self._record(number, item, index, float(right)) for right in (0, 1)]
                self.records.append((pair[0], pair[1]))
                text = [json.dumps(record.to_json(), separators=(",", ":")) for record in pair]
                self.lines.append((text[0] + "\n", text[1] + "\n"))
        self.ease = np.random.default_rng(0).normal(0.0, 1.0, items)

    def _record(self, number: int, item: Item, index: int, mark: float) -> SampleRecord:
        seed = sample_seed(INFO.id, item.id, index, 0)
        box = {"label": "ball", "box": [12.5, 30.25, 118.0, 140.75], "score": 0.913, "kept": True}
        evidence = {"boxes": [box, {**box, "label": "cube", "box": [150.0, 20.0, 240.5, 122.0]}]}
        reason = "every requirement is met" if mark else "expected the ball left of the cube, found it above"
        sample = Sample(item.id, index, seed, image=self.picture_name(item, index))
        return SampleRecord(
            number * INFO.images_per_item + index,
            item,
            sample,
            Measurement(Status.SUCCESS, {"correct": mark}, reason, evidence),
            {"gen_s": 1.25, "score_s": 0.25},
        )

    def picture_name(self, item: Item, index: int) -> str:
        """Path of a picture within its run."""
        return f"images/{INFO.name}/{item.id}/{index:05d}_{sample_seed(INFO.id, item.id, index, 0)}.png"

    def write(self, folder: Path, number: int) -> None:
        """Writes run ``number``."""
        rng = np.random.default_rng([1, number])
        # Abilities lie close together, so that many pairs cannot be told apart.
        logit = self.ease + 0.012 * number - 1.0
        chance = 1 / (1 + np.exp(-logit))
        marks = (rng.random((len(self.items), INFO.images_per_item)) < chance[:, None]).astype(int).ravel()
        records = [pair[mark] for pair, mark in zip(self.records, marks, strict=True)]
        scores = summarise(INFO, Metric("correct"), self.items, records, INFO.images_per_item)
        identity = {
            "model": {
                "name": f"synthetic-{number:03d}",
                "revision": str(number),
                "generation": {"guidance": 1.0},
            },
            "tasks": {
                INFO.name: {
                    "version": INFO.version,
                    "items_sha256": fingerprint([item.to_json() for item in self.items]),
                    "n_items": len(self.items),
                    "images_per_item": INFO.images_per_item,
                    "instruments": {"detector": {"name": "none", "revision": "1"}},
                    "options": {},
                }
            },
            "seed": 0,
            "seed_policy": "hashed",
            "limit": None,
        }
        manifest = Manifest(identity, {"python": "3.11"}, "success", CREATED, CREATED)
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(manifest.to_json()))
        with (folder / f"samples_{INFO.name}_{CREATED}.jsonl").open("w") as file:
            file.writelines(pair[mark] for pair, mark in zip(self.lines, marks, strict=True))
        block = {"schema": 1, "fingerprint": manifest.fingerprint, "tasks": {INFO.name: scores.to_json()}}
        (folder / f"results_{CREATED}.json").write_text(json.dumps({"results": {}, "selfreward": block}))
        for item in self.shown:
            path = folder / self.picture_name(item, 0)
            path.parent.mkdir(parents=True)
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(path)


def digest(folder: Path) -> str:
    """A hash over every file of a site, names and bytes."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def build(runs: Path, out: Path, jobs: int) -> None:
    """Builds one site and prints what it took; runs in its own process, so that memory is its own."""
    from selfreward_eval.leaderboards import build_leaderboard

    began = time.perf_counter()
    built = build_leaderboard([runs], out, processes=jobs)
    wall = time.perf_counter() - began
    # ru_maxrss is in KiB; readers run at the same time, so the largest one counts once per reader.
    own, readers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peak = (own.ru_maxrss + jobs * readers.ru_maxrss) / 1024
    cpu = own.ru_utime + own.ru_stime + readers.ru_utime + readers.ru_stime
    written = built.written
    print(
        f"{wall:6.1f} s wall {cpu:6.1f} s CPU {peak:6.0f} MiB at most   {built.runs} runs, "
        f"{built.read} read, {len(written.made)} files made, {len(written.kept)} kept",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--items", type=int, default=2400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write runs and sites here, and leave them")
    parser.add_argument("--build", nargs=2, type=Path, metavar=("RUNS", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.build:
        runs, out = options.build
        build(runs, out, options.jobs)
        return
    place = options.keep or Path(tempfile.mkdtemp(prefix="many-runs-"))
    runs = place / "runs"
    try:
        writer = Writer(options.items)
        for number in range(options.runs):
            folder = runs / f"synthetic-{number:03d}"
            if not folder.exists():
                writer.write(folder, number)
        size = sum(path.stat().st_size for path in runs.rglob("*") if path.is_file())
        print(f"{options.runs} runs of {options.items} items x {INFO.images_per_item}: {size / 1e9:.2f} GB")

        def timed(label: str, out: str) -> None:
            print(f"{label:22}", end="", flush=True)
            command = [
                sys.executable,
                __file__,
                "--jobs",
                str(options.jobs),
                "--build",
                str(runs),
                str(place / out),
            ]
            subprocess.run(command, check=True)

        timed("all runs", "site")
        timed("again, elsewhere", "again")
        same = digest(place / "site") == digest(place / "again")
        print(f"{'':22}{'byte-identical' if same else 'NOT the same bytes'}")
        timed("nothing changed", "site")
        writer.write(runs / "synthetic-new", options.runs)
        timed("one run added", "site")
        shutil.rmtree(runs / "synthetic-new")
        if not same:
            sys.exit(1)
    finally:
        if options.keep is None:
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
