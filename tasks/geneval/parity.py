"""Our decisions on the golden GenEval cases: one reader per file.

A reader takes the document and one of its cases and returns upstream's result and
ours, in the same shape. The cases hold inputs, so the whole decision is recomputed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.crops import GREY, cut_out
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.instruments.open_clip_colour import best_colour
from selfreward_eval.tasks.geneval.geometry import compute_iou, relative_position
from selfreward_eval.tasks.geneval.measuring import by_class
from selfreward_eval.tasks.geneval.options import Options
from selfreward_eval.tasks.geneval.scoring import evaluate
from selfreward_eval.tasks.geneval.summary import Row, summarise

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""

_RELATIONS = re.compile(r"^(expected .* target, found )(.*)( target)$")


def read_verdict(document: Case, case: Case) -> Pair:
    """A row, detections and options against correct, reason, kept boxes and number of colours read."""
    expected = dict(case["expected"])
    if "reason" in expected:
        expected["reason"] = _sorted_relations(expected["reason"])
    if "prompt" not in case["metadata"]:
        # Upstream's record of a picture holds the prompt; its decision alone would not need it.
        raise InputError("the row lacks 'prompt'; correct the row")
    stored = {field.name: case["options"][field.name] for field in fields(Options)}
    readings: dict[int, str] = {}
    detections = []
    for entry in case["detections"]:
        box = tuple(float(edge) for edge in entry["box"])
        detection = Detection(entry["class"], box, float(entry["score"]))  # type: ignore[arg-type]
        readings[id(detection)] = _colour(entry, document["colors"])
        detections.append(detection)

    def colour_of(_: str, objects: Sequence[Detection]) -> list[str]:
        return [readings[id(thing)] for thing in objects]

    verdict = evaluate(
        case["metadata"],
        by_class(detections),
        colour_of,
        colours=document["colors"],
        options=Options(**stored),
    )
    kept = {name: [[*thing.box, thing.score] for thing in objects] for name, objects in verdict.kept.items()}
    return expected, {
        "correct": verdict.correct,
        "reason": _sorted_relations(verdict.reason),
        "kept": kept,
        "num_color_classified": verdict.classified,
    }


def read_geometry(document: Case, case: Case) -> Pair:
    """Two boxes against the relations of the first to the second and their overlap."""
    a, b = case["box_a"], case["box_b"]
    expected = dict(case["expected"])
    if "relations_a_to_b" in expected:
        expected["relations_a_to_b"] = sorted(expected["relations_a_to_b"])
    return expected, {
        "relations_a_to_b": relative_position(a, b, case["position_threshold"]),
        "iou_plus1": compute_iou(a, b),
    }


def read_crop(document: Case, case: Case) -> Pair:
    """Pixels, mask and box against the pixels that the colour classifier is shown."""
    from PIL import Image

    image = Image.fromarray(np.asarray(case["image_rgb"], dtype=np.uint8))
    mask = None if case["mask"] is None else np.asarray(case["mask"], dtype=bool)
    options = case["options"]
    crop = cut_out(
        image,
        case["box"],
        mask,
        background=options.get("bgcolor", GREY),
        crop=options.get("crop", "1") == "1",
    )
    return case["expected"], {"size_wh": list(crop.size), "rgb": np.asarray(crop).tolist()}


def read_summary(document: Case, case: Case) -> Pair:
    """Verdicts against the printed summary: percentages as upstream rounds them."""
    rows = [[row.get(key) for key in ("tag", "metadata", "correct")] for row in case["rows"]]
    summary = summarise(Row(*row) for row in rows)
    return case["expected"], {
        "total_images": summary.images,
        "total_prompts": summary.prompts,
        "pct_correct_images": f"{summary.correct_images:.2%}",
        "pct_correct_prompts": f"{summary.correct_prompts:.2%}",
        "tasks": {
            tag: {"pct": f"{score.accuracy:.2%}", "correct": score.correct, "n": score.n}
            for tag, score in summary.tags.items()
        },
        "overall": round(summary.overall, 5),
    }


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "geneval_single_object.json": read_verdict,
    "geneval_two_object.json": read_verdict,
    "geneval_counting.json": read_verdict,
    "geneval_colors.json": read_verdict,
    "geneval_position.json": read_verdict,
    "geneval_color_attr.json": read_verdict,
    "geneval_general_metadata.json": read_verdict,
    "geneval_geometry.json": read_geometry,
    "geneval_color_crop.json": read_crop,
    "geneval_summary.json": read_summary,
}
"""Golden file name -> its reader."""


def _colour(entry: Case, colours: Sequence[str]) -> str:
    """The colour a case gives an object: by logits, or by name; "" if no clause can ask for it."""
    if "color_logits" in entry:
        return best_colour(entry["color_logits"], colours)
    return str(entry.get("color", ""))


def _sorted_relations(reason: str) -> str:
    """``reason`` with its relation words in order: upstream joins a set, whose order means nothing."""
    return "\n".join(_RELATIONS.sub(_sort_found, line) for line in reason.split("\n"))


def _sort_found(match: re.Match[str]) -> str:
    before, relations, after = match.groups()
    return before + " and ".join(sorted(relations.split(" and "))) + after
