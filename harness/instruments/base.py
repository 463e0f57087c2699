"""Instruments: what measures a picture. Contracts and the records they return.

An instrument names itself and its revision, because both are part of a
score's identity: runs measured with different instruments are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


@dataclass(frozen=True)
class Detection:
    """One object found in a picture.

    Attributes:
        label: class name, in the vocabulary the task asked for.
        box: x0, y0, x1, y1 in pixels of the picture, far edges exclusive.
        score: confidence in [0, 1].
        mask: boolean (H, W) of the picture's size, or None if the backend gives none.
        attributes: further readings of the backend (colour, texture ...), JSON values.
    """

    label: str
    box: tuple[float, float, float, float]
    score: float
    mask: NDArray[np.bool_] | None = None
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TextLine:
    """One line of text found in a picture.

    Attributes:
        text: as it was read.
        box: x0, y0, x1, y1 in pixels of the picture, around the line whichever way it runs.
        score: confidence in [0, 1].
    """

    text: str
    box: tuple[float, float, float, float]
    score: float


@runtime_checkable
class Instrument(Protocol):
    """What every instrument has."""

    def identity(self) -> dict[str, Any]:
        """Name, revision and every setting that can change a reading; JSON values.

        An instrument that asks a server names it as ``endpoint``: the model goes on while it waits.
        """
        ...


@runtime_checkable
class Detector(Instrument, Protocol):
    """Finds objects."""

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """For every picture, all candidate objects among ``labels``, unthresholded, in any order."""
        ...


@runtime_checkable
class ColourClassifier(Instrument, Protocol):
    """Names the colour of one object."""

    def classify(self, image: Image, detections: Sequence[Detection], colours: Sequence[str]) -> list[str]:
        """The colour among ``colours`` of every detection in ``image``."""
        ...


@runtime_checkable
class DepthEstimator(Instrument, Protocol):
    """Reads relative depth."""

    def depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """One (H, W) map per picture in [0, 1]; larger is nearer."""
        ...


@runtime_checkable
class VQA(Instrument, Protocol):
    """Says how sure it is that the answer to a question about a picture is yes."""

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] for every (picture, question), aligned."""
        ...


@runtime_checkable
class TextReader(Instrument, Protocol):
    """Reads the text that is written in a picture."""

    def read_text(self, images: Sequence[Image]) -> list[list[TextLine]]:
        """For every picture its lines in the order of reading; none where nothing is written."""
        ...


@runtime_checkable
class ImageTextScorer(Instrument, Protocol):
    """Says how well a text fits a picture."""

    def similarities(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """The embeddings' cosine in [-1, 1] of every (picture, text), aligned; neither scaled nor clamped."""
        ...
