"""Where training prompts, and pictures to caption, come from. Nothing here pairs one with the other.

============================ =====================================================================
``shapes``                   the wordings of the three embedded picture benchmarks, in fixed shares
``shapes_t2i_compbench``...  those of one of them
a file                       ``.txt`` with a prompt a line, or ``.jsonl`` with ``prompt``
============================ =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.records import Item, fingerprint
from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb_file
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import mixed
from selfreward_eval.tasks.shapes.splits import MAKERS, drawn

if TYPE_CHECKING:
    from PIL.Image import Image

SHARES = {"shapes_geneval": 0.375, "shapes_t2i_compbench": 0.4375, "shapes_t2i_reasonbench": 0.1875}
"""Of the embedded benchmarks' wordings in ``shapes``."""

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class Source(Protocol):
    """Prompts and pictures of a training run."""

    def identity(self) -> dict[str, Any]:
        """What decides them; JSON values."""
        ...

    def items(self, round_: int, count: int, seed: int) -> list[Item]:
        """At most ``count`` different prompts for a round; two rounds may share some."""
        ...

    def pictures(self, round_: int, count: int, seed: int) -> list[Image]:
        """``count`` RGB pictures to caption."""
        ...


class ShapesSource:
    """The shapes world's training prompts, and rendered scenes as pictures.

    Args:
        name: ``shapes``, or one embedded benchmark.
    """

    def __init__(self, name: str = "shapes") -> None:
        if name != "shapes" and name not in MAKERS:
            raise UsageError(f"no training prompts {name!r}; known: shapes, {', '.join(MAKERS)}, or a file")
        self.name = name
        self.shares = SHARES if name == "shapes" else {name: 1.0}

    def identity(self) -> dict[str, Any]:
        return {"source": self.name, "shares": self.shares}

    def items(self, round_: int, count: int, seed: int) -> list[Item]:
        counts = {name: int(share * count) for name, share in self.shares.items()}
        first = next(iter(counts))
        counts[first] += count - sum(counts.values())
        texts: dict[str, Item] = {}
        for name, wanted in counts.items():
            # A few more than needed: two benchmarks may have the same wording.
            spare = (
                drawn(name, "training", wanted + wanted // 8 + 2, seed * 1_000_003 + round_) if wanted else []
            )
            fresh = [item for item in spare if item.text not in texts][:wanted]
            texts |= {item.text: item for item in fresh}
        items = list(texts.values())
        order = np.random.default_rng((seed, round_, 1)).permutation(len(items))
        return [items[k] for k in order]

    def pictures(self, round_: int, count: int, seed: int) -> list[Image]:
        from PIL import Image as PillowImage

        weights = {"plain": 5.0, "counted": 2.0, "textured": 1.0, "sized": 0.5, "occluding": 0.5}
        rng = np.random.default_rng((seed, round_, 2))
        return [PillowImage.fromarray(render(mixed(rng, weights))) for _ in range(count)]


class FileSource:
    """A list of prompts, and a folder of pictures.

    Args:
        prompts: ``.txt`` with a prompt a line, or ``.jsonl`` with ``prompt`` and any metadata.
        pictures: folder with pictures to caption; needed by trainers that train captioning.
    """

    def __init__(self, prompts: str | Path, pictures: str | Path | None = None) -> None:
        self.path = Path(prompts)
        self._items = _read(self.path)
        self.folder = None if pictures is None else Path(pictures)
        self._pictures = [] if self.folder is None else _listed(self.folder)
        self._digest = fingerprint(
            [[path.name, sha256(path.read_bytes()).hexdigest()] for path in self._pictures]
        )

    def identity(self) -> dict[str, Any]:
        return {
            "source": self.path.name,
            "sha256": fingerprint([item.to_json() for item in self._items]),
            "pictures": self._digest,
        }

    def items(self, round_: int, count: int, seed: int) -> list[Item]:
        # Never more than there are: one prompt twice would be drawn twice from the same seeds.
        count = min(count, len(self._items))
        return [self._items[k] for k in _places(len(self._items), round_, count, seed)]

    def pictures(self, round_: int, count: int, seed: int) -> list[Image]:
        if not self._pictures:
            raise UsageError(
                "this trainer learns to caption and needs pictures; name a folder with --pictures, or train "
                "drawing alone with captioning=0"
            )
        chosen = [self._pictures[k] for k in _places(len(self._pictures), round_, count, seed)]
        return [_opened(path) for path in chosen]


def source(name: str, pictures: str | None = None) -> Source:
    """The source of that name, or of that file.

    Raises:
        UsageError: neither.
        InputError: a file that cannot be read.
    """
    if Path(name).suffix in (".txt", ".jsonl"):
        return FileSource(name, pictures)
    if pictures is not None:
        raise UsageError(f"pictures to caption go with a file of prompts; {name!r} renders its own")
    return ShapesSource(name)


def _places(size: int, round_: int, count: int, seed: int) -> list[int]:
    """Places in a list of ``size``: round after round through one order of it, and then through the next."""
    places: list[int] = []
    for k in range(round_ * count, (round_ + 1) * count):
        places.append(int(np.random.default_rng((seed, k // size)).permutation(size)[k % size]))
    return places


def _read(path: Path) -> list[Item]:
    lines = read_lines(path, "write the prompts as UTF-8")
    rows = _texts(lines) if path.suffix == ".txt" else _rows(lines, path)
    items: dict[str, Item] = {}
    for row in rows:
        text = row["prompt"]
        metadata = {key: value for key, value in row.items() if key != "prompt"}
        category = str(metadata.get("category", ""))
        items.setdefault(text, Item(fingerprint(text)[:12], text, category, metadata=metadata))
    if not items:
        raise InputError(f"the prompts {path} hold no prompt")
    return list(items.values())


def _texts(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    return ({"prompt": line.strip()} for line in lines if line.strip())


def _rows(lines: Sequence[str], path: Path) -> Iterator[dict[str, Any]]:
    """The objects of the lines, each with a text under ``prompt``."""
    import jsonlines

    reader = jsonlines.Reader(lines, loads=lambda line: parse_json(str(line)))
    try:
        for number, row in enumerate(reader.iter(skip_empty=False, allow_none=True), 1):
            text = row.get("prompt") if isinstance(row, dict) else None
            if not isinstance(row, dict) or not isinstance(text, str) or not text.strip():
                raise InputError(f"{path}, line {number}: no text under 'prompt'; correct it")
            yield row
    except jsonlines.InvalidLineError as error:
        where = f"{path}, line {error.lineno}"
        raise InputError(f"{where} is not JSON ({error.__cause__}); correct it") from error


def _opened(path: Path) -> Image:
    try:
        return read_rgb_file(path)
    except (OSError, Unreadable) as error:
        raise InputError(f"the picture {path} cannot be read: {error}; take it out") from error


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"no folder of pictures at {folder}; correct --pictures")
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not pictures:
        raise InputError(f"the folder {folder} holds no picture ({', '.join(PICTURES)})")
    return pictures
