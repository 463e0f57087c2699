"""What trackers are told of rounds: what their own readers find, and that training is the same without."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from support.small_training import Bar, Interrupted, job

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.report.trackers import PROJECT
from selfreward_eval.tasks.shapes.questions.task import ShapesQuestions
from selfreward_eval.trainers import live_log
from selfreward_eval.trainers.collecting import training_copy
from selfreward_eval.trainers.job_checks import check
from selfreward_eval.trainers.live_log import LiveLog, live_tasks
from selfreward_eval.trainers.loop import train
from selfreward_eval.trainers.record import TrainingRecord, read

ROUNDS = {"rounds": 3, "prompts": 4, "candidates": 2}
"""Of four steps each."""

TASK = "shapes_t2i_compbench"


@pytest.fixture(scope="module", autouse=True)
def few_items() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_log, "ITEMS", 6)
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run without trackers."""
    folder = tmp_path_factory.mktemp("plain")
    train(job(folder, settings=ROUNDS, limit=4))
    return folder


@pytest.fixture(scope="module")
def logged(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with TensorBoard, stopped in the first round and once more in the middle of the second."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    folder = tmp_path_factory.mktemp("logged")
    changes: dict[str, Any] = {"log_with": ("tensorboard",), "log_pictures_every": 2}
    asked = job(folder, settings=ROUNDS, limit=4, before=plain / "before", **changes)
    for turn in (1, 6):
        with pytest.raises(Interrupted):
            train(asked, Bar("training", turn))
    train(asked)
    return folder


def events(folder: Path) -> Any:
    """What TensorBoard reads back."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder / "run" / "tensorboard" / PROJECT)).Reload()


def weights(folder: Path) -> bytes:
    return (folder / "run" / read(folder / "run").checkpoint / "model.safetensors").read_bytes()


def test_what_is_drawn_for_trackers_changes_no_weight(plain: Path, logged: Path) -> None:
    assert weights(logged) == weights(plain)


def test_score_and_reward_of_the_same_pictures_are_logged_every_other_round(logged: Path) -> None:
    read_back = events(logged)
    for name in ("score", "reward"):
        curve = read_back.Scalars(f"development/{TASK}/{name}")
        assert [point.step for point in curve] == [0, 8, 12]


def test_every_round_logs_its_rewards_and_what_its_time_went_to(logged: Path) -> None:
    read_back = events(logged)
    curve = read_back.Scalars("reward/drawing_mean")
    assert [point.step for point in curve] == [1, 5, 9]
    recorded = [round_["drawing"]["mean"] for round_ in read(logged / "run").rounds]
    assert [point.value for point in curve] == pytest.approx(recorded, rel=1e-5)
    for part in ("drawing", "decoding", "rewards", "steps"):
        seconds = read_back.Scalars(f"profile/{part}")
        assert [point.step for point in seconds] == [4, 8, 12]
        assert all(point.value > 0 for point in seconds)


def test_pictures_keep_their_names_from_step_to_step(logged: Path) -> None:
    read_back = events(logged)
    tags = read_back.Tags()["images"]
    assert len(tags) == 6
    for tag in tags:
        assert [picture.step for picture in read_back.Images(tag)] == [0, 8, 12]
    (first, *_) = read_back.Tensors(f"{TASK} verdicts/text_summary")
    assert "reward" in first.tensor_proto.string_val[0].decode()


def test_the_record_says_what_logging_took_and_nothing_without_it(plain: Path, logged: Path) -> None:
    records: list[TrainingRecord] = [read(folder / "run") for folder in (plain, logged)]
    assert "logging" not in records[0].seconds
    assert records[1].seconds["logging"] > 0


def test_without_trackers_nothing_is_drawn(tmp_path: Path) -> None:
    assert live_tasks(job(tmp_path)) == []
    assert len(live_tasks(job(tmp_path, log_with=("tensorboard",)))) == 1
    assert live_tasks(job(tmp_path, log_with=("tensorboard",), log_pictures_every=0)) == []


def test_rounds_are_counted_from_0_up(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="log-pictures-every"):
        check(job(tmp_path, log_with=("tensorboard",), log_pictures_every=-1))


class Tracker:
    """accelerate's, as far as it is used."""

    name = "wandb"

    def __init__(self) -> None:
        self.told: dict[int, dict[str, Any]] = {}

    def log(self, values: dict[str, Any], step: int) -> None:
        self.told[step] = values


def test_without_development_items_the_first_training_prompts_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    asked = job(tmp_path, tasks=[ShapesQuestions()], log_with=("wandb",), settings=ROUNDS)
    tracker = Tracker()
    live = LiveLog(asked, training_copy(asked), check(asked), nullcontext)
    live.show(4, [tracker])
    told = tracker.told[4]
    assert set(told) == {"training_prompts/reward", "training prompts rewards", "training prompts pictures"}
    assert len(told["training prompts pictures"]) == 4
    assert "reward" in told["training prompts pictures"][0]._caption


def test_wandb_offline_gets_curves_and_pictures(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(sys, "exit", sys.exit)  # W&B puts its own in their place.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    settings = ROUNDS | {"rounds": 1, "steps": 2}
    train(job(tmp_path, settings=settings, limit=4, before=plain / "before", log_with=("wandb",)))
    (run_file,) = tmp_path.glob("run/wandb/offline-run-*/run-*.wandb")
    content = run_file.read_bytes()
    for name in (f"development/{TASK}/score", f"development/{TASK}/reward", "reward/drawing_mean"):
        assert name.encode() in content
    assert b"profile/drawing" in content
    # Six pictures before the first step, and six after the last one.
    assert len(list(tmp_path.glob("run/wandb/offline-run-*/files/media/images/*.png"))) == 12
