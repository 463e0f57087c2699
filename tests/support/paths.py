"""Where the repository is, and where official data and golden cases lie on a machine that has them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the repository."""

GOLDEN = Path(os.environ.get("SELFREWARD_GOLDEN") or ROOT / ".." / "shared" / "golden")
"""Recorded results of the official evaluators."""

DATA = Path(os.environ.get("SELFREWARD_DATA") or ROOT / ".." / "shared" / "data")
"""Official prompt files."""
