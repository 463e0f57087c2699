"""From region scores and a layout score to a reward per pixel: the released code's map and the paper's.

========= =================================== ==================================
reading   ``code``                            ``paper``
========= =================================== ==================================
range     [0, 1]                              [-1, 1]
ground    0.5                                 0: it has no score
region    (score + 1) / 2                     score
overlap   the larger one                      the smaller region
layout    times (g + 1) / 2                   times (g + 1) / 2
bad one   not below the ground                negative: moves away
========= =================================== ==================================

The paper does not define ground and overlaps; these are this project's choices. In both readings a
missing layout score counts as g = 0, as in the released code.

>>> import numpy as np
>>> bad = [Region((0, 0, 2, 2), -1.0)]
>>> float(code_map((4, 4), bad, layout=1.0)[0, 0]), float(paper_map((4, 4), bad, layout=1.0)[0, 0])
(0.5, -1.0)

Source: arXiv:2510.12784, eq. 1; WayneJin0918/SRUM at a53ba18, ``data/regional_reward_dataset.py`` and
``modeling/bagel/bagel.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MapReading = Literal["code", "paper"]

GROUND = 0.5
"""Of the ``code`` reading."""

NEUTRAL_LAYOUT = 0.0
"""What counts where there is no layout score."""


@dataclass(frozen=True)
class Region:
    """A scored part of a picture.

    Attributes:
        box: x0, y0, x1, y1 in whole pixels, far edges exclusive; may reach beyond the picture.
        score: in [-1, 1]; the released parser lets others through, and the map follows them.
    """

    box: tuple[int, int, int, int]
    score: float

    @property
    def area(self) -> int:
        """Pixels of the box; 0 or less if it is empty."""
        x0, y0, x1, y1 = self.box
        return max(0, x1 - x0) * max(0, y1 - y0)


def layout_factor(layout: float | None) -> float:
    """alpha: a layout score in [-1, 1] as a factor in [0, 1]."""
    return ((NEUTRAL_LAYOUT if layout is None else layout) + 1.0) / 2.0


def code_map(
    shape: tuple[int, int], regions: Sequence[Region], layout: float | None = None
) -> NDArray[np.float32]:
    """The released map: float32 ``shape`` (H, W), in [0, 1] if all scores are in [-1, 1]."""
    import numpy as np

    painted = np.full(shape, GROUND, dtype=np.float32)
    for region in regions:
        part = painted[_inside(region, shape)]
        np.maximum(part, np.float32((region.score + 1.0) / 2.0), out=part)
    return painted * np.float32(layout_factor(layout))


def paper_map(
    shape: tuple[int, int], regions: Sequence[Region], layout: float | None = None
) -> NDArray[np.float32]:
    """The paper's alpha * R: float32 ``shape`` (H, W), in [-1, 1]. Their order does not matter."""
    import numpy as np

    painted = np.zeros(shape, dtype=np.float32)
    # The smallest last, so that it stays on top; of equally large ones the worst.
    for region in sorted(regions, key=lambda scored: (-scored.area, -scored.score)):
        painted[_inside(region, shape)] = region.score
    return painted * np.float32(layout_factor(layout))


def reward_map(
    reading: MapReading, shape: tuple[int, int], regions: Sequence[Region], layout: float | None = None
) -> NDArray[np.float32]:
    """The map of that reading."""
    return (code_map if reading == "code" else paper_map)(shape, regions, layout)


def to_grid(values: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """A map (H, W) on a coarser or finer grid (h, w), for latents or picture tokens.

    Bilinear between the four nearest pixels of each cell's centre (``align_corners=False``, without
    antialiasing), as the released code interpolates. A cell does not average over all its pixels.
    """
    import numpy as np

    (top, bottom, down), (left, right, across) = (
        _neighbours(size, cells) for size, cells in zip(values.shape, grid, strict=True)
    )
    down = down[:, None]
    rows = values[top] * (1 - down) + values[bottom] * down
    return np.asarray(rows[:, left] * (1 - across) + rows[:, right] * across, dtype=np.float32)


def _neighbours(size: int, cells: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For every cell along one axis the pixels around its centre, and how much the second one weighs."""
    import numpy as np

    centre = np.maximum((np.arange(cells) + 0.5) * (size / cells) - 0.5, 0.0)
    first = np.minimum(centre.astype(np.int64), size - 1)
    second = np.minimum(first + 1, size - 1)
    return first, second, (centre - first).astype(np.float32)


def _inside(region: Region, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The part of the box that lies in the picture; empty where none does."""
    x0, y0, x1, y1 = region.box
    rows = slice(min(max(0, y0), shape[0]), max(0, min(y1, shape[0])))
    columns = slice(min(max(0, x0), shape[1]), max(0, min(x1, shape[1])))
    return rows, columns
