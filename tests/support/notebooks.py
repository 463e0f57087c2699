"""Executes notebook cells in a folder, with this repository's package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.installing import environment


def execute(cells: Sequence[str], folder: Path) -> list[str]:
    """What every code cell printed, or showed as its value.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    code = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook = nbformat.v4.new_notebook(cells=code)
    runner = client.NotebookClient(notebook, timeout=900, kernel_name="python3")
    runner.execute(cwd=str(folder), env=environment())
    return [_shown(cell) for cell in notebook.cells]


def _shown(cell: Any) -> str:
    """Standard output and the last value, as text."""
    parts = [one.get("text") or one.get("data", {}).get("text/plain", "") for one in cell.outputs]
    return "\n".join(part.strip() for part in parts if part)
