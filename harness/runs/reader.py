"""Reads a finished run folder back: manifest, scores and samples.

>>> run = load_run(Path("results/tiny"))  # doctest: +SKIP
>>> run.scores["shapes_geneval"].overall.value  # doctest: +SKIP
0.61
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.records import Manifest, SampleRecord, latest
from selfreward_eval.harness.runs.results import SCHEMA
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.runs.store import MANIFEST

__all__ = ["Run", "load_run"]

_SAMPLES = re.compile(r"samples_(?P<task>.+)_\d{4}-\d\d-\d\dT[^_]*\.jsonl")


@dataclass(frozen=True)
class Run:
    """One model on some tasks, as it lies on disk.

    Attributes:
        folder: where it was read from.
        manifest: ``run.json``.
        results: the newest ``results_*.json`` of this run, lm-eval's keys and our block.
        scores: task -> its scores, from our block.
        records: task -> its samples, in file order.
        torn: sample files whose torn last line was left out.
    """

    folder: Path
    manifest: Manifest
    results: dict[str, Any]
    scores: dict[str, TaskScores]
    records: dict[str, tuple[SampleRecord, ...]]
    torn: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The folder's own name, which is the model's unless the user renamed it."""
        return self.folder.resolve().name


def load_run(folder: Path) -> Run:
    """The finished run in ``folder``.

    Of several sample files of a task the newest is read that holds every planned
    sample; if none does, the newest, and what it lacks counts as not recorded.

    Raises:
        InputError: the folder or a file in it is missing, or a line is damaged.
        RunFolderError: no run folder, a damaged ``run.json`` or results, or an unfinished run.
    """
    manifest = read_manifest(folder)
    if manifest.status != "success":
        raise RunFolderError(
            f"the run in {folder} is not finished (status: {manifest.status}); "
            "run the same command again to finish it"
        )
    results = read_results(folder, manifest)
    try:
        blocks: Mapping[str, Any] = results["selfreward"]["tasks"]
        scores = {task: TaskScores.from_json(block) for task, block in blocks.items()}
        planned = {
            task: int(part["n_items"]) * int(part["images_per_item"])
            for task, part in manifest.identity["tasks"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(
            f"{folder} was written in another layout ({type(error).__name__}: {error}); run it again"
        ) from error
    records: dict[str, tuple[SampleRecord, ...]] = {}
    torn: list[Path] = []
    files = sample_files(folder)
    for task in scores:
        if task not in files:
            raise InputError(f"{folder} has scores but no samples_{task}_*.jsonl; restore it or run again")
        found: tuple[Path, tuple[SampleRecord, ...], bool] | None = None
        for path in files[task]:
            lines, was_torn = _read_samples(path)
            found = found or (path, lines, was_torn)
            if len(lines) >= planned.get(task, 0):
                found = (path, lines, was_torn)
                break
        assert found is not None
        records[task] = found[1]
        if found[2]:
            torn.append(found[0])
    return Run(folder, manifest, results, scores, records, tuple(torn))


def read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(f"no run folder at {folder}; `selfreward-eval run --output-path` writes one")
    if not path.is_file():
        inside = sorted(found.parent for found in folder.glob(f"*/{MANIFEST}"))
        hint = (
            f"did you mean {' or '.join(str(one) for one in inside[:3])}?"
            if inside
            else "a run folder is what `selfreward-eval run` wrote below its --output-path"
        )
        raise RunFolderError(f"{folder} is not a run folder (it has no {MANIFEST}); {hint}")
    try:
        manifest = Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
        if not isinstance(manifest.identity, dict):
            raise TypeError("identity is not an object")
    except (ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} is damaged ({error}); restore it or run into a new folder") from error
    return manifest


def read_results(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """The newest results file of this very run; the names sort by time."""
    paths = sorted(folder.glob("results_*.json"), reverse=True)
    for path in paths:
        try:
            results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            block = results["selfreward"]
            if block["fingerprint"] != manifest.fingerprint:
                continue
            schema = block["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunFolderError(
                f"{path} is damaged ({type(error).__name__}: {error}); "
                "run the same command again to rewrite it"
            ) from error
        if schema != SCHEMA:
            raise RunFolderError(
                f"{path} has schema {schema}, this version reads {SCHEMA}; update selfreward-eval"
            )
        return results
    found = f"none of its {len(paths)} results files is of this run" if paths else "it has no results_*.json"
    raise RunFolderError(f"{folder} is incomplete: {found}; run the same command again to write it")


def sample_files(folder: Path) -> dict[str, list[Path]]:
    """Task -> its sample files, newest first."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("samples_*.jsonl"), reverse=True):
        match = _SAMPLES.fullmatch(path.name)
        if match:
            files.setdefault(match["task"], []).append(path)
    return files


def _read_samples(path: Path) -> tuple[tuple[SampleRecord, ...], bool]:
    lines = read_json_lines(path)
    records = []
    for number, line in enumerate(lines.records, 1):
        try:
            records.append(SampleRecord.from_json(line))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"record {number} of {path} is not a sample ({type(error).__name__}: {error}); "
                "restore the file, or move it away and run again"
            ) from error
    return tuple(latest(records)), lines.torn
