"""A JSONL list of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.folder import FolderModel

TEXTS = ["a bench", "two cows", "a red bus"]


@pytest.fixture
def task(kit: Any) -> Any:
    return kit.Toy(TEXTS)


def row(item: int, index: int | None = None, **changes: Any) -> dict[str, Any]:
    """A line for one picture ``<item>-<index>.png``."""
    more = {} if index is None else {"index": index}
    path = f"{item}-{index or 0}.png"
    return {"id": f"{item:05d}", "prompt": TEXTS[item], "image_path": path} | more | changes


@pytest.mark.parametrize("named", ["list.jsonl", ""])
def test_the_list_or_its_folder_may_be_named(kit: Any, task: Any, tmp_path: Path, named: str) -> None:
    kit.write_listed(tmp_path, task)
    model = FolderModel(str(tmp_path / named))
    assert kit.handed_out(model, task) == kit.everything(task)
    inventory = model.survey([task])
    assert (inventory.layout, inventory.pictures, inventory.extra, inventory.notes) == ("jsonl", 6, (), ())


def test_without_an_index_the_order_of_the_lines_counts(kit: Any, task: Any, tmp_path: Path) -> None:
    names: list[str] = []
    for item, index in [(1, 0), (0, 0), (1, 1), (0, 1)]:
        names.append(f"x{len(names)}.png")
        kit.save(tmp_path / names[-1], kit.colour(item, index))
    order = [1, 0, 1, 0]
    rows = [row(item, image_path=name) for item, name in zip(order, names, strict=True)]
    given = kit.handed_out(FolderModel(str(kit.write_list(tmp_path / "a.jsonl", rows))), task)
    assert given == kit.everything(task) | {(2, 0): "missing_image", (2, 1): "missing_image"}


def test_a_list_without_a_last_newline_and_with_blank_lines_is_read_whole(
    kit: Any, task: Any, tmp_path: Path
) -> None:
    kit.write_listed(tmp_path, task)
    file = tmp_path / "list.jsonl"
    file.write_text("\ufeff\r\n" + file.read_text().replace("\n", "\r\n\r\n"))
    assert kit.handed_out(FolderModel(str(file)), task) == kit.everything(task)


def test_a_line_whose_file_is_not_there_is_missing(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_listed(tmp_path, task)
    (tmp_path / "pictures/1-1.png").unlink()
    model = FolderModel(str(tmp_path))
    inventory = model.survey([task])
    (missing,) = inventory.tasks["toy"].missing
    assert (missing.item_id, missing.index) == ("00001", 1)
    assert missing.sought == "line 4: pictures/1-1.png, which is not a file"
    assert inventory.pictures == 5
    assert kit.handed_out(model, task)[1, 1] == "missing_image"


def test_an_item_without_a_line_is_missing(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.save(tmp_path / "0-0.png")
    model = FolderModel(str(kit.write_list(tmp_path / "a.jsonl", [row(0, 0)])))
    missing = model.survey([task]).tasks["toy"].missing
    assert [(one.item_id, one.index) for one in missing][:2] == [("00000", 1), ("00001", 0)]
    assert missing[0].sought == "a line with its id and index 1 in a.jsonl"


def test_lines_that_no_item_asks_for_are_extra_with_the_reason(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_listed(tmp_path, task)
    kit.save(tmp_path / "x.png")
    with (tmp_path / "list.jsonl").open("a") as file:
        file.write('\n{"id": "zebra", "prompt": "a bench", "image_path": "x.png"}')
        file.write('\n{"id": "00001", "prompt": "a bench", "image_path": "x.png", "index": 0}')
        file.write('\n{"id": "00001", "prompt": "two cows", "image_path": "x.png", "index": 2}')
    extra = {one.file: one.reason for one in FolderModel(str(tmp_path)).survey([task]).extra}
    assert extra == {
        "line 7: x.png": "no item has the id 'zebra'",
        "line 8: x.png": "item 00001 asks for 'two cows', the line for 'a bench'",
        "line 9: x.png": "00001 asks for 2 pictures, this is number 2",
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "not a JSON object"),
        ('{"id": 0, "prompt": "a", "image_path": "x.png"}', "'id' is not a text"),
        ('{"id": "0", "image_path": "x.png"}', "'prompt' is not a text"),
        ('{"id": "0", "prompt": "a", "image_path": ""}', "'image_path' is not a text"),
        ('{"id": "0", "prompt": "a", "image_path": "x.png", "index": -1}', "'index' is not a whole number"),
        ('{"id": "0", "prompt": "a", "image_path": "x.png", "index": true}', "'index' is not a whole number"),
        ('{"id": "0", "prompt": "a", "image_path": "x\\u0000.png"}', "cannot be followed"),
    ],
)
def test_a_line_of_another_form_is_refused_by_number(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "list.jsonl"
    file.write_text('{"id": "1", "prompt": "b", "image_path": "y.png"}\n' + line)
    with pytest.raises(InputError, match=why) as caught:
        FolderModel(str(file))
    assert "list.jsonl:2" in str(caught.value)
    assert str(caught.value).isprintable()


def test_two_lines_for_one_picture_are_refused(kit: Any, tmp_path: Path) -> None:
    file = kit.write_list(tmp_path / "list.jsonl", [row(0, 1), row(1, 1), row(0, 1, image_path="b.png")])
    with pytest.raises(InputError, match=r"list.jsonl:3 and line 1 are both picture 1 of '00000'"):
        FolderModel(str(file))


def test_an_index_on_some_lines_of_an_item_only_is_refused(kit: Any, tmp_path: Path) -> None:
    file = kit.write_list(tmp_path / "list.jsonl", [row(0, 1), row(0)])
    with pytest.raises(InputError, match=r"list.jsonl:2: some lines of '00000' have an index"):
        FolderModel(str(file))


def test_a_list_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_bytes(b'{"id": "\xff"}')
    with pytest.raises(InputError, match="is not UTF-8"):
        FolderModel(str(tmp_path / "list.jsonl"))
