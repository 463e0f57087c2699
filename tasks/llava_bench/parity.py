"""Our results on the golden cases of LLaVA-Bench: one reader per file."""

from __future__ import annotations

from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from selfreward_eval.harness.errors import InputError
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
    arguments = _arguments(case["args"])
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


def _arguments(words: list[str]) -> Namespace:
    """Upstream's options from a case's words.

    Raises:
        InputError: an unknown option, or an id that is no whole number; upstream ends there, too.
    """
    try:
        arguments, unknown = _options().parse_known_args(words)
    except (ArgumentError, TypeError, SystemExit) as error:
        raise InputError(f"upstream's script does not take {words!r} ({error})") from error
    if unknown:
        raise InputError(f"upstream's script does not take {unknown[0]!r}")
    return arguments


def _options() -> ArgumentParser:
    """Upstream's options that a case may use."""
    options = ArgumentParser(exit_on_error=False)
    options.add_argument("-v", "--version")
    options.add_argument("-s", "--select", nargs="*")
    options.add_argument("-i", "--ignore", nargs="*", type=int, default=[])
    return options


def _written(value: Any) -> Any:
    """A score as a golden file holds it: nan and infinities as text."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value
