"""Gains per category of finished training runs, as their records have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.trainers.record import read


def gains(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """One entry per training run: its name, the pictures it drew, and task -> category -> difference.

    A difference is after minus before with its 95 % interval, of the checkpoint alone.

    Raises:
        InputError: a folder without a finished training run.
    """
    entries = []
    for folder in folders:
        record = read(folder)
        settings = record.trainer["settings"]
        entries.append(
            {
                "name": f"{record.trainer['name']} on {record.rewarder['name']}, seed {record.seed}",
                "pictures": settings["rounds"] * settings["prompts"] * settings["candidates"],
                "tasks": {
                    task: {
                        category: {key: contrast[key] for key in ("effect", "low", "high")}
                        for category, contrast in compared["categories"].items()
                    }
                    for task, compared in record.comparison["tasks"].items()
                },
            }
        )
    return entries
