"""Our results on the golden cases of GenEval 2: one reader per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.geneval2.analysis import Row, whole_atomicity, whole_skills
from selfreward_eval.tasks.geneval2.scoring import accepted, full_question, is_right, soft_tifa, tifa

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""


def read_picture(document: Case, case: Case) -> Pair:
    """Predictions of a model against the full questions, the accepted answers, and all three scores."""
    pairs = [_question(pair) for pair in case["vqa_list"]]
    spellings = [accepted(question, answer) for question, answer in pairs]
    if not len(pairs) == len(case["preds"]) == len(case["probs"]):
        raise InputError(
            f"{len(case['preds'])} answers and {len(case['probs'])} probabilities came to {len(pairs)} "
            "questions; correct the instrument"
        )
    verdicts = [is_right(word, answers) for word, answers in zip(case["preds"], spellings, strict=True)]
    means = soft_tifa(case["probs"])
    return case["expected"], {
        "questions_sent": [
            [full_question(question), list(accepted_answers)]
            for (question, _), accepted_answers in zip(pairs, spellings, strict=True)
        ],
        "soft_tifa_am": means.arithmetic,
        "soft_tifa_gm": means.geometric,
        "tifa": tifa(verdicts),
        "tifa_list": [int(verdict) for verdict in verdicts],
    }


def read_analysis(document: Case, case: Case) -> Pair:
    """Scores of atoms against the tables per skill and per number of atoms."""
    rows = [Row(row["atom_count"], tuple(row["skills"]), tuple(row["scores"])) for row in case["rows"]]
    expected = case["expected"]
    skills = _table(whole_skills, rows, expected.get("per_skill_am_x100"))
    atoms = _table(whole_atomicity, rows, expected.get("per_atomicity_gm_x100"))
    return expected, {"per_skill_am_x100": skills, "per_atomicity_gm_x100": atoms}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "geneval2_soft_tifa.json": read_picture,
    "geneval2_analysis.json": read_analysis,
}
"""Golden file name -> its reader."""


def _table(compute: Callable[[Sequence[Row]], Mapping[Any, float]], rows: Sequence[Row], theirs: Any) -> Any:
    """One of the two tables, which upstream computes one by one: each may be an error of its own.

    Where upstream crashed in it, our clear error agrees with that.
    """
    try:
        return {str(key): value for key, value in compute(rows).items()}
    except InputError:
        if not (isinstance(theirs, Mapping) and "error" in theirs):
            raise
        return theirs


def _question(pair: Any) -> tuple[Any, Any]:
    """Question and answer of one atom."""
    if not isinstance(pair, list) or len(pair) != 2:
        raise InputError(f"{pair!r} is no question with its answer; replace the prompt file")
    return pair[0], pair[1]
