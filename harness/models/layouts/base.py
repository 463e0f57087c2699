"""What every layout of existing pictures offers, and how untrusted files are opened.

A layout reads names only. Which picture answers which sample is decided for a
whole benchmark at once, so that what is missing and what is left over is known
before anything is measured.
"""

from __future__ import annotations

import os
import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.task import Task

__all__ = [
    "SUFFIX",
    "Claims",
    "Layout",
    "Picture",
    "Place",
    "canonical",
    "folder_names",
    "guarded",
    "picture_names",
    "printable",
    "samples_of",
    "utf8",
]

Place = tuple[str, int]
"""Item id and index."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""What counts as a picture, in any case of letters."""

SUFFIX = "(?:" + "|".join(re.escape(suffix) for suffix in SUFFIXES) + ")"
"""A pattern for them, to be used without regard to case."""


@dataclass(frozen=True)
class Picture:
    """One picture that a layout knows.

    Attributes:
        name: its place within the source, for messages; unique.
        about: what the layout reads off its place or list; with its content, all that can change a score.
        path: its file, resolved; None where there is none.
    """

    name: str
    about: tuple[str | int | None, ...]
    path: Path | None


@dataclass
class Claims:
    """What a source holds for one task.

    Attributes:
        pictures: the picture of every place that has one.
        missing: every other place of the benchmark, and where its picture should be.
        unused: name of every picture the task does not ask for, and why not.
        notes: what a reader should know about how pictures were assigned.
    """

    pictures: dict[Place, Picture] = field(default_factory=dict)
    missing: dict[Place, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, place: Place, picture: Picture, images_per_item: int) -> None:
        """Gives ``picture`` the place, unless the item does not ask for it or another has it."""
        item, index = place
        if index >= images_per_item:
            self.unused[picture.name] = f"{item} asks for {images_per_item} pictures, this is number {index}"
        elif place in self.pictures:
            self.unused[picture.name] = f"{self.pictures[place].name} has its place ({item}, index {index})"
        else:
            self.pictures[place] = picture


class Layout(ABC):
    """One source of pictures, read once.

    Attributes:
        name: as the option ``layout`` names it.
        pictures: what is there, in a fixed order.
        stray: name of every picture file that lies where the layout has none, and why it is not used.
    """

    name: ClassVar[str]
    pictures: tuple[Picture, ...]
    stray: dict[str, str]

    @abstractmethod
    def claims(self, task: Task) -> Claims:
        """Which picture answers which sample of the whole benchmark."""


def utf8(text: str) -> str:
    """``text`` as UTF-8 can hold it: file names and JSON need not be UTF-8, and records must be.

    >>> utf8("a\\udcff.png")
    'a\\\\xff.png'
    """
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def printable(text: str) -> str:
    """``text`` for a reader: on one line, without characters that steer a terminal.

    >>> printable("two\\nlines")
    'two\\\\nlines'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in utf8(text)
    )


def canonical(text: str) -> str:
    """A prompt as it is compared: without white space around it, accents composed."""
    return unicodedata.normalize("NFC", text.strip())


def guarded(path: Path, root: Path, outside: bool) -> Path:
    """``path`` with every link followed, which may not lead out of ``root`` unless ``outside``.

    Args:
        path: named by the source, so not to be trusted.
        root: folder of the source, resolved.
        outside: whether the user allowed other folders.

    Raises:
        InputError: it leads elsewhere, or in a circle.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{printable(str(path))} cannot be followed ({error}); correct or remove it"
        ) from None
    if not outside and not resolved.is_relative_to(root):
        raise InputError(
            f"{printable(str(path))} leads out of {printable(str(root))}, to {printable(str(resolved))}; "
            "copy it inside, or allow it by the option outside=true"
        )
    return resolved


def picture_names(folder: Path) -> list[str]:
    """Names of the picture files right in ``folder``, sorted; none where there is no such folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES) and os.path.isfile(entry)
        )


def samples_of(folder: Path, root: Path, outside: bool) -> list[tuple[str, Path]]:
    """Name and resolved file of every picture in ``folder/samples``, sorted by name.

    Raises:
        InputError: the folder or a picture leads out of ``root``.
    """
    samples = folder / "samples"
    if not samples.is_dir():
        return []
    guarded(samples, root, outside)
    return [(name, guarded(samples / name, root, outside)) for name in picture_names(samples)]


def folder_names(folder: Path) -> list[str]:
    """Names of the folders right in ``folder``, sorted."""
    with os.scandir(folder) as entries:
        # Not the entries' own question: it raises for a link in a circle.
        return sorted(entry.name for entry in entries if os.path.isdir(entry))
