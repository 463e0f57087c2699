"""Batches of pictures to reward, and how one of them is scored, in whatever process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.plugins import calling
from selfreward_eval.rewarders.base import Reward, Rewarder, RewardSample
from selfreward_eval.rewarders.cache import CachedRewarder
from selfreward_eval.rewarders.scoring.log import Key, Line
from selfreward_eval.rewarders.scoring.pictures import PictureEntry, open_picture

__all__ = ["Lines", "batches", "caching", "score_batch"]

BATCH = 32
"""Pictures whose rewards are written together; a prompt's pictures stay in one batch."""


class Lines(Protocol):
    """Where lines go; a :class:`selfreward_eval.rewarders.scoring.log.RewardLog`, for example."""

    def is_scored(self, entry: PictureEntry, sha256: str | None) -> bool:
        """Whether the picture with this sha256 has a value already."""
        ...

    def add(self, entry: PictureEntry, line: Line) -> None:
        """Gets a line."""
        ...


def caching(rewarder: Rewarder, cache: Path | None) -> Rewarder:
    """The rewarder with a cache, where there is a folder and its values do not depend on a group."""
    return rewarder if cache is None or rewarder.info.groupwise else CachedRewarder(rewarder, cache)


def score_batch(
    scorer: Rewarder,
    batch: Sequence[PictureEntry],
    log: Lines,
    groupwise: bool,
    contents: Mapping[Key, bytes] | None = None,
) -> None:
    """Scores the pictures of ``batch`` that have no value yet, and appends their lines.

    Args:
        scorer: the rewarder, with its cache if it has one.
        batch: whole items.
        log: where lines go.
        groupwise: whether an item that lacks a value is scored whole.
        contents: key -> content of a picture's file, in place of the files; None to read them.

    Raises:
        BrokenPlugin: the rewarder raised outside of pictures, or gave another number of rewards.
    """
    opened = [
        (entry, *open_picture(entry, None if contents is None else contents.get(entry.key)))
        for entry in batch
    ]
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


def batches(entries: Sequence[PictureEntry]) -> Iterator[list[PictureEntry]]:
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
