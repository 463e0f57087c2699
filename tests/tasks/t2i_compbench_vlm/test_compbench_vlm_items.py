"""The prompt file as items."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.t2i_compbench_vlm.items import load_items
from selfreward_eval.tasks.t2i_compbench_vlm.task import T2ICompBenchVLM


def file(folder: Path, *rows: Any) -> Path:
    path = folder / "val_comp.json"
    path.write_text(json.dumps(rows))
    return path


def row(text: str, category: str, number: int) -> dict[str, Any]:
    return {"Question": text, "Category": category, "Question_id": number}


def test_the_official_prompts(official: Path) -> None:
    items = T2ICompBenchVLM().items()
    assert len(items) == len({item.id for item in items}) == 2670
    assert Counter(item.category for item in items) == {
        **dict.fromkeys(
            ("3d_spatial", "color", "non-spatial", "numeracy", "shape", "spatial", "texture"), 300
        ),
        "complex": 570,
    }
    assert items[0].text == "a dog in front of a desk"


def test_every_repeated_prompt_shares_a_cluster(official: Path) -> None:
    clusters = Counter(item.cluster for item in T2ICompBenchVLM().items())
    assert Counter(clusters.values()) == {1: 2120, 2: 275}


def test_complex_categories_are_one_and_a_prompt_is_one_cluster(tmp_path: Path) -> None:
    rows = row("A dog.", "complex", 1), row("A dog.", "complex_action", 2), row("A dog.", "shape", 3)
    items = load_items(file(tmp_path, *rows))
    assert [(item.id, item.category, item.cluster) for item in items] == [
        ("1", "complex", "1"),
        ("2", "complex", "1"),
        ("3", "shape", "3"),
    ]
    assert items[1].metadata["Category"] == "complex_action"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "is no list of rows"),
        ("[]", "holds no rows"),
        ("[7]", "row 1 lacks a field"),
        ('[{"Question": "a dog", "Category": "color"}]', "row 1 lacks a field .*Question_id"),
        (
            '[{"Question": "a dog", "Category": "smell", "Question_id": 1}]',
            "category 'smell'; known: 3d_spatial",
        ),
        ('[{"Question": null, "Category": "color", "Question_id": 1}]', "row 1 has None as its Question"),
        ('[{"Question": " ", "Category": "color", "Question_id": 1}]', "row 1 has ' ' as its Question"),
        (
            '[{"Question": "a", "Category": "color", "Question_id": null}]',
            "row 1 has None as its Question_id",
        ),
        ('[{"Question": "a", "Category": ["color"], "Question_id": 1}]', "category \\['color'\\]; known"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "val_comp.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load_items(path)
    assert str(path) in str(caught.value)
