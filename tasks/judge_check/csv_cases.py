"""Cases from human labels in a CSV file: our plain format, or GenEval's annotations.

Plain: the columns ``image`` (a path below the folder of pictures), ``question`` and ``label`` (0, 0.5 or
1), and optionally ``criterion`` and ``category``. The questions of one image are asked together.

GenEval's annotations (djghosh13/geneval, ``annotations/annotations_*.csv``) have one row per picture and
annotator with counts and colours of at most two objects. They become questions about the presence of an
object, about its number if the caption names one, and about its colour if the caption names one. The label
is the majority of the annotators; a question without a majority is left out. Pictures are expected in
upstream's layout: ``<prompt, five digits>/samples/<picture, five digits>.png``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.user_files.pictures import read_rgb_file
from selfreward_eval.tasks.judge_check.cases import Case, Labelled
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion

Row = Mapping[str, str]

PLAIN = ("image", "question", "label")
ANNOTATED = ("Input.prompt_id", "Input.image_id", "Input.caption", "Input.object_0_name")
CRITERION = "1: yes; 0.5: partly, or it cannot be told; 0: no."
TRUTHS = {"0": 0.0, "0.0": 0.0, "0.5": 0.5, "1": 1.0, "1.0": 1.0}
COUNTS = {"two": 2, "three": 3, "four": 4}
COLOURS = "red|orange|yellow|green|blue|purple|pink|brown|black|white|gray"


@dataclass(frozen=True)
class Labels:
    """The content of a label file.

    Attributes:
        cases: pictures with labelled questions.
        notes: what was left out of the file, in words.
    """

    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()


def csv_cases(path: Path, images: Path, limit: int | None = None) -> Labels:
    """The cases of a file of labels.

    Args:
        path: the CSV.
        images: folder of the pictures; a missing picture is still a case, with its own status.
        limit: number of pictures, taken evenly over the file; None for all.

    Raises:
        InputError: the file cannot be read, lacks a column, or a row is damaged; the message names it.
        UsageError: there is no such folder.
    """
    if not images.is_dir():
        raise UsageError(f"there is no folder of pictures at {images}; give one with --images")
    notes: list[str] = []
    rows, columns = _rows(path)
    if all(name in columns for name in PLAIN):
        cases = _plain(path, rows, images)
    elif all(name in columns for name in ANNOTATED):
        cases, notes = _annotated(path, rows, images)
    else:
        raise InputError(
            f"{path} holds no labels: it needs the columns {', '.join(PLAIN)}, or those of GenEval's "
            "annotations"
        )
    if not cases:
        raise InputError(f"{path} holds no labelled picture; give another file as --cases")
    if limit is not None and limit < len(cases):
        cases = [cases[k * len(cases) // limit] for k in range(limit)]
    return Labels(tuple(cases), tuple(notes))


def _rows(path: Path) -> tuple[list[tuple[int, Row]], Sequence[str]]:
    """(line number, row) of every full row, and the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows: list[tuple[int, Row]] = [(reader.line_num, row) for row in reader]
            return rows, list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the labels {path} cannot be read ({error}); give a CSV in UTF-8") from error


def _plain(path: Path, rows: Sequence[tuple[int, Row]], images: Path) -> list[Case]:
    by_image: dict[str, list[Labelled]] = {}
    for number, row in rows:
        label, name = row["label"].strip(), row["image"].strip()
        if label not in TRUTHS:
            raise InputError(
                f"{path}, line {number}: the label {label!r} is none of 0, 0.5 and 1; correct it"
            )
        if not name or not row["question"].strip():
            raise InputError(f"{path}, line {number} lacks an image or a question; complete it")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}, line {number}: {name!r} is outside the folder of pictures; correct it")
        question = JudgeQuestion(row["question"].strip(), row.get("criterion", "").strip() or CRITERION)
        category = row.get("category", "").strip() or "all"
        by_image.setdefault(name, []).append(Labelled(question, TRUTHS[label], category))
    return [
        Case(name, tuple(questions), partial(read_rgb_file, images / name), {})
        for name, questions in by_image.items()
    ]


def _annotated(path: Path, rows: Sequence[tuple[int, Row]], images: Path) -> tuple[list[Case], list[str]]:
    by_picture: dict[tuple[int, int], list[Row]] = {}
    cut_rows: list[int] = []
    for number, row in rows:
        try:
            key = int(row["Input.prompt_id"]), int(row["Input.image_id"])
        except ValueError:
            # Upstream's if-xl file has answers that contain a line break, which splits their row in two.
            cut_rows.append(number)
            continue
        if not row["Input.caption"] or not row["Input.object_0_name"]:
            raise InputError(f"{path}, line {number} names no caption or object; replace the file")
        by_picture.setdefault(key, []).append(row)
    cases, without_majority = [], 0
    for (prompt, picture), answers in by_picture.items():
        questions = _questions(answers)
        agreed = tuple(question for question in questions if question is not None)
        without_majority += len(questions) - len(agreed)
        if agreed:
            file = images / f"{prompt:05d}" / "samples" / f"{picture:05d}.png"
            cases.append(Case(f"{prompt}_{picture}", agreed, partial(read_rgb_file, file), {}))
    notes = []
    if cut_rows:
        where = ", ".join(map(str, cut_rows[:8]))
        notes.append(f"{path.name}: rows that are no annotation were left out (lines {where})")
    if without_majority:
        notes.append(
            f"{path.name}: {without_majority} questions were left out because no answer has a majority"
        )
    return cases, notes


def _questions(answers: Sequence[Row]) -> list[Labelled | None]:
    """Questions with labels from the annotators' rows about one picture; None where no majority exists."""
    caption = answers[0]["Input.caption"]
    questions: list[Labelled | None] = []
    for k in (0, 1):
        name = answers[0][f"Input.object_{k}_name"]
        if not name:
            continue
        plural = answers[0].get(f"Input.object_{k}_name_plural") or f"{name}s"
        counts = [_count(row.get(f"Answer.task-count-{k}", "")) for row in answers]
        counts_given = [count for count in counts if count is not None]
        existence = f"Is there a {name} in the picture?"
        questions.append(_majority(existence, "object", [count > 0 for count in counts_given]))
        counted_objects = re.fullmatch(rf"a photo of ({'|'.join(COUNTS)}) {re.escape(plural)}", caption)
        if counted_objects:
            number_question = f"Are there exactly {counted_objects[1]} {plural} in the picture?"
            questions.append(
                _majority(
                    number_question, "number", [count == COUNTS[counted_objects[1]] for count in counts_given]
                )
            )
        coloured_object = re.search(rf"\ban? ({COLOURS}) {re.escape(name)}\b", caption)
        if coloured_object:
            colours_named = [row.get(f"Answer.task-color-{k}", "").split("|") for row in answers]
            votes = [
                bool(count) and coloured_object[1] in names
                for count, names in zip(counts, colours_named, strict=True)
                if count is not None
            ]
            questions.append(
                _majority(f"Is there a {coloured_object[1]} {name} in the picture?", "colour", votes)
            )
    return questions


def _count(text: str | None) -> int | None:
    """An annotator's count; None if none was given."""
    try:
        return int(float(text or ""))
    except (ValueError, OverflowError):
        return None


def _majority(question: str, category: str, votes: Sequence[bool]) -> Labelled | None:
    """The question with the majority's label; None on a tie or without votes."""
    yes = sum(votes)
    if 2 * yes == len(votes):
        return None
    return Labelled(JudgeQuestion(question, CRITERION), float(2 * yes > len(votes)), category)
