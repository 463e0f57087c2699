"""The training record on a model's page, as a plain dictionary: an extract in, texts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.line_chart import Series, line_chart, thinned
from selfreward_eval.harness.report.notation import ABSENT, Notation, notation_for
from selfreward_eval.harness.report.themed import inline_svg
from selfreward_eval.leaderboards.board import Board
from selfreward_eval.leaderboards.entries import Entry
from selfreward_eval.leaderboards.training_records import SIDES, TrainingExtract

if TYPE_CHECKING:
    from selfreward_eval.harness.report.drawing import Drawing

__all__ = ["TrainedPages", "reward_charts", "training_section"]

BRIEF = ("prompts", "candidates", "rounds", "steps", "batch_size", "learning_rate")
"""Settings that stand above the fold; the others are in a list that opens."""

SHOWN = 8
"""Rounds in the table; of more the first, the last and some between."""

REWARD = Notation(1.0, 3)


class TrainedPages:
    """Which of a site's models have a training record, and what their pages show of it.

    Args:
        extracts: revision of weights -> extract.
        entries: all runs of the site.
        boards: all boards, by which a starting model that stands beside the trained one is preferred.
    """

    def __init__(
        self, extracts: Mapping[str, TrainingExtract], entries: Sequence[Entry], boards: Sequence[Board]
    ) -> None:
        self._extracts = extracts
        self._homes = {
            entry.fingerprint: {board.slug for board in boards if entry in board.entries} for entry in entries
        }
        self._by_revision: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_revision.setdefault(revision_of(entry), []).append(entry)

    @property
    def count(self) -> int:
        """How many runs show a record."""
        return sum(len(self._by_revision.get(revision, ())) for revision in self._extracts)

    def makings(self, entry: Entry) -> Any:
        """What the section of a model's page is made of, as JSON values; None where it has none."""
        extract = self._extracts.get(revision_of(entry))
        return None if extract is None else [asdict(extract), self._start_page(entry, extract)]

    def view(self, entry: Entry) -> dict[str, Any] | None:
        """The section of a model's page, with its charts; None where there is no record."""
        extract = self._extracts.get(revision_of(entry))
        if extract is None:
            return None
        ranges = {name: task.scores.range for name, task in entry.tasks.items()}
        section = training_section(extract, ranges, self._start_page(entry, extract))
        return {**section, "charts": [inline_svg(one) for one in reward_charts(extract)]}

    def _start_page(self, entry: Entry, extract: TrainingExtract) -> str:
        """The page of the starting model beside this one, of several the one that shares most boards."""
        starts = self._by_revision.get(extract.start_revision, []) if extract.start_revision else []
        own = self._homes[entry.fingerprint]
        best = max(starts, key=lambda one: len(own & self._homes[one.fingerprint]), default=None)
        return "" if best is None else f"{best.slug}.html"


def revision_of(entry: Entry) -> str:
    """The revision of a run's weights; empty where the model has none."""
    model = entry.manifest.identity.get("model")
    revision = model.get("revision") if isinstance(model, Mapping) else None
    return revision if isinstance(revision, str) else ""


def training_section(
    extract: TrainingExtract, ranges: Mapping[str, tuple[float, float]], start_page: str = ""
) -> dict[str, Any]:
    """What a model's page shows of its training run, in JSON values.

    Args:
        extract: of the training run.
        ranges: task -> range of its metric, for tasks of which the run has scores.
        start_page: address of the starting model's page; empty where it stands on no board.

    Returns:
        ``name``, ``trainer``, ``rewarder``, ``start``, ``start_page``, ``facts`` and ``settings`` (label and
        text), ``rounds`` (``number``, ``side``, ``mean``, ``best``), ``left_out`` (rounds that are not
        listed), ``tasks`` and ``notes``.
    """
    brief = [(name.replace("_", " "), extract.settings[name]) for name in BRIEF if name in extract.settings]
    facts = [
        ("Pictures learnt from", _pictures(extract)),
        ("CPU time of training", _duration(extract.cpu_seconds)),
        ("Training seed", ABSENT if extract.seed is None else str(extract.seed)),
        *brief,
    ]
    rounds = _listed(extract.rounds)
    return {
        "name": extract.name,
        "trainer": extract.trainer,
        "rewarder": f"{extract.rewarder} ({extract.kind})" if extract.kind else extract.rewarder,
        "start": extract.start,
        "start_page": start_page,
        "facts": facts,
        "settings": list(extract.settings.items()),
        "rounds": [
            {
                "number": str(one["number"]),
                "side": side,
                "mean": REWARD.number(one[side]["mean"]),
                "best": REWARD.number(one[side]["best"]),
            }
            for one in rounds
            for side in SIDES
            if side in one
        ],
        "left_out": len(extract.rounds) - len(rounds),
        "tasks": [_task(task, ranges) for task in extract.tasks],
        "notes": list(extract.notes),
    }


def reward_charts(extract: TrainingExtract) -> list[Drawing]:
    """Rewards of the candidates by round: a chart for every side that has two rounds with a reward."""
    charts = []
    for side in SIDES:
        those = [(float(one["number"]), one[side]) for one in extract.rounds if side in one]
        curves = [
            Series(words, thinned(points), colour)
            for key, words, colour in (
                ("mean", "mean", "accent"),
                ("best", "best of each group", "second"),
            )
            if len(points := tuple((number, one[key]) for number, one in those if one[key] is not None)) > 1
        ]
        if curves:
            charts.append(line_chart(f"reward of candidates, {side}", curves, axis_name="round", whole=True))
    return charts


def _pictures(extract: TrainingExtract) -> str:
    if extract.pictures is None:
        return ABSENT
    of = f" of {extract.planned:,}" if extract.planned is not None else ""
    return f"{extract.pictures:,}{of}"


def _duration(seconds: float | None) -> str:
    """CPU time in seconds, and in hours where that says more.

    >>> _duration(93.2), _duration(7560), _duration(None)
    ('93 CPU-seconds', '7,560 CPU-seconds (2.1 hours)', 'not recorded')
    """
    if seconds is None:
        return "not recorded"
    hours = f" ({seconds / 3600:.1f} hours)" if seconds >= 3600 else ""
    return f"{seconds:,.0f} CPU-seconds{hours}"


def _listed(rounds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(rounds) <= SHOWN:
        return list(rounds)
    places = {round(k * (len(rounds) - 1) / (SHOWN - 1)) for k in range(SHOWN)}
    return [rounds[place] for place in sorted(places)]


def _task(task: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    known = ranges.get(task["task"])
    notation = REWARD if known is None else notation_for(known)
    return {
        "task": task["task"],
        "metric": task["metric"],
        "verdict": task["verdict"],
        "a": notation.value(task["a"]),
        "b": notation.value(task["b"]),
        "effect": notation.difference(task["effect"]),
        "unit": notation.difference_unit,
        "interval": notation.difference_interval(task["low"], task["high"]) or ABSENT,
        "reward": _reward(task),
    }


def _reward(task: Mapping[str, Any]) -> str:
    before, after = task["reward_before"], task["reward_after"]
    return ABSENT if before is None or after is None else f"{REWARD.number(before)} → {REWARD.number(after)}"
