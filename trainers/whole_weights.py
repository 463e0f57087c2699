"""Trained weights in a folder that is there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from selfreward_eval.trainers.checkpoints import settle

__all__ = ["Export", "put_whole"]

Export = Callable[[Path], None]
"""Writes a model in the hub's layout into the folder that it is given."""


def put_whole(export: Export, target: Path, writes: bool) -> None:
    """Writes weights by ``export``; their folder ``target`` appears when all of it is on the disk.

    Where weights are shared out all processes call this, and the one that ``writes`` does.
    """
    fresh = target.with_name(f"{target.name}.new")
    if writes:
        target.parent.mkdir(parents=True, exist_ok=True)
    export(fresh)
    if writes:
        settle(fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
