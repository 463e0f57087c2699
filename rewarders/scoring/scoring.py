"""Scores pictures with one rewarder, batch by batch, and continues an interrupted scoring."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import NOT_MADE, Status
from selfreward_eval.harness.runs.run import Progress
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.rewarders.cache import CachedRewarder
from selfreward_eval.rewarders.scoring.log import Line, RewardLog
from selfreward_eval.rewarders.scoring.pictures import PictureEntry, open_picture

_RAISED = re.compile(r"[A-Za-z_]\w{0,99}(Error|Exception): ")
"""How :mod:`selfreward_eval.rewarders.guarding` begins the reason of a picture over which a rewarder raised;
a rewarder that says itself why there is no value works."""

_NO_PICTURE = NOT_MADE | {Status.MISSING_IMAGE, Status.UNREADABLE_IMAGE}
"""The rewarder was not asked."""

BATCH = 32
"""Pictures whose rewards are written together; a prompt's pictures stay in one batch."""


def score_all(
    rewarder: Rewarder,
    entries: Sequence[PictureEntry],
    log: RewardLog,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    label: str | None = None,
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

    Raises:
        BrokenPlugin: the rewarder raised outside of pictures, failed on every one, or gave another number
            of rewards than pictures.
    """
    name = label or rewarder.info.name
    groupwise = rewarder.info.groupwise
    scorer: Rewarder = rewarder if cache is None or groupwise else CachedRewarder(rewarder, cache)
    if progress is not None:
        progress.start(name, len(entries), 0)
    for batch in _batches(entries):
        _score_batch(scorer, batch, log, groupwise)
        if progress is not None:
            progress.advance(name, len(batch))
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


def _score_batch(scorer: Rewarder, batch: Sequence[PictureEntry], log: RewardLog, groupwise: bool) -> None:
    """Scores the pictures of ``batch`` that have no value yet, and appends their lines."""
    opened = [(entry, *open_picture(entry)) for entry in batch]
    unfinished_items = {entry.item for entry, _, _, digest in opened if not log.is_scored(entry, digest)}
    samples: list[RewardSample] = []
    scored: list[tuple[PictureEntry, str | None]] = []
    for entry, sample, failure, digest in opened:
        if entry.item not in unfinished_items or (not groupwise and log.is_scored(entry, digest)):
            continue
        if sample is None:
            assert failure is not None
            log.add(entry, Line(failure, digest))
        else:
            samples.append(sample)
            scored.append((entry, digest))
    if not samples:
        return
    before = scorer.misses if isinstance(scorer, CachedRewarder) else None
    started = time.perf_counter()
    with calling(f"the rewarder {scorer.info.name!r}", "score()"):
        rewards: list[Reward] = list(scorer.score([str(entry.prompt) for entry, _ in scored], samples))
    if len(rewards) != len(samples):
        raise BrokenPlugin(
            f"the rewarder {scorer.info.name!r}: score() returned {len(rewards)} rewards for {len(samples)} "
            "pictures; it must return one per picture, in order, with a status where there is no value"
        )
    spent = time.perf_counter() - started
    # The time of a batch that came partly from the cache is not the cost of its pictures.
    fresh = before is None or (isinstance(scorer, CachedRewarder) and scorer.misses - before == len(samples))
    each = round(spent / len(samples), 6) if fresh else None
    for (entry, digest), reward in zip(scored, rewards, strict=True):
        log.add(entry, Line(reward, digest, each))


def _batches(entries: Sequence[PictureEntry]) -> Iterator[list[PictureEntry]]:
    """Whole items, about :data:`BATCH` pictures at a time."""
    items: dict[tuple[str, str], list[PictureEntry]] = {}
    for entry in entries:
        items.setdefault(entry.item, []).append(entry)
    batch: list[PictureEntry] = []
    for item in items.values():
        if batch and len(batch) + len(item) > BATCH:
            yield batch
            batch = []
        batch += item
    if batch:
        yield batch
