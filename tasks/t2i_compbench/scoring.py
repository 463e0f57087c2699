"""Scores one picture from the instruments' outputs by the rule of its category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench import (
    attributes,
    depth_order,
    fixed_attributes,
    fixed_numeracy,
    fixed_spatial,
    numeracy,
    planar,
    three_in_one,
)
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts
from selfreward_eval.tasks.t2i_compbench.queries import Queries
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, unscorable
from selfreward_eval.tasks.t2i_compbench.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Observations:
    """The instruments' outputs for one picture; empty for instruments that were not queried.

    Attributes:
        detections: in the 479/480-pixel frame, above the threshold, best first.
        yes: P(yes) for every question, aligned.
        similarity: cosine of picture and text.
        depth: (H, W) of the frame in [0, 1], larger is nearer.
        broken: why the detector's output cannot be used, else "".
    """

    detections: Sequence[Detection] = ()
    yes: Sequence[float] = ()
    similarity: float | None = None
    depth: NDArray[np.float32] | None = None
    broken: str = ""


def score_picture(facts: PromptFacts, queries: Queries, observed: Observations, settings: Settings) -> Ruling:
    """The ruling on one picture by its category's rule."""
    if facts.category in ("color", "shape", "texture"):
        return _attributes(facts, observed, settings)
    if facts.category == "non_spatial":
        return _similarity(queries, observed)
    if facts.category == "complex":
        return _complex(facts, queries, observed, settings)
    return _boxes_ruling(facts, queries, observed, settings)


def _attributes(facts: PromptFacts, observed: Observations, settings: Settings) -> Ruling:
    chosen = attributes if settings.protocol == "official" else fixed_attributes
    return chosen.attributes(facts.chunks, observed.yes)


def _boxes_ruling(facts: PromptFacts, asked: Queries, seen: Observations, settings: Settings) -> Ruling:
    """2D, 3D and numeracy: the rules over boxes."""
    words, detections = facts.words, seen.detections
    official, space = settings.protocol == "official", asked.labels or ()
    if facts.category == "numeracy":
        if official:
            return numeracy.numeracy(facts.tokens, detections, settings.nouns)
        return fixed_numeracy.numeracy(facts.tokens, detections, space, settings.nouns)
    if facts.category == "3d_spatial":
        if seen.depth is None:
            reason = "no map of the picture's size, of numbers alone, came; the depth estimator is at fault"
            return unscorable("no depth map", reason)
        if official:
            return depth_order.depth_spatial(facts.prompt, words, detections, seen.depth)
        return fixed_spatial.depth_spatial(words, detections, seen.depth, space)
    if official:
        return planar.spatial(facts.prompt, words, detections, complex_prompt=facts.category == "complex")
    return fixed_spatial.spatial(words, detections, space)


def _similarity(queries: Queries, observed: Observations) -> Ruling:
    """CLIPScore: the unscaled cosine."""
    value = observed.similarity
    if value is None or not -1 <= value <= 1:
        return unscorable("no similarity", f"the similarity is {value}, no cosine; the scorer is at fault")
    numbers = {"text": queries.text, "similarity": value}
    return Ruling(value, "similarity", f"similarity to {queries.text!r} {value:.4f}", numbers=numbers)


def _complex(facts: PromptFacts, queries: Queries, observed: Observations, settings: Settings) -> Ruling:
    """3-in-1: the mean of the parts for the prompt's kind, with the evidence of each part."""
    if facts.kind is None:
        return unscorable("no kind", "the prompt's facts do not say which parts its score has")
    parts: dict[str, Ruling] = {}
    for name in three_in_one.PARTS[facts.kind]:
        if name == "attributes":
            parts[name] = _attributes(facts, observed, settings)
        elif name == "spatial":
            parts[name] = _boxes_ruling(facts, queries, observed, settings)
        else:
            parts[name] = _similarity(queries, observed)
    scores = {
        name: parts[name].score if name in parts else None for name in ("attributes", "spatial", "action")
    }
    whole = three_in_one.combine(facts.kind, **scores)
    reasons = [f"{name}: {part.reason}" for name, part in parts.items()]
    return replace(
        whole,
        reason="\n".join([whole.reason, *reasons]),
        boxes=tuple(box for part in parts.values() for box in part.boxes),
        numbers={
            **whole.numbers,
            **{name: {"rule": part.rule, **part.numbers} for name, part in parts.items()},
        },
    )
