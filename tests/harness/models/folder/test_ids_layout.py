"""Pictures named by their item's id."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.models.layouts.ids import IdsLayout
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import TaskInfo


class Toy:
    """A task of three items and two pictures each, as far as a layout looks at it."""

    info = TaskInfo("toy", "1", "Toy", "none", images_per_item=2)

    def items(self) -> list[Item]:
        return [Item(name, f"draw {name}", "c") for name in ("7", "a_1", "b")]


def put(folder: Path, *names: str) -> Path:
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def claimed(folder: Path) -> dict[tuple[str, int], str]:
    claims = IdsLayout(folder.resolve()).claims(Toy())  # type: ignore[arg-type]
    return {place: picture.name for place, picture in claims.pictures.items()}


def test_an_id_alone_is_the_first_picture(tmp_path: Path) -> None:
    put(tmp_path, "7.png", "7_1.JPG", "a_1.png", "a_1_1.png")
    assert claimed(tmp_path) == {
        ("7", 0): "7.png",
        ("7", 1): "7_1.JPG",
        ("a_1", 0): "a_1.png",
        ("a_1", 1): "a_1_1.png",
    }


def test_what_nobody_asks_for_and_what_is_missing_is_said(tmp_path: Path) -> None:
    layout = IdsLayout(put(tmp_path, "b_0.png", "b_5.png", "c.png", "b_0.jpg").resolve())
    claims = layout.claims(Toy())  # type: ignore[arg-type]
    assert layout.stray == {"b_0.png": "b_0.jpg has its name"}
    assert claims.unused == {
        "b_5.png": "b asks for 2 pictures, this is number 5",
        "c.png": "no item has this id",
    }
    assert claims.missing["b", 1] == "b_1.png"


def test_it_is_never_guessed(tmp_path: Path) -> None:
    put(tmp_path, "7.png")
    with pytest.raises(InputError, match="layout=ids"):
        FolderModel(str(tmp_path))
    assert FolderModel(str(tmp_path), layout="ids").identity()["pictures"] == 1


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        FolderModel(str(tmp_path), layout="ids")
