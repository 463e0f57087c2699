"""Scores pictures with one rewarder, batch by batch, and continues an interrupted scoring."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.records import NOT_MADE, Status
from selfreward_eval.harness.runs.run import Progress
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.rewarders.scoring.batches import batches, caching, score_batch
from selfreward_eval.rewarders.scoring.log import Line, RewardLog
from selfreward_eval.rewarders.scoring.pictures import PictureEntry
from selfreward_eval.rewarders.scoring.spreading import score_spread

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.engine import RayEngine

_RAISED = re.compile(r"[A-Za-z_]\w{0,99}(Error|Exception): ")
"""How :mod:`selfreward_eval.rewarders.guarding` begins the reason of a picture over which a rewarder raised;
a rewarder that says itself why there is no value works."""

_NO_PICTURE = NOT_MADE | {Status.MISSING_IMAGE, Status.UNREADABLE_IMAGE}
"""The rewarder was not asked."""


def score_all(
    rewarder: Rewarder,
    entries: Sequence[PictureEntry],
    log: RewardLog,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    label: str | None = None,
    engine: RayEngine | None = None,
    make: Callable[[], Rewarder] | None = None,
) -> list[Line]:
    """One line per entry, aligned, all of them in ``log`` and on disk.

    A picture with a value in the log is not scored again. Where values depend on the group (all pictures
    of an item), an item that lacks one is scored whole, and nothing is cached.

    Args:
        rewarder: the rewarder.
        entries: the pictures.
        log: where lines are read and written.
        cache: folder of rewards that rewarders share.
        progress: notified of every batch.
        label: the rewarder's name there.
        engine: has the actors that score; None for this process.
        make: makes the rewarder in an actor; None to send it as it is.

    Raises:
        BrokenPlugin: the rewarder raised outside of pictures, failed on every one, or gave another number
            of rewards than pictures; or no actor stays alive.
        InputError: the engine's cluster cannot be reached, or has another rewarder.
    """
    name = label or rewarder.info.name
    groupwise = rewarder.info.groupwise

    def advance(count: int) -> None:
        if progress is not None:
            progress.advance(name, count)

    if progress is not None:
        progress.start(name, len(entries), 0)
    if engine is not None:
        made = make or (lambda: rewarder)
        score_spread(engine, made, rewarder, list(batches(entries)), log, cache, advance)
    else:
        scorer = caching(rewarder, cache)
        for batch in batches(entries):
            score_batch(scorer, batch, log, groupwise)
            advance(len(batch))
    log.finish(entries)
    lines = [log.lines[entry.key] for entry in entries]
    _require_any(name, entries, lines)
    return lines


def _require_any(name: str, entries: Sequence[PictureEntry], lines: Sequence[Line]) -> None:
    """Returns unless the rewarder failed on every picture that it was given.

    Raises:
        BrokenPlugin: it did; an empty table is no result. The lines are written and tried again next time.
    """
    failed = []
    for entry, line in zip(entries, lines, strict=True):
        if line.reward.ok:
            return
        if line.reward.status is Status.MEASUREMENT_ERROR and _RAISED.match(line.reward.reason):
            failed.append((entry, line.reward))
        elif entry.status is Status.SUCCESS and line.reward.status not in _NO_PICTURE:
            return
    if failed:
        entry, reward = failed[0]
        raise BrokenPlugin(
            f"the rewarder {name!r} failed on each of the {len(failed)} pictures that it was given; the "
            f"first, for {entry.prompt!r}, with {' '.join(reward.reason.split())}. Mend it or its "
            "arguments, and run the same command again"
        )
