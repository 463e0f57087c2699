"""``rewards.jsonl``: one line per picture, appended while scoring and in order once it is done.

A killed process leaves whole lines and at most one torn one, which readers skip and the next writer cuts
off. ``rewards.json`` beside it says whose rewards these are, so that no two rewarders share a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import (
    JsonLinesWriter,
    atomic_write_bytes,
    read_json_lines,
)
from selfreward_eval.harness.folders import FolderUse, claim_identity, lock_folder
from selfreward_eval.rewarders.base import Reward
from selfreward_eval.rewarders.cache import from_json, to_json
from selfreward_eval.rewarders.scoring.pictures import PictureEntry

LINES, ABOUT = "rewards.jsonl", "rewards.json"
SCHEMA = 1

REWARDS = FolderUse("other rewards", "choose another --output-path")

Key = tuple[str, str, int]


@dataclass(frozen=True, eq=False)
class Line:
    """One picture's reward as it is written.

    Attributes:
        reward: the reward, or why there is none.
        sha256: of the picture's file; None where it could not be read.
        seconds: that it took, as its share of its batch; None where it came from the cache.
    """

    reward: Reward
    sha256: str | None
    seconds: float | None = None


class RewardLog:
    """The lines of one rewarder in one folder, open for writing by one process.

    Args:
        folder: where; made if it is not there.
        about: what makes these rewards these, JSON values: the rewarder's identity, the run.

    Raises:
        RunFolderError: it holds other rewards, or another process writes it.
        InputError: a line is damaged.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self.path = folder, folder / LINES
        self._lock = lock_folder(folder, REWARDS)
        try:
            claim_identity(folder / ABOUT, {"schema": SCHEMA, **about}, REWARDS)
            self.lines = read_lines(self.path) if self.path.exists() else {}
            self._writer = JsonLinesWriter(self.path)
        except BaseException:
            self._lock.release()
            raise

    def is_scored(self, entry: PictureEntry, sha256: str | None) -> bool:
        """Whether the picture with this sha256 has a value already."""
        line = self.lines.get(entry.key)
        return line is not None and line.reward.ok and line.sha256 == sha256

    def add(self, entry: PictureEntry, line: Line) -> None:
        """Appends a line; it is with the operating system when this returns."""
        self._writer.append(as_json(entry, line))
        self.lines[entry.key] = line

    def finish(self, entries: Sequence[PictureEntry]) -> Path:
        """Rewrites the file with one line per picture, in order, in one atomic step."""
        self._writer.close()
        lines = [as_json(entry, self.lines[entry.key]) for entry in entries]
        dumped = [
            json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for line in lines
        ]
        atomic_write_bytes(self.path, ("\n".join(dumped) + "\n").encode("utf-8"))
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._lock.release()


def as_json(entry: PictureEntry, line: Line) -> dict[str, Any]:
    """A line's JSON: what was rewarded, what the benchmark measured, and the reward."""
    reward = to_json(line.reward)
    del reward["schema"]
    return {
        "task": entry.task,
        "item_id": entry.item_id,
        "index": entry.index,
        "prompt": entry.prompt,
        "category": entry.category,
        "image": entry.shown,
        "image_sha256": line.sha256,
        "measured": entry.measured,
        **reward,
        "seconds": line.seconds,
    }


def read_lines(path: Path) -> dict[Key, Line]:
    """The last line of every picture; a torn last line is left out.

    Raises:
        InputError: a line before the last is none.
    """
    lines: dict[Key, Line] = {}
    for number, record in enumerate(read_json_lines(path).records, 1):
        try:
            key = (str(record["task"]), str(record["item_id"]), int(record["index"]))
            reward = from_json({"schema": SCHEMA, **record})
            lines[key] = Line(reward, record["image_sha256"], record["seconds"])
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(
                f"record {number} of {path} is not a reward ({type(error).__name__}: {error}); restore the "
                "file, or choose another --output-path"
            ) from error
    return lines
