"""Our results on the golden cases of LLaVA-Bench: one reader per file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from selfreward_eval.tasks.llava_bench.official import review_table
from selfreward_eval.tasks.llava_bench.parsing import official_pair

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""


def read_review(document: Case, case: Case) -> Pair:
    """A review against its two scores."""
    expected = case["expected"]
    if "tuple" in expected:
        expected = {"tuple": [_written(value) for value in expected["tuple"]]}
    return expected, {"tuple": [_written(value) for value in official_pair(case["review"])]}


def read_summary(document: Case, case: Case) -> Pair:
    """Reviews in a named file, with options, against the printed table."""
    arguments = _options().parse_args(case["args"])
    name = case["file_name"].replace("gpt4_text_", "").replace(".jsonl", "")
    version = "0613" if "0613" in name else "0314"
    unselected = any(part not in name for part in arguments.select or ())
    if unselected or arguments.version not in (None, version):
        return case["expected"], {"header": None, "rows": {}}
    table = review_table(case["lines"], arguments.ignore)
    rows = {
        category: {
            "relative": str(row.relative),
            "reference_x10": str(row.reference),
            "candidate_x10": str(row.candidate),
        }
        for category, row in table.items()
    }
    return case["expected"], {"header": name, "rows": rows}


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "llava_parse_score.json": read_review,
    "llava_summarize.json": read_summary,
}
"""Golden file name -> its reader."""


def _options() -> ArgumentParser:
    """Upstream's options that a case may use."""
    options = ArgumentParser()
    options.add_argument("-v", "--version")
    options.add_argument("-s", "--select", nargs="*")
    options.add_argument("-i", "--ignore", nargs="*", type=int, default=[])
    return options


def _written(value: Any) -> Any:
    """A score as a golden file holds it: nan and infinities as text."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value
