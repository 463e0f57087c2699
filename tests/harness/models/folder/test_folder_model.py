"""The folder model itself: choosing a layout, its identity, its survey, its refusals."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, MissingCapability, UsageError
from selfreward_eval.harness.models.base import Request, Supplies, capabilities, require
from selfreward_eval.harness.models.folder import FolderModel
from selfreward_eval.harness.records import Measurement

LAYOUTS = ["geneval", "t2i_compbench", "jsonl"]


@pytest.fixture
def task(kit: Any) -> Any:
    return kit.Toy(["a bench", "two cows", "a bus"])


@pytest.fixture(params=LAYOUTS)
def root(kit: Any, task: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """All pictures, in each layout in turn."""
    return kit.writers[request.param](tmp_path / "made", task)


def first_picture(root: Path) -> Path:
    return sorted(file for file in root.rglob("*.png") if "grid" not in file.name)[0]


def revision(root: Path) -> str:
    return FolderModel(str(root)).identity()["revision"]


def test_it_offers_pictures_and_does_not_draw() -> None:
    assert capabilities(FolderModel) == ["pictures"]


def test_it_cannot_answer(kit: Any, root: Path) -> None:
    model = FolderModel(str(root))
    assert isinstance(model, Supplies)
    with pytest.raises(MissingCapability, match="made offers: pictures"):
        require(model, "answer", "a test")


def test_the_layout_is_seen(kit: Any, task: Any, root: Path) -> None:
    model = FolderModel(str(root))
    chosen = FolderModel(str(root), layout=model.identity()["layout"])
    assert kit.handed_out(model, task) == kit.handed_out(chosen, task) == kit.everything(task)


def test_the_identity_does_not_depend_on_where_the_folder_lies(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy" / "made")
    assert FolderModel(str(tmp_path / "copy" / "made")).identity() == FolderModel(str(root)).identity()


def test_the_identity_changes_with_a_picture_of_the_same_size(kit: Any, root: Path) -> None:
    before = revision(root)
    kit.save(first_picture(root), (9, 9, 9))
    assert revision(root) != before


def test_the_identity_changes_when_a_picture_goes(root: Path) -> None:
    before = revision(root)
    first_picture(root).unlink()
    assert revision(root) != before


def test_the_identity_changes_when_two_pictures_trade_places(root: Path) -> None:
    before = revision(root)
    a, b = sorted(file for file in root.rglob("*.png") if "grid" not in file.name)[:2]
    one, other = a.read_bytes(), b.read_bytes()
    a.write_bytes(other)
    b.write_bytes(one)
    assert revision(root) != before


def test_files_that_are_no_pictures_do_not_change_the_identity(root: Path) -> None:
    before = FolderModel(str(root)).identity()
    (root / "notes.txt").write_text("made on a Tuesday")
    assert FolderModel(str(root)).identity() == before


@pytest.mark.parametrize(("name", "expected"), [(None, "made"), ("bagel-7b", "bagel-7b")])
def test_it_is_called_after_its_folder_or_as_asked(root: Path, name: str | None, expected: str) -> None:
    assert FolderModel(str(root), name=name).identity()["name"] == expected


def test_a_folder_with_a_dot_keeps_its_name_and_a_list_loses_its_ending(
    kit: Any, task: Any, tmp_path: Path
) -> None:
    root = kit.write_listed(tmp_path / "sd-3.5", task)
    assert FolderModel(str(root)).name == "sd-3.5"
    assert FolderModel(str(root / "list.jsonl")).name == "list"


def test_pictures_beyond_the_limit_are_not_extra(task: Any, root: Path) -> None:
    inventory = FolderModel(str(root)).survey([task], limit=1)
    share = inventory.tasks["toy"]
    assert (share.expected, len(share.found), share.beyond_limit, inventory.extra) == (2, 2, 4, ())


def test_pictures_of_another_task_are_not_extra(kit: Any, tmp_path: Path) -> None:
    both = kit.Toy(["a", "b", "c"])
    root = kit.write_compbench(tmp_path, both)
    one, other = kit.Toy(["a", "b"], name="one"), kit.Toy(["c"], name="other")
    inventory = FolderModel(str(root)).survey([one, other])
    assert inventory.extra == ()
    assert {name: len(share.found) for name, share in inventory.tasks.items()} == {"one": 4, "other": 2}


def test_a_task_without_any_picture_is_refused_with_what_was_looked_for(kit: Any, root: Path) -> None:
    with pytest.raises(InputError) as caught:
        FolderModel(str(root)).survey([kit.Toy(["a zebra"])])
    text = str(caught.value)
    assert "has no picture for any of the 2 samples of task 'toy'; looked for" in text
    assert "(prompt 'a zebra')" in text
    assert "It holds 6 pictures; the first, " in text
    assert text.isprintable()


def test_a_limit_that_leaves_out_all_pictures_says_so(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_geneval(tmp_path, task)
    shutil.rmtree(root / "00000")
    with pytest.raises(InputError, match="It holds 4 pictures, 4 of them of items beyond the limit"):
        FolderModel(str(root)).survey([task], limit=1)


def test_a_task_that_was_not_surveyed_is_refused(task: Any, root: Path) -> None:
    with pytest.raises(UsageError, match="not surveyed for the task 'toy'"):
        FolderModel(str(root)).pictures([Request("toy", task.items()[0], 0, 0)])


def test_a_picture_that_changes_under_a_run_stops_it(kit: Any, task: Any, root: Path) -> None:
    model = FolderModel(str(root))
    model.identity()
    kit.save(first_picture(root), (9, 9, 9))
    with pytest.raises(InputError, match="was changed or removed while being scored"):
        kit.handed_out(model, task)


def test_a_picture_that_goes_under_a_run_stops_it(kit: Any, task: Any, root: Path) -> None:
    model = FolderModel(str(root))
    model.identity()
    first_picture(root).unlink()
    with pytest.raises(InputError, match="was changed or removed while being scored"):
        kit.handed_out(model, task)


def test_a_damaged_picture_costs_one_status_with_the_reason(kit: Any, task: Any, root: Path) -> None:
    picture = first_picture(root)
    picture.write_bytes(picture.read_bytes()[:40])
    model = FolderModel(str(root))
    model.survey([task])
    damaged, good = model.pictures([Request("toy", task.items()[0], k, 0) for k in range(2)])
    assert isinstance(damaged, Measurement)
    assert damaged.status == "unreadable_image"
    assert picture.name in damaged.reason
    assert "cannot be read: it is damaged at its start" in damaged.reason
    assert not isinstance(good, Measurement)


def test_the_inventory_is_json_with_every_file(task: Any, root: Path) -> None:
    first_picture(root).unlink()
    inventory = FolderModel(str(root)).survey([task])
    share = inventory.to_json()["tasks"]["toy"]
    assert (share["n_expected"], share["n_found"], share["n_missing"]) == (6, 5, 1)
    assert len(share["found"]) == 5
    assert {"item_id", "index", "prompt", "sought"} == set(share["missing"][0])
    assert "found" not in inventory.to_json(files=False)["tasks"]["toy"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"path": "nowhere"}, InputError, "no pictures at .*nowhere: there is no such file or folder"),
        (
            {"path": "."},
            InputError,
            r"holds no pictures that are known by their place, and 1 elsewhere \(the first, file.png",
        ),
        ({"path": ".", "layout": "jsonl"}, InputError, "holds no pictures that are known"),
        (
            {"path": ".", "layout": "zip"},
            UsageError,
            "no layout 'zip'; it has auto, geneval, t2i_compbench, ids, jsonl",
        ),
        (
            {"path": "file.png", "layout": "geneval"},
            InputError,
            "file.png is a file; the layout geneval is a folder",
        ),
        ({"path": ".", "outside": "yes"}, UsageError, "outside must be true or false"),
    ],
)
def test_impossible_arguments_are_refused(
    kit: Any, tmp_path: Path, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    kit.save(tmp_path / "file.png")
    with pytest.raises(error, match=message):
        FolderModel(**arguments | {"path": str(tmp_path / arguments["path"])})


def test_two_layouts_at_once_have_to_be_chosen_from(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_compbench(kit.write_geneval(tmp_path, task), task)
    with pytest.raises(InputError, match=r"two layouts, geneval \(6\) and t2i_compbench \(6\); choose one"):
        FolderModel(str(tmp_path))
    assert FolderModel(str(tmp_path), layout="geneval").survey([task]).pictures == 6


def test_two_lists_have_to_be_chosen_from(kit: Any, task: Any, tmp_path: Path) -> None:
    root = kit.write_listed(tmp_path, task)
    shutil.copy(root / "list.jsonl", root / "more.jsonl")
    with pytest.raises(InputError, match=r"2 \.jsonl files: name one of them"):
        FolderModel(str(root))
