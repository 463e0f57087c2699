"""The official GenEval decision as pure functions over detections.

Names follow upstream's metadata, so that the same functions score any
vocabulary. A row lists the classes, counts, colours and relations that a picture
must show. ``candidates`` holds the detections. A callable returns the colour of
an object when a clause asks for it.

>>> from selfreward_eval.harness.instruments.base import Detection
>>> row = {"tag": "counting", "include": [{"class": "cup", "count": 1}],
...        "exclude": [{"class": "cup", "count": 2}], "prompt": "a photo of one cup"}
>>> cups = [Detection("cup", (0, 0, 9, 9), 0.95), Detection("cup", (20, 0, 29, 9), 0.92)]
>>> evaluate(row, {"cup": cups}, lambda name, objects: ["red"] * len(objects)).reason
'expected cup<2, found 2'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.geneval.geometry import compute_iou, relative_position
from selfreward_eval.tasks.geneval.options import COLOURS, OFFICIAL, Options

Row = Mapping[str, Any]
"""A line of ``evaluation_metadata.jsonl``, or one of its clauses."""

ColourLookup = Callable[[str, Sequence[Detection]], Sequence[str]]
"""(class name, objects of it) -> the colour of each object."""


@dataclass(frozen=True)
class Decision:
    """The official decision on one picture.

    Attributes:
        correct: whether every clause of the row holds.
        reason: one line per clause that does not hold, in upstream's words; empty if correct.
        kept: class -> the objects that count, best first; classes without any are left out.
        colours: class -> colours of its first objects, for classes that a clause asked about.
        classified: how many objects had their colour named.
    """

    correct: bool
    reason: str
    kept: dict[str, list[Detection]]
    colours: dict[str, list[str]]
    classified: int


def keep(candidates: Sequence[Detection], threshold: float, options: Options = OFFICIAL) -> list[Detection]:
    """The objects of one class that count, best first.

    Score strictly above ``threshold`` (compared in float32), then the best ``max_objects``, then
    greedy removal of overlaps. Of equal scores the later candidate comes first: upstream reverses
    an ascending sort. The sort here is stable, which upstream's is only for up to 16 candidates on
    some processors; a decision must not depend on the machine.
    """
    scores = np.asarray([candidate.score for candidate in candidates], dtype=np.float32)
    order = np.argsort(scores, kind="stable")[::-1]
    order = order[scores[order] > np.float32(threshold)][: options.max_objects]
    waiting = [candidates[i] for i in order]
    kept: list[Detection] = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        if options.max_overlap != 1:
            limit = np.float32(options.max_overlap)
            waiting = [other for other in waiting if np.float32(compute_iou(best.box, other.box)) < limit]
    return kept


def evaluate(
    metadata: Row,
    candidates: Mapping[str, Sequence[Detection]],
    colour_of: ColourLookup,
    *,
    colours: Sequence[str] = COLOURS,
    options: Options = OFFICIAL,
) -> Decision:
    """The decision on one picture.

    A clause considers only the best ``count`` objects of its class: if one red cup is asked for and
    the best cup is green, a second, red cup does not count. ``colour_of`` is called only for
    clauses that name a colour and have enough objects.

    Args:
        metadata: upstream's row: ``tag``, ``include``, optionally ``exclude``.
        candidates: class name -> everything the detector offered, unthresholded.
        colour_of: names colours, each one of ``colours``.
        colours: order in which found colours are listed in reasons.
        options: thresholds.

    Raises:
        InputError: the row lacks a key, holds a value of another type, or points at a clause that does not
            come before. Upstream fails on the same rows.
    """
    _require_row(metadata)
    threshold = options.threshold_for(metadata["tag"])
    kept = {name: keep(objects, threshold, options) for name, objects in candidates.items()}
    kept = {name: objects for name, objects in kept.items() if objects}
    checker = _ClauseChecker(metadata, kept, colour_of, colours, options)
    reasons = checker.include() + checker.exclude()
    return Decision(not reasons, "\n".join(reasons), kept, checker.seen, checker.classified)


class _ClauseChecker:
    """Checks the clauses of one row in order; keeps what later clauses and the record need."""

    def __init__(
        self,
        row: Row,
        kept: Mapping[str, list[Detection]],
        colour_of: ColourLookup,
        colours: Sequence[str],
        options: Options,
    ) -> None:
        self.row, self.kept, self.options = row, kept, options
        self.colour_of, self.colours = colour_of, colours
        self.matched: list[list[Detection] | None] = []
        self.seen: dict[str, list[str]] = {}
        self.classified = 0

    def include(self) -> list[str]:
        """Why ``include`` clauses fail. A failed clause has no objects that later clauses can refer to."""
        complaints = []
        for clause in self.row.get("include", ()):
            name, count = _asked(clause, self.row)
            objects = self.kept.get(name, [])[:count]
            complaint = self._complaint(clause, objects)
            self.matched.append(None if complaint else objects)
            complaints += [complaint] if complaint else []
        return complaints

    def exclude(self) -> list[str]:
        """Why ``exclude`` clauses fail; here all kept objects count, not only the best ``count``."""
        complaints = []
        for clause in self.row.get("exclude", ()):
            name, count = _asked(clause, self.row)
            number = len(self.kept.get(name, []))
            if count < 1:
                raise InputError(
                    f"the row {self.row.get('prompt', '?')!r} excludes {count} of {name!r}, which no picture "
                    "can lack; correct the row"
                )
            if number >= count:
                complaints.append(f"expected {name}<{count}, found {number}")
        return complaints

    def _complaint(self, clause: Row, objects: list[Detection]) -> str | None:
        """Why ``objects`` do not satisfy an include clause: number first, then colour, then position."""
        name, count = clause["class"], clause["count"]
        if len(objects) < count:
            return f"expected {name}>={count}, found {len(objects)}"
        wrong = self._colour_complaint(clause, objects) if "color" in clause else None
        if wrong is None and "position" in clause:
            wrong = self._position_complaint(clause, objects)
        return wrong

    def _colour_complaint(self, clause: Row, objects: list[Detection]) -> str | None:
        name, count, wanted = clause["class"], clause["count"], clause["color"]
        colours_seen = list(self.colour_of(name, objects))
        self.classified += len(colours_seen)
        if len(colours_seen) > len(self.seen.get(name, [])):
            self.seen[name] = colours_seen
        right = colours_seen.count(wanted)
        if right >= count:
            return None
        listed = ", ".join(
            f"{colours_seen.count(colour)} {colour}" for colour in self.colours if colour in colours_seen
        )
        return f"expected {wanted} {name}>={count}, found {right} {wanted}; and {listed}"

    def _position_complaint(self, clause: Row, objects: list[Detection]) -> str | None:
        name = clause["class"]
        try:
            relation, index = clause["position"]
            targets = self.matched[index]
            if not isinstance(relation, str):
                raise TypeError("a relation is a text")
        except (IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"position {clause['position']!r} of {name!r} in {self._prompt()} does not name a relation "
                "and the number of an earlier include clause; correct the row"
            ) from error
        if targets is None:
            return f"no target for {name} to be {relation}"
        for subject in objects:
            for target in targets:
                relations = relative_position(subject.box, target.box, self.options.position_threshold)
                if relation not in relations:
                    return f"expected {name} {relation} target, found {' and '.join(relations)} target"
        return None

    def _prompt(self) -> str:
        return f"the row {self.row.get('prompt', '?')!r}"


def _require_row(row: Row) -> None:
    """Returns if ``row`` has what upstream reads of every row, whatever its clauses say."""
    if not isinstance(row, Mapping):
        raise InputError(f"{row!r} is no row of GenEval's metadata; correct it")
    _get(row, "tag", row)
    for key in ("include", "exclude"):
        if not isinstance(row.get(key, []), list | tuple):
            raise InputError(
                f"the row {row.get('prompt', '?')!r} has {row[key]!r} as {key!r}, which is no list of clauses"
                "; correct the row"
            )


def _asked(clause: Row, row: Row) -> tuple[str, int]:
    """Class and number of a clause."""
    name, count = _get(clause, "class", row), _get(clause, "count", row)
    if not isinstance(name, str) or not isinstance(count, int):
        raise InputError(
            f"the row {row.get('prompt', '?')!r} asks for {count!r} of {name!r}; a clause needs a class "
            "name and a whole number; correct the row"
        )
    return name, count


def _get(part: Row, key: str, row: Row) -> Any:
    """A required key of a row or clause."""
    try:
        return part[key]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"the row {row.get('prompt', '?')!r} lacks {key!r} in {part!r}; correct the row"
        ) from error
