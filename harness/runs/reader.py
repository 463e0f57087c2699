"""Reads a finished run folder back: manifest, scores and samples.

>>> run = load_run(Path("results/tiny"))  # doctest: +SKIP
>>> run.scores["shapes_geneval"].overall.value  # doctest: +SKIP
0.61
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.files import JsonLinesReader
from selfreward_eval.harness.records import Manifest, SampleRecord, latest
from selfreward_eval.harness.runs.checking import TaskPlan, require_agreement, require_plan
from selfreward_eval.harness.runs.results import SCHEMA
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.runs.store import MANIFEST
from selfreward_eval.harness.user_files.text_files import parse_json

__all__ = [
    "Run",
    "RunFiles",
    "Samples",
    "damaged_record",
    "load_run",
    "read_files",
    "read_finished",
    "read_manifest",
    "read_results",
    "read_samples",
    "samples_path",
]


@dataclass(frozen=True)
class Run:
    """One model on some tasks, as it lies on disk.

    Attributes:
        folder: where it was read from.
        manifest: ``run.json``.
        results: the run's own ``results_*.json``, lm-eval's keys and our block.
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
        results: the run's own ``results_*.json``.
        scores: task -> its scores, from our block of the results.
        plans: task -> what the manifest says about it.
        samples: task -> its sample file.
    """

    manifest: Manifest
    results: dict[str, Any]
    scores: dict[str, TaskScores]
    plans: dict[str, TaskPlan]
    samples: dict[str, Path]


def load_run(folder: Path) -> Run:
    """The finished run in ``folder``.

    Only the run's own files are read, which have its time in their names; what else lies there is another
    run's. What a torn last line held counts as not recorded.

    Raises:
        InputError: the folder or a file in it is missing, a line is damaged or of another run, or the
            results do not follow from the samples.
        RunFolderError: no run folder, a damaged ``run.json`` or results, or an unfinished run.
    """
    files = read_files(folder)
    records: dict[str, tuple[SampleRecord, ...]] = {}
    torn: list[Path] = []
    for task, scores in files.scores.items():
        path, plan = files.samples[task], files.plans[task]
        samples = read_samples(path)
        require_plan(path, plan, samples.records)
        require_agreement(path, plan, scores, samples.records)
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
        plans = {task: TaskPlan.of(manifest, task) for task in scores}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(
            f"{folder} was written in another layout ({type(error).__name__}: {error}); run it again"
        ) from error
    samples = {task: samples_path(folder, manifest, task) for task in scores}
    for path in samples.values():
        if not path.is_file():
            raise InputError(f"{folder} has scores but no {path.name}; restore it or run again")
    return RunFiles(manifest, results, scores, plans, samples)


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
        manifest = Manifest.from_json(parse_json(path.read_text(encoding="utf-8")))
        if not isinstance(manifest.identity, dict):
            raise TypeError("identity is not an object")
    except (ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} is damaged ({error}); restore it or run into a new folder") from error
    return manifest


def read_results(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """The results file of this very run, which has the run's time in its name.

    Raises:
        RunFolderError: there is none, or it is damaged, of another run or of another version's schema.
    """
    path = _own(folder, f"results_{manifest.created}.json")
    if not path.is_file():
        others = len(list(folder.glob("results_*.json")))
        lacking = (
            f"none of its {others} results files is of this run" if others else "it has no results_*.json"
        )
        raise RunFolderError(f"{folder} is incomplete: {lacking}; run the same command again to write it")
    try:
        results: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        block = results["selfreward"]
        fingerprint, schema = block["fingerprint"], block["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunFolderError(
            f"{path} is damaged ({type(error).__name__}: {error}); run the same command again to rewrite it"
        ) from error
    if fingerprint != manifest.fingerprint:
        raise RunFolderError(f"{path} is of another run; run the same command again to rewrite it")
    if schema != SCHEMA:
        raise RunFolderError(
            f"{path} has schema {schema}, this version reads {SCHEMA}; update selfreward-eval"
        )
    return results


def samples_path(folder: Path, manifest: Manifest, task: str) -> Path:
    """The line file of ``task`` that belongs to the run of ``manifest``; another one is another run's.

    Raises:
        RunFolderError: the manifest or the task has a name that leads out of the folder.
    """
    return _own(folder, f"samples_{task}_{manifest.created}.jsonl")


def _own(folder: Path, name: str) -> Path:
    if {"/", "\\", "\0"} & set(name):
        raise RunFolderError(f"{folder / MANIFEST} names the file {name!r}, which is none of its folder")
    return folder / name


def damaged_record(path: Path, number: int, error: Exception) -> InputError:
    """The error for record ``number`` (from 1) of ``path``, which cannot be read as a sample."""
    return InputError(
        f"record {number} of {path} is not a sample ({type(error).__name__}: {error}); "
        "restore the file, or move it away and run again"
    )


class Samples(NamedTuple):
    """One sample file: the last record of every sample, and whether a torn last line was left out."""

    records: tuple[SampleRecord, ...]
    torn: bool


def read_samples(path: Path) -> Samples:
    """What a sample file holds.

    Raises:
        InputError: a line before the last is not JSON, or is no sample.
    """
    lines = JsonLinesReader(path)
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(SampleRecord.from_json(line))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise damaged_record(path, number, error) from error
    return Samples(tuple(latest(records)), lines.torn)
