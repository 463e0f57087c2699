"""Our results on the golden cases of T2I-ReasonBench: one reader per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS, QUALITY, Dimension
from selfreward_eval.tasks.t2i_reasonbench.measuring import Prompts, ask
from selfreward_eval.tasks.t2i_reasonbench.official import official_picture, official_summary
from selfreward_eval.tasks.t2i_reasonbench.parsing import official_json
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""

COLUMNS = {
    "reason": ("score_acc", "score_a_avg"),
    "scientific": ("score_scientific", "score_s_avg"),
    "entity": ("score_entity", "score_e_avg"),
    "details": ("score_detail", "score_d_avg"),
    QUALITY: ("score_qual", "score_q_avg"),
}
"""Block -> upstream's columns for its scores and their mean."""


def read_extract(document: Case, case: Case) -> Pair:
    """A reply against the object found in it."""
    expected = case["expected"]
    if "error" in expected:
        return expected, official_json(case["text"])
    return _plain(expected), _plain({"value": official_json(case["text"])})


def read_picture(document: Case, case: Case) -> Pair:
    """A scripted judge's replies against the picture's row, the printed summary and the turns asked."""
    from PIL import Image

    dimension = _dimension(case["dimension"])
    scripted = list(case["judge_replies"])
    turns: list[list[str]] = []

    def reply(conversation: Any) -> str:
        turns.append([turn.role for turn in conversation])
        return scripted[len(turns) - 1]

    asked = 1 + len(dimension.blocks)
    if len(scripted) < asked or not all(isinstance(text, str) for text in scripted[:asked]):
        raise InputError(
            f"{len(scripted)} replies came to {asked} turns, or one is no text; ask the judge anew"
        )
    questions = {block: [JudgeQuestion("?", "!")] for block in dimension.blocks}
    picture = Image.new("RGB", (1, 1))
    (replies,) = ask(ScriptedJudge(reply), [picture], [questions], Prompts.ours())
    row = official_picture(dimension, {block: str(replies[block].text) for block in dimension.blocks})
    accuracy, quality = official_summary(dimension, [list(row.means.values())])
    scores = {COLUMNS[block][0]: str(values) for block, values in row.scores.items()}
    means = {COLUMNS[block][1]: str(value) for block, value in row.means.items()}
    summary = ["reasoning accuracy score: ", str(accuracy), "image quality score", str(quality)]
    return case["expected"], {"row_scores": scores | means, "summary": summary, "judge_turns": turns}


def read_aggregate(document: Case, case: Case) -> Pair:
    """Table rows against the printed accuracy and quality."""
    accuracy, quality = official_summary(_dimension(case["dimension"]), case["rows_tail"])
    return case["expected"], {"accuracy": str(accuracy), "quality": str(quality)}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "trb_extract_json.json": read_extract,
    "trb_image_end_to_end.json": read_picture,
    "trb_aggregate.json": read_aggregate,
}
"""Golden file name -> its reader."""


def _dimension(name: str) -> Dimension:
    """By the beginning of its name: upstream's own files call textual_image by several."""
    for key, dimension in DIMENSIONS.items():
        if isinstance(name, str) and name.startswith(key.split("_")[0]):
            return dimension
    raise InputError(f"T2I-ReasonBench has no dimension {name!r}; it has {', '.join(DIMENSIONS)}")


def _plain(value: Any) -> Any:
    """A JSON value with nan and infinities as text, so that they can be compared."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
