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
DPG_HEADER = (
    "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,"
    "question_natural_language\n"
)
DPG_IMAGE = {
    "file": "a.png",
    "dependency": [[1, [0]], [2, [1]]],
    "pic_num": 1,
    "answers": [{"1": "yes", "2": "no"}],
}
DPG_CHANGES: tuple[dict[str, Any], ...] = (
    {"answers": [{"1": "yes"}]},
    {"answers": [{"1": "yes", "2": True}]},
    {"answers": [{"1": "yes", "2": None}]},
    {"answers": []},
    {"dependency": [[1, [0]], [2, ["1"]]]},
    {"dependency": [[1, [0]], [2, None]]},
    {"dependency": []},
    {"resolution": None},
    {"resolution": "512"},
    {"pic_num": 0},
    {"file": "b.png", "item_id": "a"},
)
WISE_ROWS = {"ids": [1, 400], "cycle": [[1, 1, 1]]}
WISE_FILES = [
    {"name": "cultural_common_sense_scores.jsonl", "segments": [WISE_ROWS]},
    {"name": "spatio-temporal_reasoning_scores.jsonl", "segments": [{**WISE_ROWS, "ids": [401, 700]}]},
    {"name": "natural_science_scores.jsonl", "segments": [{**WISE_ROWS, "ids": [701, 1000]}]},
]


def raw(number: int, line: str) -> dict[str, Any]:
    """The files of scores with one more line in one of them."""
    files = [{**file, "extra": [line]} if k == number else file for k, file in enumerate(WISE_FILES)]
    return {"files": files}


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
    ("dpg_image.json", DPG_IMAGE),
    ("wise_bagel_cal_score.json", {"files": WISE_FILES}),
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
    *(("dpg_image.json", {**DPG_IMAGE, **change}) for change in DPG_CHANGES),
    *(
        ("dpg_questions.json", {"csv": DPG_HEADER + "x,t,k,1,0,e,w,c (x),q\n" + row})
        for row in ("a,t,k,one,0,e,w,c (x),q\n", "a,t,k,1,x,e,w,c (x),q\n", "a,t,k,1,0,e,w,c (x),\n")
    ),
    ("dpg_questions.json", {"csv": ""}),
    *(("wise_extract_scores.json", {"text": text}) for text in (None, 3, ["Consistency: 2"])),
    ("wise_bagel_extract_scores.json", {"text": None}),
    ("wise_verified_extract_scores.json", {"text": None}),
    ("wise_verified_reply.json", {"content": None}),
    ("wise_evaluate_image.json", {"replies": ["bad"], "prompt_keys": ["Prompt"]}),
    *(
        ("wise_bagel_cal_score.json", raw(number, line))
        for number, line in (
            (0, "{"),
            (0, '{"consistency": 1, "realism": 1}'),
            (0, '{"consistency": 9.9, "realism": 1, "aesthetic_quality": 1}'),
            (0, '{"consistency": "1", "realism": 1, "aesthetic_quality": 1}'),
            (1, '{"consistency": 1, "realism": 1, "aesthetic_quality": 1}'),
            (2, '{"consistency": 1, "realism": 1, "aesthetic_quality": 1, "prompt_id": "801"}'),
        )
    ),
    ("wise_bagel_cal_score.json", {"files": WISE_FILES[:2]}),
    ("wise_calculate.json", {"files": WISE_FILES, "category": "time", "expected": {}}),
]


@pytest.mark.parametrize(("name", "case"), SOUND)
def test_the_unchanged_inputs_have_numbers(name: str, case: dict[str, Any]) -> None:
    READERS[name]({}, {"expected": {}, **case})


@pytest.mark.parametrize(("name", "case"), REFUSED)
def test_what_upstream_refuses_is_refused(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        READERS[name]({}, {"expected": {}, **case})
