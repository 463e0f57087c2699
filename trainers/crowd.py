"""This process among those that ``accelerate launch`` or ``torchrun`` started for one training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Crowd:
    """Who takes part.

    Attributes:
        rank: this process's number, from 0.
        count: how many there are.
        wait: returns when every process has come here.
    """

    rank: int
    count: int
    wait: Callable[[], None]

    @property
    def main(self) -> bool:
        """Whether this one writes, evaluates and speaks."""
        return self.rank == 0


def alone() -> Crowd:
    """One process."""
    return Crowd(0, 1, lambda: None)


def launched() -> Crowd:
    """Those that were launched together; one process otherwise."""
    import os

    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return alone()
    from accelerate import PartialState

    state = PartialState()
    return Crowd(state.process_index, state.num_processes, state.wait_for_everyone)
