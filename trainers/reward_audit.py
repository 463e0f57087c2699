"""The reward of the evaluation's own pictures, before and after training.

Where this reward rises and the measured score does not, training has exploited the rewarder (reward hacking)
and not learnt what the benchmark asks for. A self-rewarder asks the starting model, so that both arms are
scored by the same rewarder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.stats.paired import paired
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.user_files.pictures import Unreadable, read_rgb_file
from selfreward_eval.rewarders.base import Rewarder, RewardSample

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.harness.runs.run import Progress

PART = 64
"""Pictures scored at a time, so that progress shows."""


def audit(
    rewarder: Rewarder, before: Run, after: Run, tasks: Sequence[Task], progress: Progress | None = None
) -> dict[str, dict[str, Any]]:
    """Per task that draws: mean reward in both arms, and the paired difference with its 95 % interval.

    The first picture of every item is scored; an item counts where both of its pictures have a reward.

    Returns:
        Task -> ``before``, ``after``, ``effect``, ``low``, ``high``, ``p``, ``n`` (items scored in both
        arms), ``of`` (items). A task of which nothing can be scored has ``n`` 0 and no number.
    """
    audited: dict[str, dict[str, Any]] = {}
    for task in tasks:
        name = task.info.name
        items = {item.id: item for item in task.items()}
        arms = [rewards_of(rewarder, run, name, items, progress) for run in (before, after)]
        shared = [key for key in arms[0] if arms[0][key] is not None and arms[1].get(key) is not None]
        summary: dict[str, Any] = {"n": len(shared), "of": len(arms[0])}
        if len(shared) > 1:
            first, second = ([float(arm[key] or 0.0) for key in shared] for arm in arms)
            result = paired([b - a for a, b in zip(first, second, strict=True)])
            summary |= {
                "before": fsum(first) / len(first),
                "after": fsum(second) / len(second),
                "effect": result.effect,
                "low": result.low,
                "high": result.high,
                "p": result.p,
            }
        audited[name] = summary
    return audited


def rewards_of(
    rewarder: Rewarder, run: Run, task: str, items: Mapping[str, Any], progress: Progress | None
) -> dict[str, float | None]:
    """Item -> the reward of its first picture, None where there is none.

    Args:
        rewarder: asks the starting model.
        run: whose pictures are scored.
        task: one of the run's.
        items: the task's, by id.
        progress: told of the pictures.

    Raises:
        InputError: a picture that cannot be read.
    """
    first_samples = [record for record in run.records[task] if record.sample.index == 0]
    label = f"reward of {run.name} on {task}"
    if progress is not None:
        progress.start(label, len(first_samples), 0)
    rewards_by_item: dict[str, float | None] = {}
    for start in range(0, len(first_samples), PART):
        part = first_samples[start : start + PART]
        drawn = [record for record in part if record.sample.image is not None]
        rewards_by_item |= {record.sample.item_id: None for record in part}
        samples = []
        for record in drawn:
            image = _picture(run.folder / str(record.sample.image))
            item = items[record.sample.item_id]
            samples.append(RewardSample(image, category=item.category, metadata=item.metadata))
        rewards = rewarder.score([record.item.text for record in drawn], samples)
        rewards_by_item |= {
            record.sample.item_id: reward.value for record, reward in zip(drawn, rewards, strict=True)
        }
        if progress is not None:
            progress.advance(label, len(part))
    return rewards_by_item


def _picture(path: Path) -> Image:
    try:
        return read_rgb_file(path)
    except (OSError, Unreadable) as error:
        raise InputError(f"the picture {path} cannot be rewarded ({error}); restore it") from error
