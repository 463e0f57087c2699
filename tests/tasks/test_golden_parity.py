"""Recorded results of official evaluators, recomputed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.parity import READERS, check_file, check_folder, difference

BOXES = {"box_a": [0, 0, 50, 50], "box_b": [200, 0, 250, 50], "position_threshold": 0.1}
RIGHT = {"relations_a_to_b": ["left of"], "iou_plus1": 0.0}


def geometry(folder: Path, *expected: Any) -> Path:
    """A golden geometry file with one case per expectation."""
    cases = [{"id": f"case-{i}", **BOXES, "expected": value} for i, value in enumerate(expected)]
    path = folder / "geneval_geometry.json"
    path.write_text(json.dumps({"cases": cases}))
    return path


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_recorded_case_agrees(name: str) -> None:
    paths = sorted(GOLDEN.glob(name))
    if not paths:
        pytest.skip(f"no golden file {name}: set SELFREWARD_GOLDEN")
    for path in paths:
        result = check_file(path)
        assert result.first_difference is None
        assert result.agreeing == result.cases > 0


def test_the_first_difference_is_told(tmp_path: Path) -> None:
    result = check_file(geometry(tmp_path, RIGHT, {**RIGHT, "iou_plus1": 0.5}, {**RIGHT, "iou_plus1": 0.6}))
    assert (result.cases, result.agreeing) == (3, 1)
    assert result.first_difference == "case-1: iou_plus1 is 0.5, ours is 0.0"


def test_a_result_where_upstream_crashed_does_not_agree(tmp_path: Path) -> None:
    result = check_file(geometry(tmp_path, {"error": "ValueError"}))
    assert result.agreeing == 0
    assert "upstream crashed (ValueError)" in str(result.first_difference)


def crop(folder: Path, expected: Any) -> Path:
    """A crop whose box is turned inside out."""
    case = {"id": "c", "image_rgb": [[[0, 0, 0]]], "mask": [[1]], "box": [5, 5, 1, 1], "options": {}}
    path = folder / "geneval_color_crop.json"
    path.write_text(json.dumps({"cases": [{**case, "expected": expected}]}))
    return path


def test_a_clear_error_agrees_with_a_crash(tmp_path: Path) -> None:
    assert check_file(crop(tmp_path, {"error": "ValueError"})).agreeing == 1


def test_an_error_of_ours_alone_is_a_difference(tmp_path: Path) -> None:
    result = check_file(crop(tmp_path, {"size_wh": [0, 0], "rgb": []}))
    assert "ours is the error" in str(result.first_difference)


def test_files_that_nothing_reads_are_named(tmp_path: Path) -> None:
    geometry(tmp_path, RIGHT)
    for name in ("geneval3_tifa.json", "notes.txt", "INDEX.json"):
        (tmp_path / name).write_text("{}")
    result = check_folder(tmp_path)
    assert result.unknown == ["geneval3_tifa.json", "notes.txt"]
    assert result.agree


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "no list of cases"),
        ('{"cases": []}', "no list of cases"),
        ('{"cases": [{"id": "g-1", "expected": {}}]}', "g-1 lacks 'box_a'"),
        ('{"cases": [{"id": "g-1"}]}', "g-1 lacks 'expected'"),
        ('{"cases": [7]}', "case 0 cannot be read"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "geneval_geometry.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        check_folder(tmp_path)
    assert str(path) in str(caught.value)


def test_a_folder_without_golden_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no golden file"):
        check_folder(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        check_folder(tmp_path / "absent")


@pytest.mark.parametrize(
    ("expected", "ours", "agree"),
    [
        (0.5, 0.5 + 1e-8, True),
        (0.5, 0.50001, False),
        (1, 1.0, True),
        (True, 1, False),
        ("a", "a", True),
        ("a", "b", False),
        (None, None, True),
        ([1, 2], [1], False),
        ({"a": 1}, {"b": 1}, False),
        (float("nan"), 0.0, False),
    ],
)
def test_how_values_are_compared(expected: Any, ours: Any, agree: bool) -> None:
    assert (difference(expected, ours) is None) is agree


def test_relation_words_may_come_in_any_order(tmp_path: Path) -> None:
    options = {"threshold": 0.3, "counting_threshold": 0.9, "max_objects": 16}
    case = {
        "id": "p",
        "metadata": {
            "tag": "position",
            "prompt": "a b above an a",
            "include": [{"class": "a", "count": 1}, {"class": "b", "count": 1, "position": ["above", 0]}],
        },
        "detections": [
            {"class": "a", "box": [0, 0, 10, 10], "score": 0.9},
            {"class": "b", "box": [100, 100, 110, 110], "score": 0.9},
        ],
        "options": {**options, "max_overlap": 1.0, "position_threshold": 0.1},
        "expected": {
            "correct": False,
            "reason": "expected b above target, found right of and below target",
            "kept": {"a": [[0, 0, 10, 10, 0.9]], "b": [[100, 100, 110, 110, 0.9]]},
            "num_color_classified": 0,
        },
    }
    path = tmp_path / "geneval_position.json"
    path.write_text(json.dumps({"colors": ["red"], "cases": [case]}))
    assert check_file(path).first_difference is None
