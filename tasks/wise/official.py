"""What upstream's and others' programs print for files of scores: pure functions with the programs' bugs.

One line of a file per picture::

    {"prompt_id": 7, "Subcategory": "Life", "consistency": 2, "realism": 1, "aesthetic_quality": 0}

Sources: PKU-YuanGroup/WISE at eb51174, ``WISE_legacy/Calculate.py`` and ``calculate_verified.py``;
ByteDance-Seed/Bagel at 056b5fd, ``eval/gen/wise/cal_score.py`` (SRUM has the same file);
EvolvingLMMs-Lab/lmms-eval at 75571cf, ``lmms_eval/tasks/WISE/utils.py``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.wise.editions import ALL_IDS, ASPECTS, LEGACY, Edition
from selfreward_eval.tasks.wise.parsing import FAILED

ALL = "all"
"""The group of all prompts, the only one that has an overall score."""

NO_FILE, MISSING_IDS = "no valid file", "missing ids"
"""Why upstream's program stops."""

BAGEL_FILES = {"cultural_common_sense": 400, "spatio-temporal_reasoning": 300, "natural_science": 300}
"""Beginning of a file's name -> the least number of lines in it."""

BAGEL_TIME = ("Longitudinal time", "Horizontal time")
"""The subcategories of BAGEL's Time, spelled so; everything else in the file is its Space."""

BAGEL_SCIENCE = {
    "Biology": LEGACY.ids["biology"],
    "Physics": LEGACY.ids["physics"],
    "Chemistry": LEGACY.ids["chemistry"],
}
UNKNOWN = "?"
"""BAGEL's seventh category: ids in the science file that are of none."""


@dataclass(frozen=True)
class ScoreFile:
    """A file of scores; ``text`` is None if there is no such file."""

    name: str
    text: str | None


@dataclass
class Calculated:
    """What upstream's program prints.

    Attributes:
        scores: category -> the scores of its lines, in the order of the edition; none if it stops early.
        overall: only for all prompts, and only if every category has a score.
        aborted: why it stops early, or empty.
        missing: how many of the 1,000 ids do not occur, if it stops for them.
        rejected: names of the files that it does not take.
        skipped: lines that it warns of and skips.
    """

    scores: dict[str, list[float]] = field(default_factory=dict)
    overall: float | None = None
    aborted: str = ""
    missing: int = 0
    rejected: list[str] = field(default_factory=list)
    skipped: int = 0

    def means(self) -> dict[str, float]:
        """Category -> its mean."""
        return {name: mean(scores) for name, scores in self.scores.items()}


def calculate(edition: Edition, files: Sequence[ScoreFile], group: str | None = None) -> Calculated:
    """Upstream's ``Calculate.py`` (or ``calculate_verified.py``) on these files.

    Ids are checked within one file for a named group, over all files for ``all``, and not at all for a
    named group with several files. A line with a value that is no number is left out of the mean, but its
    id counts as present; a duplicate counts twice; 9.9 and NaN are numbers.

    Args:
        edition: whose ids, values and weights.
        files: in the order given to the program.
        group: ``culture``, ``space-time``, ``science`` or ``all``, which is the default.

    Raises:
        InputError: no such group, or no file; the program prints its usage.
    """
    chosen = ALL if group is None else group
    if chosen != ALL and chosen not in edition.groups:
        raise InputError(f"WISE has no group {chosen!r}; it has {', '.join(edition.groups)} and {ALL}")
    if not files:
        raise InputError("no file of scores is given; name at least one")
    result = Calculated()
    present: set[int] = set()
    pools: dict[str, list[float]] = {}
    for file in files:
        reading = _read(edition, file)
        result.skipped += reading.skipped
        needed = edition.groups.get(chosen, ()) if len(files) == 1 else ()
        if reading.broken or not set(needed) <= reading.present:
            result.rejected.append(file.name)
            continue
        present |= reading.present
        for name, scores in reading.scores.items():
            pools.setdefault(name, []).extend(scores)
    if len(result.rejected) == len(files):
        result.aborted = NO_FILE
        return result
    if chosen == ALL and (missing := set(ALL_IDS) - present):
        result.aborted, result.missing = MISSING_IDS, len(missing)
        return result
    result.scores = {name: pools[name] for name in edition.ids if name in pools}
    if chosen == ALL and len(result.scores) == len(edition.ids):
        result.overall = edition.overall(result.means())
    return result


def bagel_results(files: Mapping[str, str]) -> dict[str, float]:
    """BAGEL's ``cal_score.py``: the means of the categories that occur, and their plain mean as Overall.

    Lines are counted, ids are not. Time is told by the spelling of the subcategory.

    Args:
        files: name -> text; the three whose names begin as :data:`BAGEL_FILES`.

    Raises:
        InputError: a file is missing, too short or damaged, or holds a 9.9; the program crashes.
    """
    culture, space_time, science = (_bagel_rows(files, name, least) for name, least in BAGEL_FILES.items())
    pools: dict[str, list[float]] = {"Cultural": [score for _, score in culture]}
    for row, score in space_time:
        pools.setdefault("Time" if row.get("Subcategory") in BAGEL_TIME else "Space", []).append(score)
    for row, score in science:
        number = row.get("prompt_id", 0)
        if not isinstance(number, int | float):
            raise InputError(f"the science file holds the prompt_id {number!r}, which is no number")
        name = next((name for name, ids in BAGEL_SCIENCE.items() if ids[0] <= number <= ids[-1]), UNKNOWN)
        pools.setdefault(name, []).append(score)
    results = {name: sum(scores) / (len(scores) * 2) for name, scores in pools.items()}
    return {**results, "Overall": mean_of_categories(results)}


def mean_of_categories(means: Mapping[str, float]) -> float:
    """BAGEL's overall, whatever the sizes of the categories."""
    return mean(list(means.values()))


def lmms_category(results: Iterable[Mapping[str, Any]], category: str) -> float:
    """lmms-eval's mean of a category; of everything where nothing is of that category, and 0 for nothing."""
    valid = _lmms_valid(results)
    own = [score for name, score in valid if name == category] or [score for _, score in valid]
    return mean(own) if own else 0.0


def lmms_overall(results: Iterable[Mapping[str, Any]]) -> float:
    """lmms-eval's overall: the weights renormalised over the categories that occur; 0 where none does.

    A failed reply and a missing picture are entries with a score of 0, and count as such.
    """
    pools: dict[str, list[float]] = {}
    for name, score in _lmms_valid(results):
        pools.setdefault(name, []).append(score)
    present = {name: weight for name, weight in LEGACY.weights.items() if name in pools}
    total = sum(weight * mean(pools[name]) for name, weight in present.items())
    return total / sum(present.values()) if present else 0.0


def mean(scores: Sequence[float]) -> float:
    """Plain mean of at least one score; NaN if one is."""
    return sum(scores) / len(scores)


@dataclass
class _Reading:
    """One file as upstream reads it."""

    scores: dict[str, list[float]] = field(default_factory=dict)
    present: set[int] = field(default_factory=set)
    skipped: int = 0
    broken: bool = False


def _read(edition: Edition, file: ScoreFile) -> _Reading:
    reading = _Reading(broken=file.text is None)
    for line in _lines(file.text or ""):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            reading.skipped += 1
            continue
        except (ValueError, RecursionError):
            reading.broken = True
            break
        if not isinstance(row, dict):
            reading.broken = True
            break
        number = row.get("prompt_id")
        if not isinstance(number, int):
            reading.skipped += 1
            continue
        reading.present.add(number)
        values = [row.get(key) for key in edition.scored]
        try:
            score = (
                edition.score(*values) if all(isinstance(value, int | float) for value in values) else None
            )
        except OverflowError:
            reading.broken = True
            break
        category = edition.category(number)
        if score is None or category is None:
            reading.skipped += 1
        else:
            reading.scores.setdefault(category, []).append(score)
    return reading


def _bagel_rows(files: Mapping[str, str], name: str, least: int) -> list[tuple[Mapping[str, Any], float]]:
    """Every row of a file with twice its WiScore."""
    text = next((text for given, text in files.items() if given.startswith(name)), None)
    if text is None:
        raise InputError(f"there is no file {name}_scores.jsonl; score its pictures")
    rows: list[tuple[Mapping[str, Any], float]] = []
    for number, line in enumerate(_lines(text), 1):
        where = f"{name}_scores.jsonl, line {number}"
        try:
            row = json.loads(line)
            consistency, realism, aesthetic = (row[aspect] for aspect in ASPECTS)
            if name == "spatio-temporal_reasoning":
                row["Subcategory"]
            rows.append((row, 0.7 * consistency + 0.2 * realism + 0.1 * aesthetic))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"{where} is no row of scores ({error!r}); score its picture anew") from error
        if FAILED in (consistency, realism, aesthetic):
            raise InputError(f"{where} holds a failed judgement, {FAILED}; judge its picture anew")
    if len(rows) < least:
        raise InputError(f"{name}_scores.jsonl holds {len(rows)} lines of at least {least}; score the rest")
    return rows


def _lmms_valid(results: Iterable[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """(category, score) of the entries that lmms-eval takes."""
    return [
        (str(result.get("category") or "unknown"), float(result["score"]))
        for result in results
        if isinstance(result, Mapping)
        and result.get("valid", True)
        and isinstance(result.get("score"), int | float)
    ]


def _lines(text: str) -> Iterator[str]:
    """Lines as a file opened as text gives them."""
    return iter(io.StringIO(text, newline=None))
