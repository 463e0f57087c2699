"""Questions, references and contexts, joined by what they belong to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.data import state
from selfreward_eval.harness.errors import InputError, MissingData
from selfreward_eval.tasks.llava_bench.data import COCO_FILES, WILD_FILES
from selfreward_eval.tasks.llava_bench.items import load_items
from selfreward_eval.tasks.llava_bench.task import LlavaBenchCoco, LlavaBenchWild

QUESTION = {"question_id": 5, "image": "a.jpg", "text": "Why?", "category": "conv"}
ANSWER = {"question_id": 5, "text": "So."}
CONTEXT = {
    "image": "a.jpg",
    "captions": ["A hat.", "A red hat."],
    "instances": [{"category": "tie", "bbox": [0.1, 0.2, 0.3, 0.4]}],
}


def lines(folder: Path, name: str, *rows: Any) -> Path:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def load(folder: Path, question: Any = QUESTION, answer: Any = ANSWER, context: Any = CONTEXT) -> Any:
    files = (
        lines(folder, "q.jsonl", question),
        lines(folder, "a.jsonl", answer),
        lines(folder, "c.jsonl", context),
    )
    return load_items(*files)


def test_an_item_carries_question_reference_and_context(tmp_path: Path) -> None:
    (item,) = load(tmp_path)
    assert (item.id, item.text, item.category) == ("000", "Why?", "conv")
    assert (item.image, item.cluster) == ("a.jpg", "a.jpg")
    assert item.metadata == {
        "question_id": 5,
        "reference": "So.",
        "context": "A hat.\nA red hat.\n\ntie: [0.1, 0.2, 0.3, 0.4]",
    }


@pytest.mark.parametrize("context", [{"image": "a.jpg", "caption": "A hat."}, {**CONTEXT, "instances": []}])
def test_without_boxes_there_are_captions_only(tmp_path: Path, context: dict[str, Any]) -> None:
    (item,) = load(tmp_path, context=context)
    assert item.metadata["context"] in ("A hat.", "A hat.\nA red hat.")


def test_lines_are_joined_by_what_they_say_not_by_where_they_stand(tmp_path: Path) -> None:
    other = {**QUESTION, "question_id": 6, "text": "How?"}
    files = (
        lines(tmp_path, "q.jsonl", QUESTION, other),
        lines(tmp_path, "a.jsonl", {"question_id": 6, "text": "Thus."}, ANSWER),
        lines(tmp_path, "c.jsonl", CONTEXT),
    )
    assert [item.metadata["reference"] for item in load_items(*files)] == ["So.", "Thus."]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"question": "{"}, r"q\.jsonl, line 1 is not JSON"),
        ({"question": {"question_id": 5}}, r"q\.jsonl, line 1 lacks"),
        ({"question": {**QUESTION, "category": "hats"}}, "unknown category 'hats'"),
        ({"question": ""}, "no questions"),
        ({"answer": {"question_id": 6, "text": "So."}}, r"no partner in .*a\.jsonl"),
        ({"context": {**CONTEXT, "image": "b.jpg"}}, r"no partner in .*c\.jsonl"),
        ({"context": {"image": "a.jpg"}}, "no captions"),
        ({"context": {**CONTEXT, "instances": [{"category": "tie"}]}}, "damaged boxes"),
        ({"question": {**QUESTION, "question_id": [5]}}, r"q\.jsonl, line 1: 'question_id' is no text"),
        ({"question": {**QUESTION, "text": None}}, "line 1: 'text' is no text"),
        ({"question": {**QUESTION, "category": ["conv"]}}, "line 1: 'category' is no text"),
        ({"answer": {**ANSWER, "text": 7}}, r"a\.jsonl, line 1: 'text' is no text"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, **damage)


@pytest.mark.parametrize("doubled", ["q", "a", "c"])
def test_two_lines_of_one_question_or_picture_are_refused(tmp_path: Path, doubled: str) -> None:
    """Which of the two is meant is unknown; the last one would win."""
    rows: dict[str, list[Any]] = {"q": [QUESTION], "a": [ANSWER], "c": [CONTEXT]}
    rows[doubled] *= 2
    files = [lines(tmp_path, f"{name}.jsonl", *own) for name, own in rows.items()]
    with pytest.raises(InputError, match=rf"{doubled}\.jsonl has two lines with the"):
        load_items(*files)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl"):
        load_items(tmp_path / "absent.jsonl", tmp_path, tmp_path)


# In-the-Wild


def test_in_the_wild_is_read_from_the_users_folder(wild: Path) -> None:
    task = LlavaBenchWild(folder=str(wild))
    items = task.items()
    assert Counter(item.category for item in items) == {"conv": 4, "detail": 4, "complex": 4}
    assert items[4].metadata["reference"] == "Reference 4."
    assert task.input_image(items[4]) == wild / "images" / "001.jpg"


def test_in_the_wild_is_found_under_selfreward_data(wild: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFREWARD_DATA", str(wild.parent))
    assert len(LlavaBenchWild().items()) == 12


def test_another_version_of_the_files_is_another_identity(wild: Path) -> None:
    before = LlavaBenchWild(folder=str(wild)).options()
    (wild / "context.jsonl").write_text((wild / "context.jsonl").read_text().replace("hat", "cap"))
    assert LlavaBenchWild(folder=str(wild)).options() != before


@pytest.mark.parametrize("name", WILD_FILES)
def test_a_copy_that_lacks_a_file_is_named(wild: Path, name: str) -> None:
    (wild / name).unlink()
    with pytest.raises(MissingData, match=name):
        LlavaBenchWild(folder=str(wild)).items()


def test_without_a_folder_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELFREWARD_DATA", raising=False)
    with pytest.raises(MissingData, match="no folder was given"):
        LlavaBenchWild().items()
    with pytest.raises(MissingData, match="there is no folder"):
        LlavaBenchWild(folder=str(tmp_path / "absent")).items()


@pytest.mark.parametrize("image", ["../secret.jpg", "/etc/secret.jpg"])
def test_a_question_cannot_reach_outside_its_folder(wild: Path, image: str) -> None:
    rows = [json.loads(line) for line in (wild / "questions.jsonl").read_text().splitlines()]
    lines(wild, "questions.jsonl", {**rows[0], "image": image})
    lines(wild, "context.jsonl", {"image": image, "caption": "x"})
    task = LlavaBenchWild(folder=str(wild))
    with pytest.raises(InputError, match="outside"):
        task.input_image(task.items()[0])


# COCO


def test_the_pinned_files_are_the_official_ones(official: Path) -> None:
    assert [state(file).status for file in COCO_FILES] == ["ok"] * 4


def test_the_official_questions(official: Path) -> None:
    items = LlavaBenchCoco().items()
    assert Counter(item.category for item in items) == {"conv": 30, "detail": 30, "complex": 30}
    assert set(Counter(item.cluster for item in items).values()) == {3}
    assert items[0].text == "What is the color of the two suitcases in the image?"
    assert items[0].metadata["context"].count("\n") == 7


def test_without_the_files_coco_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path))
    monkeypatch.setenv("SELFREWARD_CACHE", str(tmp_path))
    with pytest.raises(MissingData, match="data fetch llava_bench_coco"):
        LlavaBenchCoco().items()
    wrong = tmp_path / "llava-bench" / COCO_FILES[0].path
    wrong.parent.mkdir(parents=True)
    wrong.write_text("{}")
    with pytest.raises(InputError, match="sha256 differs"):
        LlavaBenchCoco().items()


@pytest.mark.parametrize("prefix", ["", "COCO_val2014_"])
def test_coco_images_are_the_users(tmp_path: Path, official: Path, prefix: str) -> None:
    (tmp_path / f"{prefix}000000441147.jpg").write_bytes(b"")
    task = LlavaBenchCoco(folder=str(tmp_path))
    assert task.input_image(task.items()[0]) == tmp_path / f"{prefix}000000441147.jpg"
    assert not task.input_image(task.items()[5]).exists()


def test_without_coco_images_the_way_out_is_told(tmp_path: Path, official: Path) -> None:
    for task in (LlavaBenchCoco(), LlavaBenchCoco(folder=str(tmp_path / "absent"))):
        with pytest.raises(MissingData, match="val2014"):
            task.input_image(task.items()[0])
