"""GenEval's folders: ``<dir>/00000/metadata.jsonl`` beside ``<dir>/00000/samples/00000.png`` and so on.

Facts from upstream's evaluation/evaluate_images.py and
generation/diffusers_generate.py (djghosh13/geneval@16f1681): folders are named
by digits, pictures match ``\\d+\\.png`` and are numbered from 0, and the prompt
is the one in ``metadata.jsonl``, not the folder's number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.layouts.base import (
    SUFFIX,
    Claims,
    Layout,
    Picture,
    canonical,
    folder_names,
    guarded,
    picture_names,
    printable,
    samples_of,
)
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.user_files.text_files import parse_json, read_text

FOLDER = re.compile(r"[0-9]+")
PICTURE = re.compile(rf"([0-9]+){SUFFIX}", re.IGNORECASE)
"""Upstream reads ``.png`` alone; other kinds are taken too, which is noted."""

OVERVIEW = re.compile(rf"grid{SUFFIX}", re.IGNORECASE)
"""Upstream's generator leaves one in every prompt's folder; nobody asks for it."""

ASKED_FOR = ("tag", "include", "exclude")
"""The keys of a row that decide a verdict."""


@dataclass(frozen=True)
class _Folder:
    """One prompt's folder; ``row`` is None where it has no metadata."""

    name: str
    row: dict[str, Any] | None
    pictures: tuple[tuple[int, Picture], ...]

    @property
    def prompt(self) -> str | None:
        return None if self.row is None else canonical(str(self.row["prompt"]))


class GenEvalLayout(Layout):
    """Pictures in GenEval's official folders.

    A folder answers the item whose text is its metadata's prompt. If no item has that
    text, it answers the item of its own number, provided that its metadata asks for the
    same objects: a rewritten prompt, which is noted. Without metadata the number decides,
    which is noted too. Folders of one prompt with one picture each are the pictures of one
    item, in the order of the folders: whoever draws one picture a prompt lists it several times.

    Args:
        root: holds the numbered folders; resolved.
        outside: whether links may lead out of ``root``.

    Raises:
        InputError: a metadata file is damaged, or a link leads out.
    """

    name = "geneval"

    def __init__(self, root: Path, outside: bool = False) -> None:
        self.stray = {
            printable(name): "it lies in no <number>/samples folder" for name in picture_names(root)
        }
        self._folders: list[_Folder] = []
        for name in folder_names(root):
            numbered = FOLDER.fullmatch(name) is not None
            for file in picture_names(root / name):
                if not (numbered and OVERVIEW.fullmatch(file)):
                    self.stray[printable(f"{name}/{file}")] = "it does not lie in a samples folder"
            if numbered:
                self._folders.append(self._read(name, root, outside))
            else:
                for file, _ in samples_of(root / name, root, outside):
                    self.stray[printable(f"{name}/samples/{file}")] = "its folder is not named by a number"
        self.pictures = tuple(picture for folder in self._folders for _, picture in folder.pictures)

    def _read(self, name: str, root: Path, outside: bool) -> _Folder:
        """The folder ``name``, its pictures by number."""
        row = _row(root / name / "metadata.jsonl", root, outside)
        asked = None if row is None else json.dumps(row, sort_keys=True)
        ranked = []
        for file, path in samples_of(root / name, root, outside):
            match = PICTURE.fullmatch(file)
            shown = printable(f"{name}/samples/{file}")
            if not match:
                self.stray[shown] = "it is not named <number>.png"
                continue
            number = int(match[1])
            # The official five digits first: 0.png claims the same place as 00000.png.
            rank = (number, file != f"{number:05d}.png", file)
            ranked.append((rank, Picture(shown, (name, asked, file, number), path)))
        ranked.sort(key=lambda one: one[0])
        return _Folder(name, row, tuple((rank[0], picture) for rank, picture in ranked))

    def claims(self, task: Task) -> Claims:
        """As the class says; two folders of one prompt answer two items of that text, in order."""
        claims = Claims()
        m = task.info.images_per_item
        answered: dict[str, _Folder] = {}
        by_text: dict[str, list[Item]] = {}
        by_number: dict[int, Item] = {}
        for item in task.items():
            by_text.setdefault(canonical(item.text), []).append(item)
            if FOLDER.fullmatch(item.id):
                by_number.setdefault(int(item.id), item)

        def assign(folder: _Folder, item: Item) -> None:
            answered[item.id] = folder
            for number, picture in folder.pictures:
                claims.take((item.id, number), picture, m)

        others: list[_Folder] = []
        for folder in self._folders:
            own = by_number.get(int(folder.name))
            if own is not None and own.id not in answered and canonical(own.text) == folder.prompt:
                assign(folder, own)
            else:
                others.append(folder)
        unverified: list[str] = []
        rewritten: list[str] = []
        repeated: dict[str, list[_Folder]] = {}
        for folder in others:
            same = by_text.get(folder.prompt, []) if folder.prompt is not None else []
            choice = next((one for one in same if one.id not in answered), None)
            own = by_number.get(int(folder.name))
            if not same and own is not None and own.id not in answered:
                if folder.row is None:
                    unverified.append(folder.name)
                    choice = own
                elif _asks_for_the_same(folder.row, own.metadata):
                    rewritten.append(folder.name)
                    choice = own
            if choice is not None:
                assign(folder, choice)
            elif folder.prompt is not None and all(one.id in answered for one in same) and same:
                repeated.setdefault(folder.prompt, []).append(folder)
            else:
                claims.unused |= dict.fromkeys((one.name for _, one in folder.pictures), _why(folder))
        split = sum(
            _one_each(folders, [answered[item.id] for item in by_text[prompt]], by_text[prompt], claims, m)
            for prompt, folders in repeated.items()
        )
        for item in task.items():
            name = answered[item.id].name if item.id in answered else item.id
            where = f"{name}/samples" if FOLDER.fullmatch(name) else "a folder with this prompt, samples"
            for index in range(m):
                if (item.id, index) not in claims.pictures:
                    claims.missing[item.id, index] = f"{where}/{index:05d}.png"
        if unverified:
            claims.notes.append(
                f"{len(unverified)} folders have no metadata.jsonl and were assigned by their number alone; "
                f"the first is {unverified[0]}"
            )
        if rewritten:
            claims.notes.append(
                f"{len(rewritten)} folders have a rewritten prompt that asks for the same objects; the first "
                f"is {rewritten[0]}"
            )
        if split:
            claims.notes.append(
                f"{split} prompts lie in several folders with one picture each; they were taken as the "
                "pictures of one item, in the order of the folders"
            )
        taken = [picture.name for picture in claims.pictures.values()]
        others_than_png = [name for name in taken if not name.endswith(".png")]
        if others_than_png:
            claims.notes.append(
                f"{len(others_than_png)} pictures are no .png, which GenEval's own evaluator would skip; "
                f"the first is {others_than_png[0]}"
            )
        return claims


def _one_each(
    folders: Sequence[_Folder], first: Sequence[_Folder], items: Sequence[Item], claims: Claims, m: int
) -> bool:
    """Gives further folders of a prompt their places, if all of its folders hold one picture each.

    Args:
        folders: those that no item was left for.
        first: those that answer the items.
        items: of this prompt.
        claims: takes the pictures, or says why they are not used.
        m: pictures per item.
    """
    if len(items) == 1 and all(len(folder.pictures) == 1 for folder in [*first, *folders]):
        ((_, picture),) = first[0].pictures
        for place in [place for place, taken in claims.pictures.items() if taken is picture]:
            del claims.pictures[place]
        claims.unused.pop(picture.name, None)
        ordered = sorted([*first, *folders], key=lambda folder: int(folder.name))
        for index, folder in enumerate(ordered):
            claims.take((items[0].id, index), folder.pictures[0][1], m)
        return True
    for folder in folders:
        claims.unused |= dict.fromkeys((picture.name for _, picture in folder.pictures), _why(folder))
    return False


def _asks_for_the_same(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rows lead to the same verdicts, whatever their prompts."""
    return "include" in row and all(row.get(key) == other.get(key) for key in ASKED_FOR)


def _why(folder: _Folder) -> str:
    """Why nothing asks for the pictures of ``folder``."""
    if folder.row is None:
        return f"no further item is numbered {folder.name}, and the folder has no metadata.jsonl"
    return f"no further item has the prompt {printable(folder.row['prompt'])!r}"


def _row(path: Path, root: Path, outside: bool) -> dict[str, Any] | None:
    """The metadata of one folder: one JSON object with a prompt."""
    file = guarded(path, root, outside)
    if not file.is_file():
        return None
    try:
        row = parse_json(read_text(file))
        if isinstance(row["prompt"], str):
            return dict(row)
        raise TypeError("its prompt is not a text")
    except (InputError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{printable(str(path))} is not a JSON object with a prompt ({type(error).__name__}: {error}); "
            "restore it, or remove it to assign the folder by its number"
        ) from error
