"""What trackers show of a run, a comparison and a gate: headline numbers with intervals, tables, pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.cards import VerdictRule, card, wanted_picture
from selfreward_eval.harness.report.trackers import Entry, Shown, Table

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.comparing.records import Comparison
    from selfreward_eval.harness.gating.findings import Outcome
    from selfreward_eval.harness.report.pictures import Wanted
    from selfreward_eval.harness.runs.reader import Run

__all__ = ["PICTURES", "comparison_entry", "gate_entry", "run_entry", "shown_pictures"]

PICTURES = 24
"""Pictures per task, evenly over its items: trackers show all of them on one screen."""


def run_entry(run: Run) -> Entry:
    """A run: every task's headline with its interval, its categories, and pictures with their verdicts."""
    numbers: dict[str, float] = {}
    tables, pictures = {}, {}
    for task, scores in run.scores.items():
        overall = scores.overall
        found = {scores.metric: overall.value, "low": overall.low, "high": overall.high}
        numbers |= _present(task, {**found, "coverage": overall.coverage})
        rows = [*scores.categories.items(), ("overall", overall)]
        tables[f"{task} scores"] = Table(
            ("category", scores.metric, "low", "high", "items", "scored", "expected"),
            tuple(
                (name, one.value, one.low, one.high, one.n_items, one.n_scored, one.n_expected)
                for name, one in rows
            ),
        )
        pictures[task] = shown_pictures(run, task)
    return Entry("run", run.name, run.manifest.identity, numbers, tables, pictures)


def comparison_entry(comparison: Comparison) -> Entry:
    """A comparison: every task's difference with its interval, and a row per category."""
    numbers: dict[str, float] = {}
    tables = {}
    for task, one in comparison.tasks.items():
        overall = one.overall
        found = {"difference": overall.effect, "low": overall.low, "high": overall.high}
        numbers |= _present(task, {**found, "p": overall.p, "p_adjusted": overall.p_adjusted})
        rows = [*one.categories.items(), ("overall", overall)]
        tables[f"{task} differences"] = Table(
            ("category", "A", "B", "difference", "low", "high", "p", "p adjusted", "items", "verdict"),
            tuple(
                (name, c.a, c.b, c.effect, c.low, c.high, c.p, c.p_adjusted, c.n_items, c.verdict)
                for name, c in rows
            ),
        )
    arms = {"a": comparison.a.model, "b": comparison.b.model}
    return Entry("compare", f"{comparison.a.name} vs {comparison.b.name}", arms, numbers, tables)


def gate_entry(outcome: Outcome, name: str) -> Entry:
    """A gate: a row per rule, and the verdict as the exit code that goes with it."""
    rows = tuple(
        (
            one.task,
            one.category or "overall",
            one.asks,
            str(one.verdict),
            one.value,
            one.low,
            one.high,
            one.why,
        )
        for one in outcome.findings
    )
    columns = ("task", "category", "rule", "verdict", "value", "low", "high", "why")
    config = {"verdict": str(outcome.verdict)}
    return Entry(
        "gate", name, config, {"gate/exit_code": float(outcome.exit_code)}, {"rules": Table(columns, rows)}
    )


def _present(task: str, numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {f"{task}/{name}": float(number) for name, number in numbers.items() if number is not None}


def shown_pictures(run: Run, task: str, most: int = PICTURES) -> list[Shown]:
    """The first picture of at most ``most`` items evenly over the task, with its verdict.

    A picture is called by its item and its number. Unreadable ones are left out.
    """
    records = sorted(run.records[task], key=lambda one: one.doc_id)
    rule = VerdictRule.of(run.scores[task], records)
    firsts = list({record.item.id: record for record in reversed(records)}.values())[::-1]
    step = max(1, -(-len(firsts) // most))
    shown = []
    for record in firsts[::step]:
        about: dict[str, Any] = card(record, task, rule)
        wanted = wanted_picture(run.folder, about)
        picture = None if wanted is None else _read(wanted)
        if picture is not None:
            name = f"{record.item.id} {record.sample.index}"
            shown.append(Shown(name, record.item.text, picture, f"{about['symbol']} {about['badge']}"))
    return shown


def _read(wanted: Wanted) -> Image | None:
    """The picture that was measured; None where the file is another one, gone or damaged."""
    from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb

    try:
        content = Path(wanted.path).read_bytes()
        if wanted.sha256 is not None and hashlib.sha256(content).hexdigest() != wanted.sha256:
            return None
        return read_rgb(io.BytesIO(content))
    except (OSError, Unreadable):
        return None
