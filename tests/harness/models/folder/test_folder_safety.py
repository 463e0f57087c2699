"""Names from a stranger's folder: nothing outside it is read, nothing in them harms a record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.folder import FolderModel


@pytest.fixture
def task(kit: Any) -> Any:
    return kit.Toy(["a bench", "two cows"], m=1)


@pytest.fixture
def secret(kit: Any, tmp_path: Path) -> Path:
    """A picture that is none of the folder's."""
    return kit.save(tmp_path / "elsewhere" / "secret.png", kit.colour(0, 0))


@pytest.mark.parametrize("absolute", [False, True])
def test_a_listed_path_may_not_leave_the_folder(
    kit: Any, task: Any, tmp_path: Path, secret: Path, absolute: bool
) -> None:
    path = str(secret) if absolute else "../elsewhere/secret.png"
    rows = [{"id": "00000", "prompt": "a bench", "image_path": path}]
    file = kit.write_list(tmp_path / "pictures" / "list.jsonl", rows)
    with pytest.raises(InputError, match=r"leads out of .*pictures, to .*secret.png; .* outside=true"):
        FolderModel(str(file))
    given = kit.handed_out(FolderModel(str(file), outside=True), task)
    assert given == kit.everything(task) | {(1, 0): "missing_image"}


def test_dots_that_stay_inside_are_fine(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.save(tmp_path / "a" / "x.png", kit.colour(0, 0))
    rows = [{"id": "00000", "prompt": "a bench", "image_path": "a/../a/./x.png"}]
    file = kit.write_list(tmp_path / "list.jsonl", rows)
    assert kit.handed_out(FolderModel(str(file)), task)[0, 0] == kit.colour(0, 0)


@pytest.mark.parametrize("layout", ["geneval", "t2i_compbench", "jsonl"])
def test_a_link_to_a_picture_may_not_leave_the_folder(
    kit: Any, task: Any, tmp_path: Path, secret: Path, layout: str
) -> None:
    root = kit.writers[layout](tmp_path / "pictures", task)
    picture = sorted(file for file in root.rglob("*.png") if "grid" not in file.name)[0]
    picture.unlink()
    picture.symlink_to(secret)
    with pytest.raises(InputError, match=r"leads out of .* outside=true"):
        FolderModel(str(root), layout=layout)
    assert kit.handed_out(FolderModel(str(root), layout=layout, outside=True), task) == kit.everything(task)


@pytest.mark.parametrize("layout", ["geneval", "t2i_compbench"])
def test_a_link_to_a_samples_folder_may_not_leave_either(
    kit: Any, task: Any, tmp_path: Path, layout: str
) -> None:
    root = kit.writers[layout](tmp_path / "pictures", task)
    samples = sorted(root.rglob("samples"))[0]
    samples.rename(tmp_path / "moved")
    samples.symlink_to(tmp_path / "moved")
    with pytest.raises(InputError, match="leads out of"):
        FolderModel(str(root), layout=layout)


def test_linked_metadata_may_not_leave_either(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_geneval(tmp_path / "pictures", task)
    (tmp_path / "private.json").write_text(json.dumps({"prompt": "a bench"}))
    (root / "00000/metadata.jsonl").unlink()
    (root / "00000/metadata.jsonl").symlink_to(tmp_path / "private.json")
    with pytest.raises(InputError, match="leads out of"):
        FolderModel(str(root))


def test_the_folder_itself_may_be_a_link(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_geneval(tmp_path / "pictures", task)
    (tmp_path / "latest").symlink_to(tmp_path / "pictures")
    assert kit.handed_out(FolderModel(str(tmp_path / "latest")), task) == kit.everything(task)


def test_links_within_the_folder_are_followed(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_geneval(tmp_path, task)
    (root / "00000/samples/00000.png").rename(root / "kept.dat")
    (root / "00000/samples/00000.png").symlink_to("../../kept.dat")
    assert kit.handed_out(FolderModel(str(root)), task) == kit.everything(task)


def test_a_link_in_a_circle_is_missing(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_geneval(tmp_path, task)
    (root / "00000/samples/00000.png").unlink()
    (root / "00000/samples/00000.png").symlink_to("00000.png")
    assert kit.handed_out(FolderModel(str(root)), task)[0, 0] == "missing_image"


def test_a_listed_link_in_a_circle_is_refused(kit: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("a.png")
    rows = [{"id": "00000", "prompt": "a bench", "image_path": "a.png"}]
    with pytest.raises(InputError, match=r"a\.png cannot be followed"):
        FolderModel(str(kit.write_list(tmp_path / "list.jsonl", rows)))


def test_a_pipe_is_no_picture_and_is_not_waited_for(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_geneval(tmp_path, task)
    (root / "00000/samples/00000.png").unlink()
    os.mkfifo(root / "00000/samples/00000.png")
    assert kit.handed_out(FolderModel(str(root)), task)[0, 0] == "missing_image"


def test_a_name_that_is_not_utf8_is_named_all_the_same(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_compbench(tmp_path, task)
    good = sorted(root.rglob("samples/*.png"))[0]
    with open(os.fsencode(good.parent) + b"/a \xff bench_000009.png", "wb") as file:
        file.write(good.read_bytes())
    model = FolderModel(str(root))
    inventory = model.survey([task])
    (extra,) = inventory.extra
    assert extra.file == r"all/samples/a \xff bench_000009.png"
    assert json.dumps(inventory.to_json(), ensure_ascii=False).encode("utf-8")
    assert model.identity()["pictures"] == 3


def test_a_name_cannot_steer_the_terminal(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_compbench(tmp_path, task)
    kit.save(root / "all/samples" / "\x1b[31mred\nline_000009.png")
    (extra,) = FolderModel(str(root)).survey([task]).extra
    assert extra.file == r"all/samples/\x1b[31mred\nline_000009.png"


def test_half_a_character_in_a_list_harms_no_record(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.save(tmp_path / "x.png")
    good = {"id": "00000", "prompt": "a bench", "image_path": "x.png"}
    rows = [good, {"id": "\ud800", "prompt": "\ud800", "image_path": "\ud800.png"}]
    model = FolderModel(str(kit.write_list(tmp_path / "list.jsonl", rows)))
    inventory = model.survey([task])
    assert json.dumps([inventory.to_json(), model.identity()], ensure_ascii=False).encode("utf-8")
    assert len(inventory.extra) == 1
