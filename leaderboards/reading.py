"""Reads a finished run folder into an :class:`~selfreward_eval.leaderboards.entries.Entry`.

:func:`selfreward_eval.harness.runs.reader.load_run` makes four objects of every sample line. A
leaderboard of two hundred runs has two million lines and needs one number of
each, so this reader takes that number and keeps the rest as text. Which files
make up a run is :func:`~selfreward_eval.harness.runs.reader.read_files`' to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.records import SampleRecord, Status
from selfreward_eval.harness.report.cards import VerdictRule, card
from selfreward_eval.harness.report.notation import notation_for
from selfreward_eval.harness.report.run_view import model_name
from selfreward_eval.harness.runs.checking import TOLERANCE, TaskPlan, not_planned, require_item_count
from selfreward_eval.harness.runs.reader import damaged_record, read_files
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.user_files.text_files import DEPTH, holds_long_number
from selfreward_eval.leaderboards.entries import (
    NOT_DRAWN,
    Card,
    Entry,
    Items,
    TaskEntry,
    chosen_items,
    item_means,
    slug_of,
)

__all__ = ["read_entry"]

_STATUSES = {str(status) for status in Status}

Line = Mapping[str, Any]


def read_entry(folder: Path, pictures: int) -> Entry:
    """The run in ``folder``.

    Args:
        folder: as ``selfreward-eval run`` left it.
        pictures: items per task whose first sample is kept as a card.

    Raises:
        InputError: a file is missing or damaged, or the results do not follow from the samples.
        RunFolderError: no run folder, or an unfinished run.
    """
    files = read_files(folder)
    tasks: dict[str, TaskEntry] = {}
    for task, score in files.scores.items():
        path = files.samples[task]
        tasks[task] = _task(path, _records(path), score, files.plans[task], pictures)
    name = model_name(files.manifest)
    return Entry(name, slug_of(name, files.manifest.fingerprint), files.manifest, tasks)


def _records(path: Path) -> Sequence[Line]:
    """What :func:`read_json_lines` gives; a sound file is parsed in one go, which takes a third less time."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return read_json_lines(path).records
    if not lines.pop():
        whole = [line for line in lines if line.strip()]
        try:
            # What may be nested too deeply or hold half a character is looked at line by line.
            records = [] if any(map(_is_odd, whole)) else json.loads("[" + ",".join(whole) + "]")
        except (ValueError, RecursionError):
            records = []
        if len(records) == len(whole) and all(isinstance(record, dict) for record in records):
            return list(records)
    return read_json_lines(path).records


def _is_odd(line: str) -> bool:
    brackets = line.count("[") + line.count("{")
    return brackets > 2 * DEPTH or "\\ud" in line or "\\uD" in line or holds_long_number(line)


def _task(path: Path, lines: Sequence[Line], scores: TaskScores, plan: TaskPlan, pictures: int) -> TaskEntry:
    import numpy as np

    known: dict[str, tuple[int, str, str]] = {}
    places: list[tuple[str, int, int, float, Line]] = []
    low, high = scores.range
    for number, line in enumerate(lines, 1):
        try:
            doc = line["doc"]
            item, index, seed, status = (
                doc["prompt_id"], int(line["image_idx"]), int(line["seed"]), line["status"],
            )  # fmt: skip
            value = float(line[scores.metric]) if status == Status.SUCCESS else nan
            if item not in known or line["doc_id"] < known[item][0]:
                known[item] = (int(line["doc_id"]), str(doc["tag"]), str(doc.get("cluster") or item))
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise damaged_record(path, number, error) from error
        problem = ""
        if not isinstance(status, str) or status not in _STATUSES:
            problem = f"has the unknown status {status!r}"
        elif not isinstance(item, str) or (differs := plan.differs(item, index, seed)):
            raise not_planned(path, item, index, differs if isinstance(item, str) else "no item has it as id")
        elif status == Status.SUCCESS and not (isfinite(value) and low <= value <= high):
            problem = f"has {scores.metric} = {value}, which is not in [{low:g}, {high:g}]"
        elif status != Status.SUCCESS and line.get("metrics"):
            problem = f"has the status {status} and yet values"
        if problem:
            raise InputError(f"record {number} of {path} {problem}; measure it again")
        places.append((item, index, seed, value, line))
    ordered = sorted(known, key=lambda name: (known[name][0], name))
    items = Items(
        tuple(ordered), tuple(known[name][1] for name in ordered), tuple(known[name][2] for name in ordered)
    )
    row = {name: position for position, name in enumerate(ordered)}
    require_item_count(path, plan, ordered)
    values = np.full((len(ordered), plan.images), np.nan)
    seeds = np.full((len(ordered), plan.images), NOT_DRAWN, dtype=np.int64)
    first: dict[int, Line] = {}
    for item, index, seed, value, line in places:
        position = row[item]
        if seeds[position, index] != NOT_DRAWN:
            raise InputError(
                f"{path}: sample {index} of item {item!r} is recorded twice; run the same command again"
            )
        values[position, index], seeds[position, index] = value, seed
        if index == 0:
            first[position] = line
    entry = TaskEntry(scores, items, values, seeds)
    _require_agreement(path, entry)
    return TaskEntry(scores, items, values, seeds, _cards(path, entry, first, pictures))


def _require_agreement(path: Path, entry: TaskEntry) -> None:
    """A rank is tested on the samples, so the score beside it must be theirs too."""
    import numpy as np

    scores = entry.scores
    means = item_means(entry.values)
    strata: dict[str, list[int]] = {name: [] for name in scores.categories}
    strata |= _positions(entry.items.categories)
    found: dict[str, float | None] = {}
    for name, members in strata.items():
        scored = means[members][~np.isnan(means[members])] if members else means[:0]
        found[name] = float(scored.mean()) if len(scored) else None
    values = [value for value in found.values() if value is not None]
    scored = means[~np.isnan(means)]
    if scores.macro:
        overall = sum(values) / len(values) if values and len(values) == len(found) else None
    else:
        overall = float(scored.mean()) if len(scored) else None
    allowed = TOLERANCE * max(1.0, scores.range[1] - scores.range[0])
    told = {name: score.value for name, score in scores.categories.items()}
    pairs = [("overall", scores.overall.value, overall)]
    pairs += [(name, told.get(name), found.get(name)) for name in {**told, **found}]
    for name, recorded, computed in pairs:
        if recorded is None and computed is None:
            continue
        if recorded is None or computed is None or abs(recorded - computed) > allowed:
            raise InputError(
                f"{path}: the samples give {scores.task} ({name}) {_text(computed)}, the results say "
                f"{_text(recorded)}; run the same command again to rewrite the results"
            )
    scored_samples = int((~np.isnan(entry.values)).sum())
    if scored_samples != scores.overall.n_scored:
        raise InputError(
            f"{path}: the samples give {scores.task} (overall) {scored_samples} scored, the results say "
            f"{scores.overall.n_scored}; run the same command again to rewrite the results"
        )


def _positions(categories: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, category in enumerate(categories):
        found.setdefault(category, []).append(position)
    return found


def _text(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def _cards(path: Path, entry: TaskEntry, first: Mapping[int, Line], number: int) -> tuple[Card, ...]:
    """The first sample of the chosen items, without pictures yet."""
    import numpy as np

    scores = entry.scores
    scored = entry.values[~np.isnan(entry.values)]
    best = scores.range[1] if scores.higher_is_better else scores.range[0]
    binary = bool(np.isin(scored, scores.range).all())
    rule = VerdictRule(scores.metric, best, scores.higher_is_better, binary, notation_for(scores.range))
    lines = [first[position] for position in chosen_items(entry.items, number) if position in first]
    cards = []
    for line in lines:
        try:
            record = SampleRecord.from_json(line)
            cards.append(card(record, scores.task, rule))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: a sample of item {line['doc']['prompt_id']!r} cannot be shown "
                f"({type(error).__name__}: {error}); measure it again"
            ) from error
    return tuple(cards)
