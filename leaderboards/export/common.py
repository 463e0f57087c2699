"""What every format wants to know of a run: its model, its times, and a score in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import Score, TaskScores

__all__ = [
    "Model",
    "chosen_tasks",
    "images_per_item",
    "iso_time",
    "model_of",
    "rows_of",
    "score_note",
    "unix_time",
]

_DASHED = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)T(?P<h>\d\d)[-:](?P<m>\d\d)[-:](?P<s>\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class Model:
    """The model of a run.

    Attributes:
        name: as the run has it, such as ``lab/model``.
        developer: the part before the slash, or empty.
        short: the part after it.
        revision: of its weights, or empty.
    """

    name: str
    developer: str
    short: str
    revision: str


def model_of(run: Run) -> Model:
    """The model of a run.

    Raises:
        InputError: the manifest names none.
    """
    identity = run.manifest.identity.get("model", {})
    name = str(identity.get("name") or "")
    if not name:
        raise InputError(f"{run.folder}: run.json names no model; run again with a model that has a name")
    developer, slash, short = name.partition("/")
    revision = str(identity.get("revision") or "")
    return Model(name, developer if slash else "", short if slash else name, revision)


def iso_time(text: str) -> str:
    """A run's time as ISO 8601 in UTC. Runs write colons as dashes, as lm-eval does.

    >>> iso_time("2026-01-10T09-30-00")
    '2026-01-10T09:30:00+00:00'

    Raises:
        InputError: it is no such time.
    """
    match = _DASHED.match(text)
    if not match:
        raise InputError(
            f"the run's time {text!r} is not ISO 8601; its run.json was written by another program"
        )
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['h']}:{match['m']}:{match['s']}")
    except ValueError as error:
        raise InputError(f"the run's time {text!r} is none ({error}); restore its run.json") from error
    return moment.replace(tzinfo=UTC).isoformat()


def unix_time(text: str) -> str:
    """The same in seconds since 1970, as text.

    >>> unix_time("2026-01-10T09-30-00")
    '1768037400'
    """
    seconds = datetime.fromisoformat(iso_time(text)).timestamp()
    return str(int(seconds)) if seconds == int(seconds) else str(seconds)


def rows_of(scores: TaskScores) -> list[tuple[str, Score]]:
    """The overall score under ``""``, then each category's under its name; those without a value left out."""
    rows = [("", scores.overall), *scores.categories.items()]
    return [(name, score) for name, score in rows if score.value is not None and isfinite(score.value)]


def score_note(scores: TaskScores, score: Score, images: int) -> str:
    """What stands behind a value, in one line.

    ``geneval@1 accuracy; ± 0.012 SE, 95 % interval 0.58 to 0.63; 553 items x 4``
    """
    parts = [f"{scores.task}@{scores.version} {scores.metric}"]
    if score.se is not None and score.low is not None and score.high is not None:
        parts.append(f"± {score.se:.2g} SE, 95 % interval {score.low:.4g} to {score.high:.4g}")
    parts.append(f"{score.n_items} items x {images}")
    if score.n_failed and score.bound_low is not None and score.bound_high is not None:
        parts.append(
            f"{score.n_failed} of {score.n_expected} samples without a score, "
            f"bounds {score.bound_low:.4g} to {score.bound_high:.4g}"
        )
    if scores.comparable:
        parts.append(scores.comparable)
    return "; ".join(parts)


def images_per_item(run: Run, task: str) -> int:
    """Samples planned per item."""
    return int(run.manifest.identity["tasks"][task]["images_per_item"])


def chosen_tasks(run: Run, tasks: Sequence[str]) -> list[str]:
    """``tasks``, or all of the run where none is named.

    Raises:
        InputError: the run did not do one of them.
    """
    unknown = [task for task in tasks if task not in run.scores]
    if unknown:
        raise InputError(f"{run.folder} has no task {unknown[0]!r}; it has: {', '.join(run.scores)}")
    return list(tasks) or list(run.scores)
