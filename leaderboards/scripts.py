"""Data files for the comparing page: plain scripts, as a page opened from the disk may not fetch.

Everything that is decided (tests, adjustment, verdicts) is decided here; the
script in the browser only looks it up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.notation import notation_for
from selfreward_eval.leaderboards.board import Board, Table
from selfreward_eval.leaderboards.entries import Entry
from selfreward_eval.leaderboards.views import board_title

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["boards_script", "cards_script", "pairs_script"]

DIGITS = 5
"""Decimals of an effect; p-values have two significant digits."""

SMALLEST = 1e-290
"""Smaller p-values are rounded one by one: powers of ten near a float's smallest are inexact."""


def _script(place: str, key: str, value: Any) -> str:
    """``value`` put where the page looks for it. Only ASCII, so nothing can end the script early."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"(self.leaderboard??={{}},self.leaderboard.{place}??={{}})[{json.dumps(key)}]={text};\n"


def boards_script(boards: Sequence[Board]) -> str:
    """Every board with its tables and its models' values."""
    return _script("index", "boards", [_board(board) for board in boards])


def _board(board: Board) -> dict[str, Any]:
    notation = notation_for(board.scores.range)
    entries = board.entries
    columns = [{row.entry.slug: row for row in table.rows} for table in board.tables]
    return {
        "slug": board.slug,
        "task": board.task,
        "title": board_title(board),
        "metric": board.scores.metric,
        "factor": notation.factor,
        "digits": notation.digits,
        "unit": notation.unit.strip(),
        "tables": [table.name or "Overall" for table in board.tables],
        "models": [
            {
                "slug": entry.slug,
                "name": entry.name,
                "run": entry.fingerprint[:8],
                "values": [_rounded(column[entry.slug].score.value) for column in columns],
            }
            for entry in entries
        ],
    }


def pairs_script(board: Board) -> str:
    """Every pair of every table: second minus first, in the order of ``models`` of that table."""
    slugs = {entry.slug: number for number, entry in enumerate(board.entries)}
    tables = [_table(table, slugs) for table in board.tables]
    return _script("pairs", board.slug, tables)


def _table(table: Table, slugs: dict[str, int]) -> dict[str, Any]:
    ranked = table.rows[: table.ranked]
    return {
        "models": [slugs[row.entry.slug] for row in ranked],
        # Whole numbers of this unit: hundreds of thousands of them are written four times as fast.
        "unit": 10**DIGITS,
        "effect": _numbers(table.pairs.effect),
        "low": _numbers(table.pairs.low),
        "high": _numbers(table.pairs.high),
        "p": _p_values(table.pairs.p),
        "adjusted": _p_values(table.adjusted),
        "items": _counts(table.pairs.n),
        # 1 where the second is better beyond chance, -1 where the first is, 0 where the data cannot tell.
        "verdict": table.verdict.tolist(),
    }


def _counts(values: NDArray[np.int64]) -> list[int] | int:
    """One number where all pairs share as many items, as they do at full coverage."""
    counts: list[int] = values.tolist()
    return counts[0] if len(set(counts)) == 1 else counts


def _numbers(values: NDArray[np.float64]) -> list[int | None]:
    import numpy as np

    absent = np.isnan(values)
    whole: list[int | None] = np.rint(np.where(absent, 0.0, values) * 10**DIGITS).astype(np.int64).tolist()
    for place in np.flatnonzero(absent).tolist():
        whole[place] = None
    return whole


def _p_values(values: NDArray[np.float64]) -> list[float | None]:
    import numpy as np

    known = np.flatnonzero(values > SMALLEST)
    exponents = np.floor(np.log10(values[known]))
    digits = values[known] / 10.0 ** (exponents - 1)
    codes = 100 * exponents.astype(int) + np.rint(digits).astype(int)
    different, places = np.unique(codes, return_inverse=True)
    # Of two digits and an exponent there are few; 100 of them are 10 of the next.
    texts = [f"{code % 100 or 10}e{code // 100 - 1}" for code in different.tolist()]
    out = np.full(len(values), np.nan)
    out[known] = np.array(texts, dtype=str).astype(float)[places] if texts else out[known]
    told: list[float | None] = out.tolist()
    # Half way between two of them the text decides; NaN is no test.
    half = np.abs(digits - np.floor(digits) - 0.5) < 1e-6
    for place in (*known[half].tolist(), *np.flatnonzero(~(values > SMALLEST)).tolist()):
        told[place] = None if np.isnan(values[place]) else float(f"{values[place]:.2g}")
    return told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS) + 0.0


def cards_script(entry: Entry) -> str:
    """The pictures of one model, by task and item."""
    cards = [
        {
            "task": card["task"],
            "item": card["item_id"],
            "sample": card["index"] + 1,
            "seed": card["seed"],
            "category": card["category"],
            "prompt": card["prompt"],
            "verdict": card["verdict"],
            "badge": card["badge"],
            "symbol": card["symbol"],
            "reason": card["reason"],
            "answer": card["answer"],
            "picture": card.get("picture"),
        }
        for task in entry.tasks.values()
        for card in task.cards
    ]
    return _script("cards", entry.slug, cards)
