"""A Ray cluster of this machine for a test module. Tests are skipped, with the reason, where none starts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.testing.ray_cluster import NoCluster, ray_cluster
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample


@contextmanager
def started(port: int) -> Iterator[str]:
    """The address of a cluster of two CPUs; ports differ, since test modules may run side by side."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster = ray_cluster(cpus=2, port=port)
        try:
            found = cluster.__enter__()
        except NoCluster as error:
            pytest.skip(str(error))
        try:
            yield found
        finally:
            cluster.__exit__(None, None, None)


class KillingReward(Rewarder):
    """Rewards a picture's width, and kills its process over some widths.

    Args:
        once: width that kills it the first time.
        always: width that kills it each time.
        marks: folder that remembers the first time.
    """

    info = RewarderInfo("killing", "1", "For tests", "external", (0.0, None))

    def __init__(self, once: int, always: int, marks: Path) -> None:
        self.once, self.always, self.marks = once, always, marks

    def identity(self) -> dict[str, Any]:
        return self.described()

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        widths = [sample.image.width for sample in samples]
        mark = self.marks / "killed"
        if self.always in widths or (self.once in widths and not mark.exists()):
            if self.once in widths:
                mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [Reward(float(width)) for width in widths]
