"""Evaluation of unified multimodal models, with self-reward rewarders and trainers.

>>> import selfreward_eval as se
>>> early = se.run("tiny", model_args={"checkpoint": "early"})  # doctest: +SKIP
>>> final = se.run("tiny")  # doctest: +SKIP
>>> comparison = se.compare_runs(early.folder, final.folder)  # doctest: +SKIP
>>> comparison.tasks["shapes_geneval"].overall.verdict  # doctest: +SKIP
'B is better than A'

Functions and contracts are loaded when they are first used, so that importing this package costs
nothing. See ``docs/python-api.md``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selfreward_eval.api.compare import compare_runs
    from selfreward_eval.api.gate import gate
    from selfreward_eval.api.leaderboard import build_leaderboard
    from selfreward_eval.api.reward import reward
    from selfreward_eval.api.run import load_run, run
    from selfreward_eval.api.train import train
    from selfreward_eval.harness.errors import SelfRewardError
    from selfreward_eval.harness.models.base import (
        Answers,
        Generates,
        ImageLogProbs,
        Model,
        Request,
        Supplies,
        TextLogProbs,
        Trains,
        TrainsCaptioning,
        TrainsDrawing,
        TrainsFlow,
        TrainsLikelihoods,
    )
    from selfreward_eval.harness.models.language import Completes, CompletionLogProbs
    from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
    from selfreward_eval.harness.task import Metric, Task, TaskInfo
    from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
    from selfreward_eval.trainers.base import Trainer, TrainerInfo
    from selfreward_eval.trainers.jobs import TrainingJob

__version__ = "0.1.0"

__all__ = [
    "Answers",
    "Completes",
    "CompletionLogProbs",
    "Generates",
    "ImageLogProbs",
    "Item",
    "Measurement",
    "Metric",
    "Model",
    "Request",
    "Reward",
    "RewardSample",
    "Rewarder",
    "RewarderInfo",
    "Sample",
    "SampleRecord",
    "SelfRewardError",
    "Status",
    "Supplies",
    "Task",
    "TaskInfo",
    "TextLogProbs",
    "Trainer",
    "TrainerInfo",
    "TrainingJob",
    "Trains",
    "TrainsCaptioning",
    "TrainsDrawing",
    "TrainsFlow",
    "TrainsLikelihoods",
    "__version__",
    "build_leaderboard",
    "compare_runs",
    "gate",
    "load_run",
    "reward",
    "run",
    "train",
]

_PLACES = {
    "api.compare": ("compare_runs",),
    "api.gate": ("gate",),
    "api.leaderboard": ("build_leaderboard",),
    "api.reward": ("reward",),
    "api.run": ("load_run", "run"),
    "api.train": ("train",),
    "harness.errors": ("SelfRewardError",),
    "harness.models.base": (
        "Answers",
        "Generates",
        "ImageLogProbs",
        "Model",
        "Request",
        "Supplies",
        "TextLogProbs",
        "Trains",
        "TrainsCaptioning",
        "TrainsDrawing",
        "TrainsFlow",
        "TrainsLikelihoods",
    ),
    "harness.models.language": ("Completes", "CompletionLogProbs"),
    "harness.records": ("Item", "Measurement", "Sample", "SampleRecord", "Status"),
    "harness.task": ("Metric", "Task", "TaskInfo"),
    "rewarders.base": ("Reward", "RewardSample", "Rewarder", "RewarderInfo"),
    "trainers.base": ("Trainer", "TrainerInfo"),
    "trainers.jobs": ("TrainingJob",),
}
"""Module -> the names that it gives, as the imports above say them to type checkers."""

# Type checkers must not see this function: with it, every misspelt name would be known to them.
if not TYPE_CHECKING:

    def __getattr__(name):
        from importlib import import_module

        for module, names in _PLACES.items():
            if name in names:
                found = getattr(import_module(f"{__name__}.{module}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})
