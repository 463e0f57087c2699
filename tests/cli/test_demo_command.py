"""``selfreward-eval demo``: the shipped comparison first, then a short training run of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfreward_eval.cli.main import app

SMALL = ["--limit", "6", "--trainer-args", "prompts=3,candidates=2,rounds=1,steps=1,batch_size=2"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    result = CliRunner().invoke(app, ["demo", "-o", str(folder), *SMALL])
    assert result.exit_code == 0, result.output
    return result.output, folder


def test_the_shipped_checkpoint_comes_first_and_why_the_short_run_shows_less_is_said(
    shown: tuple[str, Path],
) -> None:
    output, folder = shown
    assert output.index("tiny-dsr") < output.index("tiny-final-dsr_grpo")
    assert "learnt from 6 pictures" in output
    assert "76,800" in output
    assert (folder / "shipped.html").is_file()


def test_a_second_call_finds_everything_done(shown: tuple[str, Path]) -> None:
    _, folder = shown
    pictures = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    result = CliRunner().invoke(app, ["demo", "-o", str(folder), *SMALL, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["shipped"]["page"] == str(folder / "shipped.html")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == pictures
