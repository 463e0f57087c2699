"""``reward --engine ray``: the same batches, scored in actors; their lines are written by this process.

Pictures are read by the actors. Where they do not see this process's files, pictures are sent as the bytes of
their files, and actors keep no cache.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder
from selfreward_eval.rewarders.cache import from_json, to_json
from selfreward_eval.rewarders.scoring.batches import caching, score_batch
from selfreward_eval.rewarders.scoring.log import ABOUT, Key, Line, RewardLog
from selfreward_eval.rewarders.scoring.pictures import PictureEntry, missing

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.engine import RayEngine

__all__ = ["score_spread"]

DIED = (
    "process died twice: it ended without an error, such as by the kernel for lack of memory, while this "
    "picture was being scored, the second time alone; the same command tries it again"
)

Scored = Mapping[str, Any]
"""A line as it is sent: its picture's key, the reward as JSON values, sha256 and seconds."""


def score_spread(
    engine: RayEngine,
    make: Callable[[], Rewarder],
    rewarder: Rewarder,
    batches: Sequence[Sequence[PictureEntry]],
    log: RewardLog,
    cache: Path | None,
    advance: Callable[[int], None],
) -> None:
    """Scores the pictures of ``batches`` that have no value yet, and appends their lines to ``log``.

    Args:
        engine: has the actors; none is started where nothing is left to do.
        make: makes the rewarder in an actor.
        rewarder: the same one, here.
        batches: whole items.
        log: where lines are read and written.
        cache: folder of rewards that rewarders share.
        advance: told of numbers of pictures that are done.

    Raises:
        InputError: an actor's rewarder is another one, or the cluster cannot be reached.
        BrokenPlugin: as :func:`selfreward_eval.rewarders.scoring.scoring.score_all`, or no actor stays alive.
    """
    todo = []
    for batch in batches:
        if all(log.is_scored(entry, _sha256(entry)) for entry in batch):
            advance(len(batch))
        else:
            todo.append(PictureBatch(tuple(batch), _known(batch, log), rewarder.info.groupwise))
    if not todo:
        return
    files = [log.folder / ABOUT, *_first_picture(todo)]
    seen = {path.absolute(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    setup = ScorerSetup(make, rewarder.identity(), cache, seen)
    with engine.spread(setup, "the rewarder") as spread:
        for outcome in spread.over(todo):
            entries = {entry.key: entry for entry in outcome.unit.entries}
            if outcome.died:
                reward = Reward.unscored(Status.MEASUREMENT_ERROR, DIED)
                for entry in entries.values():
                    if not log.is_scored(entry, digest := _sha256(entry)):
                        log.add(entry, Line(reward, digest))
            for scored in outcome.result or ():
                line = Line(from_json(scored["reward"]), scored["sha256"], scored["seconds"])
                log.add(entries[scored["key"]], line)
            advance(len(entries))


@dataclass(frozen=True)
class PictureBatch:
    """Pictures that are scored together; a unit of :mod:`selfreward_eval.harness.engines.ray.spread`.

    Attributes:
        entries: whole items.
        known: key -> sha256 of the file, of pictures that have a value already.
        groupwise: whether an item's pictures cannot be scored apart.
    """

    entries: tuple[PictureEntry, ...]
    known: Mapping[Key, str | None]
    groupwise: bool

    @property
    def key(self) -> tuple[Key, ...]:
        return tuple(entry.key for entry in self.entries)

    def message(self, shared: bool) -> Message:
        if shared:
            return Message(self.entries, self.known, self.groupwise, None)
        contents: dict[Key, bytes] = {}
        entries = [_with_content(entry, contents) for entry in self.entries]
        return Message(tuple(entries), self.known, self.groupwise, contents)

    def parts(self) -> Sequence[PictureBatch]:
        """Its items where they cannot be cut, else its pictures."""
        cut: dict[Any, list[PictureEntry]] = {}
        for entry in self.entries:
            cut.setdefault(entry.item if self.groupwise else entry.key, []).append(entry)
        return [PictureBatch(tuple(part), self.known, self.groupwise) for part in cut.values()]


@dataclass(frozen=True)
class Message:
    """A batch as an actor gets it; ``contents`` are the files that it cannot see."""

    entries: tuple[PictureEntry, ...]
    known: Mapping[Key, str | None]
    groupwise: bool
    contents: Mapping[Key, bytes] | None


@dataclass(frozen=True)
class ScorerSetup:
    """Makes, in an actor, what scores.

    Attributes:
        make: makes the rewarder.
        identity: of the rewarder; the actor's has to be the same.
        cache: folder of rewards that rewarders share.
        seen: absolute path -> sha256 of the files by which an actor finds whether it sees the same disk.
    """

    make: Callable[[], Rewarder]
    identity: Mapping[str, Any]
    cache: Path | None
    seen: Mapping[Path, str]

    def __call__(self) -> Scorer:
        made = self.make()
        if differences := differing(self.identity, made.identity()):
            fields = ", ".join(f"{one.field} is {one.b}, not {one.a}" for one in differences[:3])
            raise InputError(
                f"a worker on {socket.gethostname()} has another rewarder than this command ({fields}); "
                "install the same packages, weights and data on every machine"
            )
        return Scorer(made, self.cache, self.seen)


class Scorer:
    """Scores batches, inside an actor."""

    def __init__(self, rewarder: Rewarder, cache: Path | None, seen: Mapping[Path, str]) -> None:
        self._seen = seen
        self._rewarder = rewarder
        # A folder on a disk of its own would only be left there.
        self._scorer = caching(rewarder, cache if self.sees() else None)

    def sees(self) -> bool:
        return all(_digest(path) == digest for path, digest in self._seen.items())

    def take(self, shared: bytes) -> None:
        """Nothing is given to scorers."""

    def do(self, message: Message) -> list[Scored]:
        lines = _Lines(message.known)
        scorer = self._scorer if message.contents is None else self._rewarder
        score_batch(scorer, message.entries, lines, message.groupwise, message.contents)
        return lines.sent


class _Lines:
    """In place of the log, where it is not written."""

    def __init__(self, known: Mapping[Key, str | None]) -> None:
        self._known = known
        self.sent: list[Scored] = []

    def is_scored(self, entry: PictureEntry, sha256: str | None) -> bool:
        return entry.key in self._known and self._known[entry.key] == sha256

    def add(self, entry: PictureEntry, line: Line) -> None:
        # As in the file: maps are packed, and no object of a plug-in has to be known here.
        reward = to_json(line.reward)
        self.sent.append({"key": entry.key, "reward": reward, "sha256": line.sha256, "seconds": line.seconds})


def _known(batch: Sequence[PictureEntry], log: RewardLog) -> dict[Key, str | None]:
    lines = ((entry.key, log.lines.get(entry.key)) for entry in batch)
    return {key: line.sha256 for key, line in lines if line is not None and line.reward.ok}


def _first_picture(todo: Sequence[PictureBatch]) -> Iterator[Path]:
    for batch in todo:
        for entry in batch.entries:
            if entry.path is not None and entry.path.is_file():
                yield entry.path
                return


def _with_content(entry: PictureEntry, contents: dict[Key, bytes]) -> PictureEntry:
    """Adds the content of a picture's file to ``contents``; without one, the entry that says why.

    An actor must not look for the file itself: on its own disk there may be another one of that name.
    """
    if entry.path is None or entry.prompt is None:
        return entry
    try:
        contents[entry.key] = entry.path.read_bytes()
    except OSError as error:
        status, reason = missing(error)
        return replace(entry, path=None, status=status, reason=reason)
    return entry


def _sha256(entry: PictureEntry) -> str | None:
    """As in the picture's line; None where its file cannot be read."""
    return None if entry.path is None or entry.prompt is None else _digest(entry.path)


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
