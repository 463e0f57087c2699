"""Pictures named by their item's id: ``<dir>/<id>.png``, and ``<dir>/<id>_<k>.png`` for several.

WISE's own evaluator reads the first form (PKU-YuanGroup/WISE at eb51174, ``vllm_eval.py``). Any folder of
pictures would fit, so this layout is never guessed: it has to be asked for.
"""

from __future__ import annotations

import re
from pathlib import Path

from selfreward_eval.harness.models.layouts.base import (
    SUFFIX,
    Claims,
    Layout,
    Picture,
    Place,
    guarded,
    picture_names,
    printable,
    utf8,
)
from selfreward_eval.harness.task import Task

PICTURE = re.compile(rf"(.+){SUFFIX}", re.DOTALL | re.IGNORECASE)
NUMBERED = re.compile(r"(.+)_([0-9]{1,9})", re.DOTALL)


class IdsLayout(Layout):
    """Pictures named by item id and number.

    A name that is an item's id is its picture 0; else what stands behind the last ``_`` is the number.

    Args:
        root: holds the pictures; resolved.
        outside: whether links may lead out of ``root``.

    Raises:
        InputError: a link leads out.
    """

    name = "ids"

    def __init__(self, root: Path, outside: bool = False) -> None:
        self.stray: dict[str, str] = {}
        self._stems: dict[str, Picture] = {}
        for file in picture_names(root):
            match = PICTURE.fullmatch(file)
            stem, shown = utf8(match[1]) if match else "", printable(file)
            if not stem or stem in self._stems:
                other = f"{self._stems[stem].name} has its name" if stem else "it has no name"
                self.stray[shown] = other
            else:
                self._stems[stem] = Picture(shown, (utf8(file),), guarded(root / file, root, outside))
        self.pictures = tuple(self._stems.values())

    def claims(self, task: Task) -> Claims:
        """As the class says."""
        claims = Claims()
        m = task.info.images_per_item
        ids = {item.id for item in task.items()}
        for stem, picture in self._stems.items():
            place = _place(stem, ids)
            if place is None:
                claims.unused[picture.name] = "no item has this id"
            else:
                claims.take(place, picture, m)
        for item in task.items():
            for index in range(m):
                if (item.id, index) not in claims.pictures:
                    claims.missing[item.id, index] = f"{item.id}_{index}.png" if m > 1 else f"{item.id}.png"
        return claims


def _place(stem: str, ids: set[str]) -> Place | None:
    if stem in ids:
        return stem, 0
    match = NUMBERED.fullmatch(stem)
    return (match[1], int(match[2])) if match and match[1] in ids else None
