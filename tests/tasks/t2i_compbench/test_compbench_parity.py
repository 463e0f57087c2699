"""Readers of the golden files: every file has one, and a crash is answered by an error of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.paths import GOLDEN

from selfreward_eval.tasks.parity import READERS, check_file

OFFICIAL = GOLDEN


def test_every_file_has_a_reader() -> None:
    if not OFFICIAL.is_dir():
        pytest.skip("no folder golden: set SELFREWARD_GOLDEN")
    names = [path.name for path in OFFICIAL.iterdir() if path.name.startswith(("compbench_", "srum_"))]
    assert names
    assert [name for name in names if name not in READERS] == []


def golden(folder: Path, name: str, **case: Any) -> Path:
    path = folder / f"compbench_{name}.json"
    path.write_text(json.dumps({"cases": [{"id": "c", **case}]}))
    return path


NO_NOUN = {"prompt": "here behind there", "tokens": ["here", "behind", "there"], "pos": ["X"] * 3}
FLAT = [5.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("name", "case", "crash"),
    [
        ("2d_spatial", {**NO_NOUN, "detections": []}, "IndexError"),
        (
            "3d_spatial",
            {**NO_NOUN, "detections": [], "depth": {"h": 2, "w": 2, "default": 0, "rects": []}},
            "IndexError",
        ),
        ("2d_determine_position", {"locality": "near", "box1": FLAT, "box2": FLAT}, "ZeroDivisionError"),
        ("numeracy", {"tokens_used": ["two"], "detections": []}, "IndexError"),
        ("sharegpt4v_parse", {"rubric": "attribute(1-4)", "replies": [""]}, "IndexError"),
    ],
)
def test_a_crash_agrees_with_an_error(tmp_path: Path, name: str, case: dict[str, Any], crash: str) -> None:
    assert check_file(golden(tmp_path, name, **case, expected={"error": crash})).agreeing == 1
    assert check_file(golden(tmp_path, name, **case, expected={"score": 0})).agreeing == 0


def test_a_wrong_score_is_told(tmp_path: Path) -> None:
    case = {"tokens_used": ["two", "dogs"], "detections": []}
    path = golden(tmp_path, "numeracy", **case, expected={"score": 1})
    assert check_file(path).first_difference == "c: score is 1, ours is 0.0"
