"""``examples/quickstart.ipynb`` runs from its first cell to its last, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.notebooks import execute
from support.paths import ROOT

CELLS = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path: Path) -> None:
    shown = execute(["".join(cell["source"]) for cell in CODE], tmp_path)
    assert "n_scored=24" in shown[1]
    assert "shapes_geneval" in shown[-1]


def test_it_is_kept_without_outputs() -> None:
    assert [cell["outputs"] for cell in CODE] == [[] for _ in CODE]
    assert {cell["execution_count"] for cell in CODE} == {None}
