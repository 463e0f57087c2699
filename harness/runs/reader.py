"""Reads a finished run folder back: manifest, scores and samples.

>>> run = load_run(Path("results/tiny"))  # doctest: +SKIP
>>> run.scores["shapes_geneval"].overall.value  # doctest: +SKIP
0.61
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.records import Manifest, SampleRecord, latest
from selfreward_eval.harness.runs.results import SCHEMA
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.runs.store import MANIFEST

__all__ = [
    "Run",
    "RunFiles",
    "damaged_record",
    "load_run",
    "read_files",
    "read_finished",
    "read_manifest",
    "read_results",
    "sample_files",
]

T = TypeVar("T")

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


@dataclass(frozen=True)
class RunFiles:
    """What makes up a finished run, before its samples are read.

    Attributes:
        manifest: ``run.json``.
        results: the newest ``results_*.json`` of this run.
        scores: task -> its scores, from our block of the results.
        planned: task -> (items, samples per item).
        samples: task -> its sample files, newest first; at least one.
    """

    manifest: Manifest
    results: dict[str, Any]
    scores: dict[str, TaskScores]
    planned: dict[str, tuple[int, int]]
    samples: dict[str, list[Path]]

    def newest_complete(
        self, task: str, read: Callable[[Path], T], count: Callable[[T], int]
    ) -> tuple[Path, T]:
        """The newest sample file of ``task`` with every planned sample; if none has, the newest.

        Args:
            task: one that has scores.
            read: the content of a sample file.
            count: samples in a content.
        """
        items, samples_per_item = self.planned[task]
        newest, *older = self.samples[task]
        content = read(newest)
        if count(content) < items * samples_per_item:
            for path in older:
                other = read(path)
                if count(other) >= items * samples_per_item:
                    return path, other
        return newest, content


def load_run(folder: Path) -> Run:
    """The finished run in ``folder``.

    Of several sample files of a task the newest is read that holds every planned
    sample; if none does, the newest, and what it lacks counts as not recorded.

    Raises:
        InputError: the folder or a file in it is missing, or a line is damaged.
        RunFolderError: no run folder, a damaged ``run.json`` or results, or an unfinished run.
    """
    files = read_files(folder)
    records: dict[str, tuple[SampleRecord, ...]] = {}
    torn: list[Path] = []
    for task in files.scores:
        path, samples = files.newest_complete(task, _read_samples, lambda samples: len(samples.records))
        records[task] = samples.records
        if samples.torn:
            torn.append(path)
    return Run(folder, files.manifest, files.results, files.scores, records, tuple(torn))


def read_files(folder: Path) -> RunFiles:
    """Everything of the finished run in ``folder`` but its samples.

    Raises:
        InputError: the folder or the samples of a task are missing.
        RunFolderError: no run folder, a damaged ``run.json`` or results, or an unfinished run.
    """
    manifest = read_finished(folder)
    results = read_results(folder, manifest)
    try:
        blocks: Mapping[str, Any] = results["selfreward"]["tasks"]
        scores = {task: TaskScores.from_json(block) for task, block in blocks.items()}
        plans = {task: manifest.identity["tasks"][task] for task in scores}
        planned = {task: (int(plan["n_items"]), int(plan["images_per_item"])) for task, plan in plans.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(
            f"{folder} was written in another layout ({type(error).__name__}: {error}); run it again"
        ) from error
    samples = sample_files(folder)
    for task in scores:
        if task not in samples:
            raise InputError(f"{folder} has scores but no samples_{task}_*.jsonl; restore it or run again")
    return RunFiles(manifest, results, scores, planned, {task: samples[task] for task in scores})


def read_finished(folder: Path) -> Manifest:
    """``run.json`` of a finished run.

    Raises:
        InputError: there is no such folder.
        RunFolderError: no run folder, a damaged ``run.json``, or a run that is not finished.
    """
    manifest = read_manifest(folder)
    if manifest.status != "success":
        raise RunFolderError(
            f"the run in {folder} is not finished (status: {manifest.status}); "
            "run the same command again to finish it"
        )
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """``run.json`` of a run that may be unfinished.

    Raises:
        InputError: there is no such folder.
        RunFolderError: no run folder, or a damaged ``run.json``.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(f"no run folder at {folder}; `selfreward-eval run --output-path` writes one")
    if not path.is_file():
        runs_inside = sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}"))
        hint = (
            f"did you mean {' or '.join(map(str, runs_inside[:3]))}?"
            if runs_inside
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
    """The newest results file of this very run; the names sort by time.

    Raises:
        RunFolderError: there is none, or it is damaged or of another version's schema.
    """
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
    lacking = (
        f"none of its {len(paths)} results files is of this run" if paths else "it has no results_*.json"
    )
    raise RunFolderError(f"{folder} is incomplete: {lacking}; run the same command again to write it")


def sample_files(folder: Path) -> dict[str, list[Path]]:
    """Task -> its sample files, newest first."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("samples_*.jsonl"), reverse=True):
        match = _SAMPLES.fullmatch(path.name)
        if match:
            files.setdefault(match["task"], []).append(path)
    return files


def damaged_record(path: Path, number: int, error: Exception) -> InputError:
    """The error for record ``number`` (from 1) of ``path``, which cannot be read as a sample."""
    return InputError(
        f"record {number} of {path} is not a sample ({type(error).__name__}: {error}); "
        "restore the file, or move it away and run again"
    )


class _Samples(NamedTuple):
    """One sample file: the last record of every sample, and whether a torn last line was left out."""

    records: tuple[SampleRecord, ...]
    torn: bool


def _read_samples(path: Path) -> _Samples:
    lines = read_json_lines(path)
    records = []
    for number, line in enumerate(lines.records, 1):
        try:
            records.append(SampleRecord.from_json(line))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise damaged_record(path, number, error) from error
    return _Samples(tuple(latest(records)), lines.torn)
