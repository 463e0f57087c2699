"""T2I-CompBench's folders: pictures named by prompt and running number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.models.folder import FolderModel

TEXTS = ["a green bench and a red car", "a wooden floor", "an oval plate", "a dog behind a tree"]
CATEGORIES = ["color", "color", "shape", "shape"]


@pytest.fixture
def task(kit: Any) -> Any:
    return kit.Toy(TEXTS, CATEGORIES, m=3)


def write_flat(kit: Any, root: Path, task: Any, stride: int, start: int = 0, name: str = "samples") -> Path:
    """All pictures in one folder, numbered through the whole task."""
    for position, item in enumerate(task.items()):
        for index in range(task.info.images_per_item):
            number = start + position * stride + index
            kit.save(root / name / f"{item.text}_{number:06d}.png", kit.colour(position, index))
    return root


def test_a_folder_per_category(kit: Any, task: Any, tmp_path: Path) -> None:
    model = FolderModel(str(kit.write_compbench(tmp_path, task)))
    assert kit.handed_out(model, task) == kit.everything(task)
    inventory = model.survey([task])
    assert (inventory.layout, inventory.pictures, inventory.extra, inventory.notes) == (
        "t2i_compbench", 12, (), ())  # fmt: skip


def test_a_folder_may_be_called_after_the_prompt_file(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_compbench(tmp_path, task)
    (tmp_path / "color").rename(tmp_path / "color_val")
    assert kit.handed_out(FolderModel(str(tmp_path)), task) == kit.everything(task)


@pytest.mark.parametrize("stride", [3, 10])
def test_one_folder_for_all_numbered_by_the_task_or_as_upstream(
    kit: Any, task: Any, tmp_path: Path, stride: int
) -> None:
    model = FolderModel(str(write_flat(kit, tmp_path, task, stride)))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert model.survey([task]).notes == ()


def test_a_missing_picture_keeps_the_others_in_their_places(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_compbench(tmp_path, task)
    (tmp_path / "shape/samples/a dog behind a tree_000004.png").unlink()
    model = FolderModel(str(tmp_path))
    (missing,) = model.survey([task]).tasks["toy"].missing
    assert (missing.item_id, missing.index) == ("00003", 1)
    assert missing.sought == "shape/samples/a dog behind a tree_000004.png"
    assert kit.handed_out(model, task) == kit.everything(task) | {(3, 1): "missing_image"}


def test_a_whole_category_that_is_missing_is_sought_in_its_folder(
    kit: Any, task: Any, tmp_path: Path
) -> None:
    kit.write_compbench(tmp_path, task)
    (tmp_path / "shape").rename(tmp_path / "renamed")
    for file in (tmp_path / "renamed/samples").iterdir():
        file.unlink()
    first = FolderModel(str(tmp_path)).survey([task]).tasks["toy"].missing[0]
    assert first.sought == "[shape]/samples/an oval plate_000000.png"


def test_numbers_that_follow_no_rule_are_taken_in_order_and_that_is_noted(
    kit: Any, task: Any, tmp_path: Path
) -> None:
    model = FolderModel(str(write_flat(kit, tmp_path, task, 3, start=1000)))
    assert kit.handed_out(model, task) == kit.everything(task)
    (note,) = model.survey([task]).notes
    assert note.startswith("toy: the numbers in samples do not follow prompt * 3 + k")


def test_more_pictures_than_asked_for_are_extra(kit: Any, tmp_path: Path) -> None:
    """Ten official pictures, a task that asks for three."""
    ten, three = kit.Toy(TEXTS, CATEGORIES, m=10), kit.Toy(TEXTS, CATEGORIES, m=3)
    kit.write_compbench(tmp_path, ten)
    (tmp_path / "color/samples/a wooden floor_000011.png").unlink()
    model = FolderModel(str(tmp_path))
    assert kit.handed_out(model, three) == kit.everything(three) | {(1, 1): "missing_image"}
    extra = model.survey([three]).extra
    assert len(extra) == 4 * 7
    assert {one.reason[5:] for one in extra} == {
        f" asks for 3 pictures, this is number {k}" for k in range(3, 10)
    }


def test_a_prompt_of_two_categories_is_told_by_the_folder(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a red car", "a blue cup", "a red car"], ["color", "color", "complex"])
    model = FolderModel(str(kit.write_compbench(tmp_path, task)))
    assert kit.handed_out(model, task) == kit.everything(task)


def test_two_items_of_one_text_are_told_by_the_number(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a red car", "a blue cup", "a red car"])
    model = FolderModel(str(kit.write_compbench(tmp_path, task)))
    assert kit.handed_out(model, task) == kit.everything(task)


def test_two_items_of_one_text_are_dealt_to_in_order_without_numbers(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a red car", "a blue cup", "a red car"])
    model = FolderModel(str(write_flat(kit, tmp_path, task, 2, start=77)))
    assert kit.handed_out(model, task) == kit.everything(task)


@pytest.mark.parametrize("text", ["a cat_like dog", "a café", "a dog.", "a sign 'st_op'_"])
def test_any_prompt_that_a_file_can_be_named_by(kit: Any, tmp_path: Path, text: str) -> None:
    task = kit.Toy([text, "a cat"])
    assert kit.handed_out(FolderModel(str(kit.write_compbench(tmp_path, task))), task) == kit.everything(task)


def test_accents_in_another_form_are_the_same_prompt(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a café"], m=1)
    kit.save(tmp_path / "samples" / "a cafe\u0301_000000.png", kit.colour(0, 0))
    assert kit.handed_out(FolderModel(str(tmp_path)), task) == kit.everything(task)


def test_as_upstream_the_prompt_ends_at_the_first_underscore(kit: Any, tmp_path: Path) -> None:
    task = kit.Toy(["a red car"], m=1)
    kit.save(tmp_path / "samples" / "a red car_step20_000000.png", kit.colour(0, 0))
    assert kit.handed_out(FolderModel(str(tmp_path)), task) == kit.everything(task)


def test_what_no_item_asks_for_is_extra_with_the_reason(kit: Any, task: Any, tmp_path: Path) -> None:
    kit.write_compbench(tmp_path, task)
    for name in (
        "color/samples/a zebra_000099.png",
        "shape/samples/a wooden floor_000003.png",
        "color/samples/plain.png",
        "color/loose.png",
        "zoo/samples/a wooden floor_000003.png",
    ):
        kit.save(tmp_path / name)
    model = FolderModel(str(tmp_path))
    assert kit.handed_out(model, task) == kit.everything(task)
    assert {one.file: one.reason for one in model.survey([task]).extra} == {
        "color/samples/a zebra_000099.png": "no item in the category color has this prompt",
        "shape/samples/a wooden floor_000003.png": "no item in the category shape has this prompt",
        "color/samples/plain.png": "it is not named <prompt>_<number>.png",
        "color/loose.png": "it does not lie in a samples folder",
        "zoo/samples/a wooden floor_000003.png": "color/samples/a wooden floor_000003.png has its place "
        "(00001, index 0)",
    }
