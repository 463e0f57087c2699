"""How well the autoencoder of ``tiny-flow`` carries a scene; the rest is measured as for ``tiny``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsFlow


def round_trip(model: TrainsFlow) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Encodes and decodes a picture: uint8 (48, 48, 3) to the same."""
    from PIL import Image

    def through(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        latents = model.encode([Image.fromarray(picture)], [0])
        return np.asarray(model.decode_latents(latents)[0])

    return through
