"""Our results on the golden cases of WISE: one reader per file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.wise.editions import ASPECTS, LEGACY, VERIFIED, Edition
from selfreward_eval.tasks.wise.official import (
    MISSING_IDS,
    ScoreFile,
    bagel_results,
    calculate,
    lmms_category,
    lmms_overall,
)
from selfreward_eval.tasks.wise.parsing import (
    bagel_scores,
    official_scores,
    official_verdict,
    without_thoughts,
)
from selfreward_eval.tasks.wise.protocols import ATTEMPTS

Case = Mapping[str, Any]
Pair = tuple[Any, Any]
"""(expected, ours)."""

ASKED_WITH = ("Prompt", "Explanation")
RECORDED_WITH = ("Prompt", "Explanation", "Subcategory")
"""What upstream's evaluator reads of a prompt's row, to ask the judge and to record a score."""


def read_scores(document: Case, case: Case) -> Pair:
    """A reply against its scores, and whether all three are there."""
    scores = official_scores(case["text"])
    return case["expected"], {"scores": scores, "complete": set(scores) >= set(ASPECTS)}


def read_bagel_scores(document: Case, case: Case) -> Pair:
    """A reply against BAGEL's scores of it."""
    return case["expected"], {"scores": bagel_scores(case["text"])}


def read_verdict(document: Case, case: Case) -> Pair:
    """A reply against the score of WISE Verified."""
    return case["expected"], {"scores": _verdict(case["text"])}


def read_verified_reply(document: Case, case: Case) -> Pair:
    """A message's content against the text that is read, and its score."""
    text = without_thoughts(case["content"])
    return case["expected"], {"text": text, "scores": _verdict(text)}


def read_attempts(document: Case, case: Case) -> Pair:
    """The replies of a scripted judge against the record of the picture, after at most three attempts."""
    keys = case.get("prompt_keys", RECORDED_WITH)
    if lacking := [key for key in ASKED_WITH if key not in keys]:
        raise InputError(f"the prompt's row lacks {lacking[0]}; replace the prompt file")
    ours: dict[str, Any] = {"status": "extract_fail"}
    calls = 0
    for reply in case["replies"][:ATTEMPTS]:
        calls += 1
        failed = not isinstance(reply, str) or reply.startswith("!")
        scores = {} if failed else official_scores(reply)
        if set(scores) >= set(ASPECTS) and set(keys) >= set(RECORDED_WITH):
            record = {"prompt_id": 7, "Subcategory": "Life", **{name: scores[name] for name in ASPECTS}}
            ours = {"status": "ok", "record": record, "reply_used": reply}
            break
    if "calls" in case["expected"]:
        ours["calls"] = calls
    return case["expected"], ours


def read_calculate(document: Case, case: Case) -> Pair:
    """Files of scores against what ``Calculate.py`` prints."""
    return _calculated(LEGACY, case)


def read_verified_calculate(document: Case, case: Case) -> Pair:
    """Files of scores against what ``calculate_verified.py`` prints."""
    return _calculated(VERIFIED, case)


def read_bagel_results(document: Case, case: Case) -> Pair:
    """Files of scores against what BAGEL's ``cal_score.py`` prints."""
    files = {file["name"]: _text(file, ASPECTS) for file in case["files"] if not file.get("missing")}
    return case["expected"], {"results": {name: _printed(x) for name, x in bagel_results(files).items()}}


def read_lmms(document: Case, case: Case) -> Pair:
    """Entries against lmms-eval's overall and two of its categories."""
    entries = case["results"]
    return case["expected"], {
        "overall": _number(lmms_overall(entries)),
        **{name: _number(lmms_category(entries, name)) for name in ("culture", "time")},
    }


READERS: dict[str, Callable[[Case, Case], Pair]] = {
    "wise_extract_scores.json": read_scores,
    "wise_bagel_extract_scores.json": read_bagel_scores,
    "wise_verified_extract_scores.json": read_verdict,
    "wise_verified_reply.json": read_verified_reply,
    "wise_evaluate_image.json": read_attempts,
    "wise_calculate.json": read_calculate,
    "wise_verified_calculate.json": read_verified_calculate,
    "wise_bagel_cal_score.json": read_bagel_results,
    "wise_lmms_aggregate.json": read_lmms,
}
"""Golden file name -> its reader."""


def _verdict(text: str) -> dict[str, float]:
    verdict = official_verdict(text)
    return {} if verdict is None else {"score": verdict}


def _calculated(edition: Edition, case: Case) -> Pair:
    files = [
        ScoreFile(file["name"], None if file.get("missing") else _text(file, edition.scored))
        for file in case["files"]
    ]
    result = calculate(edition, files, case.get("category"))
    means = result.means()
    ours: dict[str, Any] = {
        "categories": {
            name.upper(): {
                "printed": _printed(means[name]),
                "n": len(scores),
                "mean": _number(means[name]),
            }
            for name, scores in result.scores.items()
        },
        "overall_printed": None if result.overall is None else _printed(result.overall),
        "files_rejected": result.rejected,
        "lines_skipped": result.skipped,
    }
    if result.aborted:
        ours["aborted"] = result.aborted
    if result.aborted == MISSING_IDS:
        ours["missing_ids_count"] = result.missing
    # In the recording's own words, which the program does not print.
    expected = {name: value for name, value in case["expected"].items() if name != "overall_reason"}
    return expected, ours


def _text(file: Case, keys: Sequence[str]) -> str:
    """The lines of a recorded file: every id of a segment with the next values of its cycle."""
    dropped = set(file.get("drop", ()))
    lines = []
    for segment in file["segments"]:
        (first, last), cycle = segment["ids"], segment["cycle"]
        for number in range(first, last + 1):
            if number not in dropped:
                values = dict(zip(keys, cycle[(number - first) % len(cycle)], strict=True))
                row = {"prompt_id": number, "Subcategory": segment.get("sub", ""), **values}
                lines.append(json.dumps(row))
    lines += file.get("extra", ())
    if not all(isinstance(line, str) for line in lines):
        raise InputError("a raw line of the file is no text")
    return "".join(f"{line}\n" for line in lines)


def _printed(value: float) -> str:
    return f"{value:.2f}"


def _number(value: float) -> float | str:
    return "nan" if isnan(value) else value
