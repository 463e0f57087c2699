"""Scores pictures with one rewarder, batch by batch, going on where an earlier sitting stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from selfreward_eval.harness.runs.run import Progress
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.rewarders.cache import CachedRewarder
from selfreward_eval.rewarders.scoring.log import Line, RewardLog
from selfreward_eval.rewarders.scoring.pictures import PictureEntry, open_picture

BATCH = 32
"""Pictures whose rewards are written down together; a prompt's pictures are never parted."""


def score_all(
    rewarder: Rewarder,
    entries: Sequence[PictureEntry],
    book: RewardLog,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    label: str | None = None,
) -> list[Line]:
    """One line per entry, aligned, all of them in ``book`` and on disk.

    What has a value in the book is not scored again. Where values depend on the group (all pictures
    of an item), an item that lacks one is scored whole, and nothing is cached.

    Args:
        rewarder: who scores.
        entries: the pictures.
        book: where the lines are; those of an earlier sitting count.
        cache: folder of rewards that any rewarder may share.
        progress: told about every batch.
        label: what the rewarder is called there.
    """
    name = label or rewarder.info.name
    groupwise = rewarder.info.groupwise
    scorer: Rewarder = rewarder if cache is None or groupwise else CachedRewarder(rewarder, cache)
    if progress is not None:
        progress.start(name, len(entries), 0)
    for batch in _batches(entries):
        _score_batch(scorer, batch, book, groupwise)
        if progress is not None:
            progress.advance(name, len(batch))
    book.finish(entries)
    return [book.lines[entry.key] for entry in entries]


def _score_batch(scorer: Rewarder, batch: Sequence[PictureEntry], book: RewardLog, groupwise: bool) -> None:
    """Scores what of ``batch`` has no value yet, and writes it down."""
    found = [(entry, *open_picture(entry)) for entry in batch]
    open_items = {one.item for one, _, _, digest in found if not book.settled(one, digest)}
    samples: list[RewardSample] = []
    scored: list[tuple[PictureEntry, str | None]] = []
    for entry, sample, why_not, digest in found:
        if entry.item not in open_items or (not groupwise and book.settled(entry, digest)):
            continue
        if sample is None:
            assert why_not is not None
            book.add(entry, Line(why_not, digest))
        else:
            samples.append(sample)
            scored.append((entry, digest))
    if not samples:
        return
    before = scorer.misses if isinstance(scorer, CachedRewarder) else None
    started = time.perf_counter()
    rewards: list[Reward] = scorer.score([str(one.prompt) for one, _ in scored], samples)
    spent = time.perf_counter() - started
    # A batch of which a part came from the cache says nothing about what a picture costs.
    fresh = before is None or (isinstance(scorer, CachedRewarder) and scorer.misses - before == len(samples))
    each = round(spent / len(samples), 6) if fresh else None
    for (entry, digest), reward in zip(scored, rewards, strict=True):
        book.add(entry, Line(reward, digest, each))


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
