"""Measures pictures by CompBench's rules; every instrument is called once for a whole batch.

Any task with CompBench's categories calls::

    measure_batch(
        facts: Sequence[PromptFacts],    # facts.PromptFacts: category, prompt, words, chunks, kind
        images: Sequence[Image],         # RGB, aligned with facts; categories may be mixed
        instruments: Instruments,        # those that settings.roles(categories) names
        settings: Settings = Settings(), # protocol, threshold, label space, countable nouns, resized
    ) -> list[Measurement]               # value "score", aligned; a status where there is none

A closed-vocabulary detector (``Settings.labels``) is called once. An open-vocabulary
detector is called once per set of labels, because its detections may depend on the
other labels, and a batch must not change a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.base import (
    VQA,
    DepthEstimator,
    Detection,
    Detector,
    ImageTextScorer,
    Instrument,
)
from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.tasks.t2i_compbench.boxes import best_first, frame_size, require_usable
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.queries import Queries, queries_for
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, in_picture, unscorable
from selfreward_eval.tasks.t2i_compbench.scoring import Observations, score_picture
from selfreward_eval.tasks.t2i_compbench.settings import METRIC, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

T = TypeVar("T")

MOST_BOXES = 30
"""Maximum number of recorded boxes per picture, highest score first; all boxes enter the score."""


@dataclass(frozen=True)
class Instruments:
    """The instruments; only those that the categories need must be given."""

    detector: Detector | None = None
    depth: DepthEstimator | None = None
    vqa: VQA | None = None
    similarity: ImageTextScorer | None = None

    def identities(self) -> dict[str, dict[str, Any]]:
        """Role -> identity of every instrument that is given."""
        given: dict[str, Instrument | None] = {
            "detector": self.detector,
            "depth": self.depth,
            "vqa": self.vqa,
            "similarity": self.similarity,
        }
        return {role: instrument.identity() for role, instrument in given.items() if instrument is not None}


def measure_batch(
    facts: Sequence[PromptFacts],
    images: Sequence[Image],
    instruments: Instruments,
    settings: Settings | None = None,
) -> list[Measurement]:
    """One measurement per (prompt, picture); see the module's text.

    Raises:
        UsageError: a category needs an instrument that is not given.
    """
    chosen = settings or Settings()
    measured: list[Measurement | None] = [_unusable(image) for image in images]
    usable = [place for place, status in enumerate(measured) if status is None]
    queries = [queries_for(facts[place], chosen) for place in usable]
    observations = _observe([images[place] for place in usable], queries, instruments, chosen)
    for place, query, observed in zip(usable, queries, observations, strict=True):
        if observed.broken:
            ruling = unscorable("unusable detections", observed.broken)
        else:
            ruling = score_picture(facts[place], query, observed, chosen)
        measured[place] = _measurement(ruling, images[place])
    return [entry for entry in measured if entry is not None]


def _unusable(image: Image) -> Measurement | None:
    """A failed measurement for a picture that is too small or narrow for the frame, else None."""
    width, height = image.size
    if width > 0 and height > 0 and min(frame_size(width, height)) > 0:
        return None
    reason = f"a picture of {width} x {height} pixels is nothing that a detector can be shown"
    return Measurement(Status.UNREADABLE_IMAGE, reason=reason)


def _measurement(ruling: Ruling, image: Image) -> Measurement:
    """The measurement, with boxes in the picture's own pixels and the number of unrecorded boxes."""
    width, height = frame_size(*image.size)
    counted = sorted(ruling.boxes, key=lambda box: (not box["kept"], -box["score"]))
    boxes = in_picture(counted[:MOST_BOXES], image.width / width, image.height / height)
    measurement = replace(ruling, boxes=tuple(boxes)).measurement(METRIC)
    return replace(measurement, evidence={**measurement.evidence, "left_out": len(counted) - len(boxes)})


def _observe(
    images: Sequence[Image], queries: Sequence[Queries], instruments: Instruments, settings: Settings
) -> list[Observations]:
    """The instruments' outputs for every picture."""
    detections, broken = _detections(images, queries, instruments, settings)
    answers = _answers(images, queries, instruments)
    cosines = _cosines(images, queries, instruments)
    depths = _depths(images, queries, instruments)
    rows = zip(detections, answers, cosines, depths, broken, strict=True)
    return [Observations(*row) for row in rows]


def _framed(image: Image) -> Image:
    """The picture resized as for upstream's detector: 479 pixels at the shorter side, bilinear."""
    from PIL.Image import Resampling

    return image.resize(frame_size(*image.size), Resampling.BILINEAR)


def _detections(
    images: Sequence[Image], queries: Sequence[Queries], instruments: Instruments, settings: Settings
) -> tuple[list[list[Detection]], list[str]]:
    """Per picture, the detections above the threshold, in the frame, best first; and why there are none.

    The second list holds a reason for every picture of which the detector returned no usable numbers, and
    else "".
    """
    detected: list[list[Detection]] = [[] for _ in images]
    broken = [""] * len(images)
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, query in enumerate(queries):
        if query.labels:
            groups.setdefault(query.labels, []).append(place)
    for labels, places in groups.items():
        detector = _required(instruments.detector, "detector")
        shown = [_framed(images[place]) if settings.resized else images[place] for place in places]
        for place, picture, offered in zip(places, shown, detector.detect(shown, labels), strict=True):
            try:
                require_usable(offered)
            except InputError as error:
                broken[place] = str(error)
                continue
            width, height = frame_size(*images[place].size)
            scaled = [
                _scaled(detection, width / picture.width, height / picture.height) for detection in offered
            ]
            detected[place] = best_first(scaled, settings.threshold)
    return detected, broken


def _scaled(detection: Detection, across: float, down: float) -> Detection:
    """A detection with its box scaled and without its mask, which no rule uses."""
    x0, y0, x1, y1 = detection.box
    return Detection(detection.label, (x0 * across, y0 * down, x1 * across, y1 * down), detection.score)


def _answers(
    images: Sequence[Image], queries: Sequence[Queries], instruments: Instruments
) -> list[Sequence[float]]:
    """Per picture, P(yes) of its questions; all of them are asked in one call.

    If there are not as many answers as questions, nobody knows whose one is lacking: no picture gets any.
    """
    shown = [image for image, query in zip(images, queries, strict=True) for _ in query.questions]
    if not shown:
        return [()] * len(images)
    vqa = _required(instruments.vqa, "vqa")
    flat = vqa.yes_probabilities(shown, [question for query in queries for question in query.questions])
    if len(flat) != len(shown):
        return [()] * len(images)
    ends = list(accumulate(len(query.questions) for query in queries))
    return [flat[end - len(query.questions) : end] for end, query in zip(ends, queries, strict=True)]


def _cosines(
    images: Sequence[Image], queries: Sequence[Queries], instruments: Instruments
) -> list[float | None]:
    """Per picture, its similarity to its text."""
    places = [place for place, query in enumerate(queries) if query.text is not None]
    cosines: list[float | None] = [None] * len(images)
    if places:
        scorer = _required(instruments.similarity, "similarity")
        texts = [str(queries[place].text) for place in places]
        for place, value in zip(
            places, scorer.similarities([images[place] for place in places], texts), strict=True
        ):
            cosines[place] = value
    return cosines


def _depths(
    images: Sequence[Image], queries: Sequence[Queries], instruments: Instruments
) -> list[NDArray[np.float32] | None]:
    """Per picture, its depth in the frame."""
    places = [place for place, query in enumerate(queries) if query.depth]
    depths: list[NDArray[np.float32] | None] = [None] * len(images)
    if places:
        estimator = _required(instruments.depth, "depth")
        maps = estimator.depth([images[place] for place in places])
        for place, depth in zip(places, maps, strict=True):
            depths[place] = depth_in_frame(depth) if _is_map(depth, images[place]) else None
    return depths


def _is_map(depth: NDArray[np.float32], image: Image) -> bool:
    """Whether ``depth`` is a map of this picture, with a number everywhere."""
    import numpy as np

    return depth.shape == (image.height, image.width) and bool(np.isfinite(depth).all())


def depth_in_frame(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """A depth map resized to the frame as upstream resizes it: as an 8-bit picture, bilinear.

    Args:
        depth: (H, W) of the picture, in [0, 1].
    """
    import numpy as np
    from PIL import Image as PillowImage

    eight_bit = PillowImage.fromarray(np.rint(np.clip(depth, 0, 1) * 255).astype(np.uint8))
    return np.asarray(_framed(eight_bit), dtype=np.float32) / np.float32(255)


def _required(instrument: T | None, role: str) -> T:
    if instrument is None:
        raise UsageError(f"a prompt of this batch needs an instrument for the role {role!r}; give one")
    return instrument
