"""What a shard had in hand when its process died: a sample that kills its process is not tried for ever.

Before a batch is drawn it is noted which samples are in hand, and after they are recorded that none is. If
the process ends before that, it is a death of those samples. A sample that has died once is tried alone,
after the others; one that has died :data:`DEATHS` times gets a status. Being asked to end (SIGTERM, an
interruption, an error) is no death: launchers end all processes when one of them failed.

The journal lies beside the part of its writer, ``journal_<time>.part-<label>.jsonl``, and goes with it when
the run is merged.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from selfreward_eval.harness.files import JsonLinesWriter, read_json_lines

__all__ = ["DEATHS", "Journal", "Key", "deaths", "environments", "excuse", "sittings"]

DEATHS = 2
"""So many times a sample may be in hand when its process dies."""

Key = tuple[str, int]
"""Task and ``doc_id``."""


class Journal:
    """The journal of one writer, opened by it.

    Args:
        path: made if it is not there.
        sitting: how this process was started: environment, call and the like; JSON values.
        deaths: of earlier processes, by sample.
    """

    def __init__(self, path: Path, sitting: Mapping[str, Any], deaths: Mapping[Key, int]) -> None:
        self.path, self.deaths = path, deaths
        self._lines = JsonLinesWriter(path)
        self._lines.append({"sitting": dict(sitting)})
        self._open = False

    def hold(self, task: str, doc_ids: Sequence[int]) -> None:
        """Notes that exactly these samples are in hand from now on."""
        self._open = True
        self._lines.append({"in_hand": {"task": task, "doc_ids": list(doc_ids)}})

    @contextmanager
    def ending(self) -> Iterator[None]:
        """After the block nothing is in hand, whatever was raised in it."""
        try:
            yield
        finally:
            self.done()

    def done(self) -> None:
        """Notes that nothing is in hand any more."""
        if self._open:
            self._open = False
            self._lines.append({"done": True})

    def gave_up(self, task: str, doc_id: int) -> None:
        """Notes that a sample got its status, so that its deaths do not count where it is tried again."""
        self._lines.append({"gave_up": {"task": task, "doc_id": doc_id}})

    def note(self, **values: Any) -> None:
        """Notes something for other processes of the run."""
        self._lines.append(values)

    @contextmanager
    def ending_on_request(self) -> Iterator[None]:
        """Inside, SIGTERM ends the process as by default, after the batch in hand is noted as done."""
        if threading.current_thread() is not threading.main_thread():  # Only that one may set handlers.
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            self.done()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        before = signal.getsignal(signal.SIGTERM)
        if before is not signal.SIG_DFL:  # Somebody else's handler ends the process in its own way.
            yield
            return
        signal.signal(signal.SIGTERM, end)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def close(self) -> None:
        self._lines.close()


def deaths(journals: Mapping[str, Path], living: Collection[str]) -> Counter[Key]:
    """How often each sample was in hand when its process died, less what it got a status for.

    Args:
        journals: label -> journal.
        living: labels whose writer lives; what it has in hand is none of these.

    Raises:
        InputError: a damaged journal.
    """
    counts: Counter[Key] = Counter()
    for label, path in journals.items():
        held: list[Key] = []
        for line in read_json_lines(path).records:
            if "gave_up" in line:
                counts[line["gave_up"]["task"], int(line["gave_up"]["doc_id"])] -= DEATHS
                continue
            if "sitting" in line:  # The one before it had no end.
                counts.update(held)
            held = []
            if "in_hand" in line:
                held = [(line["in_hand"]["task"], int(number)) for number in line["in_hand"]["doc_ids"]]
        if label not in living:
            counts.update(held)
    return counts


def sittings(journals: Mapping[str, Path]) -> list[dict[str, Any]]:
    """How every process was started that wrote a part of the run.

    Raises:
        InputError: a damaged journal.
    """
    lines = (line for path in journals.values() for line in read_json_lines(path).records)
    return [dict(line["sitting"]) for line in lines if "sitting" in line]


def environments(journals: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The different environments of those processes: numbers may differ in their last bits between them.

    A process that only scheduled the others has no device.
    """
    found: list[dict[str, Any]] = []
    schedulers: list[dict[str, Any]] = []
    for sitting in sittings(journals):
        environment = {**sitting.get("environment", {})}
        if "device" not in sitting:
            schedulers.append(environment)
        elif (whole := {**environment, "device": sitting["device"]}) not in found:
            found.append(whole)
    for environment in schedulers:
        if environment not in [{k: v for k, v in one.items() if k != "device"} for one in found]:
            found.append({**environment, "device": None})
    return found


def excuse(path: Path) -> None:
    """Notes for a writer that was ended on purpose, and is no more, that nothing is in hand.

    Args:
        path: of its journal; nothing is done where there is none.
    """
    if path.exists():
        with JsonLinesWriter(path) as lines:
            lines.append({"done": True})
