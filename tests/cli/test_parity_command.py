"""``selfreward-eval parity``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from selfreward_eval.cli.parity import parity
from selfreward_eval.harness.errors import InputError

app = typer.Typer()
app.command()(parity)


def golden(folder: Path, iou: float) -> str:
    """A folder with one known case and one unknown file."""
    case = {"id": "g-0", "box_a": [0, 0, 9, 9], "box_b": [0, 0, 9, 9], "position_threshold": 0.1}
    case["expected"] = {"relations_a_to_b": [], "iou_plus1": iou}
    (folder / "geneval_geometry.json").write_text(json.dumps({"cases": [case]}))
    (folder / "geneval3_analysis.json").write_text("{}")
    return str(folder)


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), terminal_width=200)


def test_agreement(tmp_path: Path) -> None:
    result = command(golden(tmp_path, 1.0))
    assert result.exit_code == 0
    assert "1 of 1 cases in 1 files agree" in result.stdout
    assert "unknown files, not checked: geneval3_analysis.json" in result.stdout


def test_a_disagreement_fails(tmp_path: Path) -> None:
    result = command(golden(tmp_path, 0.25), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["agree"], report["unknown"]) == (False, ["geneval3_analysis.json"])
    assert report["files"] == [
        {
            "file": "geneval_geometry.json",
            "cases": 1,
            "agreeing": 0,
            "first_difference": "g-0: iou_plus1 is 0.25, ours is 1.0",
        }
    ]


@pytest.mark.parametrize("name", ["", "absent"])
def test_nothing_to_check_is_bad_input(tmp_path: Path, name: str) -> None:
    error = command(str(tmp_path / name)).exception
    assert isinstance(error, InputError)
    assert error.exit_code == 4
