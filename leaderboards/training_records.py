"""Which training run made a model's weights: found beside its run or in folders that are named.

``training.json`` is what ``selfreward-eval train`` writes. A record belongs to every run of the weights that
it measured after training, wherever that run lies: both runs record the same ``revision``, a hash of the
weights. No path of a record or of a run is followed out of the training run's own folder.

A record may come from somebody else. What is kept of it is short plain texts and finite numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, SelfRewardError
from selfreward_eval.harness.report.identity import flatten
from selfreward_eval.harness.runs.reader import read_manifest
from selfreward_eval.harness.user_files.text_files import is_number, parse_json, read_text

__all__ = ["RECORD", "TrainingExtract", "public", "training_extracts"]

RECORD = "training.json"
SCHEMA = 1
SIDES = ("drawing", "captioning")

ABOVE = 4
"""A run lies at most so many folders below its training run: ``after/evaluation-guidance-2/NAME``."""

LONGEST = 300
"""Characters of a text that is kept."""

MOST = 60
"""Notes, and rows of settings, that are kept."""

_LOCAL = re.compile(r"(?:file:/|\\\\|(?<![\w.:/~\\-])(?:~?/|[A-Za-z]:[\\/]))[^\s'\",;()<>]+")
"""A path from the root of a machine's disk or from a home folder; not one inside an address."""


@dataclass(frozen=True)
class TrainingExtract:
    """What a model's page shows of its training run; JSON values without a path of this machine.

    Attributes:
        name: of the training run.
        trainer: its name.
        rewarder: its name.
        kind: of the rewarder: ``self``, ``external`` or ``control``; empty where it is not told.
        start: name of the starting model.
        start_revision: of its weights; empty where it is not told.
        seed: of training; None where it is not told.
        settings: dotted name -> value, as texts.
        pictures: drawn to learn from until these weights; None where the record does not tell.
        planned: drawn in the whole training run, if these weights are from the middle of it; None otherwise.
        cpu_seconds: CPU time of training until these weights; None where it was not recorded.
        rounds: per round its ``number`` from 1 and, for each trained side, ``mean`` and ``best`` reward.
        tasks: per compared task ``task``, ``metric``, ``verdict``, ``higher_is_better``, ``a``, ``b``,
            ``effect``, ``low``, ``high``, and ``reward_before`` and ``reward_after`` of the same pictures.
            Of the end of training; empty for weights from the middle.
        notes: what a reader of the record has to know.
    """

    name: str
    trainer: str
    rewarder: str
    kind: str
    start: str
    start_revision: str
    seed: int | None
    settings: dict[str, str]
    pictures: int | None
    planned: int | None
    cpu_seconds: float | None
    rounds: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    notes: list[str]


def training_extracts(runs: Sequence[Path], trainings: Sequence[Path] = ()) -> dict[str, TrainingExtract]:
    """Revision of weights -> what made them.

    Args:
        runs: run folders; the training runs that they lie in are looked at.
        trainings: folders of training runs, or folders that hold some.

    Returns:
        Of two training runs with the same weights the one whose name comes first.

    Raises:
        InputError: a folder of ``trainings`` holds no training run, or a record is damaged.
    """
    folders = {folder.resolve(): folder for run in runs for folder in _above(run)}
    for named in trainings:
        found = _below(named)
        if not found:
            what = "holds no finished training run" if named.is_dir() else "does not exist"
            raise InputError(
                f"--training {named} {what}; name a folder in which `selfreward-eval train` wrote {RECORD}"
            )
        folders |= {folder.resolve(): folder for folder in found}
    told: list[tuple[str, TrainingExtract]] = []
    for folder in folders.values():
        told += _weights(folder, _read(folder))
    told.sort(key=lambda pair: (pair[1].name, pair[0]))
    extracts: dict[str, TrainingExtract] = {}
    for revision, extract in told:
        extracts.setdefault(revision, extract)
    return extracts


def _above(run: Path) -> Iterator[Path]:
    """The training run that a run folder lies in, if any: its record has to name the run."""
    place = run.resolve()
    for folder in place.parents[:ABOVE]:
        if not (folder / RECORD).is_file():
            continue
        try:
            record = parse_json(read_text(folder / RECORD))
            measured = [record["after"], *record.get("points", [])]
            inside = [_inside(folder, one["folder"]) for one in measured]
        except (InputError, ValueError, KeyError, TypeError, AttributeError):
            continue  # Some other program's file of this name.
        if place in inside:
            yield folder


def _below(folder: Path) -> list[Path]:
    """Training runs in a folder that was named: itself, or up to three levels below, as ``train`` nests."""
    if (folder / RECORD).is_file():
        return [folder]
    for pattern in (f"*/{RECORD}", f"*/*/{RECORD}", f"*/*/*/{RECORD}"):
        found = sorted(folder.glob(pattern))
        if found:
            return [path.parent for path in found]
    return []


def _inside(folder: Path, name: Any) -> Path | None:
    """A path of a record as a path within its folder; None for one that leads out of it."""
    if not isinstance(name, str) or "\0" in name:
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def _read(folder: Path) -> Mapping[str, Any]:
    path = folder / RECORD
    try:
        record = parse_json(read_text(path))
        schema = record["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no training record ({error!r}); restore it or train again") from error
    if schema != SCHEMA:
        raise InputError(f"{path} has schema {schema!r}, this version reads {SCHEMA}; train again")
    return dict(record)


def _weights(folder: Path, record: Mapping[str, Any]) -> list[tuple[str, TrainingExtract]]:
    """Revision and extract of every checkpoint of a training run that was measured inside its folder."""
    try:
        extract = _extract(record)
        found = [(_revision(folder, record["after"]["folder"]), extract)]
        for point in record.get("points") or []:
            pictures = _count(point["pictures"])
            if not pictures or pictures == extract.pictures:
                continue
            here = replace(
                extract,
                pictures=pictures,
                planned=extract.pictures,
                cpu_seconds=_number(point.get("cpu_seconds")),
                rounds=extract.rounds[: _count(point.get("rounds")) or 0],
                tasks=[],
            )
            found.append((_revision(folder, point["folder"]), here))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / RECORD} is damaged ({type(error).__name__}: {error}); restore it or train again"
        ) from error
    # A training that changed nothing made no weights: the starting model has no training record.
    return [(revision, one) for revision, one in found if revision and revision != one.start_revision]


def _revision(folder: Path, run: Any) -> str:
    """The hash of the weights that a run inside the training run measured; empty where it is gone."""
    place = _inside(folder, run)
    if place is None:
        return ""
    try:
        model = read_manifest(place).identity.get("model")
    except SelfRewardError:
        return ""
    revision = model.get("revision") if isinstance(model, Mapping) else None
    # Anything but a hash of the weights may be shared by different models.
    return revision if isinstance(revision, str) and revision.startswith("sha256:") else ""


def _extract(record: Mapping[str, Any]) -> TrainingExtract:
    trainer, rewarder, model = record["trainer"], record["rewarder"], record["model"]
    settings = trainer.get("settings") or {}
    drawn = [_count(settings.get(name)) for name in ("prompts", "candidates", "rounds")]
    pictures = drawn[0] * drawn[1] * drawn[2] if drawn[0] and drawn[1] and drawn[2] else None
    own = {key: value for key, value in trainer.items() if key not in ("name", "version", "settings")}
    rows = [*flatten(own), *flatten(settings)] if own else flatten(settings)
    return TrainingExtract(
        name=public(record["name"]),
        trainer=public(trainer["name"]),
        rewarder=public(rewarder["name"]),
        kind=public(rewarder.get("kind", "")),
        start=public(model.get("name") or model.get("weights") or "unnamed model"),
        start_revision=public(model.get("revision") or ""),
        seed=_count(record.get("seed")),
        settings={public(key): public(value) for key, value in rows[:MOST]},
        pictures=pictures,
        planned=None,
        cpu_seconds=_number(record.get("cpu_seconds")),
        rounds=[_round(one, number) for number, one in enumerate(record["rounds"], 1)],
        tasks=[
            _task(record, str(name), task)
            for name, task in record["comparison"]["tasks"].items()
            if name in record["verdicts"]
        ],
        notes=[public(note) for note in record["notes"][:MOST]],
    )


def _round(data: Mapping[str, Any], number: int) -> dict[str, Any]:
    sides = {
        side: {key: _number(data[side].get(key)) for key in ("mean", "best")}
        for side in SIDES
        if side in data
    }
    return {"number": number, **sides}


def _task(record: Mapping[str, Any], name: str, task: Mapping[str, Any]) -> dict[str, Any]:
    overall, audit = task["overall"], record["audit"].get(name) or {}
    return {
        "task": public(name),
        "metric": public(task["metric"]),
        "verdict": public(record["verdicts"][name]),
        "higher_is_better": task["higher_is_better"] is True,
        **{key: _number(overall.get(key)) for key in ("a", "b", "effect", "low", "high")},
        "reward_before": _number(audit.get("before")),
        "reward_after": _number(audit.get("after")),
    }


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if whole and 0 <= value < 10**12 else None


def public(value: Any) -> str:
    """A text for a page that others read: of a path on this machine only the last part, and not too long.

    >>> public("weights of /home/ann/runs/dsr/weights"), public("lab/tiny at https://example.org/a")
    ('weights of weights', 'lab/tiny at https://example.org/a')
    """
    text = str(value)[: 4 * LONGEST]
    text = _LOCAL.sub(lambda path: re.split(r"[\\/]", path[0].rstrip("\\/"))[-1], text)
    # Half a character cannot be written as UTF-8.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
