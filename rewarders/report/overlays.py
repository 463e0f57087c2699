"""A reward map drawn over its picture: red where the reward is negative, green where it is positive.

Both readings of SRUM's map are drawn from the scores in the evidence, whichever of them was the reward.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from selfreward_eval.rewarders.base import Reward
from selfreward_eval.rewarders.srum.maps import Region, reward_map

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 96
"""Longest side of an overlay in pixels: regions are rectangles, so coarse ones look the same."""

GOOD, BAD = (23, 115, 74), (179, 38, 30)
LOW, MIDDLE, HIGH = (59, 15, 112), (33, 145, 140), (253, 231, 37)
"""Ends and middle of the scale for rewards that are never negative."""

OPAQUE, FAINT = 165, 115
"""Of 255: where a signed reward is largest, and everywhere on the other scale."""


def map_overlays(reward: Reward, width: int, height: int) -> dict[str, str]:
    """Map reading (``code``, ``paper``; ``map`` for other maps) -> data URL of its overlay; empty for none.

    Args:
        reward: with a map.
        width: of the picture in pixels.
        height: of it.
    """
    if reward.map is None:
        return {}
    scored = regions_and_layout(reward)
    if scored is None:
        return {"map": _url(reward.map, signed=bool(reward.map.min() < 0))}
    regions, layout = scored
    shape = (height, width)
    return {
        "code": _url(reward_map("code", shape, regions, layout), signed=False),
        "paper": _url(reward_map("paper", shape, regions, layout), signed=True),
    }


def regions_and_layout(reward: Reward) -> tuple[list[Region], float] | None:
    """SRUM's regions that have a score, and its layout score; None for evidence of another kind."""
    layout, regions = reward.evidence.get("layout"), reward.evidence.get("regions")
    if not isinstance(layout, int | float) or not isinstance(regions, list):
        return None
    try:
        scored = [(one["box"], one["score"]) for one in regions if one["score"] is not None]
        return [Region((int(a), int(b), int(c), int(d)), float(s)) for (a, b, c, d), s in scored], float(
            layout
        )
    except (KeyError, TypeError, ValueError):
        return None


def region_boxes(reward: Reward) -> list[dict[str, Any]]:
    """Regions with a score as boxes for ``harness.report.overlay``, their scores in the labels."""
    boxes = []
    regions = reward.evidence.get("regions", []) if regions_and_layout(reward) is not None else []
    for one in regions:
        if one["score"] is not None:
            label = f"{one.get('label') or 'region'} {one['score']:+.2f}"
            boxes.append({"label": label, "box": one["box"], "score": None, "colour": None, "kept": True})
    return boxes


def details(evidence: Mapping[str, Any]) -> list[str]:
    """Evidence that is short enough for a card, a line each."""
    lines = []
    for answer in evidence.get("layout_answers", []):
        lines.append(f"{answer['question']} {answer['yes']:.2f}")
    regions = evidence.get("regions", [])
    for one in regions if isinstance(regions, list) else []:
        score = "no score" if one["score"] is None else f"{one['score']:+.2f}"
        lines.append(f"{one.get('label') or 'region'}: {one.get('identified') or one.get('reason')} {score}")
    lines += [str(question) for question in evidence.get("questions", [])]
    return lines


def _url(values: NDArray[np.float32], *, signed: bool) -> str:
    """A map as a picture with transparency: around 0 where it is ``signed``, else from 0 to 1."""
    import numpy as np
    from PIL import Image

    step = max(1, -(-max(values.shape) // LONGEST))
    part = np.clip(values[step // 2 :: step, step // 2 :: step].astype(np.float64), -1.0, 1.0)
    pixels = np.zeros((*part.shape, 4), dtype=np.uint8)
    if signed:
        pixels[..., :3] = np.where(part[..., None] < 0, np.array(BAD), np.array(GOOD))
        pixels[..., 3] = np.rint(OPAQUE * np.abs(part))
    else:
        stops = np.array([LOW, MIDDLE, HIGH], dtype=float)
        for channel in range(3):
            pixels[..., channel] = np.rint(np.interp(part, [0.0, 0.5, 1.0], stops[:, channel]))
        pixels[..., 3] = FAINT
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "WEBP", lossless=True, exact=True)
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode("ascii")
