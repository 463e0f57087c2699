"""People's scores of a run's samples, from a file, and the judge's score corrected by them.

The file is a CSV with a header, or JSON lines. Each row has ``item`` (the item's id), ``index`` (which of its
samples, from 0; it may be left out where an item has one) and ``score`` (on the metric's own range). A run
with several judged tasks needs ``task``, too. The labelled samples must be a random choice of all.

>>> read_labels(Path("labels.csv"))[0]  # doctest: +SKIP
HumanLabel(line=2, task=None, item='idiom-3', index=0, score=0.5)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum, isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.stats.means import cluster_values
from selfreward_eval.harness.stats.ppi import Corrected, Labelled, ppi_strata
from selfreward_eval.tasks.judged.rescored_run import Rescored

__all__ = ["HumanLabel", "People", "corrected_by_people", "labels_by_task", "read_labels"]

COLUMNS = ("item", "score")


@dataclass(frozen=True)
class HumanLabel:
    """One person's score of one sample.

    Attributes:
        line: of the file, for messages.
        task: registry name, or None where the file has no such column.
        item: id of the item.
        index: of the sample, or None where the file has no such column.
        score: on the metric's range.
    """

    line: int
    task: str | None
    item: str
    index: int | None
    score: float


@dataclass(frozen=True)
class People:
    """A task's score as people would have given it.

    Attributes:
        corrected: the estimate; its units are items, or clusters of them.
        labels: scored samples that were used.
        without_judge: labels of samples that the judge did not score, left out.
    """

    corrected: Corrected
    labels: int
    without_judge: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_labels(path: Path) -> tuple[HumanLabel, ...]:
    """The labels of a file, in its order.

    Raises:
        InputError: the file cannot be read, or a line is no label; the message has file and line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the labels {path} cannot be read ({error}); give a file in UTF-8") from error
    if path.suffix == ".csv":
        rows = _csv_rows(path, text)
    elif path.suffix == ".jsonl":
        rows = _json_rows(path, text)
    else:
        raise InputError(f"the labels {path} are no .csv and no .jsonl; give one of the two")
    labels = tuple(_label(path, line, row) for line, row in rows)
    if not labels:
        raise InputError(f"{path} holds no label; give item, index and score of some samples")
    seen: dict[tuple[str | None, str, int | None], int] = {}
    for label in labels:
        first = seen.setdefault((label.task, label.item, label.index), label.line)
        if first != label.line:
            raise InputError(f"{path}:{label.line} scores the same sample as line {first}; leave one of them")
    return labels


def _csv_rows(path: Path, text: str) -> list[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows: list[tuple[int, Mapping[str, Any]]] = []
    try:
        columns = reader.fieldnames or ()
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise InputError(f"{path} lacks the column {', '.join(missing)}; it needs item, index and score")
        for row in reader:
            if None in row:
                raise InputError(f"{path}:{reader.line_num} has more cells than the header; correct it")
            # An empty cell is an absent one.
            rows.append(
                (reader.line_num, {name: cell for name, cell in row.items() if cell not in (None, "")})
            )
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num} is no CSV ({error}); correct it") from error
    return rows


def _json_rows(path: Path, text: str) -> list[tuple[int, Mapping[str, Any]]]:
    rows: list[tuple[int, Mapping[str, Any]]] = []
    # Only \n ends a line: texts may hold U+2028 and its like.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number} is no JSON ({error}); correct it") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number} is no JSON object; give item, index and score")
        rows.append((number, row))
    return rows


def _label(path: Path, line: int, row: Mapping[str, Any]) -> HumanLabel:
    where = f"{path}:{line}"
    item, task, index, score = (row.get(name) for name in ("item", "task", "index", "score"))
    if not isinstance(item, str) or not item:
        raise InputError(f"{where} has item = {_shown(item)}; give the item's id")
    if task is not None and (not isinstance(task, str) or not task):
        raise InputError(f"{where} has task = {_shown(task)}; give a task's name")
    return HumanLabel(line, task, item, _index(where, index), _score(where, score))


def _index(where: str, value: Any) -> int | None:
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else value
    known = text.isascii() and text.isdecimal() and len(text) < 10 if isinstance(text, str) else False
    if known or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9):
        return int(text)
    raise InputError(f"{where} has index = {_shown(value)}; give the number of the sample, from 0")


def _score(where: str, value: Any) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        score = float(value)
    except (ValueError, OverflowError):
        score = float("nan")
    if not isfinite(score):
        raise InputError(f"{where} has score = {_shown(value)}, which is no finite number; correct it")
    return score


def _shown(value: Any) -> str:
    """A value for a message: short, and nothing that a terminal cannot print."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def labels_by_task(
    path: Path, labels: Sequence[HumanLabel], tasks: Sequence[str]
) -> dict[str, list[HumanLabel]]:
    """The labels of every task that has some.

    Raises:
        InputError: a label of another task, or one that names none where there are several.
    """
    found: dict[str, list[HumanLabel]] = {}
    for label in labels:
        name = label.task
        if name is None:
            if len(tasks) > 1:
                raise InputError(
                    f"{path}:{label.line} names no task, and the run has {', '.join(tasks)}; "
                    "add a column task"
                )
            name = tasks[0]
        if name not in tasks:
            raise InputError(
                f"{path}:{label.line}: {_shown(name)} is no judged task of the run; it has {', '.join(tasks)}"
            )
        found.setdefault(name, []).append(label)
    return found


def corrected_by_people(path: Path, rescored: Rescored, labels: Sequence[HumanLabel]) -> People:
    """The headline score of a task, corrected by people.

    The unit is the item, or the cluster of items: a labelled one has the mean of its labels and the judge's
    mean of the same samples, any other the judge's mean of all its scored samples.

    Raises:
        InputError: a label of a sample that the run has not, or outside the metric's range.
        UsageError: too few labels.
    """
    scores = rescored.scores
    judge, items = _judged(rescored)
    per_item: dict[str, list[tuple[float, float]]] = {}
    without_judge = 0
    for label in labels:
        key = _key(path, label, judge, items)
        low, high = scores.range
        if not low <= label.score <= high:
            raise InputError(
                f"{path}:{label.line} has score = {label.score:g}, and {scores.metric} lies between {low:g} "
                f"and {high:g}; correct it"
            )
        value = judge[key]
        if value is None:
            without_judge += 1
        else:
            per_item.setdefault(label.item, []).append((label.score, value))
    strata: dict[str, dict[str, Item]] = {}
    for item in items.values():
        strata.setdefault(item.category if scores.macro else "", {})[item.id] = item
    numbers = {name: _stratum(members, per_item, judge) for name, members in strata.items()}
    if not per_item:
        raise UsageError(
            f"{path} labels no sample of {scores.task} that the judge scored; label some that it did"
        )
    corrected = ppi_strata(numbers, score_range=scores.range)
    return People(corrected, sum(map(len, per_item.values())), without_judge)


def _judged(rescored: Rescored) -> tuple[dict[tuple[str, int], float | None], dict[str, Item]]:
    """(item, index) -> the judge's score, None where it gave none; and the items."""
    judge: dict[tuple[str, int], float | None] = {}
    items: dict[str, Item] = {}
    for record in rescored.records:
        items[record.item.id] = record.item
        judge[record.item.id, record.sample.index] = record.measurement.values.get(rescored.scores.metric)
    return judge, items


def _key(
    path: Path, label: HumanLabel, judge: Mapping[tuple[str, int], float | None], items: Mapping[str, Item]
) -> tuple[str, int]:
    where = f"{path}:{label.line}"
    if label.item not in items:
        raise InputError(f"{where}: {_shown(label.item)} is no item of the run; correct it")
    indices = sorted(index for item, index in judge if item == label.item) if label.index is None else []
    if len(indices) > 1:
        raise InputError(f"{where} has no index, and {_shown(label.item)} has {len(indices)} samples; add it")
    key = label.item, indices[0] if label.index is None else label.index
    if key not in judge:
        raise InputError(f"{where}: {_shown(label.item)} has no sample {key[1]} in the run; correct it")
    return key


def _stratum(
    members: Mapping[str, Item],
    per_item: Mapping[str, Sequence[tuple[float, float]]],
    judge: Mapping[tuple[str, int], float | None],
) -> Labelled:
    """Labels and judge scores of one stratum's items, clusters counted as one."""
    of_item: dict[str, list[float]] = {}
    for (item, _), value in judge.items():
        if value is not None:
            of_item.setdefault(item, []).append(value)
    # A cluster with a label is a labelled unit: its other items would depend on it.
    touched = {members[item].cluster for item in per_item if item in members}
    labelled = [item for item in members if item in per_item]
    rest = [item for item in members if members[item].cluster not in touched and item in of_item]
    clusters = [members[item].cluster for item in labelled]
    human = [fsum(y for y, _ in per_item[item]) / len(per_item[item]) for item in labelled]
    same = [fsum(f for _, f in per_item[item]) / len(per_item[item]) for item in labelled]
    others = [fsum(of_item[item]) / len(of_item[item]) for item in rest]
    return Labelled(
        cluster_values(human, clusters) if labelled else [],
        cluster_values(same, clusters) if labelled else [],
        cluster_values(others, [members[item].cluster for item in rest]) if rest else [],
    )
