"""A toy task, and its pictures as other programs would have left them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from selfreward_eval.harness.models.base import Request
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.task import Metric, Task, TaskInfo

Colour = tuple[int, int, int]


class Toy(Task):
    """Items of any texts; a picture's value is its red."""

    metrics = (Metric("red", (0.0, 255.0)),)

    def __init__(
        self, texts: Sequence[str], categories: Sequence[str] = (), m: int = 2, name: str = "toy"
    ) -> None:
        self.info = TaskInfo(name, "1", "Toy", "none", images_per_item=m)
        categories = categories or ["all"] * len(texts)
        self._items = [
            Item(
                f"{k:05d}",
                text,
                category,
                metadata={"tag": category, "include": [{"class": text, "count": 1}]},
            )
            for k, (text, category) in enumerate(zip(texts, categories, strict=True))
        ]

    def items(self) -> Sequence[Item]:
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Any]
    ) -> list[Measurement]:
        return [Measurement(Status.SUCCESS, {"red": float(image.getpixel((0, 0))[0])}) for image in images]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}


def colour(position: int, index: int) -> Colour:
    """What the picture of an item and index looks like, so that each is told from any other."""
    return (position + 1, index + 1, 200)


def save(path: Path, shade: Colour = (1, 2, 3)) -> Path:
    """A small PNG of one colour, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), shade).save(path)
    return path


def write_geneval(root: Path, task: Task) -> Path:
    """Every picture of ``task`` in GenEval's layout."""
    for position, item in enumerate(task.items()):
        folder = root / f"{position:05d}"
        for index in range(task.info.images_per_item):
            save(folder / "samples" / f"{index:05d}.png", colour(position, index))
        (folder / "metadata.jsonl").write_text(json.dumps({**item.metadata, "prompt": item.text}))
        save(folder / "grid.png")
    return root


def write_compbench(root: Path, task: Task) -> Path:
    """Every picture of ``task`` in T2I-CompBench's layout, one folder a category."""
    numbers: dict[str, int] = {}
    for position, item in enumerate(task.items()):
        for index in range(task.info.images_per_item):
            number = numbers[item.category] = numbers.get(item.category, -1) + 1
            file = root / item.category / "samples" / f"{item.text}_{number:06d}.png"
            save(file, colour(position, index))
        save(root / item.category / f"{item.text}-grid-{position:05d}.png")
    return root


def write_list(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A JSONL file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def write_listed(root: Path, task: Task) -> Path:
    """Every picture of ``task`` with ``list.jsonl``."""
    rows = []
    for position, item in enumerate(task.items()):
        for index in range(task.info.images_per_item):
            save(root / "pictures" / f"{position}-{index}.png", colour(position, index))
            path = f"pictures/{position}-{index}.png"
            rows.append({"id": item.id, "prompt": item.text, "image_path": path, "index": index})
    write_list(root / "list.jsonl", rows)
    return root


def handed_out(model: FolderModel, task: Task) -> dict[tuple[int, int], Colour | str]:
    """(position, index) -> the colour of its picture, or the status it has instead."""
    model.survey([task])
    places = [
        (position, index)
        for position in range(len(task.items()))
        for index in range(task.info.images_per_item)
    ]
    made = model.pictures([Request(task.info.name, task.items()[p], k, 0) for p, k in places])
    return {
        place: str(one.status) if isinstance(one, Measurement) else cast("Colour", one.getpixel((0, 0)))
        for place, one in zip(places, made, strict=True)
    }


def everything(task: Task) -> dict[tuple[int, int], Colour]:
    """What :func:`handed_out` gives for a complete folder."""
    return {
        (position, index): colour(position, index)
        for position in range(len(task.items()))
        for index in range(task.info.images_per_item)
    }


class Kit:
    """The functions above, as one fixture."""

    Toy = Toy
    colour = staticmethod(colour)
    save = staticmethod(save)
    write_geneval = staticmethod(write_geneval)
    write_compbench = staticmethod(write_compbench)
    write_listed = staticmethod(write_listed)
    write_list = staticmethod(write_list)
    handed_out = staticmethod(handed_out)
    everything = staticmethod(everything)
    writers: Mapping[str, Callable[[Path, Task], Path]] = {
        "geneval": write_geneval,
        "t2i_compbench": write_compbench,
        "jsonl": write_listed,
    }


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    """The toy task and the writers of its pictures."""
    return Kit
