"""What the pages of a leaderboard say, as plain dictionaries: boards and entries in, texts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from selfreward_eval.harness.comparing.wording import UNADJUSTED_INTERVALS
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.report.cards import filters, with_picture
from selfreward_eval.harness.report.identity import groups
from selfreward_eval.harness.report.notation import ABSENT, Notation, count, moment, notation_for, share
from selfreward_eval.harness.report.plots import Axis, interval_mark, scale_marks, score_axis
from selfreward_eval.harness.report.run_view import task_view
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.stats.choosing import FEW_UNITS
from selfreward_eval.leaderboards.board import METHOD, Board, Row, Table
from selfreward_eval.leaderboards.entries import Card, Entry, TaskEntry
from selfreward_eval.leaderboards.tables import rank_text

__all__ = ["board_page", "board_title", "compare_page", "index_page", "model_page", "page_of"]

LISTED = 10
"""Models of a board in its table on the first page."""

NAMED = 12
"""Models named in a line of the index before the rest is counted."""


def page_of(board: Board, table: Table) -> str:
    """The address of a table within the site."""
    return f"boards/{board.slug}.html" if not table.name else f"boards/{board.slug}--{table.slug}.html"


def board_title(board: Board) -> str:
    """How a board is called."""
    return f"{board.task}, version {board.version}"


def _differing(board: Board, boards: Sequence[Board]) -> dict[str, str]:
    """In what a board differs from the others of its task: field, as ``compare`` calls it, -> its value."""
    fields: dict[str, str] = {}
    for other in boards:
        if other is not board and other.task == board.task:
            for difference in differing(board.settings, other.settings):
                fields[_field(board.task, difference.field)] = difference.a
    return dict(sorted(fields.items()))


def _field(task: str, name: str) -> str:
    """A field of a board's settings under its name in a run's identity."""
    first, dot, rest = name.partition(".")
    return {"generation": "model.generation", "task": f"tasks.{task}"}.get(first, first) + dot + rest


def apart(board: Board, boards: Sequence[Board]) -> list[str]:
    """What sets a board apart from the others of its task: ``field: its value``."""
    return [f"{name}: {value}" for name, value in _differing(board, boards).items()]


def why_apart(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Why runs of one task are on different boards, and what would join them; empty where none are.

    Returns:
        By task: ``task``, ``boards`` (title, page, number of models), ``fields`` (name, value on each board)
        and ``joined`` (whether ``--own-settings`` would put all of them on one board).
    """
    found = []
    for task in dict.fromkeys(board.task for board in boards):
        own = [board for board in boards if board.task == task]
        told = [_differing(board, boards) for board in own]
        names = list(dict.fromkeys(name for fields in told for name in fields))
        if len(own) < 2:
            continue
        # In a field in which any two differ, every board differs from some other.
        fields = [{"name": name, "values": [one[name] for one in told]} for name in names]
        found.append(
            {
                "task": task,
                "boards": [
                    {"page": page_of(board, board.overall), "models": count(len(board.overall.rows), "model")}
                    for board in own
                ],
                "fields": fields,
                "joined": all(name.startswith("model.generation.") for name in names),
            }
        )
    return found


def index_page(title: str, boards: Sequence[Board]) -> dict[str, Any]:
    """The first page: every board with its first tie group."""
    runs = {entry.slug for board in boards for entry in board.entries}
    return {
        "title": title,
        "models": count(len(runs), "model"),
        "boards": [
            {
                "title": board_title(board),
                "page": page_of(board, board.overall),
                "models": f"{len(board.overall.rows):,}",
                "metric": board.scores.metric,
                "apart": apart(board, boards),
                "first": _first(board),
                **_short_table(board),
                "categories": [
                    {"name": table.name, "page": page_of(board, table)} for table in board.categories
                ],
                "comparable": board.scores.comparable,
            }
            for board in boards
        ],
        "why_apart": why_apart(boards),
        "method": METHOD,
    }


def _short_table(board: Board) -> dict[str, Any]:
    """The head of a board's overall table: ``rows``, ``rest`` (further models), ``scale``, ``percent``."""
    notation = notation_for(board.scores.range)
    axis = _axis(board, board.overall)
    rows: list[dict[str, Any]] = []
    shown = board.overall.rows[:LISTED]
    for above, row in zip((None, *shown), shown, strict=False):
        score = row.score
        mark = interval_mark(axis, score.value, score.low, score.high)
        cut = above is not None and _group(above) != _group(row)
        rows.append({**_row(row, notation), "mark": mark, "cut": cut})
    return {
        "rows": rows,
        "rest": len(board.overall.rows) - len(shown),
        "scale": scale_marks(axis, notation),
        "percent": notation.unit.strip(),
    }


def _first(board: Board) -> str:
    """The models that nothing beats."""
    names = [row.entry.name for row in board.overall.rows if row.place and row.place.rank == 1]
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "") or ABSENT


def board_page(
    board: Board, table: Table, boards: Sequence[Board], protocols: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """One table of a board.

    Args:
        board: it belongs to.
        table: one of the board's.
        boards: all of the site.
        protocols: ``title`` and ``id`` of the reported protocols that measure the same thing.
    """
    notation = notation_for(board.scores.range)
    axis = _axis(board, table)
    columns = board.categories if not table.name else ()
    cells = [{row.entry.slug: row.score.value for row in column.rows} for column in columns]
    rows: list[dict[str, Any]] = []
    for above, row in zip((None, *table.rows), table.rows, strict=False):
        score = row.score
        values = [column[row.entry.slug] for column in cells]
        rows.append(
            {
                **_row(row, notation),
                "mark": interval_mark(axis, score.value, score.low, score.high),
                "cut": above is not None and _group(above) != _group(row),
                "cells": [{"text": notation.number(one), "value": _sortable(one)} for one in values],
            }
        )
    return {
        "title": board_title(board),
        "name": table.name or "Overall",
        "board": board.slug,
        "metric": board.scores.metric,
        "percent": notation.unit.strip(),
        "direction": "higher is better" if board.scores.higher_is_better else "lower is better",
        "meaning": _meaning(board, table),
        "tabs": [
            {"name": one.name or "Overall", "page": page_of(board, one), "here": one is table}
            for one in board.tables
        ],
        "columns": [{"name": one.name, "page": page_of(board, one)} for one in columns],
        "rows": rows,
        "scale": scale_marks(axis, notation),
        "complete": all(row.score.coverage == 1 for row in table.rows),
        "comparable": board.scores.comparable,
        "own_settings": board.own_settings,
        "few": FEW_UNITS if _few(table) else 0,
        "apart": apart(board, boards),
        "settings": groups(board.settings),
        "method": METHOD,
        "protocols": list(protocols),
    }


def _axis(board: Board, table: Table) -> Axis:
    """As wide as the intervals reach: on the metric's whole range those of close models are dots."""
    whole = score_axis(board.scores.range)
    scores = [row.score for row in table.rows[: table.ranked]]
    ends = [end for one in scores for end in (one.value, one.low, one.high) if end is not None]
    low, high = max(min(ends, default=0.0), whole.low), min(max(ends, default=0.0), whole.high)
    if high <= low:
        return whole
    margin = 0.05 * (high - low)
    return replace(whole, low=max(low - margin, whole.low), high=min(high + margin, whole.high))


def _few(table: Table) -> bool:
    return len(table.pairs.units) > 0 and int(table.pairs.units.min()) < FEW_UNITS


def _group(row: Row) -> int:
    return row.place.group if row.place else 0


def _meaning(board: Board, table: Table) -> str:
    if table.name:
        return f"mean over the items of {table.name}"
    if board.scores.macro:
        return f"unweighted mean of {count(len(board.categories), 'category', 'categories')}"
    return "mean over all items"


def _row(row: Row, notation: Notation) -> dict[str, Any]:
    score = row.score
    return {
        "slug": row.entry.slug,
        "name": row.entry.name,
        "run": row.entry.fingerprint[:8],
        "rank": rank_text(row),
        "rank_value": _sortable(row.place.rank if row.place else None),
        "group": str(row.place.group) if row.place else ABSENT,
        "value": notation.number(score.value),
        "value_value": _sortable(score.value),
        "interval": notation.interval(score.low, score.high),
        "items": f"{score.n_items:,}",
        "items_value": str(score.n_items),
        "coverage": share(score.n_scored, score.n_expected),
        "coverage_value": _sortable(score.coverage),
        "incomplete": score.n_scored < score.n_expected,
        "bounds": notation.interval(score.bound_low, score.bound_high),
    }


def _sortable(value: float | None) -> str:
    """A number for a script to sort by; empty where there is none."""
    return "" if value is None else repr(round(float(value), 10) + 0.0)


def model_page(entry: Entry, homes: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The page of one model: its scores, its settings, some of its pictures. It hangs on its own run alone.

    Args:
        entry: the run.
        homes: ``title`` and ``page`` of the boards it stands on.
    """
    cards = [card for task in entry.tasks.values() for card in _by_category(task)]
    return {
        "name": entry.name,
        "slug": entry.slug,
        "fingerprint": entry.fingerprint,
        "created": moment(entry.manifest.created),
        "tasks": [_task(task.scores) for task in entry.tasks.values()],
        "homes": list(homes),
        "cards": [_shown(card) for card in cards],
        # Tables lead to the pictures of these.
        "shown": [list(pair) for pair in dict.fromkeys((card["task"], card["category"]) for card in cards)],
        "offer": filters(cards),
        "identity": groups(entry.manifest.identity),
        "environment": groups(entry.manifest.environment),
    }


def _by_category(task: TaskEntry) -> list[Card]:
    """The cards of a task, those of one category side by side, in the order of its table."""
    order = {name: place for place, name in enumerate(task.scores.categories)}
    return sorted(task.cards, key=lambda card: order.get(card["category"], len(order)))


def _task(scores: TaskScores) -> dict[str, Any]:
    """The report's view of a task in JSON values: a page is made again only if its view changed."""
    return {key: value for key, value in task_view(scores).items() if key != "axis"}


def _shown(card: Card) -> dict[str, Any]:
    """A card with the address of its small picture, seen from a model's page."""
    picture = card.get("picture")
    if picture and "file" in picture:
        picture = {**picture, "url": f"../{picture['file']}"}
    return with_picture(card, picture)


def compare_page(boards: Sequence[Board]) -> dict[str, Any]:
    """The page on which two models are set side by side; a script fills it."""
    return {
        "boards": [{"slug": board.slug, "title": board_title(board)} for board in boards],
        "unadjusted": UNADJUSTED_INTERVALS,
    }
