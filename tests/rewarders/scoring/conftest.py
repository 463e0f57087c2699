"""Pictures on disk that :class:`Measuring` rewards with their number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.rewarders.scoring.pictures import PictureEntry


@pytest.fixture
def entry(tmp_path: Path) -> Callable[..., PictureEntry]:
    """``entry(7)``: a picture that is rewarded with 7, two pictures to an item."""

    def make(number: int, **rest: Any) -> PictureEntry:
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (6, 4), (number % 256, number // 256, 7)).save(path)
        given = {"prompt": f"number {number}", "path": path, "shown": path.name, **rest}
        return PictureEntry("toy", f"item-{number // 2}", number % 2, **given)

    return make
