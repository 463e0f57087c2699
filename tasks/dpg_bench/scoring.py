"""From answers to scores: one picture, one image of several pictures, and the categories of questions.

>>> questions = Questions({1: "a?", 2: "b?"}, {1: (0,), 2: (1,)}, {1: "entity - whole (a)", 2: "global - ()"})
>>> official_picture(questions, {1: "no", 2: "yes"})
PictureScore(raw={1: 0.0, 2: 1.0}, kept={1: 0.0, 2: 0.0})

Source: TencentQQGYLab/ELLA at 3c228f1, ``dpg_bench/compute_dpg_bench.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, nan
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.dpg_bench.table import NO_PARENT, Questions

YES = "yes"

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, far edges exclusive."""


@dataclass(frozen=True)
class PictureScore:
    """One picture's questions, by number.

    Attributes:
        raw: 1 for a yes, else 0.
        kept: the same, and 0 for a question whose parent was not answered yes.
    """

    raw: dict[int, float]
    kept: dict[int, float]

    @property
    def score(self) -> float:
        """The mean over the questions, in [0, 1]."""
        return sum(self.kept.values()) / len(self.kept)


@dataclass
class OfficialRun:
    """What upstream's program prints, by one process.

    Attributes:
        images: file -> the scores of its pictures and their mean.
        failed: files that it reports as failed, in the order of their names.
        categories: L2 category -> the raw answers of the last picture of every image.
    """

    images: dict[str, tuple[list[float], float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    categories: dict[str, list[float]] = field(default_factory=dict)

    def score(self) -> float:
        """100 x the mean over images; NaN without any."""
        return percent([average for _, average in self.images.values()])

    def broad(self) -> dict[str, float]:
        """L1 category -> 100 x the mean over its answers."""
        return {name: percent(scores) for name, scores in merged(self.categories).items()}

    def detailed(self) -> dict[str, float]:
        """L2 category -> 100 x the mean over its answers."""
        return {name: percent(scores) for name, scores in self.categories.items()}


def official_picture(questions: Questions, answers: Mapping[int, Any]) -> PictureScore:
    """Upstream's rule: only the text ``yes`` is a yes, and zeros are passed on in the order of the file.

    A zero reaches a grandchild only if the child stands before it; the first parent without a yes ends the
    search, so that a missing one behind it does no harm.

    Raises:
        InputError: an answer that is no text, or a parent that does not exist; upstream's image is lost.
    """
    if not questions.texts:
        raise InputError("a picture without questions has no score; replace the question file")
    for number in questions.texts:
        if not isinstance(answers.get(number), str):
            raise InputError(f"question {number} has no answer; ask it again")
    return official_rule(questions, {number: float(answers[number] == YES) for number in questions.texts})


def official_rule(questions: Questions, raw: Mapping[int, float]) -> PictureScore:
    """The same from 1 and 0 in place of answers."""
    kept = dict(raw)
    for number, parents in questions.parents.items():
        for parent in parents:
            if parent == NO_PARENT:
                continue
            if parent not in kept:
                raise InputError(f"question {number} depends on {parent}, which does not exist")
            if kept[parent] == 0:
                kept[number] = 0.0
                break
    return PictureScore(dict(raw), kept)


def windows(resolution: int | None, pictures: int) -> list[Window]:
    """Upstream's windows into one image file, by rows: the first ``pictures`` of four.

    Raises:
        InputError: no resolution is given, or no window is left; upstream's images all fail.
    """
    if isinstance(resolution, bool) or not isinstance(resolution, int):
        raise InputError(f"the resolution of one picture is {resolution!r}; give its side in pixels")
    r = resolution
    corners = [(0, 0), (r, 0), (0, r), (r, r)][:pictures]
    if not corners:
        raise InputError(f"{pictures} pictures of an image are none; score at least one")
    return [(x, y, x + r, y + r) for x, y in corners]


def official_image(
    name: str,
    items: Mapping[Any, Questions],
    answers: Sequence[Mapping[int, Any]],
    resolution: int | None,
    pictures: int,
) -> list[PictureScore]:
    """The pictures of one image file.

    Args:
        name: of the file; the item's id is all before its first dot.
        items: from :func:`selfreward_eval.tasks.dpg_bench.table.official_questions`.
        answers: question number -> answer, of every picture.
        resolution: side of one picture.
        pictures: how many windows are read.

    Raises:
        InputError: nothing is known of the file, or a picture cannot be scored; the image is lost.
    """
    needed = windows(resolution, pictures)
    key = name.split(".")[0]
    if key not in items:
        raise InputError(f"there are no questions for {name!r}; name the picture by its item's id")
    if len(answers) < len(needed):
        raise InputError(f"{name!r} has answers for {len(answers)} pictures, not for {len(needed)}")
    return [official_picture(items[key], given) for given in answers[: len(needed)]]


def official_run(
    items: Mapping[Any, Questions],
    answers: Mapping[str, Sequence[Mapping[int, Any]]],
    resolution: int | None,
    pictures: int,
) -> OfficialRun:
    """Upstream's whole program on a folder of files, in the order of their names.

    Args:
        items: as in :func:`official_image`.
        answers: file -> the answers of its pictures.
        resolution: side of one picture.
        pictures: how many windows are read.
    """
    result = OfficialRun()
    for name in sorted(answers):
        try:
            scored = official_image(name, items, answers[name], resolution, pictures)
        except InputError:
            result.failed.append(name)
            continue
        scores = [picture.score for picture in scored]
        result.images[name] = (scores, sum(scores) / len(scores))
        for number, labelled in items[name.split(".")[0]].tuples.items():
            if not isinstance(labelled, str):
                # Upstream reports the image as failed, but keeps what it has counted so far.
                result.failed.append(name)
                break
            result.categories.setdefault(category(labelled), []).append(scored[-1].raw[number])
    return result


def category(labelled: str) -> str:
    """The L2 category of a tuple.

    >>> category("relation - non-spatial (fox, box, by)")
    'relation - non-spatial'
    """
    return labelled.split("(")[0].strip()


def broad_category(detailed: str) -> str:
    """The L1 category of an L2 category.

    >>> broad_category("relation - non-spatial")
    'relation'
    """
    return detailed.split("-")[0].strip()


def merged(categories: Mapping[str, Iterable[float]]) -> dict[str, list[float]]:
    """L1 category -> the answers of its L2 categories."""
    pools: dict[str, list[float]] = {}
    for name, scores in categories.items():
        pools.setdefault(broad_category(name), []).extend(scores)
    return pools


def percent(scores: Sequence[float]) -> float:
    """100 x the mean; NaN of nothing."""
    return 100 * fsum(scores) / len(scores) if scores else nan
