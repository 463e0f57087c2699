"""The result of a rule for one picture, with its evidence.

>>> Ruling(0.925, "both objects", "dog on the left of frog").measurement("score").values
{'score': 0.925}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.records import Measurement, Status


@dataclass(frozen=True)
class Ruling:
    """A score, or the reason why there is none.

    Attributes:
        score: in [0, 1] unless the rule says otherwise; None if the rule cannot score: the official
            code crashes, or a corrected rule declares the prompt or picture unscorable.
        rule: the branch of the rule that applied, in a few words.
        reason: for human readers: what was expected and found, or why there is no score.
        boxes: the detections used, as JSON values for reports; see :func:`shown`.
        numbers: intermediate results; JSON values.
    """

    score: float | None
    rule: str
    reason: str = ""
    boxes: tuple[Mapping[str, Any], ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def evidence(self) -> dict[str, Any]:
        """Everything but the score, as JSON values."""
        return {"rule": self.rule, "boxes": [dict(box) for box in self.boxes], "numbers": dict(self.numbers)}

    def measurement(self, metric: str) -> Measurement:
        """The record of a run: ``metric`` with the score, or a ``measurement_error`` with the reason."""
        if self.score is None:
            return Measurement(Status.MEASUREMENT_ERROR, reason=self.reason, evidence=self.evidence())
        return Measurement(Status.SUCCESS, {metric: self.score}, self.reason, self.evidence())


def unscorable(rule: str, reason: object, **numbers: Any) -> Ruling:
    """A ruling without a score."""
    return Ruling(None, rule, str(reason), numbers=numbers)


def shown(detection: Detection, role: str, kept: bool = True) -> dict[str, Any]:
    """A detection as JSON values: label, box in the detector's frame, score, role, whether it counted."""
    return {
        "label": detection.label,
        "box": [float(edge) for edge in detection.box],
        "score": float(detection.score),
        "colour": None,
        "kept": kept,
        "role": role,
    }


def in_picture(boxes: Sequence[Mapping[str, Any]], scale_x: float, scale_y: float) -> list[dict[str, Any]]:
    """Boxes of a ruling moved from the detector's frame into the picture's pixels.

    Args:
        boxes: of :attr:`Ruling.boxes`.
        scale_x: the picture's width over the frame's.
        scale_y: the picture's height over the frame's.
    """
    scales = (scale_x, scale_y, scale_x, scale_y)
    return [
        {**box, "box": [edge * scale for edge, scale in zip(box["box"], scales, strict=True)]}
        for box in boxes
    ]
