"""What trackers are told of rounds while they go on, so that a gamed reward is seen before training is over.

Every round: rewards of its candidates, and the seconds of its parts. Every few rounds, before the first one
and after the last one: pictures for fixed items with fixed seeds, their score and their reward. A reward that
rises while the score of the same pictures does not is being gamed.

Items are development items of the evaluated tasks, which neither training nor the evaluation uses. Where none
are known, pictures are drawn for the first training prompts, and have a reward and no score. Pictures are
drawn by the weights as they are, with the guidance and temperature of the candidates; a model that is
averaged (``ema``) is evaluated with other weights. Nothing of this is kept on disk but by the trackers, and
nothing of it decides what is trained.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.tracked import shown_pictures
from selfreward_eval.harness.report.trackers import Entry, Shown, Table, wandb_content, write_events
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Rewarder, RewardSample
from selfreward_eval.trainers.development import Development, development
from selfreward_eval.trainers.reward_audit import rewards_of
from selfreward_eval.trainers.reward_statistics import round_profile, summary

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.jobs import TrainingJob
    from selfreward_eval.trainers.pool import Pool

__all__ = ["LiveLog", "live_tasks"]

ITEMS = 32
"""Development items per task, with a picture each: a score's standard error is at most 0.09 of its range, and
a change of it is between the same items and seeds."""

SHOWN = 8
"""Pictures per task that trackers show."""

PROMPTS = "training prompts"
"""Stands for a task where no development items are known."""


def live_tasks(job: TrainingJob) -> list[Development]:
    """The tasks whose score is logged while ``job`` trains; none without trackers."""
    if not job.log_with or not job.log_pictures_every:
        return []
    drawing = [task for task in job.tasks if task.info.capability == "generate"]
    versions = [development(task, ITEMS, pictures=1) for task in drawing]
    return [version for version in versions if version is not None]


class LiveLog:
    """What the trackers of one training run are told of rounds.

    Args:
        job: asks for trackers.
        policy: the model under training.
        rewarder: asks the starting model.
        timed: makes a context around drawing and measuring pictures.
    """

    def __init__(
        self,
        job: TrainingJob,
        policy: Trains,
        rewarder: Rewarder,
        timed: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._job, self._policy, self._rewarder, self._timed = job, policy, rewarder, timed
        self._tasks = live_tasks(job)

    def rewards(self, pool: Pool) -> dict[str, float]:
        """Of a round's candidates, per side: the mean, the mean of the groups' best, and the share scored."""
        return {
            f"reward/{side}_{name}": float(numbers[name])
            for side, numbers in summary(pool).items()
            if side in ("drawing", "captioning")
            for name in ("mean", "best", "scored")
            if numbers[name] is not None
        }

    def profile(self, round_: int, steps: float) -> dict[str, float]:
        """Seconds of a round's parts; ``steps`` are those of its steps."""
        parts = round_profile(self._job.output / "rounds", round_) | {"steps": steps}
        return {f"profile/{part.replace(' ', '_')}": seconds for part, seconds in parts.items()}

    def due(self, rounds: int) -> bool:
        """Whether pictures are logged after ``rounds`` rounds; the same in every process."""
        every = self._job.log_pictures_every
        return bool(every) and (rounds % every == 0 or rounds == self._job.trainer.settings.rounds)

    def show(self, steps: int, trackers: Sequence[Any]) -> None:
        """Draws pictures, measures and logs them; in the main process alone.

        Args:
            steps: taken so far.
            trackers: accelerate's.
        """
        with self._timed():
            entry = self._measured() if self._tasks else self._prompted()
            for tracker in trackers:
                if tracker.name == "tensorboard":
                    write_events(entry, tracker.writer, steps)
                else:
                    tracker.log(wandb_content(entry), step=steps)

    def _measured(self) -> Entry:
        """Pictures for development items."""
        numbers: dict[str, float] = {}
        pictures, tables = {}, {}
        with tempfile.TemporaryDirectory() as folder:
            finished = load_run(run(self._policy, self._tasks, Path(folder)).folder)
            for task in self._tasks:
                name = task.base.info.name
                items = {item.id: item for item in task.items()}
                rewards = rewards_of(self._rewarder, finished, task.info.name, items, None)
                score = finished.scores[task.info.name].overall.value
                numbers |= _present(f"development/{name}", score, rewards.values())
                pictures[name] = _with_rewards(finished, task.info.name, rewards)
                tables[f"{name} verdicts"] = _table(pictures[name])
        return self._entry(numbers, tables, pictures)

    def _prompted(self) -> Entry:
        """Pictures for the first training prompts."""
        settings = self._job.trainer.settings
        items = self._job.source.items(0, settings.prompts, settings.seed)[:SHOWN]
        prompts = [item.text for item in items]
        seeds = [sample_seed("log", item.id, 0, settings.seed) for item in items]
        drawn = self._policy.generate(prompts, seeds)
        samples = [
            RewardSample(picture, category=item.category, metadata=item.metadata)
            for item, picture in zip(items, drawn, strict=True)
        ]
        rewards = [reward.value for reward in self._rewarder.score(prompts, samples)]
        shown = [
            Shown(item.id, item.text, picture, _reward_words(reward))
            for item, picture, reward in zip(items, drawn, rewards, strict=True)
        ]
        numbers = _present("training_prompts", None, rewards)
        return self._entry(numbers, {f"{PROMPTS} rewards": _table(shown)}, {PROMPTS: shown})

    def _entry(
        self, numbers: Mapping[str, float], tables: Mapping[str, Table], pictures: Mapping[str, list[Shown]]
    ) -> Entry:
        return Entry("train", self._policy.name, {}, numbers, tables, pictures)


def _present(name: str, score: float | None, rewards: Any) -> dict[str, float]:
    """Score and mean reward, those that are known."""
    known = [reward for reward in rewards if reward is not None]
    numbers = {} if score is None else {f"{name}/score": float(score)}
    return numbers | ({f"{name}/reward": fsum(known) / len(known)} if known else {})


def _with_rewards(finished: Run, task: str, rewards: Mapping[str, float | None]) -> list[Shown]:
    """Some pictures of a run, whose words also tell their reward."""
    of_name = {
        f"{record.item.id} {record.sample.index}": rewards.get(record.item.id)
        for record in finished.records[task]
    }
    return [
        replace(shown, verdict=f"{shown.verdict}, {_reward_words(of_name[shown.name])}")
        for shown in shown_pictures(finished, task, SHOWN)
    ]


def _reward_words(reward: float | None) -> str:
    return "no reward" if reward is None else f"reward {reward:.3f}"


def _table(pictures: Sequence[Shown]) -> Table:
    """What is said of pictures; TensorBoard shows no words with a picture that change from step to step."""
    return Table(
        ("picture", "prompt", "verdict"), tuple((one.name, one.caption, one.verdict) for one in pictures)
    )
