"""The official prompts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.data import state
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.coco import coco_indices
from selfreward_eval.tasks.geneval.data import DATA_FILES
from selfreward_eval.tasks.geneval.items import load_items, load_object_names
from selfreward_eval.tasks.geneval.options import TAGS

ROW = {"tag": "colors", "prompt": "a red cup", "include": [{"class": "cup", "count": 1, "color": "red"}]}


def test_the_official_prompts(official: Path) -> None:
    names = load_object_names(official / "evaluation" / "object_names.txt")
    items = load_items(official / "prompts" / "evaluation_metadata.jsonl", names)
    counts = Counter(item.category for item in items)
    assert tuple(counts.items()) == tuple(zip(TAGS, (80, 99, 80, 94, 100, 100), strict=True))
    assert (items[0].id, items[0].text, items[-1].id) == ("00000", "a photo of a bench", "00552")
    assert items[179].metadata["exclude"] == [
        {"class": items[179].metadata["include"][0]["class"], "count": 3}
    ]


def test_the_pinned_files_are_the_official_ones(official: Path) -> None:
    assert [state(file).status for file in DATA_FILES] == ["ok", "ok"]


def test_class_names_are_coco_in_coco_order(official: Path) -> None:
    names = load_object_names(official / "evaluation" / "object_names.txt")
    assert list(coco_indices(names)) == list(range(80))


def written(folder: Path, *lines: str) -> Path:
    path = folder / "metadata.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_items_carry_the_row(tmp_path: Path) -> None:
    (item,) = load_items(written(tmp_path, json.dumps(ROW)), ("cup",))
    assert (item.id, item.text, item.category, item.metadata) == ("00000", "a red cup", "colors", ROW)


def placed(position: Any) -> str:
    """A line whose second cup has this position."""
    cups = [{"class": "cup", "count": 1}, {"class": "cup", "count": 1, "position": position}]
    return json.dumps({**ROW, "include": cups})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not a JSON object"),
        ("[]", "line 2 is not a JSON object"),
        (json.dumps({"tag": "colors"}), "line 2 lacks"),
        (json.dumps({**ROW, "include": [{"class": "unicorn", "count": 1}]}), "line 2 asks for 'unicorn'"),
        (json.dumps({**ROW, "exclude": [{"class": "unicorn", "count": 1}]}), "line 2 asks for 'unicorn'"),
        (json.dumps({**ROW, "tag": "style"}), "line 2 has the tag 'style'"),
        (json.dumps({**ROW, "tag": ["colors"]}), "line 2 has the tag"),
        (json.dumps({**ROW, "prompt": None}), "line 2 has None as its prompt"),
        (json.dumps({**ROW, "include": []}), "line 2 has no list of clauses"),
        (json.dumps({**ROW, "include": {"class": "cup"}}), "line 2 has no list of clauses"),
        (json.dumps({**ROW, "exclude": None}), "line 2 has no list of clauses"),
        (json.dumps({**ROW, "include": ["cup"]}), "line 2 asks for None"),
        (json.dumps({**ROW, "include": [{"class": "cup"}]}), "line 2 asks for None of 'cup'"),
        (json.dumps({**ROW, "include": [{"class": "cup", "count": 0}]}), "line 2 asks for 0 of 'cup'"),
        (json.dumps({**ROW, "include": [{"class": "cup", "count": "2"}]}), "line 2 asks for '2' of 'cup'"),
        (
            json.dumps({**ROW, "include": [{"class": "cup", "count": 1, "color": "teal"}]}),
            "line 2 asks for the colour 'teal'",
        ),
        (placed(["near", 0]), "line 2 has the position"),
        (placed(["above", 1]), "line 2 has the position"),
        (placed(["above", -1]), "line 2 has the position"),
        (placed(["above", True]), "line 2 has the position"),
        (placed(["above"]), "line 2 has the position"),
        (placed(None), "line 2 has the position"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_items(written(tmp_path, json.dumps(ROW), line), ("cup",))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        load_items(written(tmp_path), ("cup",))
