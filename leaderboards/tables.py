"""Leaderboards as data: ``leaderboard.json``, ``leaderboard.csv`` and ``leaderboard.md``. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from selfreward_eval.harness.comparing.records import ALPHA
from selfreward_eval.harness.report.notation import ABSENT, notation_for
from selfreward_eval.leaderboards.board import METHOD, Board, Row, Table

__all__ = ["CSV_COLUMNS", "boards_csv", "boards_json", "boards_markdown", "rank_text"]

SCHEMA = 1
"""Version of ``leaderboard.json``."""

CSV_COLUMNS = (
    "task", "version", "board", "category", "rank", "rank_worst", "tie_group", "model", "run", "value",
    "se", "low", "high", "n_items", "n_scored", "n_expected", "coverage", "bound_low", "bound_high",
)  # fmt: skip


def boards_json(boards: Sequence[Board]) -> str:
    """Every table with every number; ``category`` is null for the overall score."""
    content = {
        "schema": SCHEMA,
        "alpha": ALPHA,
        "method": METHOD,
        "boards": [
            {
                "task": board.task,
                "version": board.version,
                "board": board.slug,
                "metric": board.scores.metric,
                "range": list(board.scores.range),
                "higher_is_better": board.scores.higher_is_better,
                "macro": board.scores.macro,
                "comparable": board.scores.comparable,
                "settings": board.settings,
                "own_settings": board.own_settings,
                "tables": [
                    {"category": table.name or None, "rows": [_record(row) for row in table.rows]}
                    for table in board.tables
                ],
            }
            for board in boards
        ],
        "runs": [
            {
                "run": entry.slug,
                "model": entry.name,
                "fingerprint": entry.fingerprint,
                "identity": entry.manifest.identity.get("model", {}),
                "created": entry.manifest.created,
            }
            for entry in {
                row.entry.slug: row.entry for board in boards for row in board.overall.rows
            }.values()
        ],
    }
    content["runs"].sort(key=lambda run: run["run"])  # type: ignore[attr-defined]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _record(row: Row) -> dict[str, Any]:
    score, place = row.score, row.place
    return {
        "rank": place.rank if place else None,
        "rank_worst": place.worst if place else None,
        "tie_group": place.group if place else None,
        "model": row.entry.name,
        "run": row.entry.slug,
        "value": score.value,
        "se": score.se,
        "low": score.low,
        "high": score.high,
        "n_items": score.n_items,
        "n_scored": score.n_scored,
        "n_expected": score.n_expected,
        "coverage": score.coverage,
        "bound_low": score.bound_low,
        "bound_high": score.bound_high,
    }


def boards_csv(boards: Sequence[Board]) -> str:
    """One line per model and table, ``overall`` first; an absent number is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for board in boards:
        for table in board.tables:
            for row in table.rows:
                record = _record(row) | {
                    "task": board.task,
                    "version": board.version,
                    "board": board.slug,
                    "category": _inert(table.name or "overall"),
                    "model": _inert(row.entry.name),
                }
                writer.writerow(["" if record[key] is None else record[key] for key in CSV_COLUMNS])
    return out.getvalue()


def _inert(text: str) -> str:
    """A name that a spreadsheet takes for text, whatever it begins with."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def boards_markdown(boards: Sequence[Board]) -> str:
    """The overall tables, and below each the categories' values side by side."""
    parts = ["# Leaderboard", "", METHOD, ""]
    for board in boards:
        notation = notation_for(board.scores.range)
        parts += [f"## {_cell(board.task)}, version {_cell(board.version)} ({board.slug})", ""]
        if board.scores.comparable:
            parts += [_cell(board.scores.comparable), ""]
        unit = f", {notation.unit.strip()}" if notation.unit else ""
        head = ["Rank", "Tie group", "Model", f"{_cell(board.scores.metric)}{unit}", "95 % interval"]
        head += ["Items", "Coverage", *(_cell(table.name) for table in board.categories)]
        parts += [_line(head), _line(["---:"] * 2 + ["---"] + ["---:"] * (len(head) - 3))]
        values = [_values(table) for table in board.categories]
        for row in board.overall.rows:
            score = row.score
            cells = [rank_text(row), str(row.place.group) if row.place else ABSENT, _cell(row.entry.name)]
            cells += [notation.number(score.value), notation.interval(score.low, score.high)]
            cells += [f"{score.n_items}", f"{100 * score.coverage:.1f} %"]
            cells += [notation.number(column[row.entry.slug]) for column in values]
            parts.append(_line(cells))
        parts.append("")
    return "\n".join(parts)


def _values(table: Table) -> dict[str, float | None]:
    return {row.entry.slug: row.score.value for row in table.rows}


def rank_text(row: Row) -> str:
    """``2`` or, where the data leave it open, ``2–5``; a dash without a score."""
    if row.place is None:
        return ABSENT
    rank, worst = row.place.rank, row.place.worst
    return str(rank) if rank == worst else f"{rank}–{worst}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """Text of a run that no Markdown reader takes for markup."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+!|~" else sign for sign in plain)
