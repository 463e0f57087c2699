"""T2I-CompBench's folders: ``<dir>/[<category>/]samples/{prompt}_{number:06d}.png``.

Facts from upstream's GORS_finetune/inference_eval.py and its evaluators
(Karine-Huang/T2I-CompBench@8e6b07c): ten pictures a prompt, numbered through
the category's prompt file, so that ``number = prompt * 10 + k``; the prompt is
read back as what stands before the first ``_``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfreward_eval.harness.models.layouts.base import (
    SUFFIX,
    Claims,
    Layout,
    Picture,
    Place,
    canonical,
    folder_names,
    picture_names,
    printable,
    samples_of,
    utf8,
)
from selfreward_eval.harness.task import Task

PICTURE = re.compile(rf"(.+)_([0-9]+){SUFFIX}", re.DOTALL | re.IGNORECASE)
OVERVIEW = re.compile(rf".+-grid-[0-9]+{SUFFIX}", re.DOTALL | re.IGNORECASE)
"""Upstream's generator leaves one per prompt beside ``samples``; nobody asks for it."""

OFFICIAL_STRIDE = 10
"""Pictures per prompt upstream."""

SPLIT = "_val"
"""A category's folder may be called after its prompt file, such as ``color_val``."""


@dataclass(frozen=True)
class _Slot:
    """An item with its position in its category and in the whole task."""

    item_id: str
    text: str
    category: str
    in_category: int
    in_task: int


@dataclass(frozen=True)
class _Numbering:
    """How numbers run: ``position * stride + k``, the position within the category or the whole task."""

    stride: int
    whole_task: bool = False

    def first(self, slot: _Slot) -> int:
        """The number of the item's first picture."""
        return (slot.in_task if self.whole_task else slot.in_category) * self.stride


@dataclass(frozen=True)
class _Named:
    """A picture with what its name says."""

    folder: str
    prompt: str
    number: int
    picture: Picture


_Asked = tuple[_Named, list[_Slot]]
"""A picture and the items that it may answer, at least one."""


class CompBenchLayout(Layout):
    """Pictures named by prompt and running number.

    The prompt decides; a folder named like a category answers that category only. Among
    the pictures of one prompt the number gives k if all numbers of the folder follow
    ``prompt * pictures + k``; if they do not, k is the rank of the number, which is noted.

    Args:
        root: holds ``samples``, or a folder per category that holds one; resolved.
        outside: whether links may lead out of ``root``.

    Raises:
        InputError: a link leads out.
    """

    name = "t2i_compbench"

    def __init__(self, root: Path, outside: bool = False) -> None:
        self.stray = {}
        self._named: dict[str, list[_Named]] = {}
        for folder in ["", *(name for name in folder_names(root) if name != "samples")]:
            prefix = f"{folder}/" if folder else ""
            for file in picture_names(root / folder):
                if not OVERVIEW.fullmatch(file):
                    self.stray[printable(prefix + file)] = "it does not lie in a samples folder"
            for file, path in samples_of(root / folder, root, outside):
                match = PICTURE.fullmatch(file)
                shown = printable(f"{prefix}samples/{file}")
                if not match:
                    self.stray[shown] = "it is not named <prompt>_<number>.png"
                    continue
                prompt, number = canonical(match[1]), int(match[2])
                about = (utf8(folder), utf8(file), number)
                self._named.setdefault(folder, []).append(
                    _Named(folder, prompt, number, Picture(shown, about, path))
                )
        self.pictures = tuple(one.picture for group in self._named.values() for one in group)

    def claims(self, task: Task) -> Claims:
        """As the class says; what is left of a prompt's pictures when every place is taken is unused."""
        claims = Claims()
        m = task.info.images_per_item
        slots = _slots(task)
        by_text: dict[str, list[_Slot]] = {}
        for slot in slots:
            by_text.setdefault(canonical(slot.text), []).append(slot)
        names = {slot.category for slot in slots}
        categories = {folder: _category(folder, names) for folder in self._named}
        numberings: dict[str | None, _Numbering | None] = {}
        # Folders of a category first: what they hold is certainly meant for it.
        for folder in sorted(self._named, key=lambda name: (categories[name] is None, name)):
            category = categories[folder]
            asked: list[_Asked] = []
            for one in self._named[folder]:
                mine = [s for s in _of_prompt(one.prompt, by_text) if category in (None, s.category)]
                if mine:
                    asked.append((one, mine))
                else:
                    where = f" in the category {category}" if category else ""
                    claims.unused[one.picture.name] = f"no item{where} has this prompt"
            numbering, places = _places(asked, m)
            numberings.setdefault(category, numbering)
            if numbering is None:
                where = printable(f"{folder}/samples" if folder else "samples")
                claims.notes.append(
                    f"the numbers in {where} do not follow prompt * {m} + k; the pictures of a prompt were "
                    "taken in the order of their numbers"
                )
            for (one, _), place in zip(asked, places, strict=True):
                claims.take(place, one.picture, m)
        folders = {category: folder for folder, category in categories.items() if category}
        for slot in slots:
            numbering = numberings.get(slot.category, numberings.get(None, _Numbering(m)))
            folder = folders.get(slot.category, "" if "" in self._named else f"[{slot.category}]")
            where = f"{folder}/samples" if folder else "samples"
            for index in range(m):
                if (slot.item_id, index) not in claims.pictures:
                    number = f"{numbering.first(slot) + index:06d}" if numbering else "<number>"
                    claims.missing[slot.item_id, index] = f"{where}/{slot.text}_{number}.png"
        return claims


def _slots(task: Task) -> list[_Slot]:
    """Every item with its positions."""
    seen: Counter[str] = Counter()
    slots = []
    for position, item in enumerate(task.items()):
        slots.append(_Slot(item.id, item.text, item.category, seen[item.category], position))
        seen[item.category] += 1
    return slots


def _category(folder: str, categories: Collection[str]) -> str | None:
    """The category that a folder is named after, if any."""
    return next((name for name in (folder, folder.removesuffix(SPLIT)) if name in categories), None)


def _of_prompt(prompt: str, slots: Mapping[str, list[_Slot]]) -> list[_Slot]:
    """The items of a picture: by all before the number, else by upstream's rule, before the first ``_``."""
    return slots.get(prompt) or slots.get(canonical(prompt.split("_")[0]), [])


def _places(asked: Sequence[_Asked], m: int) -> tuple[_Numbering | None, list[Place]]:
    """A place for every picture, and the first numbering that all of them follow; without one, by rank."""
    for stride in dict.fromkeys((m, OFFICIAL_STRIDE)):
        # The first item alone fits any stride; upstream's has to show in another one.
        if stride != m and all(one.number < stride for one, _ in asked):
            continue
        for numbering in (_Numbering(stride), _Numbering(stride, whole_task=True)):
            places = [_by_number(one.number, mine, numbering) for one, mine in asked]
            if None not in places:
                return numbering, [place for place in places if place is not None]
    return None, _by_rank(asked, m)


def _by_number(number: int, slots: Sequence[_Slot], numbering: _Numbering) -> Place | None:
    """The place of ``number`` among the items of its text, if it is one of theirs."""
    for slot in slots:
        index = number - numbering.first(slot)
        if 0 <= index < numbering.stride:
            return slot.item_id, index
    return None


def _by_rank(asked: Sequence[_Asked], m: int) -> list[Place]:
    """A place for every picture by its rank among its prompt's: the first m for the first item, and so on."""
    places: dict[int, Place] = {}
    ranks: Counter[str] = Counter()
    for position in sorted(range(len(asked)), key=lambda k: asked[k][0].number):
        slots = asked[position][1]
        rank = ranks[slots[0].item_id]
        ranks[slots[0].item_id] += 1
        slot = min(rank // m, len(slots) - 1)
        places[position] = (slots[slot].item_id, rank - slot * m)
    return [places[position] for position in range(len(asked))]
