"""What the scheduling process and its workers say to each other.

No picture is in it where both see the run folder; elsewhere pictures are the bytes of their files.
"""

from __future__ import annotations

import pickle
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import BrokenPlugin, SelfRewardError
from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.plugins import is_of_the_machine, with_place
from selfreward_eval.harness.runs.answering import Answered
from selfreward_eval.harness.runs.aside import Made
from selfreward_eval.harness.runs.drawing import Drawn, Phase
from selfreward_eval.harness.runs.measuring import Raised
from selfreward_eval.harness.task import Task

__all__ = ["Batch", "Opened", "Reply", "Setup", "only", "portable", "replied", "without_pictures"]


@dataclass(frozen=True)
class Setup:
    """How a worker gets to work; the same for all of them.

    Attributes:
        model: makes the model.
        tasks: makes the tasks.
        directory: where relative paths begin, such as that of a checkpoint.
        folder: the run folder, absolute.
        journal: name of the scheduling process's journal in it.
        token: stands in that journal; a worker that finds it sees the same folder.
        identity: of the run; the worker's own model and instruments have to be the same.
        environment: what the scheduling process adds to a worker's own environment.
        sitting: what parts say about how the run was asked for.
        phase: what of the work on a sample is done.
    """

    model: Callable[[], Model]
    tasks: Callable[[], Sequence[Task]]
    directory: Path
    folder: Path
    journal: str
    token: str
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    sitting: Mapping[str, Any]
    phase: Phase


@dataclass(frozen=True)
class Batch:
    """Samples for a worker.

    Attributes:
        task: its name.
        doc_ids: of the samples.
        made: what the model made of them; None where the worker makes them.
        measured: whether the worker measures them.
        recorded: whether it records them, too, if it sees the run folder.
        pictures: relative path -> file, of those that the worker needs and cannot see.
    """

    task: str
    doc_ids: Sequence[int]
    made: Drawn | Answered | None
    measured: bool
    recorded: bool
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """A worker that is ready.

    Attributes:
        host: where it runs.
        process: its number there.
        shared: whether it sees the run folder.
        sitting: what its journal says about it.
    """

    host: str
    process: int
    shared: bool
    sitting: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a worker did.

    Attributes:
        opened: in answer to its start.
        made: what the model made, without pictures, where it is still to be measured.
        records: what was measured and is not recorded yet.
        drawn: samples that the model made, of those in ``records`` or recorded by the worker.
        pictures: relative path -> file, of those that are not in the run folder yet.
        error: what stops the run.
        result: of a unit of other work than a run's.
    """

    opened: Opened | None = None
    made: Drawn | Answered | None = None
    records: Sequence[Made] = ()
    drawn: int = 0
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    error: Exception | None = None
    result: Any = None


def without_pictures(made: Any) -> Any:
    """The same batch, with None for every picture; they lie in files."""
    return replace(
        made,
        pictures=dict.fromkeys(made.pictures),
        failures={k: _portable(failure) for k, failure in made.failures.items()},
    )


def only(made: Any, position: int) -> Any:
    """Of a batch without pictures, the sample at ``position`` alone."""
    changed: dict[str, Any] = {}
    for one in fields(made):
        value = getattr(made, one.name)
        if isinstance(value, Mapping):
            changed[one.name] = {0: value[position]} if position in value else {}
        elif isinstance(value, frozenset):
            changed[one.name] = frozenset({0}) if position in value else frozenset()
        elif isinstance(value, list | tuple):
            changed[one.name] = [value[position]]
    return replace(made, **changed)


def portable(records: Sequence[Made]) -> list[Made]:
    """The records, without tracebacks that cannot be sent to another process."""
    return [(replace(record, measurement=_portable(record.measurement)), fresh) for record, fresh in records]


def _portable(measurement: Any) -> Any:
    if not isinstance(measurement, Raised) or measurement.trace is None:
        return measurement
    try:
        pickle.loads(pickle.dumps(measurement))
    except Exception:  # It names the class of what was raised, which the other process may not have.
        return replace(measurement, trace=None)
    return measurement


def replied(doing: Callable[[], Reply]) -> Reply:
    """What ``doing`` gives, or the error that it raised, such that it can be sent."""
    try:
        return doing()
    except SelfRewardError as error:
        return Reply(error=_sendable(error))
    except Exception as error:
        if isinstance(error, OSError) and is_of_the_machine(error):
            return Reply(error=OSError(error.errno, error.strerror, error.filename))
        text = f"a worker on {socket.gethostname()} failed: {with_place(error)}"
        return Reply(error=BrokenPlugin(text, trace=traceback.format_exc()))


def _sendable(error: SelfRewardError) -> Exception:
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = None
    return error if isinstance(copy, type(error)) else BrokenPlugin(str(error), trace=traceback.format_exc())
