"""GenEval's folders: the prompt in the metadata decides, and what does not fit is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.folder import FolderModel

TEXTS = ["a photo of a bench", "a photo of two cows", "a red bus"]


@pytest.fixture
def task(kit: Any) -> Any:
    return kit.Toy(TEXTS)


@pytest.fixture
def root(kit: Any, task: Any, tmp_path: Path) -> Path:
    return kit.write_geneval(tmp_path / "pictures", task)


def metadata(root: Path, folder: str, **changes: Any) -> None:
    """Changes keys of a folder's metadata."""
    file = root / folder / "metadata.jsonl"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_every_picture_has_its_item_and_index(kit: Any, task: Any, root: Path) -> None:
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    inventory = model.survey([task])
    assert (inventory.layout, inventory.pictures, inventory.extra, inventory.notes) == ("geneval", 6, (), ())


def test_a_missing_picture_is_named_with_where_it_should_be(kit: Any, task: Any, root: Path) -> None:
    (root / "00001/samples/00000.png").unlink()
    model = FolderModel(str(root))
    (missing,) = model.survey([task]).tasks["toy"].missing
    assert (missing.item_id, missing.index, missing.sought) == ("00001", 0, "00001/samples/00000.png")
    given = kit.handed_out(model, task)
    assert given == kit.everything(task) | {(1, 0): "missing_image"}


def test_a_missing_folder_is_named_by_its_official_number(task: Any, root: Path) -> None:
    shutil.rmtree(root / "00002")
    missing = FolderModel(str(root)).survey([task]).tasks["toy"].missing
    assert [one.sought for one in missing] == ["00002/samples/00000.png", "00002/samples/00001.png"]


def test_folders_in_another_order_are_told_by_their_prompt(kit: Any, task: Any, root: Path) -> None:
    (root / "00000").rename(root / "7")
    (root / "00001").rename(root / "00000")
    assert kit.handed_out(FolderModel(str(root)), task) == kit.everything(task)


def test_two_items_of_one_text_keep_their_numbers(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a dog", "a dog", "a cat"])
    root = kit.write_geneval(tmp_path, task)
    assert kit.handed_out(FolderModel(str(root)), task) == kit.everything(task)


def test_a_rewritten_prompt_counts_if_it_asks_for_the_same(kit: Any, task: Any, root: Path) -> None:
    metadata(root, "00001", prompt="Two brown cows on a meadow, in detail")
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert "1 folders have a rewritten prompt" in model.survey([task]).notes[0]


def test_another_prompt_that_asks_for_something_else_is_extra(kit: Any, task: Any, root: Path) -> None:
    metadata(root, "00001", prompt="a photo of a horse", include=[{"class": "horse", "count": 1}])
    model = FolderModel(str(root))
    assert kit.handed_out(model, task)[1, 0] == "missing_image"
    extra = model.survey([task]).extra
    assert [one.file for one in extra] == ["00001/samples/00000.png", "00001/samples/00001.png"]
    assert extra[0].reason == "no further item has the prompt 'a photo of a horse'"


def test_a_rewritten_prompt_needs_objects_to_compare(kit: Any, task: Any, root: Path) -> None:
    (root / "00001/metadata.jsonl").write_text(json.dumps({"prompt": "something else"}))
    assert kit.handed_out(FolderModel(str(root)), task)[1, 0] == "missing_image"


def test_without_metadata_the_number_decides_and_that_is_noted(kit: Any, task: Any, root: Path) -> None:
    (root / "00002/metadata.jsonl").unlink()
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert model.survey([task]).notes == (
        "toy: 1 folders have no metadata.jsonl and were assigned by their number alone; the first is 00002",
    )


def test_what_no_item_asks_for_is_extra_with_the_reason(kit: Any, task: Any, root: Path) -> None:
    for name in (
        "00000/samples/00002.png",
        "00000/samples/0.png",
        "00000/samples/a.jpg",
        "00009/samples/00000.png",
        "other/samples/00000.png",
        "loose.png",
        "00000/loose.png",
    ):
        kit.save(root / name)
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert {one.file: one.reason for one in model.survey([task]).extra} == {
        "00000/samples/00002.png": "00000 asks for 2 pictures, this is number 2",
        "00000/samples/0.png": "00000/samples/00000.png has its place (00000, index 0)",
        "00000/samples/a.jpg": "it is not named <number>.png",
        "00009/samples/00000.png": "no further item is numbered 00009, and the folder has no metadata.jsonl",
        "other/samples/00000.png": "its folder is not named by a number",
        "loose.png": "it lies in no <number>/samples folder",
        "00000/loose.png": "it does not lie in a samples folder",
    }


@pytest.mark.parametrize("content", ["{", "[]", '{"prompt": 1}', "{}", '{"prompt": "\xff"}'])
def test_damaged_metadata_is_refused_by_name(root: Path, content: str) -> None:
    (root / "00001/metadata.jsonl").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=r"00001/metadata.jsonl is not a JSON object with a prompt"):
        FolderModel(str(root))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".PNG", ".webp"])
def test_pictures_of_other_kinds_are_taken_and_noted(
    kit: Any, task: Any, root: Path, suffix: str, tmp_path: Path
) -> None:
    for file in root.rglob("*.png"):
        file.rename(file.with_suffix(suffix))
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    inventory = model.survey([task])
    assert inventory.extra == ()
    (note,) = inventory.notes
    assert "6 pictures are no .png, which GenEval's own evaluator would skip" in note


def one_each(kit: Any, task: Any, root: Path, order: list[tuple[int, int]]) -> Path:
    """One folder per picture of ``task``, in the order of (position, index)."""
    for number, (position, index) in enumerate(order):
        item = task.items()[position]
        kit.save(root / f"{number:05d}/samples/00000.png", kit.colour(position, index))
        content = json.dumps({**item.metadata, "prompt": item.text})
        (root / f"{number:05d}/metadata.jsonl").write_text(content)
    return root


@pytest.mark.parametrize("prompt_first", [True, False])
def test_a_folder_for_each_picture_is_read_by_prompt(
    kit: Any, task: Any, tmp_path: Path, prompt_first: bool
) -> None:
    """2,212 of them for GenEval: each of the 553 prompts was listed four times."""
    places = [(p, k) for p in range(3) for k in range(2)]
    order = places if prompt_first else sorted(places, key=lambda place: place[1])
    model = FolderModel(str(one_each(kit, task, tmp_path / "each", order)))
    assert kit.handed_out(model, task) == kit.everything(task)
    inventory = model.survey([task])
    assert inventory.extra == ()
    assert "3 prompts lie in several folders with one picture each" in inventory.notes[0]


def test_more_folders_than_pictures_asked_for_are_extra(kit: Any, task: Any, tmp_path: Path) -> None:
    root = one_each(kit, task, tmp_path / "each", [(0, 0), (0, 1), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)])
    (extra,) = FolderModel(str(root)).survey([task]).extra
    assert extra.file == "00002/samples/00000.png"
    assert extra.reason == "00000 asks for 2 pictures, this is number 2"


def test_a_second_folder_with_several_pictures_is_still_extra(kit: Any, task: Any, root: Path) -> None:
    shutil.copytree(root / "00001", root / "00009")
    model = FolderModel(str(root))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert [one.file for one in model.survey([task]).extra] == [
        "00009/samples/00000.png",
        "00009/samples/00001.png",
    ]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("00000.png", "it lies in no <number>/samples folder"),
        ("00000/00000.jpg", "it does not lie in a samples folder"),
        ("bench/samples/00000.png", "its folder is not named by a number"),
    ],
)
def test_pictures_at_no_known_place_are_told(kit: Any, tmp_path: Path, place: str, reason: str) -> None:
    kit.save(tmp_path / "flat" / place)
    with pytest.raises(
        InputError, match=rf"known by their place, and 1 elsewhere \(the first, {place}: {reason}\)"
    ):
        FolderModel(str(tmp_path / "flat"))


def test_metadata_may_begin_with_a_byte_order_mark(kit: Any, task: Any, root: Path) -> None:
    file = root / "00001/metadata.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert kit.handed_out(FolderModel(str(root)), task) == kit.everything(task)


@pytest.mark.parametrize("data", [b'{"prompt": "caf\xe9"}', rb'{"prompt": "\ud800"}', b"[" * 100_000])
def test_metadata_that_cannot_be_used_is_named(root: Path, data: bytes) -> None:
    (root / "00001/metadata.jsonl").write_bytes(data)
    with pytest.raises(InputError, match=r"00001/metadata\.jsonl is not a JSON object with a prompt"):
        FolderModel(str(root))
