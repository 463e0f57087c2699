"""The page of numbers reported elsewhere, as plain dictionaries. Nothing on it is sorted by a score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from selfreward_eval.harness.report.notation import ABSENT, MINUS
from selfreward_eval.leaderboards.importing import Imported
from selfreward_eval.leaderboards.reported import Protocol, Reported

__all__ = ["anchor", "protocols_of_task", "reported_json", "reported_page"]

WORDS = {
    "prompts": "prompts {}",
    "images_per_prompt": "{} pictures per prompt",
    "judge": "judge {}",
    "trained_on": "trained on {}",
    "setting": "{}",
}


def anchor(protocol: str) -> str:
    """A protocol's place on the page.

    >>> anchor("t2i-compbench/srum-vlm")
    't2i-compbench--srum-vlm'
    """
    return protocol.replace("/", "--")


def protocols_of_task(protocols: Mapping[str, Protocol], task: str) -> list[dict[str, str]]:
    """The protocols whose rows a board of ``task`` links to: ``title`` and ``anchor``."""
    return [
        {"title": f"{one.benchmark}, {one.title}", "anchor": anchor(one.id)}
        for one in protocols.values()
        if task in one.tasks
    ]


def reported_page(
    protocols: Mapping[str, Protocol], rows: Sequence[Reported], imported: Sequence[Imported]
) -> dict[str, Any]:
    """Every protocol with its rows in the order of the files, and what was imported."""
    return {
        "protocols": [
            {
                "anchor": anchor(protocol.id),
                "benchmark": protocol.benchmark,
                "title": protocol.title,
                "note": protocol.note,
                "columns": list(protocol.columns.values()),
                "rows": [_row(row, protocol) for row in rows if row.protocol == protocol.id],
            }
            for protocol in protocols.values()
        ],
        "imported": [_imported(row) for row in imported],
    }


def _row(row: Reported, protocol: Protocol) -> dict[str, Any]:
    conditions = []
    for name, value in row.conditions.items():
        if name == "reasoning":
            conditions.append("with reasoning" if value else "without reasoning")
        else:
            conditions.append("1 picture per prompt" if (name, value) == ("images_per_prompt", 1)
                              else WORDS[name].format(value))  # fmt: skip
    if row.kind == "gain":
        conditions.insert(0, f"change in {row.unit}, from {row.baseline}")
    where = f"{row.source.title}, {row.source.locator}" if row.source.locator else row.source.title
    return {
        "model": row.model,
        "gain": row.kind == "gain",
        "cells": [_cell(row, column, protocol) for column in protocol.columns],
        "conditions": conditions,
        "notes": row.notes,
        "source": where,
        "url": row.source.url,
        "date": row.date,
        "second_hand": row.second_hand,
        "via": row.source.via,
    }


def _cell(row: Reported, column: str, protocol: Protocol) -> str:
    """A value as it was printed; a gain with its sign, an uncertainty behind it."""
    if column not in row.values:
        return ABSENT
    value = row.values[column]
    _, _, decimals = repr(value).partition(".")
    # As printed, but 0.5 among hundredths is 0.50.
    digits = max(len(decimals), 2 if protocol.range[1] <= 1 else 1)
    text = f"{value:.{digits if row.kind == 'score' else len(decimals)}f}".replace("-", MINUS)
    if row.kind == "gain" and value > 0:
        text = f"+{text}"
    return f"{text} ± {row.uncertainty[column]:g}" if column in row.uncertainty else text


def _imported(row: Imported) -> dict[str, Any]:
    return {
        "model": row.model,
        "task": f"{row.task}@{row.version}" if row.version else row.task,
        "metric": row.metric if row.filter == "none" else f"{row.metric} ({row.filter})",
        "value": ABSENT if row.value is None else f"{row.value:.4g}".replace("-", MINUS),
        "se": ABSENT if row.se is None else f"{row.se:.2g}",
        "n": ABSENT if row.n is None else f"{row.n:,}",
        "standing": row.standing,
        "file": row.file,
        "date": row.date,
    }


def reported_json(
    protocols: Mapping[str, Protocol], rows: Sequence[Reported], imported: Sequence[Imported]
) -> str:
    """The same as data, for ``reported.json``."""
    content = {
        "schema": 1,
        "ranked": False,
        "protocols": [asdict(protocol) for protocol in protocols.values()],
        "rows": [row.model_dump() for row in rows],
        "imported": [asdict(row) for row in imported],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
