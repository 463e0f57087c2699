"""Our results on the golden SRUM cases: one reader per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selfreward_eval.tasks.t2i_compbench_vlm.parsing import upstream_score
from selfreward_eval.tasks.t2i_compbench_vlm.summary import script_overall

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""


def read_reply(document: Case, case: Case) -> Pair:
    """A judge's reply against the integer read from it."""
    return case["expected"], {"score": upstream_score(case["text"])}


def read_overall(document: Case, case: Case) -> Pair:
    """Means of categories, per variant of a model, against the script's composite and overall."""
    ours = {}
    for variant, means in case["scores"].items():
        overall = script_overall(means)
        ours[variant] = {
            "Complex_Composite": overall.complex_composite,
            "Overall_Weighted": overall.overall_weighted,
        }
    return case["expected"], ours


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "srum_compbench_extract_score.json": read_reply,
    "srum_compbench_overall.json": read_overall,
}
"""Golden file name -> its reader."""
