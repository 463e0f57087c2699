"""A training job from names, as Python callers and the command line build it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.cli import train as command
from selfreward_eval.harness.errors import MissingCapability, UnknownName, UsageError
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.harness.models.training import TrainsDrawing, TrainsLikelihoods, lacking
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.trainers.building import build, require_fit
from selfreward_eval.trainers.job_checks import candidates_identity, check
from selfreward_eval.trainers.jobs import TASKS, TrainingJob
from selfreward_eval.trainers.rollouts import REFERENCE, SAMPLING


def test_the_defaults_train_the_tiny_model_and_measure_the_embedded_tasks() -> None:
    job = TrainingJob.from_names()
    assert job.model.name == "tiny-final"
    assert tuple(task.info.name for task in job.tasks) == TASKS
    assert (job.output, job.before) == (Path("training/srum-srum/seed-0"), Path("training/before"))


def test_arguments_reach_what_they_are_named_for() -> None:
    job = TrainingJob.from_names(
        model_args={"guidance": 1.5},
        trainer="dsr_grpo",
        trainer_args={"kl": 0.1, "steps": 7},
        rewarder="random",
        rewarder_args={"seed": 3},
        training_seed=2,
    )
    assert job.model.guidance == 1.5
    assert (job.trainer.own["kl"], job.trainer.settings.steps, job.trainer.settings.seed) == (0.1, 7, 2)
    assert job.rewarder(None, job.model).identity()["seed"] == 3
    assert job.output.as_posix() == "training/dsr_grpo-random/seed-2"


def test_the_chosen_rewarders_arguments_are_not_those_of_captions() -> None:
    job = TrainingJob.from_names(rewarder="random", rewarder_args={"seed": 3})
    assert job.rewarder("random", job.model).identity()["seed"] == 3
    assert job.rewarder("dsr_understanding", job.model).info.name == "dsr_understanding"


def test_captions_may_have_a_reward_of_their_own() -> None:
    job = TrainingJob.from_names(
        trainer="dsr_grpo",
        rewarder="dsr",
        caption_rewarder="vqa",
        caption_rewarder_args={"questions": "counted"},
    )
    assert job.caption_rewarder(job.model).identity()["questions"] == "counted"
    assert job.rewarder(None, job.model).info.name == "dsr"
    assert job.output.as_posix() == "training/dsr_grpo-dsr-vqa/seed-0"
    captions = candidates_identity(job)["captioning"]
    assert captions["rewarder"]["name"] == "vqa"
    assert job.recipe is not None
    assert candidates_identity(job.recipe())["captioning"] == captions


@pytest.mark.parametrize("changes", [{"trainer": "rejection"}, {"trainer_args": {"captioning": 0}}])
def test_a_reward_of_captions_is_refused_where_none_are_learnt(changes: dict[str, Any]) -> None:
    job = TrainingJob.from_names(
        **{"trainer": "dsr_grpo", "rewarder": "dsr", "caption_rewarder": "vqa", "scales": (), **changes}
    )
    with pytest.raises(UsageError, match=r"\(--caption-rewarder\) is for training that learns captions"):
        check(job)


def test_models_and_tasks_may_be_objects() -> None:
    model, task = TinyModel(), ShapesGenEval()
    job = TrainingJob.from_names(model=model, tasks=[task, "shapes_questions"])
    assert job.model is model
    assert job.tasks[0] is task
    assert job.tasks[1].info.name == "shapes_questions"


def test_another_training_seed_shares_all_but_seed_and_folder() -> None:
    job = TrainingJob.from_names(trainer_args={"steps": 7})
    other = job.with_training_seed(4)
    assert (other.trainer.settings.seed, job.trainer.settings.seed) == (4, 0)
    assert other.output.as_posix() == "training/srum-srum/seed-4"
    assert other.model is job.model
    assert other.before == job.before
    assert other.trainer.identity() == build("srum", steps=7, seed=4).identity()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "tyni"}, UnknownName, "tyni"),
        (
            {"model_args": {"scale": 3}},
            UsageError,
            r"'scale'; model_args \(--model-args\) takes: checkpoint=",
        ),
        ({"trainer_args": {"seed": 1}}, UsageError, r"given by training_seed \(--seeds\)"),
        ({"trainer_args": {"stepps": 1}}, UsageError, "has no setting 'stepps'"),
        ({"task_args": {"shapes_geneval": 3}}, UsageError, "is a task and takes arguments, got 3"),
        (
            {"caption_rewarder_args": {"seed": 1}},
            UsageError,
            r"\(--caption-rewarder-args\) without caption_rewarder \(--caption-rewarder\)",
        ),
        ({"guidance_policy": "best"}, UsageError, "known: fixed, tuned"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        TrainingJob.from_names(**arguments)


def test_the_tiny_model_offers_all_that_trainers_ask_and_is_not_loaded_to_find_out() -> None:
    model = TinyModel()
    assert lacking(model, TrainsLikelihoods) == []
    assert "loaded" not in vars(model)


def test_a_model_that_only_draws_pictures_cannot_be_trained() -> None:
    assert "drawing_logprobs" in lacking(DummyModel(), TrainsDrawing)
    trainer, rewarder = build("rejection"), build_rewarder("random")
    with pytest.raises(MissingCapability, match=r"cannot \(it lacks compute_device, decode"):
        require_fit(trainer, rewarder, DummyModel())  # type: ignore[arg-type]


def test_a_chunks_tensors_keep_their_names_on_disk() -> None:
    assert (SAMPLING, REFERENCE) == ("drawn", "start")


def test_the_command_line_measures_the_same_tasks_by_default() -> None:
    assert tuple(command.TASKS.split(",")) == TASKS
