"""RapidOCR: reads text in pictures with PP-OCR's small networks, which ship in the package.

Nothing is downloaded: the three networks are named by their paths inside the package, and a package without
them is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import file_sha256
from selfreward_eval.harness.errors import CheckpointError, MissingExtra, UsageError
from selfreward_eval.harness.instruments.base import TextLine

if TYPE_CHECKING:
    from PIL.Image import Image

MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
"""Section of RapidOCR's settings -> file: where text is, whether it stands on its head, what it says."""

PACKAGES = ("rapidocr", "onnxruntime")


class RapidOcrReader:
    """Lines of text of at least a score.

    Args:
        min_score: lines below it are left out. On photographs without text lower scores are mostly
            textures that look like a letter.
        threads: that one picture is read with; 0 for all cores.

    Nothing is loaded before the first :meth:`identity` or :meth:`read_text`.
    """

    def __init__(self, min_score: float = 0.9, threads: int = 1) -> None:
        if isinstance(min_score, bool) or not isinstance(min_score, int | float) or not 0 <= min_score <= 1:
            raise UsageError(f"rapidocr: min_score is {min_score!r}; give a number from 0 to 1")
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 0:
            raise UsageError(f"rapidocr: threads is {threads!r}; give a number of cores, or 0 for all")
        self.min_score, self.threads = float(min_score), threads
        self._engine: Any = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on.

        Raises:
            MissingExtra: rapidocr is not installed.
            CheckpointError: the package lacks a network.
        """
        if self._identity is None:
            self._identity = {
                "name": "rapidocr",
                "packages": _versions(),
                "sha256": {name: file_sha256(path) for name, path in _models().items()},
                "min_score": self.min_score,
            }
        return dict(self._identity)

    def read_text(self, images: Sequence[Image]) -> list[list[TextLine]]:
        """For every picture its lines from above to below; none where nothing is written.

        Raises:
            MissingExtra: rapidocr is not installed.
            CheckpointError: the package lacks a network.
        """
        return [self._one(image) for image in images]

    def _one(self, image: Image) -> list[TextLine]:
        import numpy as np

        # The engine takes arrays as OpenCV has them: blue first.
        pixels = np.ascontiguousarray(np.array(image.convert("RGB"))[:, :, ::-1])
        output = self._loaded()(pixels)
        if output.txts is None:
            return []
        return [
            TextLine(str(text), _around(corners), float(score))
            for text, corners, score in zip(output.txts, output.boxes, output.scores, strict=True)
            if score >= self.min_score
        ]

    def _loaded(self) -> Any:
        if self._engine is None:
            _versions()
            from rapidocr import RapidOCR

            threads = self.threads or os.cpu_count() or 1
            self._engine = RapidOCR(
                params={
                    "Global.log_level": "critical",
                    # Every line is kept here, so that one threshold decides.
                    "Global.text_score": 0.0,
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                    **{f"{name}.model_path": str(path) for name, path in _models().items()},
                }
            )
        return self._engine


def _around(corners: Any) -> tuple[float, float, float, float]:
    """The upright box around four corners."""
    x, y = ([float(corner[k]) for corner in corners] for k in (0, 1))
    return (min(x), min(y), max(x), max(y))


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError as error:
        raise MissingExtra(
            f"the instrument 'rapidocr' needs {error.name}, which is not installed; install "
            "selfreward-eval[ocr]"
        ) from error


def _models() -> dict[str, Path]:
    """The networks inside the package, found without importing it."""
    from importlib.util import find_spec

    spec = find_spec("rapidocr")
    places = [Path(place) / "models" for place in (spec.submodule_search_locations or ())] if spec else []
    for place in places:
        paths = {name: place / file for name, file in MODELS.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    raise CheckpointError(
        f"the installed rapidocr lacks one of {', '.join(MODELS.values())}; install selfreward-eval[ocr] anew"
    )
