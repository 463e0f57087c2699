"""What a run folder holds, for comparing two runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def contents(folder: Path) -> dict[str, Any]:
    """Every visible file of a run; times left out."""
    created = json.loads((folder / "run.json").read_text())["created"]
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."):
        name = str(path.relative_to(folder)).replace(created, "TIME")
        if name.startswith("samples_"):
            found[name] = [json.loads(line) | {"timing": None} for line in path.read_text().splitlines()]
        elif name.startswith("results_"):
            results = json.loads(path.read_text())
            results |= {"date": None, "total_evaluation_time_seconds": None}
            results["selfreward"]["manifest"]["created"] = None
            found[name] = results
        elif name == "run.json":
            found[name] = json.loads(path.read_text()) | {"created": None, "finished": None}
        else:
            found[name] = path.read_bytes()
    return found
