"""A shard: the part of a run's samples that one of several processes takes.

Which shard takes a sample follows from the sample alone, so that no process has to ask another one:

>>> [Shard(index, 3).takes("geneval", 7) for index in range(3)]
[True, False, False]

A sample's seed and picture do not depend on the shard, so that any number of shards makes the same run, and
another number may go on with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.runs.launchers import launched_as

__all__ = ["AUTO", "Shard", "parse_shard"]

AUTO = "auto"
"""In place of ``i/n``: as the launcher's environment variables say."""

_WRITTEN = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """Shard ``index`` of ``count``, numbered from 0.

    Raises:
        UsageError: there is no such shard.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.index < self.count:
            last = f"0/{self.count} to {self.count - 1}/{self.count}" if self.count > 0 else "0/1"
            raise UsageError(f"there is no shard {self}; shards are numbered from 0: {last}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def takes(self, task: str, doc_id: int) -> bool:
        """Whether the sample is this shard's: the sha256 of its name, modulo the number of shards."""
        digest = hashlib.sha256(f"{task}\x1f{doc_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


def parse_shard(text: str, environ: Mapping[str, str]) -> Shard:
    """The shard that ``text`` names: ``i/n``, or ``auto`` for what a launcher's variables say.

    Args:
        text: as given on the command line.
        environ: environment variables.

    Raises:
        UsageError: another text, a shard that does not exist, or no launcher's variables.
    """
    if text == AUTO:
        return Shard(*launched_as(environ))
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UsageError(f"--shard is {text!r}; give i/n, such as 0/4, or {AUTO}")
    return Shard(int(match[1]), int(match[2]))
