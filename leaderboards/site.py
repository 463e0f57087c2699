"""The folder of a site: writes what changed, leaves what did not, takes away what is no longer part of it.

``site.json`` names every file with a hash of what it was made from and a hash of
what it holds. A page whose makings are the same is not made again. The folder
holds no time and no path of this machine, so equal runs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import atomic_write_bytes, atomic_write_json
from selfreward_eval.harness.records import fingerprint

__all__ = ["MANIFEST", "Site", "Written"]

MANIFEST = "site.json"
SCHEMA = 1


@dataclass(frozen=True)
class Written:
    """What one build did: names of files, relative to the site.

    Attributes:
        made: written because they are new or their makings changed.
        kept: left as they were.
        removed: no longer part of the site.
    """

    made: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]


class Site:
    """One build of a site.

    >>> site = Site(Path("site"))  # doctest: +SKIP
    >>> site.add("index.html", view, lambda: render("index", "", view))  # doctest: +SKIP
    >>> site.finish(pictures=[])  # doctest: +SKIP
    """

    def __init__(self, folder: Path, look: str) -> None:
        """Opens the folder.

        Args:
            folder: made where it is missing.
            look: a hash of the templates and scripts.

        Raises:
            UsageError: the folder holds something else than a leaderboard.
        """
        self.folder = folder
        self.look = look
        self._before = self._read()
        self._files: dict[str, dict[str, str]] = {}
        self._made: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MANIFEST).is_file():
            # First of all, so that a build that is interrupted can be taken up again.
            atomic_write_json(folder / MANIFEST, {"schema": SCHEMA, "files": {}}, durable=False)

    def _read(self) -> dict[str, dict[str, str]]:
        path = self.folder / MANIFEST
        if not path.is_file():
            if self.folder.is_dir() and any(one.name != "pictures" for one in self.folder.iterdir()):
                raise UsageError(
                    f"--output-path {self.folder} is a folder with other things in it; name a new or empty "
                    "one, or one that holds a leaderboard"
                )
            if self.folder.exists() and not self.folder.is_dir():
                raise UsageError(f"--output-path {self.folder} is a file; name a folder")
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            files = {str(name): dict(about) for name, about in content["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}  # A damaged list only costs the pages being made again.
        return files if content.get("schema") == SCHEMA else {}

    def add(self, name: str, makings: Any, make: Callable[[], str]) -> None:
        """Puts a file into the site.

        Args:
            name: path within the site, with ``/``.
            makings: JSON value that it is made from.
            make: called only if the makings, or the file, are not those of the last build.
        """
        inputs = fingerprint([self.look, name, makings])
        path = self.folder / name
        known = self._before.get(name)
        if known and known.get("inputs") == inputs and _digest(path) == known.get("sha256"):
            self._files[name] = known
            return
        data = make().encode("utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, data, durable=False)
        self._files[name] = {"inputs": inputs, "sha256": hashlib.sha256(data).hexdigest()}
        self._made.append(name)

    def add_text(self, name: str, text: str) -> None:
        """:meth:`add` for a file whose content is at hand."""
        self.add(name, hashlib.sha256(text.encode("utf-8")).hexdigest(), lambda: text)

    def finish(self, pictures: Iterable[str]) -> Written:
        """Writes the list of files and removes what an earlier build left.

        Args:
            pictures: names of the small pictures that pages refer to; others are removed.
        """
        wanted = set(pictures)
        removed = [name for name in self._before if name not in self._files and self._inside(name)]
        folder = self.folder / "pictures"
        if folder.is_dir():
            there = {f"pictures/{path.name}" for path in folder.iterdir() if path.suffix == ".webp"}
            removed += sorted(there - wanted)
        for name in removed:
            (self.folder / name).unlink(missing_ok=True)
        for empty in ("pictures", "models", "boards", "data/models", "data/pairs"):
            path = self.folder / empty
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        files = {name: self._files[name] for name in sorted(self._files)}
        atomic_write_json(self.folder / MANIFEST, {"schema": SCHEMA, "files": files}, durable=False)
        kept = tuple(name for name in files if name not in set(self._made))
        return Written(tuple(self._made), kept, tuple(removed))

    def _inside(self, name: str) -> bool:
        """Whether a name read from a file stays within the folder; nothing else is ever removed."""
        return (self.folder / name).resolve().is_relative_to(self.folder.resolve())


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
