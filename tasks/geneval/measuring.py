"""Measures a picture from its detections: the official decision, with its evidence.

Shared by ``geneval`` and ``shapes_geneval``; they differ in vocabulary and instruments only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import ColourClassifier, Detection
from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.tasks.geneval.options import COLOURS, OFFICIAL, Options
from selfreward_eval.tasks.geneval.scoring import Decision, evaluate

if TYPE_CHECKING:
    from PIL.Image import Image

FAINTEST_RECORDED = 0.05
"""Detections that do not count are recorded from this score on; of the others only the number is kept."""


def by_class(detections: Sequence[Detection]) -> dict[str, list[Detection]]:
    """Detections grouped by label; the order within a class is kept, ties depend on it."""
    groups: dict[str, list[Detection]] = {}
    for detection in detections:
        groups.setdefault(detection.label, []).append(detection)
    return groups


def unusable(detections: Sequence[Detection]) -> str | None:
    """Why detections have no verdict: one has a score or an edge that is no number. None if all are usable.

    No threshold is exceeded by nan, so the object would count as absent.
    """
    for detection in detections:
        if not all(map(isfinite, (detection.score, *detection.box))):
            return (
                f"the detector returned a {detection.label!r} with the score {detection.score} in "
                f"{list(detection.box)}; a detection needs finite numbers"
            )
    return None


def evidence(detections: Sequence[Detection], verdict: Decision, threshold: float) -> dict[str, Any]:
    """What the decision is based on, as JSON values.

    Returns:
        ``boxes``: label, box (x0, y0, x1, y1 in pixels), score, colour or None, and whether it
        counted, best first within those that count, then the others; ``threshold``: the score that
        had to be exceeded; ``left_out``: how many detections were not recorded because of a low score.
    """
    counted = [
        (detection, colour)
        for name, objects in verdict.kept.items()
        for detection, colour in _with_colours(objects, verdict.colours.get(name, ()))
    ]
    chosen = {id(detection) for detection, _ in counted}
    others = [detection for detection in detections if id(detection) not in chosen]
    recorded = [detection for detection in others if detection.score >= FAINTEST_RECORDED]
    return {
        "boxes": [_box(detection, colour, True) for detection, colour in counted]
        + [_box(detection, None, False) for detection in recorded],
        "threshold": threshold,
        "left_out": len(others) - len(recorded),
    }


def measure_image(
    image: Image,
    metadata: Mapping[str, Any],
    detections: Sequence[Detection],
    colour_classifier: ColourClassifier | None,
    options: Options = OFFICIAL,
    colours: Sequence[str] = COLOURS,
) -> Measurement:
    """The measurement of one picture: ``accuracy`` 1.0 if the official rule calls it correct, else 0.0.

    Args:
        image: RGB.
        metadata: upstream's row.
        detections: everything the detector offered for this picture, unthresholded.
        colour_classifier: asked only for objects whose colour a clause names; None if none does.
        options: thresholds.
        colours: what the classifier chooses from.

    Returns:
        A ``measurement_error`` without a value if the row is damaged, a detection holds a value that is no
        number, or a colour cannot be read.
    """
    if (broken := unusable(detections)) is not None:
        return Measurement(Status.MEASUREMENT_ERROR, reason=broken)

    def colour_of(name: str, objects: Sequence[Detection]) -> list[str]:
        if not objects:
            return []
        if colour_classifier is None:
            raise InputError(f"the row asks for the colour of {name!r}, and nothing here reads colours")
        return colour_classifier.classify(image, objects, colours)

    try:
        verdict = evaluate(metadata, by_class(detections), colour_of, colours=colours, options=options)
    except InputError as error:
        return Measurement(Status.MEASUREMENT_ERROR, reason=str(error))
    return Measurement(
        Status.SUCCESS,
        {"accuracy": float(verdict.correct)},
        verdict.reason,
        evidence(detections, verdict, options.threshold_for(metadata["tag"])),
    )


def _with_colours(objects: Sequence[Detection], colours: Sequence[str]) -> list[tuple[Detection, str | None]]:
    """Every object with its colour; None for objects whose colour was not classified."""
    return [(thing, colours[i] if i < len(colours) else None) for i, thing in enumerate(objects)]


def _box(detection: Detection, colour: str | None, kept: bool) -> dict[str, Any]:
    return {
        "label": detection.label,
        "box": [float(edge) for edge in detection.box],
        "score": float(detection.score),
        "colour": colour,
        "kept": kept,
    }
