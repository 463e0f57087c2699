"""The question file, read as upstream does by pandas, and strictly.

One row per question (an invented one)::

    item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_...
    7,A fox in a red hat.,fox,2,1,attribute,color,"attribute - color (hat, red)",Is the hat red?

Upstream skips the first row, takes whatever types pandas guesses per column, and lets a later block of an
item's rows replace an earlier one.

Source: TencentQQGYLab/ELLA at 3c228f1, ``dpg_bench/compute_dpg_bench.py``; pandas 3.1 and 2.2.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from selfreward_eval.harness.errors import InputError

COLUMNS = ("item_id", "proposition_id", "dependency", "tuple", "question_natural_language")
"""The columns that are read."""

NO_PARENT = 0
"""In place of a parent's number."""

WAY_OUT = "replace it by the official file"

_WITHOUT_SPACES = "#N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null"
MISSING = frozenset(["", "#N/A N/A", *_WITHOUT_SPACES.split()])
"""Texts that pandas reads as no value."""

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*", re.ASCII)
_INFINITE = re.compile(r"\s*[+-]?inf(?:inity)?\s*", re.ASCII | re.IGNORECASE)
_TRUE, _FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")


@dataclass
class Questions:
    """What is asked about one item; every mapping is question number -> value, in the order of asking.

    Attributes:
        texts: the questions.
        parents: the questions that must be answered yes for this one to count; 0 for none.
        tuples: the category with its arguments, such as ``entity - whole (fox)``; NaN, or another number, if
            upstream reads no text.
    """

    texts: dict[int, str] = field(default_factory=dict)
    parents: dict[int, tuple[int, ...]] = field(default_factory=dict)
    tuples: dict[int, Any] = field(default_factory=dict)

    def add(self, number: int, text: str, parents: tuple[int, ...], labelled: Any) -> None:
        """One more question, or another one in the place of the same number."""
        self.texts[number], self.parents[number], self.tuples[number] = text, parents, labelled


def official_questions(text: str) -> dict[Any, Questions]:
    """Item id -> its questions, as upstream reads them: an id is a text, unless all of them are numbers.

    Raises:
        InputError: the file, or a field that upstream needs, is damaged; upstream's run ends there.
    """
    items: dict[Any, Questions] = {}
    previous: Any = ""
    for line, (item, number, dependency, labelled, question) in _typed_rows(text):
        if line == 0:
            continue
        where = f"the question file, row {line + 1}"
        if not isinstance(dependency, str) or not isinstance(question, str):
            raise InputError(f"{where} has no text as its dependency or question; {WAY_OUT}")
        try:
            parents = tuple(int(part.strip()) for part in dependency.split(","))
            key = int(number)
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(f"{where} has no number where one is needed ({error}); {WAY_OUT}") from error
        if item != previous:
            items[item] = Questions()
        items[item].add(key, question, parents, labelled)
        previous = item
    return items


def strict_questions(text: str) -> dict[str, Questions]:
    """Item id -> its questions, with every row and all fields as texts, parents before their children.

    Raises:
        InputError: an empty field, a number that is none, a question number used twice, a parent that does
            not exist, or a cycle.
    """
    items: dict[str, Questions] = {}
    for line, row in enumerate(_rows(text), 1):
        where = f"the question file, row {line}"
        fields = [(value or "").strip() for value in row]
        if empty := [name for name, value in zip(COLUMNS, fields, strict=True) if not value]:
            raise InputError(f"{where} has nothing as its {empty[0]}; {WAY_OUT}")
        item, number, dependency, labelled, question = fields
        try:
            parents = tuple(int(part) for part in dependency.split(","))
            key = int(number)
        except ValueError as error:
            raise InputError(f"{where} has no number where one is needed ({error}); {WAY_OUT}") from error
        questions = items.setdefault(item, Questions())
        if key in questions.texts:
            raise InputError(f"{where} is a second question {key} of item {item!r}; {WAY_OUT}")
        questions.add(key, question, tuple(one for one in parents if one != NO_PARENT), labelled)
    return {item: _ordered(item, questions) for item, questions in items.items()}


def _ordered(item: str, questions: Questions) -> Questions:
    """The same with every question behind its parents, else in file order."""
    ordered, left = Questions(), list(questions.texts)
    for number, parents in questions.parents.items():
        if lacking := [one for one in parents if one not in questions.texts]:
            raise InputError(
                f"question {number} of item {item!r} depends on {lacking[0]}, which does not exist; {WAY_OUT}"
            )
    while left:
        ready = [number for number in left if all(one in ordered.texts for one in questions.parents[number])]
        if not ready:
            raise InputError(f"questions {left} of item {item!r} depend on each other; {WAY_OUT}")
        for number in ready:
            ordered.add(number, questions.texts[number], questions.parents[number], questions.tuples[number])
        left = [number for number in left if number not in ordered.texts]
    return ordered


def _rows(text: str) -> Iterator[list[str | None]]:
    """The values of :data:`COLUMNS` in every row; None where a row is too short."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        lines = [line for line in reader if line and not (len(line) == 1 and not line[0].strip(" \t"))]
    except csv.Error as error:
        raise InputError(f"the question file is no CSV ({error}); {WAY_OUT}") from error
    if not lines:
        raise InputError(f"the question file is empty; {WAY_OUT}")
    header = lines[0]
    if lacking := [name for name in COLUMNS if name not in header]:
        raise InputError(f"the question file has no column {lacking[0]}; {WAY_OUT}")
    places = [header.index(name) for name in COLUMNS]
    for number, line in enumerate(lines[1:], 1):
        if len(line) > len(header):
            raise InputError(f"the question file, row {number} has {len(line)} fields; {WAY_OUT}")
        yield [line[place] if place < len(line) else None for place in places]


def _typed_rows(text: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Rows from 0 on with the types that pandas guesses for each column as a whole."""
    columns = zip(*_rows(text), strict=True)
    return enumerate(zip(*[_typed(column) for column in columns], strict=True))


def _typed(column: Sequence[str | None]) -> list[Any]:
    """One column: integers, floats, booleans or texts, with NaN where there is no value."""
    values = [None if value is None or value in MISSING else value for value in column]
    given = [value for value in values if value is not None]
    if not given:
        return [nan] * len(values)
    if all(_INTEGER.fullmatch(value) for value in given):
        kind: Any = int if len(given) == len(values) else float
        return [nan if value is None else kind(value) for value in values]
    if all(_NUMBER.fullmatch(value) or _INFINITE.fullmatch(value) for value in given):
        return [nan if value is None else float(value) for value in values]
    if all(value in _TRUE or value in _FALSE for value in given):
        return [nan if value is None else value in _TRUE for value in values]
    return [nan if value is None else value for value in values]
