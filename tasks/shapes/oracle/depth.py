"""Depth from occlusion: an order of the objects, not a distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.oracle.reading import Seen

if TYPE_CHECKING:
    from PIL.Image import Image


def in_front(a: Seen, b: Seen) -> int:
    """1 if ``a`` hides part of ``b``, -1 if ``b`` hides part of ``a``, 0 if neither overlaps the other.

    Where both outlines lie, the colour that shows belongs to the nearer one.
    """
    common = a.extent & b.extent
    shows_a, shows_b = int((a.mask & common).sum()), int((b.mask & common).sum())
    if max(shows_a, shows_b) < 2 or shows_a == shows_b:
        return 0
    return 1 if shows_a > shows_b else -1


def front_to_back(seen: Sequence[Seen]) -> list[int]:
    """Indices into ``seen``, the nearest first; those that overlap nothing keep their order."""
    remaining = list(range(len(seen)))
    order: list[int] = []
    while remaining:
        free = [i for i in remaining if all(in_front(seen[j], seen[i]) <= 0 for j in remaining if j != i)]
        # Flat objects cannot occlude in a cycle; if a misreading gives one, the first object is taken.
        chosen = free[0] if free else remaining[0]
        order.append(chosen)
        remaining.remove(chosen)
    return order


def depth_map(seen: Sequence[Seen], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Relative nearness in [0, 1]: 0 on the ground, 1 at the front object; float32 ``shape``."""
    depth = np.zeros(shape, dtype=np.float32)
    order = front_to_back(seen)
    for rank, index in enumerate(reversed(order)):
        depth[seen[index].mask] = (rank + 1) / len(order)
    return depth


class OracleDepth:
    """The :class:`~selfreward_eval.harness.instruments.base.DepthEstimator` of the shapes world."""

    def identity(self) -> dict[str, Any]:
        from selfreward_eval.tasks.shapes.oracle import VERSION

        return {"name": "shapes_oracle_depth", "revision": VERSION}

    def depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """One (H, W) map per picture in [0, 1]; larger is nearer."""
        from selfreward_eval.tasks.shapes.oracle.frame import enlarge, to_frame
        from selfreward_eval.tasks.shapes.oracle.reading import read

        maps = []
        for image in images:
            flat = depth_map(read(to_frame(image)), (48, 48))
            maps.append(enlarge(flat, image.size))
        return maps
