"""Pictures made elsewhere: ``--model folder --model-args path=outputs/bagel,layout=auto``.

Scores what another program has drawn. Official folders of GenEval and
T2I-CompBench and a plain JSONL list are known; see
:mod:`selfreward_eval.harness.models.layouts`. Nothing is drawn and nothing is dropped: a sample
without a picture is ``missing_image``, one whose file cannot be read is
``unreadable_image``, and pictures that nobody asks for are named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.models.base import Request
from selfreward_eval.harness.models.inventory import Extra, Found, Inventory, Missing, TaskInventory
from selfreward_eval.harness.models.layouts.base import Claims, Picture, Place, printable
from selfreward_eval.harness.models.layouts.choose import open_layout
from selfreward_eval.harness.records import Measurement, Status, fingerprint
from selfreward_eval.harness.task import Task, limited
from selfreward_eval.harness.user_files.pictures import READING, Unreadable, read_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

READERS = 8
"""Files hashed at once."""


class FolderModel:
    """Hands out existing pictures by item and index.

    The planned seeds stand in the records of such a run although nobody knows what the
    pictures were drawn with: they keep two folders comparable, and its ``generation``
    settings keep a folder from being compared with a model that drew here.

    Args:
        path: the folder, or a JSONL list.
        layout: ``auto``, ``geneval``, ``t2i_compbench``, ``ids`` or ``jsonl``.
        name: how the run is called; the folder's or the list's name by default.
        outside: whether links and listed paths may lead out of the folder.

    Raises:
        UsageError: no such layout.
        InputError: no pictures at ``path``, a damaged list, or a path that leads out.
    """

    def __init__(
        self, path: str, layout: str = "auto", name: str | None = None, outside: bool = False
    ) -> None:
        if not isinstance(outside, bool):
            raise UsageError(f"outside must be true or false, got {outside!r}")
        self.path = Path(str(path)).expanduser()
        place = self.path.resolve()
        self.name = printable(str(name) if name else place.stem if place.is_file() else place.name)
        self._layout = open_layout(self.path, layout, outside)
        self._claims: dict[str, Claims] = {}

    def identity(self) -> dict[str, Any]:
        """What was found, wherever it lies: ``revision`` changes with any picture, name or listed line."""
        rows = [[*picture.about, self._digests[picture]] for picture in self._layout.pictures]
        return {
            "adapter": "folder",
            "name": self.name,
            "layout": self._layout.name,
            "revision": fingerprint(sorted(fingerprint(row) for row in rows)),
            "pictures": self._count,
            "reading": READING,
            "generation": {"drawn": "elsewhere"},
        }

    def survey(self, tasks: Sequence[Task], limit: int | None = None) -> Inventory:
        """Which planned samples have a picture, and which pictures none.

        Args:
            tasks: what will be run.
            limit: items per task, as the runner takes them.

        Raises:
            InputError: a task has no picture at all; the message says what was looked for.
        """
        shares, notes = {}, []
        used: set[str] = set()
        unused = dict(self._layout.stray)
        for task in tasks:
            name = task.info.name
            claims = self._claims[name] = self._layout.claims(task)
            share = shares[name] = _share(task, claims, limit)
            if not share.found:
                raise self._nothing(name, share, claims)
            used |= {picture.name for picture in claims.pictures.values()}
            notes += [f"{name}: {printable(note)}" for note in claims.notes]
            for file, reason in claims.unused.items():
                unused.setdefault(file, reason)
        extra = tuple(Extra(file, printable(reason)) for file, reason in unused.items() if file not in used)
        return Inventory(
            printable(str(self.path)), self._layout.name, self._count, shares, extra, tuple(notes)
        )

    def pictures(self, requests: Sequence[Request]) -> list[Image | Measurement]:
        """The picture of every request as RGB, or why there is none.

        :mod:`selfreward_eval.harness.user_files.pictures` reads it.

        Raises:
            UsageError: a task that was not surveyed.
            InputError: a picture was changed since it was first read.
        """
        return [self._picture(request) for request in requests]

    def _picture(self, request: Request) -> Image | Measurement:
        if request.task not in self._claims:
            raise UsageError(f"the pictures in {self.path} were not surveyed for the task {request.task!r}")
        claims = self._claims[request.task]
        place: Place = (request.item.id, request.index)
        picture = claims.pictures.get(place)
        if picture is None or picture.path is None:
            missing = Missing(*place, request.item.text, printable(claims.missing[place]))
            return Measurement(Status.MISSING_IMAGE, reason=missing.reason)
        try:
            with picture.path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self._digests[picture]:
                    raise self._changed(picture)
                file.seek(0)
                return read_rgb(file)
        except Unreadable as error:
            return _unreadable(picture, str(error))
        except OSError as error:
            if self._digests[picture]:
                raise self._changed(picture) from error
            return _unreadable(picture, f"it cannot be opened: {error.strerror or error}")

    def _changed(self, picture: Picture) -> InputError:
        return InputError(
            f"{picture.name} in {printable(str(self.path))} was changed or removed while being scored; "
            "restore it and run the same command again, or run into another --output-path"
        )

    @property
    def _count(self) -> int:
        """Pictures that the layout knows and that exist."""
        return sum(picture.path is not None for picture in self._layout.pictures)

    @cached_property
    def _digests(self) -> dict[Picture, str]:
        """Picture -> sha256 of its file; empty where it is missing or cannot be opened."""
        with ThreadPoolExecutor(READERS) as pool:
            digests = pool.map(_digest, (picture.path for picture in self._layout.pictures))
            return dict(zip(self._layout.pictures, digests, strict=True))

    def _nothing(self, task: str, share: TaskInventory, claims: Claims) -> InputError:
        first = share.missing[0]
        unused = self._layout.stray | claims.unused
        first_unused = f"; the first, {next(iter(unused))}: {unused[next(iter(unused))]}" if unused else ""
        beyond = f", {share.beyond_limit} of them of items beyond the limit" if share.beyond_limit else ""
        return InputError(
            f"{printable(str(self.path))} (layout {self._layout.name}) has no picture for any of the "
            f"{share.expected} samples of task {task!r}; looked for {printable(first.sought)} (prompt "
            f"{first.prompt!r}) and so on. It holds {self._count} pictures{beyond}{first_unused}. "
            "Correct path=, layout= or --tasks"
        )


def _share(task: Task, claims: Claims, limit: int | None) -> TaskInventory:
    """What of ``claims`` the limit asks for."""
    found, missing = [], []
    for item in limited(task.items(), limit):
        for index in range(task.info.images_per_item):
            picture = claims.pictures.get((item.id, index))
            if picture is not None:
                found.append(Found(item.id, index, picture.name))
            else:
                missing.append(Missing(item.id, index, item.text, printable(claims.missing[item.id, index])))
    return TaskInventory(tuple(found), tuple(missing), len(claims.pictures) - len(found))


def _digest(path: Path | None) -> str:
    try:
        if path is not None:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        pass
    return ""


def _unreadable(picture: Picture, reason: str) -> Measurement:
    return Measurement(Status.UNREADABLE_IMAGE, reason=f"{picture.name} cannot be read: {reason}")
