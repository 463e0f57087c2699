"""Photographs that ship in other packages, read without importing these."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

PLACES = {"skimage": "data", "matplotlib": "mpl-data/sample_data"}
"""Package -> its folder of pictures."""


def photograph_path(package: str, name: str) -> Path:
    """Where a picture lies; the test is skipped where the package, or the picture in it, is missing."""
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / PLACES[package] / name
        if path.is_file():
            return path
    pytest.skip(f"no {name}: it ships in the package {package}")


def photograph(package: str, name: str) -> Image.Image:
    """The picture, in RGB; skips as :func:`photograph_path`."""
    return Image.open(photograph_path(package, name)).convert("RGB")
