"""Where upstream crashes, no reader of golden cases gives a number: one bad input per scorer and kind."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.parity import READERS

DETECTIONS = [{"label": "dog", "box": [0, 0, 9, 9], "score": 0.9}]
PLANAR: dict[str, Any] = {
    "prompt": "a dog near a cat",
    "tokens": ["a", "dog", "near", "a", "cat"],
    "pos": ["DET", "NOUN", "ADP", "DET", "NOUN"],
    "detections": [*DETECTIONS, {"label": "cat", "box": [20, 0, 29, 9], "score": 0.9}],
}
DEPTH: dict[str, Any] = {
    **PLANAR,
    "prompt": "a dog behind a cat",
    "depth": {"h": 9, "w": 9, "default": 0.5, "rects": []},
}
NUMERACY: dict[str, Any] = {"tokens_used": ["two", "dogs"], "detections": DETECTIONS}
SUBSCORES = {
    "prompts": ["A."],
    "kinds": ["both"],
    "blip": [0.5] * 10,
    "spatial": [0.5] * 10,
    "clip": [0.5] * 10,
}
IDIOM = {"dimension": "idiom", "judge_replies": ["seen", '{"score": [1]}', '{"score": [1]}']}
REVIEW = {"question_id": 1, "category": "conv", "tuple": [8, 9]}
REVIEWS = {"file_name": "model.jsonl", "args": [], "lines": [REVIEW]}
NAN = float("nan")


def seen(**change: Any) -> dict[str, Any]:
    """Detections of which the first one is changed."""
    return {"detections": [{**DETECTIONS[0], **change}, *PLANAR["detections"][1:]]}


SOUND: list[tuple[str, dict[str, Any]]] = [
    ("compbench_2d_spatial.json", PLANAR),
    ("compbench_2d_complex.json", PLANAR),
    ("compbench_3d_spatial.json", DEPTH),
    ("compbench_numeracy.json", NUMERACY),
    ("compbench_3in1.json", SUBSCORES),
    ("trb_image_end_to_end.json", IDIOM),
    ("llava_summarize.json", REVIEWS),
]

REFUSED = [
    ("compbench_2d_determine_position.json", {"locality": "near", "box1": [0, 0, 9], "box2": [0, 0, 9, 9]}),
    (
        "compbench_2d_determine_position.json",
        {"locality": "near", "box1": ["0", 0, 9, 9], "box2": [0, 0, 9, 9]},
    ),
    ("compbench_2d_determine_position.json", {"locality": "near", "box1": None, "box2": [0, 0, 9, 9]}),
    ("compbench_numeracy_duplicate.json", {"box1": [0, 0, 9, 9, 1], "box2": [0, 0, 9, 9]}),
    ("compbench_numeracy_duplicate.json", {"box1": [0, 0, 9, 9], "box2": [0, 0, 9, 10**400]}),
    *(
        (name, {**case, **change})
        for name, case in SOUND[:3]
        for change in (
            {"pos": ["DET"]},
            {"pos": [None] * 5},
            seen(score=NAN),
            seen(score="0.9"),
            seen(score=None),
            seen(box=[0, 0, NAN, 9]),
            seen(box=[0, 0, 9]),
            seen(label=None),
        )
    ),
    ("compbench_2d_spatial.json", {**PLANAR, "pos": ["DET"] * 5}),
    ("compbench_3d_spatial.json", {**DEPTH, "pos": ["DET"] * 5}),
    ("compbench_3d_spatial.json", {**DEPTH, "depth": {**DEPTH["depth"], "rects": [[0, 1, 0, 1]]}}),
    ("compbench_numeracy.json", {**NUMERACY, "tokens_used": []}),
    ("compbench_numeracy.json", {**NUMERACY, **seen(score=NAN)}),
    ("compbench_blip_vqa.json", {"noun_chunks": ["a dog"], "p_yes": []}),
    ("compbench_blip_vqa.json", {"noun_chunks": ["a dog"], "p_yes": ["0.5"]}),
    ("compbench_blip_vqa.json", {"noun_chunks": ["a dog"], "p_yes": [None]}),
    ("compbench_blip_vqa.json", {"noun_chunks": ["a dog"], "p_yes": [NAN]}),
    ("compbench_3in1.json", {**SUBSCORES, "clip": [0.5] * 9}),
    ("compbench_3in1.json", {**SUBSCORES, "blip": [None] * 10}),
    ("compbench_3in1.json", {**SUBSCORES, "spatial": ["a"] * 10}),
    ("compbench_3in1.json", {**SUBSCORES, "spatial": [NAN] * 10}),
    ("compbench_3in1.json", {**SUBSCORES, "prompts": [], "kinds": []}),
    ("compbench_3in1.json", {**SUBSCORES, "kinds": []}),
    ("compbench_sharegpt4v_parse.json", {"rubric": "attribute", "replies": [""]}),
    ("compbench_sharegpt4v_parse.json", {"rubric": "attribute", "replies": [None]}),
    ("compbench_sharegpt4v_parse.json", {"rubric": "other", "replies": [3]}),
    ("srum_compbench_extract_score.json", {"text": None}),
    ("srum_compbench_extract_score.json", {"text": 85}),
    ("srum_compbench_overall.json", {"scores": {"think": {"color": "80"}}}),
    ("srum_compbench_overall.json", {"scores": {"think": {"color": None}}}),
    ("srum_compbench_overall.json", {"scores": {"think": {"color": NAN}}}),
    ("trb_extract_json.json", {"text": None, "expected": {}}),
    ("trb_extract_json.json", {"text": 3, "expected": {}}),
    ("trb_image_end_to_end.json", {**IDIOM, "dimension": "humour"}),
    ("trb_image_end_to_end.json", {**IDIOM, "dimension": None}),
    ("trb_image_end_to_end.json", {**IDIOM, "judge_replies": IDIOM["judge_replies"][:2]}),
    ("trb_image_end_to_end.json", {**IDIOM, "judge_replies": ["seen", None, '{"score": [1]}']}),
    ("trb_image_end_to_end.json", {**IDIOM, "judge_replies": ["seen", "{}", '{"score": [1]}']}),
    ("trb_image_end_to_end.json", {**IDIOM, "judge_replies": ["seen", '{"score": []}', '{"score": [1]}']}),
    ("trb_image_end_to_end.json", {**IDIOM, "judge_replies": ["seen", '{"score": 1}', '{"score": [1]}']}),
    ("trb_aggregate.json", {"dimension": "idiom", "rows_tail": []}),
    ("trb_aggregate.json", {"dimension": "idiom", "rows_tail": [["n/a", 1]]}),
    ("trb_aggregate.json", {"dimension": "idiom", "rows_tail": [None]}),
    ("trb_aggregate.json", {"dimension": "humour", "rows_tail": [[1, 1]]}),
    *(
        ("llava_summarize.json", {**REVIEWS, "lines": [REVIEW, line]})
        for line in (
            {"category": "conv", "tuple": [8, 9]},
            {"question_id": 2, "category": "conv"},
            {"question_id": 2},
            {**REVIEW, "tuple": [8]},
            {**REVIEW, "tuple": ["8", "9"]},
            {**REVIEW, "tuple": None},
            {**REVIEW, "category": ["conv"]},
            {**REVIEW, "category": None},
            "review",
            None,
        )
    ),
    ("llava_summarize.json", {**REVIEWS, "lines": [{**REVIEW, "tuple": [0, 9]}]}),
    ("llava_summarize.json", {**REVIEWS, "args": ["-i", "one"]}),
    ("llava_summarize.json", {**REVIEWS, "args": ["--best"]}),
    ("llava_summarize.json", {**REVIEWS, "args": ["-v"]}),
]


@pytest.mark.parametrize(("name", "case"), SOUND)
def test_the_unchanged_inputs_have_numbers(name: str, case: dict[str, Any]) -> None:
    READERS[name]({}, {"expected": {}, **case})


@pytest.mark.parametrize(("name", "case"), REFUSED)
def test_what_upstream_refuses_is_refused(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        READERS[name]({}, {"expected": {}, **case})
