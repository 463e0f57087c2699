"""Our rulings on the golden T2I-CompBench cases: one reader per file.

Only official rules are compared; a ruling without a score is our error where
upstream crashed. Inputs that come from models, such as parts of speech and
detections, are part of a case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.attributes import MOST_QUESTIONS, attributes, cleaned, questions
from selfreward_eval.tasks.t2i_compbench.boxes import is_duplicate
from selfreward_eval.tasks.t2i_compbench.depth_order import depth_spatial
from selfreward_eval.tasks.t2i_compbench.numeracy import numeracy
from selfreward_eval.tasks.t2i_compbench.planar import position, spatial
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling
from selfreward_eval.tasks.t2i_compbench.share_captioner import Rubric, share_score
from selfreward_eval.tasks.t2i_compbench.three_in_one import combine, keys, kind
from selfreward_eval.tasks.t2i_compbench.words import Tagged, tagged

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""

PICTURES_PER_PROMPT = 10
"""Upstream's 3-in-1 takes the scores ten at a time, whatever was drawn."""


def read_position(document: Case, case: Case) -> Pair:
    """Two boxes and a wording against the position's score."""
    return case["expected"], {"score": position(_text(case["locality"]), case["box1"], case["box2"])}


def read_spatial(document: Case, case: Case) -> Pair:
    """A simple prompt and detections against the 2D score."""
    return case["expected"], {"score": _score(spatial(case["prompt"], _words(case), _detections(case)))}


def read_complex(document: Case, case: Case) -> Pair:
    """The same for a complex prompt, whose objects stand around prepositions."""
    ruling = spatial(case["prompt"], _words(case), _detections(case), complex_prompt=True)
    return case["expected"], {"score": _score(ruling)}


def read_depth(document: Case, case: Case) -> Pair:
    """A prompt, detections and a painted depth map against the 3D score."""
    plan = case["depth"]
    depth = np.full((plan["h"], plan["w"]), plan["default"], dtype=np.float32)
    if any(len(rectangle) != 5 for rectangle in plan["rects"]):
        raise InputError("a rectangle of the depth map is not y0, y1, x0, x1 and a value")
    for y0, y1, x0, x1, value in plan["rects"]:
        depth[y0:y1, x0:x1] = value
    ruling = depth_spatial(case["prompt"], _words(case), _detections(case), depth)
    return case["expected"], {"score": _score(ruling)}


def read_numeracy(document: Case, case: Case) -> Pair:
    """A prompt's tokens and detections against the numeracy score."""
    return case["expected"], {"score": _score(numeracy(case["tokens_used"], _detections(case)))}


def read_duplicate(document: Case, case: Case) -> Pair:
    """Two boxes against whether they are one object, 1 or 0."""
    return case["expected"], {"score": int(is_duplicate(case["box1"], case["box2"]))}


def read_attributes(document: Case, case: Case) -> Pair:
    """Noun chunks and answers against the questions, as asked and as the model reads them, and the score."""
    asked = questions(case["noun_chunks"])
    ruling = attributes(case["noun_chunks"], case["p_yes"][: len(asked)])
    padded = [*asked, *[""] * (MOST_QUESTIONS - len(asked))]
    return case["expected"], {
        "questions": padded,
        "questions_after_pre_question": [cleaned(question) for question in padded],
        "score": f"{_score(ruling):.4f}",
    }


def read_three_in_one(document: Case, case: Case) -> Pair:
    """The kinds of prompts and three lists of scores against the scores of all pictures and their mean."""
    if len(case["prompts"]) != len(case["kinds"]) or not case["prompts"]:
        raise InputError(f"{len(case['prompts'])} prompts have {len(case['kinds'])} kinds; give one for each")
    files = {
        name: keys(text for text, of in zip(case["prompts"], case["kinds"], strict=True) if of == name)
        for name in ("spatial", "action")
    }
    scores = []
    for number, prompt in enumerate(case["prompts"]):
        of_kind = kind(prompt, files["spatial"], files["action"])
        for place in range(number * PICTURES_PER_PROMPT, (number + 1) * PICTURES_PER_PROMPT):
            ruling = combine(
                of_kind,
                attributes=_at(case["blip"], place),
                spatial=_at(case["spatial"], place),
                action=_at(case["clip"], place),
            )
            scores.append(_score(ruling))
    return case["expected"], {"scores": scores, "avg": sum(scores) / len(scores)}


def read_share(document: Case, case: Case) -> Pair:
    """A judge's replies against the product of their marks."""
    rubric: Rubric = "attribute" if case["rubric"].startswith("attribute") else "other"
    return case["expected"], {"score": _score(share_score(case["replies"], rubric))}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "compbench_2d_determine_position.json": read_position,
    "compbench_2d_spatial.json": read_spatial,
    "compbench_2d_complex.json": read_complex,
    "compbench_3d_spatial.json": read_depth,
    "compbench_numeracy.json": read_numeracy,
    "compbench_numeracy_duplicate.json": read_duplicate,
    "compbench_blip_vqa.json": read_attributes,
    "compbench_3in1.json": read_three_in_one,
    "compbench_sharegpt4v_parse.json": read_share,
}
"""Golden file name -> its reader."""


def _score(ruling: Ruling) -> float:
    """The score, or our error record where there is none."""
    if ruling.score is None:
        raise InputError(ruling.reason)
    return ruling.score


def _at(scores: list[Any], place: int) -> float | None:
    """A sub-score, or None beyond the list's end. A text is read as a number, as upstream writes some."""
    if place >= len(scores):
        return None
    try:
        return float(scores[place])
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the score {scores[place]!r} is no number ({error}); score it anew") from error


def _text(value: Any) -> Any:
    """A wording, or None for none."""
    if isinstance(value, list | dict):
        raise InputError(f"{value!r} is no wording of a relation")
    return value


def _words(case: Case) -> tuple[Tagged, ...]:
    return tagged(case["tokens"], case["pos"])


def _detections(case: Case) -> list[Detection]:
    """The case's boxes, in the detector's order."""
    return [Detection(_label(entry), tuple(entry["box"]), entry["score"]) for entry in case["detections"]]


def _label(entry: Case) -> str:
    """A detection's label, which the rules compare as a text."""
    if not isinstance(entry["label"], str):
        raise InputError(f"the label {entry['label']!r} is no text; the detector is at fault")
    return entry["label"]
